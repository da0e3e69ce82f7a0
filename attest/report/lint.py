"""What a linter says of a license: how much it allows, and what is wrong or unwise."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attest.license.allowance import Allowance
from attest.license.remarks import Remark, Severity
from attest.license.terms import License
from attest.report.numbers import percent, short
from attest.report.verdict import must_be

STYLE: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "dim"}


def allowances_table(rows: Sequence[Allowance]) -> Table:
    """One row per requirement or category: how many failures pass, and how many fail."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("requirement", overflow="fold", min_width=20)
    for heading in ("items", "must be", "rule", "passes up to", "fails from"):
        table.add_column(heading, justify="right", no_wrap=heading != "must be")
    for row in rows:
        rule = row.rule.replace("_", "-")
        table.add_row(
            row.requirement + (f" / {row.category}" if row.category else ""),
            str(row.n_items) if row.unit == "prompt" else f"{row.n_items} behaviours",
            f"{row.metric} {must_be(row)}",
            rule if row.confidence is None else f"{rule} {percent(row.confidence)}",
            _most(row),
            "never" if row.smallest_failing is None else _more(row, row.smallest_failing),
        )
    return table


def _most(row: Allowance) -> str:
    if row.allowed_failures is None:
        return "never"
    if row.allowed_score_sum is not None:
        return short(row.allowed_score_sum)
    return _more(row, row.allowed_failures)


def _more(row: Allowance, failures: int) -> str:
    """A number of failures, or of those that the base does not share."""
    return f"{failures} more" if row.rule == "non_inferiority" else str(failures)


def lint_screen(
    license: License, rows: Sequence[Allowance], remarks: Sequence[Remark]
) -> RenderableType:
    """Table, remarks and a closing line."""
    lines = [
        Text(f"{remark.severity:<8}", style=STYLE[remark.severity]).append(
            f"{remark.field}: {remark.message}", style="default"
        )
        for remark in remarks
    ]
    n_errors = sum(remark.severity == "error" for remark in remarks)
    closing = f"{license.terms.name} {license.terms.license_version}, sha256:{license.sha256}: " + (
        "can be passed" if n_errors == 0 else f"{n_errors} errors"
    )
    return Group(allowances_table(rows), *lines, closing)
