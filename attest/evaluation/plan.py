"""What a license asks, of whom, how and in which order, and which prompts share a batch.

Leaf order: the checkpoint, then the base; for each, the probes in the order in which requirements
first name them (`plain` is one of them); for each, benchmarks in that order, then the items of the
file, then the attempts. An item that several requirements put the same way is asked once. The base
is asked what the requirements that compare with it ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from attest.benchmark.items import Benchmark, Item
from attest.benchmark.probes import PLAIN, PLAIN_PROBE, Probe, Setting, probe
from attest.errors import InputError
from attest.evaluation.records import BenchmarkUse, ItemName, Subject
from attest.license.terms import ProbeRef, Requirement, Terms


@dataclass(frozen=True)
class Asked:
    """One question of the run: one leaf."""

    benchmark: str
    item: Item
    subject: Subject = "checkpoint"
    probe: Probe = PLAIN_PROBE
    attempt: int = 0

    @property
    def name(self) -> ItemName:
        """How its transcript is named."""
        return ItemName(self.benchmark, self.item.id, self.subject, self.probe.name, self.attempt)


def selected(requirement: Requirement, benchmarks: Mapping[str, Benchmark]) -> tuple[Item, ...]:
    """The items that a requirement counts.

    Raises: InputError with reason `wrong-item-count` or `wrong-behaviour-count` if the terms state
        another number, or `no-behaviour` or `no-reference` if the benchmark lacks what is counted.
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
    _check_columns(requirement, items)
    return items


def _check_columns(requirement: Requirement, items: Sequence[Item]) -> None:
    """Ensure that the benchmark tells of each item what the requirement counts by."""
    behaviours = {item.behaviour for item in items}
    if requirement.unit == "behaviour" and None in behaviours:
        raise InputError(
            f"{requirement.benchmark.name} does not say which behaviour an item asks for",
            reason="no-behaviour",
            where=f"requirement {requirement.id}",
            hint="name the column in the layout (`behaviour_column`), or use unit `prompt`",
        )
    if requirement.unit == "behaviour" and len(behaviours) != requirement.n_behaviours:
        raise InputError(
            f"the terms state {requirement.n_behaviours} behaviours, "
            f"{requirement.benchmark.name} has {len(behaviours)} among the items that fit",
            reason="wrong-behaviour-count",
            where=f"requirement {requirement.id}",
        )
    if requirement.metric == "accuracy" and any(item.reference is None for item in items):
        raise InputError(
            f"{requirement.benchmark.name} does not give the right answers",
            reason="no-reference",
            where=f"requirement {requirement.id}",
            hint="name the column in the layout (`reference_column`)",
        )


def probes_asked(terms: Terms) -> dict[str, Probe]:
    """The probes that requirements name, `plain` among them, in the order of their first naming.

    Raises: InputError with reason `unknown-probe` or `another-probe` if this package does not have
        a probe that the terms name, or `no-suffix-key` if the terms lack the key of a suffix.
    """
    stated = {one.name: one for one in terms.probes}
    found: dict[str, Probe] = {}
    for requirement in terms.requirements:
        name = requirement.probe or PLAIN
        if name not in found:
            one = PLAIN_PROBE if requirement.probe is None else stated[name]
            found[name] = probe(one.name, one.sha256) if isinstance(one, ProbeRef) else one
    secret = [name for name, one in found.items() if one.suffix is not None]
    if secret and terms.suffix_key is None:
        raise InputError(
            f"probe {secret[0]} needs the licensor's `suffix_key`, and the terms give none",
            reason="no-suffix-key",
            where="terms",
            hint="the key whose private half signs suffixes: `attest license suffix`",
        )
    return found


def compares_with_base(requirement: Requirement) -> bool:
    """Whether a requirement counts answers of the base beside those of the checkpoint."""
    return requirement.rule == "non_inferiority"


def setting_of(terms: Terms, probe: Probe, attempt: int) -> Setting:
    """How the tokens of one attempt are chosen."""
    own = probe.attempts[attempt]
    if own is not None:
        return own
    measurement = terms.measurement
    return Setting(decoding=measurement.decoding, temperature=measurement.temperature)


