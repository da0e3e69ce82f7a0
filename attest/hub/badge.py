"""The badge: how a repository stands, in one line, for a README or a web page.

It speaks of what was found last and names the digest that this is about. It turns grey when that is
out of date, and when it was asked for another digest: a badge that somebody copied years ago claims
nothing of the files of today.

Source: shields.io, "Endpoint Badge" (JSON fields and what a badge looks like).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape

from attest.hub.pages.standing import Shown
from attest.hub.pages.wording import Tone

LABEL = "attest"
SHORT = 8
"""Characters of a digest that a badge shows."""
GREY = "#6a6f78"

COLORS: dict[Tone, str] = {
    "good": "#1e6b3c",
    "caution": "#7a5200",
    "bad": "#a3271f",
    "neutral": GREY,
}
"""White text on each of them has a contrast of at least 4.5."""

_WIDTHS = dict.fromkeys("ijl.,:·' ", 3.6) | dict.fromkeys("frt", 4.8) | dict.fromkeys("mw", 9.8)
_OTHERS = 6.9
"""What characters take up at 11 units in a common font; the text is then fitted to it."""
_PADDING = 7.0


@dataclass(frozen=True)
class Badge:
    """What a badge says."""

    message: str
    color: str
    sentence: str
    """For those who hear it read."""


def badge_of(shown: Shown | None, digest: str | None = None) -> Badge:
    """The badge of a repository.

    Args:
        shown: how it stands; None if the hub knows no such repository.
        digest: commit or checkpoint digest that the badge was made for; None takes any.
    """
    if shown is None:
        return Badge("unknown", GREY, "attest: this hub knows no such repository")
    at = shown.checkpoint or shown.revision or ""
    mark = f" · {at[:SHORT]}" if at else ""
    name = shown.wording.label.lower()
    if digest is not None and digest not in (shown.checkpoint, shown.revision):
        return Badge(
            f"not {digest[:SHORT]} any more",
            GREY,
            f"attest: the files are no longer those of {digest}; now: {name}{mark}",
        )
    if shown.stale_because:
        return Badge(
            f"{name}, out of date{mark}", GREY, f"attest: {name}; {shown.stale_because[0]}"
        )
    return Badge(
        f"{name}{mark}", COLORS[shown.wording.tone], f"attest: {shown.wording.meaning} ({at})"
    )


def badge_json(badge: Badge) -> str:
    """The badge as shields.io reads it; it refuses fields that it does not know."""
    return json.dumps(
        {
            "schemaVersion": 1,
            "label": LABEL,
            "message": badge.message,
            "color": badge.color,
            "cacheSeconds": 300,
        }
    )


def badge_svg(badge: Badge) -> str:
    """The badge as a picture of its own, without fonts or scripts from anywhere."""
    left, right = _width(LABEL), _width(badge.message)
    words, message = escape(badge.sentence), escape(badge.message)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" \
aria-label="{words}"><title>{words}</title>\
<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>\
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#33363b"/>\
<rect x="{left}" width="{right}" height="20" fill="{badge.color}"/></g>\
<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11" \
text-anchor="middle"><text x="{left / 2:g}" y="14" textLength="{left - 2 * _PADDING:g}">{LABEL}\
</text><text x="{left + right / 2:g}" y="14" textLength="{right - 2 * _PADDING:g}">{message}</text>\
</g></svg>
"""


def _width(text: str) -> int:
    return round(sum(_WIDTHS.get(character, _OTHERS) for character in text) + 2 * _PADDING)
