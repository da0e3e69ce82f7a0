"""Which items a license asks, in which order, and which of them share a batch.

Leaf order is the order in which requirements first name a benchmark, then the order of its file.
An item that several requirements count is asked once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attest.benchmark.items import Benchmark, Item
from attest.errors import InputError
from attest.license.terms import Requirement, Terms


@dataclass(frozen=True)
class Asked:
    """One item of the run."""

    benchmark: str
    item: Item


def selected(requirement: Requirement, benchmarks: Mapping[str, Benchmark]) -> tuple[Item, ...]:
    """The items that a requirement counts.

    Raises: InputError with reason `wrong-item-count` if the terms state another number.
    """
    benchmark = benchmarks[requirement.benchmark.name]
    items = benchmark.select(requirement.expected, requirement.categories)
    if len(items) != requirement.n_items:
        raise InputError(
            f"the terms state {requirement.n_items} items, {benchmark.name} has {len(items)} "
            "that fit",
            reason="wrong-item-count",
            where=f"requirement {requirement.id}",
            hint="attest license check says what is wrong with the terms",
        )
    return items


def asked(terms: Terms, benchmarks: Mapping[str, Benchmark]) -> tuple[Asked, ...]:
    """Every item of the run, once, in leaf order."""
    wanted: dict[str, set[str]] = {}
    for requirement in terms.requirements:
        chosen = wanted.setdefault(requirement.benchmark.name, set())
        chosen.update(item.id for item in selected(requirement, benchmarks))
    return tuple(
        Asked(benchmark=name, item=item)
        for name, ids in wanted.items()
        for item in benchmarks[name].items
        if item.id in ids
    )


def batches(prompts: Sequence[tuple[int, ...]], size: int) -> list[tuple[int, ...]]:
    """Indices of prompts that share a forward pass: longest first, at most `size` together.

    Longest first makes the estimate of the time left honest, and memory runs out at once if it
    runs out at all. The plan depends on the prompts alone, so an interrupted run goes on as the
    same run.
    """
    order = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
    return [tuple(order[start : start + size]) for start in range(0, len(order), size)]
