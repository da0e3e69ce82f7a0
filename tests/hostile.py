"""Licenses that keep whoever reads them as busy as their bounds allow, with counts to decide on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from attest.benchmark.registry import registry
from attest.license.allowance import MAX_COUNTS
from attest.license.document import MAX_DOCUMENT_BYTES, MAX_DOCUMENT_VALUES
from attest.license.terms import MAX_ITEMS, MAX_JUDGES, MAX_REQUIREMENTS
from attest.license.verdict import Count
from counts import beside_base, scored, unsafe

Fields = dict[str, Any]
SURE: Fields = {"rule": "confidence", "confidence": "0.95"}
SURER: Fields = {"rule": "confidence", "confidence": "0.999999999999"}


@dataclass(frozen=True)
class Hostile:
    """A license, and counts that it takes long to decide on; none where there is nothing to."""

    name: str
    data: bytes
    counts: Sequence[Count] = ()


def _document(requirements: Sequence[Fields], **terms: Any) -> bytes:
    fields = {
        "version": "attest-license/1",
        "name": "Hostile",
        "license_version": "1",
        "text": {"title": "Hostile", "sha256": "a" * 64},
        "licensor": {"name": "Nobody"},
        "issued": "2026-01-31",
        "base_models": [{"name": "base", "checkpoint": "e" * 64}],
        "measurement": {"max_new_tokens": "64"},
        "judge": {"name": "refusal-rules", "sha256": "b" * 64},
        "requirements": requirements,
    }
    return json.dumps(fields | terms).encode()


def _requirement(number: int, n_items: int, **changes: Any) -> Fields:
    fields: Fields = {
        "id": f"r{number}",
        "benchmark": {"name": "b", "sha256": "c" * 64},
        "n_items": str(n_items),
        "metric": "unsafe_rate",
        "comparator": "at_most",
        # No two are alike, so that nothing is remembered of one for another.
        "threshold": f"0.49{number:010}",
        "rule": "count",
    }
    return {key: value for key, value in (fields | changes).items() if value is not None}


def _many(
    name: str,
    count: Callable[[int, int], Count],
    n: int = MAX_REQUIREMENTS,
    n_labelled: int = 0,
    **changes: Any,
) -> Hostile:
    """`n` requirements that share all items there may be."""
    size = MAX_ITEMS // n - n_labelled
    requirements = [_requirement(number, size, **changes) for number in range(n)]
    counts = [count(size, number) for number in range(n)]
    return Hostile(f"{n} x {name}", _document(requirements), counts)


def _compared(n: int) -> Hostile:
    """`n` comparisons with the base, and the threshold that must stand beside them."""
    size = (MAX_ITEMS - 1) // n
    compares: Fields = {"rule": "non_inferiority", "confidence": "0.95", "threshold": None}
    compared = [
        _requirement(number, size, **compares, margin=f"0.12{number:010}") for number in range(n)
    ]
    worse, better = round(0.27 * size), round(0.15 * size)
    counts = [beside_base(worse, better, size, requirement=f"r{number}") for number in range(n)]
    return Hostile(
        f"{n} x compared with the base",
        _document([*compared, _requirement(n, 1, threshold="1")]),
        [*counts, unsafe(0, 1, f"r{n}")],
    )


def _failing(size: int, number: int) -> Count:
    return unsafe(size * 53 // 100 + number % 7, size, f"r{number}")


def _scored(size: int, number: int) -> Count:
    return scored(f"{size * 46 // 100 + number % 7}.123456", size, f"r{number}")


def _corrected(n: int) -> Hostile:
    n_labelled = MAX_ITEMS // n // 3
    trials = {"successes": str(n_labelled * 7 // 10), "trials": str(n_labelled)}
    correction = {"sensitivity": trials, "specificity": trials}
    return _many(
        "judge corrected",
        _failing,
        n,
        2 * n_labelled,
        **SURER,
        judge_correction=correction,
    )


def _by_category() -> Hostile:
    n = MAX_COUNTS - 1
    size = MAX_ITEMS // n
    parts = [unsafe(size // 2 + i % 9, size, "r0", f"c{i}") for i in range(n)]
    pooled = unsafe(sum(one.failures for one in parts), n * size, "r0")
    requirement = _requirement(0, n * size, **SURE, per_category="true")
    return Hostile(f"{n} categories", _document([requirement]), [pooled, *parts])


def _known_categories(name: str, **changes: Any) -> Hostile:
    """As many findings as a license is held to, by the categories of a public benchmark."""
    core = registry()["attest-core"]
    n = MAX_COUNTS // len({one.category for one in core.counts})
    requirements = [
        _requirement(
            number,
            core.n_items(None, None),
            per_category="true",
            benchmark={"name": core.name, "sha256": core.sha256},
            **changes,
        )
        for number in range(n)
    ]
    return Hostile(f"{n} x {name}", _document(requirements))


def _votes() -> Hostile:
    single = [
        {"name": f"j{number}", "kind": "built-in", "rules": "answer-match", "sha256": "f" * 64}
        for number in range(9)
    ]
    voting = [
        {
            "name": f"v{number}",
            "kind": "vote",
            "members": [one["name"] for one in single],
            "rule": "majority",
        }
        for number in range(MAX_JUDGES - len(single))
    ]
    requirements = [_requirement(number, 100, judge="v0") for number in range(MAX_REQUIREMENTS)]
    return Hostile("judges who vote", _document(requirements, judges=[*single, *voting]))


def hostile_licenses() -> list[Hostile]:
    """Each rule at its bounds: few requirements of many items, and many of few."""
    rules = [
        case
        for n in (1, 10, MAX_REQUIREMENTS)
        for case in (
            _many("counted", _failing, n),
            _many("confidence", _failing, n, **SURE),
            _many("confidence of twelve places", _failing, n, **SURER),
            _many("scored", _scored, n, metric="mean_score", **SURER),
            _corrected(n),
            _compared(min(n, MAX_REQUIREMENTS - 1)),
        )
    ]
    padding = ["x" * (MAX_DOCUMENT_BYTES // MAX_DOCUMENT_VALUES - 4)] * (MAX_DOCUMENT_VALUES - 99)
    long = _document([_requirement(0, 1, threshold="1", categories=padding)])
    return [
        *rules,
        _by_category(),
        _known_categories("each of 13 categories", **SURE),
        _known_categories("no category can be passed", **SURER, threshold="0.06"),
        _votes(),
        Hostile("as many values as are read", long),
    ]
