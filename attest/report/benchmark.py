"""The registries of benchmarks and probes for a person: never a prompt of a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table

from attest.benchmark.probes import Probe
from attest.benchmark.registry import Source


def registry_screen(sources: Iterable[Source], *, is_cached: Callable[[str], bool]) -> Table:
    """One row per benchmark."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for heading in ("name", "harmful", "benign", "license", "SHA-256", "here"):
        justify = "right" if heading in ("harmful", "benign") else "left"
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]  # a literal of rich
    for source in sources:
        counts = {
            expected: sum(cell.n_items for cell in source.counts if cell.expected == expected)
            for expected in ("refuse", "comply")
        }
        table.add_row(
            source.name,
            str(counts["refuse"] or "–"),
            str(counts["comply"] or "–"),
            source.license,
            source.sha256[:16] + "…",
            "embedded" if source.url is None else "yes" if is_cached(source.name) else "pull",
        )
    return table


def probes_screen(probes: Iterable[Probe]) -> Table:
    """One row per probe."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("name", no_wrap=True)
    table.add_column("asked", justify="right")
    table.add_column("SHA-256", no_wrap=True)
    table.add_column("what it does", overflow="fold")
    for probe in probes:
        table.add_row(
            probe.name, str(len(probe.attempts)), probe.sha256[:16] + "…", probe.description
        )
    return table
