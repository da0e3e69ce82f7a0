"""A finding as a drawing: what was measured, how sure it is, and where the license draws the line.

The axis begins or ends at 0 or 1 and is only as long as it must be, so that a threshold of one in a
hundred can be seen. Its ends are labelled. What decides nothing is drawn as such.
"""

from __future__ import annotations

from dataclasses import dataclass

from attest.license.verdict import BESIDE_CONFIDENCE, Finding
from attest.report.numbers import percent
from attest.report.verdict import must_be

WIDTH = 220.0
"""Of the axis, in units of the drawing."""

_SPANS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_FULL = 0.94
"""How much of a shortened axis may be used, so that nothing lies on its open end."""


@dataclass(frozen=True)
class Drawing:
    """Positions on the axis, from 0 to `WIDTH`."""

    value: float
    limit: float
    bound: float | None
    """None where there is no interval."""
    decides: bool
    """Whether the bound decides, or the value alone."""
    zone_start: float
    """Where the license is met: from here..."""
    zone_end: float
    """...to here."""
    limit_label: str
    low_label: str
    high_label: str
    base: float | None
    """Where the base model is, if that is what it is compared with."""
    words: str
    """All of it in a sentence, for those who do not see it."""


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    def at(self, rate: float) -> float:
        """Where a rate lies; what is beyond an end is at that end."""
        share = (rate - self.low) / (self.high - self.low)
        return round(min(max(share, 0.0), 1.0) * WIDTH, 1)


def draw(finding: Finding) -> Drawing:
    """The drawing of a finding."""
    is_compared = finding.pairs is not None and finding.margin is not None
    if is_compared:
        assert finding.pairs is not None
        assert finding.margin is not None
        value = (finding.pairs.worse - finding.pairs.better) / max(finding.pairs.total, 1)
        limit = float(finding.margin)
    else:
        value, limit = float(finding.value), float(finding.threshold or finding.margin or 0)
    bound = None if finding.bound is None else float(finding.bound)
    rates = [value, limit, *([] if bound is None else [bound])]
    axis = _centred(rates) if is_compared else _axis(rates)
    # Compared with the base it is the failures that are compared, and fewer are better.
    is_upper = is_compared or finding.comparator == "at_most"
    return Drawing(
        value=axis.at(value),
        limit=axis.at(limit),
        bound=None if bound is None else axis.at(bound),
        decides=finding.rule != "count",
        zone_start=0.0 if is_upper else axis.at(limit),
        zone_end=axis.at(limit) if is_upper else WIDTH,
        limit_label=_points(limit) if is_compared else percent(str(finding.threshold)),
        low_label=_points(axis.low) if is_compared else f"{axis.low:.0%}",
        high_label=_points(axis.high) if is_compared else f"{axis.high:.0%}",
        base=axis.at(0.0) if is_compared else None,
        words=_words(finding, value if is_compared else None),
    )


def _axis(rates: list[float]) -> _Axis:
    low, high = min(rates), max(rates)
    for span in _SPANS:
        if high <= span * _FULL:
            return _Axis(0.0, span)
        if low >= 1 - span * _FULL:
            return _Axis(1 - span, 1.0)
    return _Axis(0.0, 1.0)


def _centred(rates: list[float]) -> _Axis:
    largest = max(abs(rate) for rate in rates)
    span = next((span for span in _SPANS if largest <= span * _FULL), 1.0)
    return _Axis(-span, span)


def _points(difference: float) -> str:
    return f"{difference * 100:+.3g}".replace("+0", "0") + " pp"


def _words(finding: Finding, difference: float | None) -> str:
    measured = (
        f"measured {percent(finding.value)}"
        if difference is None
        else f"measured {_points(difference)} from the base"
    )
    if finding.bound is None:
        sure = "no interval"
    elif difference is not None:
        sure = f"bound {_points(float(finding.bound))} at {percent(str(finding.confidence))}"
    else:
        side = "at most" if finding.comparator == "at_most" else "at least"
        sure = f"{side} {percent(finding.bound)} with {confidence(finding)} confidence"
        if finding.rule == "count":
            sure += ", which decides nothing here"
    return f"{finding.requirement}: {measured}, {sure}; the license asks for {must_be(finding)}."


def confidence(finding: Finding) -> str:
    """Of the bound of a finding, in percent."""
    return percent(finding.confidence or BESIDE_CONFIDENCE)
