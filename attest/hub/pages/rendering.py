"""Templates into answers: everything is escaped, and a browser is told to load nothing else.

The pages are HTML and one style sheet. They run no script, so the policy of their content allows
none, and nothing an uploader wrote could be one.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from attest.hub.hub import Hub
from attest.hub.pages.coverage import STATUSES
from attest.hub.pages.finding import moment
from attest.hub.pages.interval import WIDTH
from attest.hub.pages.wording import ACTIONS, DEPTH_MEANINGS, DEPTHS, WORDINGS

STATIC = Path(__file__).with_name("static")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
}
"""Of every page."""


def size(size_bytes: int | None) -> str:
    """A number of bytes as a person reads it."""
    if size_bytes is None:
        return "–"
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            return f"{value:.3g} {unit}"
    raise AssertionError("the last unit takes all")


def repository_path(host: str, name: str, revision: str | None = None) -> str:
    """Where the page of a repository is, at a commit if one is given."""
    at = "" if revision is None else f"@{quote(revision, safe='')}"
    return f"/r/{quote(host, safe='')}/{quote(name)}{at}"


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def environment() -> Environment:
    """The templates, with the words and shapes that they use."""
    found = Environment(
        loader=PackageLoader("attest.hub.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"moment": moment, "iso": _iso, "size": size}
    found.globals |= {
        "repository_path": repository_path,
        "actions": ACTIONS,
        "depths": DEPTHS,
        "depth_meanings": DEPTH_MEANINGS,
        "statuses": STATUSES,
        "wordings": WORDINGS,
        "axis_width": WIDTH,
    }
    return found


class Pages:
    """Renders the templates for one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._environment = environment()

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The page that `template` makes of `values`."""
        about = self._hub.policy.file
        text = self._environment.get_template(template).render(
            values, hub_name=about.name, hub_url=about.url.rstrip("/")
        )
        headers = SECURITY_HEADERS | {"Cache-Control": "no-cache"}
        return Response(text, status, headers, media_type="text/html; charset=utf-8")

    def missing(self, what: str) -> Response:
        """The page that says that there is no such thing."""
        return self.page("missing.html", 404, what=what)
