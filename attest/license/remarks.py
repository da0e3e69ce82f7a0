"""What a linter says: one thing to know about a license."""

from __future__ import annotations

from typing import Literal

from attest.record import Record, Slug

Severity = Literal["error", "warning", "note"]


class Remark(Record):
    """One thing to know about a license."""

    severity: Severity
    code: Slug
    """Stable name of the rule."""
    field: str
    """The field at fault, such as `requirements.0.n_items`."""
    message: str


def error(code: Slug, field: str, message: str) -> Remark:
    """The license cannot do its work."""
    return Remark(severity="error", code=code, field=field, message=message)


def warning(code: Slug, field: str, message: str) -> Remark:
    """A gap that a degenerate model could use."""
    return Remark(severity="warning", code=code, field=field, message=message)


def note(code: Slug, field: str, message: str) -> Remark:
    """A limit to keep in mind."""
    return Remark(severity="note", code=code, field=field, message=message)
