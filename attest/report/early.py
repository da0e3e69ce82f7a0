"""What a run found that was stopped as soon as the license was decided: no rates, no bounds."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attest.evaluation.stopped import EarlyEvaluation
from attest.report.limits import limit_lines
from attest.report.numbers import percent
from attest.report.verdict import STYLE, WORD, findings_table, must_be, outcome_line, remarks


def early_screen(found: EarlyEvaluation) -> RenderableType:
    """What was drawn, what was asked in full, what that says, and how sure it is."""
    name = f"{found.license.name} {found.license.license_version}"
    outcomes = [one.outcome for one in found.stopped] + [one.outcome for one in found.in_full]
    parts: list[RenderableType] = [_drawn(found)]
    if found.in_full:
        parts += [Text("  asked in full:"), findings_table(found.in_full), *remarks(found.in_full)]
    parts += [
        outcome_line(found.outcome, name, outcomes.count("pass"), len(outcomes)),
        Text(
            f"  stopped early: {found.n_asked} of {found.n_full} answers, in the order of "
            f"{'a beacon' if found.order.source == 'beacon' else 'this machine'} "
            f"({found.order.seed[:16]}…)"
        ),
        Text(
            f"  over orders, all answers would say otherwise in at most {percent(found.alpha)} of "
            "the runs; what failed of the drawn ones is no estimate of a rate",
            style="dim",
        ),
        *limit_lines({one.probe for one in found.stopped} | {one.probe for one in found.in_full}),
    ]
    return Group(*parts)


def _drawn(found: EarlyEvaluation) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("requirement", overflow="fold")
    for heading in ("drawn", "of", "failed", "allowed of all", "must be"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in found.stopped:
        name = one.requirement if one.category is None else f"{one.requirement} / {one.category}"
        table.add_row(
            name,
            str(one.n_drawn),
            str(one.n_items),
            str(one.failures),
            str(one.allowed_failures),
            must_be(one),
            Text(WORD[one.outcome].lower(), style=STYLE[one.outcome]),
        )
    return table
