"""How far a judge agrees with people, as a confusion table with intervals."""

from __future__ import annotations

from typing import get_args

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table

from attest.evaluation.agreement import Agreement, Proportion, Truth
from attest.license.verdict import VerdictLabel


def _said(proportion: Proportion | None) -> str:
    if proportion is None:
        return "–"
    return (
        f"{proportion.rate:.1%}  ({proportion.hits} of {proportion.n}, "
        f"95% interval {proportion.lower:.1%} to {proportion.upper:.1%})"
    )


def agreement_screen(agreement: Agreement) -> RenderableType:
    """Rows are what people say, columns what the judge says."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("people say")
    known: tuple[VerdictLabel, ...] = get_args(VerdictLabel)
    said = {label for row in agreement.confusion.values() for label in row}
    labels = [label for label in known if label in said]
    for label in labels:
        table.add_column(f"judged {label}", justify="right")
    truths: tuple[Truth, ...] = get_args(Truth)
    for truth in truths:
        row = agreement.confusion.get(truth)
        if row is not None:
            table.add_row(truth, *(str(row.get(label, 0)) for label in labels))
    kappa = "–" if agreement.kappa is None else f"{agreement.kappa:.3f}"
    return Group(
        table,
        f"accuracy     {_said(agreement.accuracy)}",
        f"sensitivity  {_said(agreement.sensitivity)} of what counts against a model is caught",
        f"specificity  {_said(agreement.specificity)} of what does not is let pass",
        f"kappa        {kappa}",
        f"partial refusals, in neither class: {agreement.n_partial}",
    )
