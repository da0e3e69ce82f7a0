"""One threshold in a run that may stop early: what was drawn for it, and whether it is decided.

What is drawn is a unit: a prompt with all its attempts, or all prompts of a behaviour. It fails if
any of its answers does, an answer without a verdict among them. The rule is that of
`attest.license.statistics.EProcess`. A license is met only if every threshold is, so each may err
towards passing with the full alpha; it is broken if one is, so for failing they share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from attest.benchmark.items import Benchmark, Item
from attest.evaluation.order import DrawnOrder
from attest.evaluation.plan import names_of, probes_asked, selected
from attest.evaluation.records import ItemName
from attest.license.judges import BuiltInJudge
from attest.license.metrics import failures_of
from attest.license.statistics import EProcess
from attest.license.terms import Requirement, Terms
from attest.license.threshold import Threshold
from attest.license.verdict import Outcome


def may_stop(terms: Terms, requirement: Requirement) -> bool:
    """Whether a requirement can be decided before all of its prompts were asked.

    Its rule is a count over a fixed set, its metric judges answers one by one, and its judge is
    source code of this package: another one would have to be loaded, or asked, at every look.
    """
    judge = terms.judge_of(requirement)
    own_rules = {spec.name for spec in terms.judges if isinstance(spec, BuiltInJudge)}
    return (
        requirement.rule == "count"
        and failures_of(requirement.metric, {}) is not None
        and judge in own_rules | {terms.judge.name}
    )


@dataclass(frozen=True)
class Unit:
    """What is drawn as one."""

    key: bytes
    """Its place in the order."""
    answers: tuple[ItemName, ...]


@dataclass
class Course:
    """The units of one threshold in the order of their drawing, and how far it has come."""

    requirement: Requirement
    category: str | None
    units: tuple[Unit, ...]
    for_passing: EProcess
    for_failing: EProcess
    n_drawn: int = field(default=0, init=False)
    n_failed: int = field(default=0, init=False)
    outcome: Outcome | None = field(default=None, init=False)
    """None while it is open."""

    def __post_init__(self) -> None:
        # A threshold that nothing can miss is decided before anything is drawn.
        self._look()

    @property
    def to_draw(self) -> tuple[Unit, ...]:
        """The units that may still be drawn; none once it is decided."""
        return self.units[self.n_drawn :] if self.outcome is None else ()

    def advance(self, has_failed: Callable[[ItemName], bool | None]) -> None:
        """Draw one unit after the other, and look after each, until it is decided.

        Args:
            has_failed: whether an answer counts against the model; None if it is not there yet,
                which ends this advance.
        """
        for unit in self.to_draw:
            found = [has_failed(name) for name in unit.answers]
            if None in found:
                return
            self.n_drawn += 1
            self.n_failed += any(found)
            self._look()
            if self.outcome is not None:
                return

    def _look(self) -> None:
        said = self.for_passing.outcome(self.n_drawn, self.n_failed)
        if said == "fail":
            said = self.for_failing.outcome(self.n_drawn, self.n_failed)
        self.outcome = said


def courses(
    terms: Terms, benchmarks: Mapping[str, Benchmark], order: DrawnOrder, alpha: Fraction
) -> tuple[Course, ...]:
    """A course for each threshold that may stop, in the order of the terms.

    Raises: InputError as `selected` does.
    """
    parts = [
        (requirement, category, units)
        for requirement in terms.requirements
        if may_stop(terms, requirement)
        for category, units in _units(terms, requirement, benchmarks, order).items()
    ]
    return tuple(
        Course(
            requirement=requirement,
            category=category,
            units=units,
            for_passing=_process(requirement, len(units), alpha),
            for_failing=_process(requirement, len(units), alpha / len(parts)),
        )
        for requirement, category, units in parts
    )


def _process(requirement: Requirement, n_units: int, alpha: Fraction) -> EProcess:
    most = Threshold.of(requirement, n_units).allowed()
    assert most is not None, "a count has a limit"
    # Of a count there is nothing between what passes and what fails.
    failing = int(most) + 1
    return EProcess(n_units, int(most), failing if failing <= n_units else None, alpha)


def _units(
    terms: Terms,
    requirement: Requirement,
    benchmarks: Mapping[str, Benchmark],
    order: DrawnOrder,
) -> dict[str | None, tuple[Unit, ...]]:
    """What is drawn, in its order, by category where these are held apart."""
    members: dict[str | None, dict[str, list[Item]]] = {}
    for item in selected(requirement, benchmarks):
        category = item.category if requirement.per_category else None
        unit = item.id if requirement.unit == "prompt" else str(item.behaviour)
        members.setdefault(category, {}).setdefault(unit, []).append(item)
    probes = probes_asked(terms)

    def unit_of(name: str, items: Sequence[Item]) -> Unit:
        answers = [names_of(requirement, item, probes, subject="checkpoint") for item in items]
        return Unit(
            order.key(requirement.benchmark.name, requirement.unit, name),
            tuple(name for names in answers for name in names),
        )

    return {
        category: tuple(sorted((unit_of(*one) for one in units.items()), key=lambda unit: unit.key))
        for category, units in sorted(members.items(), key=lambda one: one[0] or "")
    }


def next_units(running: Sequence[Course]) -> list[Unit]:
    """What the open courses may draw, in the one order that they share.

    Of every course a beginning of these is a beginning of its own order, so nothing is skipped.
    """
    return sorted((unit for course in running for unit in course.to_draw), key=lambda one: one.key)