def asked(terms: Terms, benchmarks: Mapping[str, Benchmark]) -> tuple[Asked, ...]:
    """Every question of the run, once, in leaf order.

    Raises: InputError as `selected` and `probes_asked` do.
    """
    probes = probes_asked(terms)
    compared = [one for one in terms.requirements if compares_with_base(one)]
    return (
        *_asked("checkpoint", terms.requirements, probes, benchmarks),
        *_asked("base", compared, probes, benchmarks),
    )


def _asked(
    subject: Subject,
    requirements: Sequence[Requirement],
    probes: Mapping[str, Probe],
    benchmarks: Mapping[str, Benchmark],
) -> Iterator[Asked]:
    wanted: dict[str, dict[str, set[str]]] = {name: {} for name in probes}
    for requirement in requirements:
        of_probe = wanted[requirement.probe or PLAIN]
        chosen = of_probe.setdefault(requirement.benchmark.name, set())
        chosen.update(item.id for item in selected(requirement, benchmarks))
    for name, of_probe in wanted.items():
        for benchmark, ids in of_probe.items():
            for item in benchmarks[benchmark].items:
                if item.id in ids:
                    for attempt in range(len(probes[name].attempts)):
                        yield Asked(benchmark, item, subject, probes[name], attempt)


def names_of(
    requirement: Requirement, item: Item, probes: Mapping[str, Probe], *, subject: Subject
) -> tuple[ItemName, ...]:
    """The answers of one item that a requirement counts: the worst of them decides."""
    name = requirement.probe or PLAIN
    return tuple(
        ItemName(requirement.benchmark.name, item.id, subject, name, attempt)
        for attempt in range(len(probes[name].attempts))
    )


def by_setting(
    terms: Terms, items: Sequence[Asked], subject: Subject
) -> dict[Setting, tuple[int, ...]]:
    """The places of the questions to one model, by how tokens are chosen, in order of first use.

    Only questions of one setting share a batch.
    """
    found: dict[Setting, list[int]] = {}
    for place, one in enumerate(items):
        if one.subject == subject:
            # How many draws there are says nothing of a single one.
            setting = setting_of(terms, one.probe, one.attempt).model_copy(update={"draws": 1})
            found.setdefault(setting, []).append(place)
    return {setting: tuple(places) for setting, places in found.items()}


def is_drawn(terms: Terms) -> bool:
    """Whether any answer is drawn, so that the run needs a seed."""
    return terms.measurement.decoding == "sampled" or any(
        setting_of(terms, one, attempt).decoding == "sampled"
        for one in probes_asked(terms).values()
        for attempt in range(len(one.attempts))
    )


def probe_uses(terms: Terms) -> tuple[ProbeRef, ...] | None:
    """The probes that requirements name, by digest; None if all of them ask plainly."""
    found = [
        ProbeRef(name=name, sha256=probe.sha256)
        for name, probe in probes_asked(terms).items()
        if name != PLAIN
    ]
    return tuple(found) or None


def benchmark_uses(
    items: Sequence[Asked], benchmarks: Mapping[str, Benchmark]
) -> tuple[BenchmarkUse, ...]:
    """How many items of which benchmark a run asks."""
    names = dict.fromkeys(one.benchmark for one in items)
    return tuple(
        BenchmarkUse(
            name=name,
            sha256=benchmarks[name].sha256,
            n_items=sum(one.benchmark == name for one in items),
        )
        for name in names
    )


def batches(prompts: Sequence[tuple[int, ...]], size: int) -> list[tuple[int, ...]]:
    """Indices of prompts that share a forward pass: longest first, at most `size` together.

    Longest first makes the estimate of the time left honest, and memory runs out at once if it
    runs out at all. The plan depends on the prompts alone, so an interrupted run goes on as the
    same run.
    """
    order = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
    return [tuple(order[start : start + size]) for start in range(0, len(order), size)]
