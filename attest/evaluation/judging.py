"""Who judges which answer, and what they say.

An answer is judged by every judge that a requirement names for its item, and by those who vote
for it; all of them are recorded, so a vote can be counted again by anyone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from attest.benchmark.items import Benchmark
from attest.benchmark.probes import PLAIN
from attest.errors import InputError
from attest.evaluation.journal import Journal, KeptJudgement
from attest.evaluation.judges import Exchange, Judge, Judgement, Placed, SlowJudge, in_order
from attest.evaluation.judges.voting import vote
from attest.evaluation.plan import Asked, selected
from attest.evaluation.records import JudgedTranscript, JudgeUse
from attest.license.calibration import check_calibration
from attest.license.judges import ModelJudge, RubricJudge, VotingJudge, pin
from attest.license.terms import Terms
from attest.record import Sha256, Slug


@dataclass(frozen=True)
class Panel:
    """The judges of some terms, ready to be asked."""

    terms: Terms
    judges: Mapping[Slug, Judge]
    """Those who can be asked here; whoever votes is not among them."""
    uses: tuple[JudgeUse, ...]
    """Who they are, to be recorded."""

    @property
    def absent(self) -> frozenset[Slug]:
        """Single judges in use whose verdicts cannot be made here."""
        names = set(judges_in_use(self.terms)) - set(_votes(self.terms))
        return frozenset(names - set(self.judges))


def judges_in_use(terms: Terms) -> tuple[Slug, ...]:
    """The judges that some requirement names, and their voters, in the order of the terms."""
    asked = {terms.judge_of(requirement) for requirement in terms.requirements}
    return with_voters(terms, asked)


def with_voters(terms: Terms, names: set[Slug]) -> tuple[Slug, ...]:
    """Judges of the terms and those who vote for them, in the order of the terms."""
    votes = _votes(terms)
    asked = names.union(*(votes[name].members for name in names if name in votes))
    order = (terms.judge.name, *(spec.name for spec in terms.judges))
    return tuple(name for name in order if name in asked)


@dataclass(frozen=True)
class Bench:
    """One judge of a panel, who may be several that vote."""

    panel: Panel
    name: Slug
    on_judged: Callable[[int, int], None] = field(default=lambda _done, _total: None)
    """Called with how many judgements there are, those of voters too, and with how many
    there will be."""

    def judge(self, exchanges: Sequence[Exchange]) -> list[Judgement]:
        """One judgement for each exchange."""
        spec = _votes(self.panel.terms).get(self.name)
        members = (self.name,) if spec is None else spec.members
        ballots: list[list[Judgement]] = []
        for member in members:
            heard: list[Placed] = []
            for one in _hear(self.panel.judges[member], member, exchanges, None):
                heard.append(one)
                n_done = len(ballots) * len(exchanges) + len(heard)
                self.on_judged(n_done, len(members) * len(exchanges))
            ballots.append(in_order(heard))
        if spec is None:
            return ballots[0]
        return [vote(self.name, spec.rule, votes) for votes in zip(*ballots, strict=True)]


def judge_all(
    panel: Panel,
    benchmarks: Mapping[str, Benchmark],
    items: Sequence[Asked],
    texts: Sequence[str],
    *,
    recorded: Sequence[JudgedTranscript] = (),
    journal: Journal | None = None,
    on_judged: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[tuple[Judgement, ...]]:
    """The judgements of every answer, in the order of the items.

    Args:
        panel: who judges.
        benchmarks: what the terms name, by name.
        items: what was asked.
        texts: what is judged of each answer.
        recorded: where to take the judgements of judges who are absent; one per item.
        journal: where slow judges go on from what they have said already.
        on_judged: called with how many judgements there are, and with how many there will be.

    Raises: InputError with reason `no-judge` if a judge is absent and nothing is recorded.
    """
    terms = panel.terms
    askers = _judges_of(terms, benchmarks, items)
    votes = _votes(terms)
    said: dict[tuple[int, Slug], Judgement] = {}
    places_of = {
        name: [place for place, names in enumerate(askers) if name in names]
        for name in judges_in_use(terms)
        if name not in votes
    }
    n_judgements = sum(map(len, places_of.values()))
    for name, places in places_of.items():
        found: Iterable[Placed]
        if name in panel.judges:
            exchanges = [_exchange(items[i], texts[i]) for i in places]
            found = _hear(panel.judges[name], name, exchanges, journal)
        elif recorded:
            found = (Placed(i, recorded[place].by(name)) for i, place in enumerate(places))
        else:
            raise InputError(
                "its verdicts cannot be made here", reason="no-judge", where=f"judge {name}"
            )
        for one in found:
            said[places[one.place], name] = one.judgement
            on_judged(len(said), n_judgements)
    for place, names in enumerate(askers):
        for name in names:
            if name in votes:
                ballots = [said[place, member] for member in votes[name].members]
                said[place, name] = vote(name, votes[name].rule, ballots)
    return [tuple(said[place, name] for name in names) for place, names in enumerate(askers)]


def _hear(
    judge: Judge, name: Slug, exchanges: Sequence[Exchange], journal: Journal | None
) -> Iterator[Placed]:
    """The judgements of one judge; those on disk are not asked for again."""
    if not isinstance(judge, SlowJudge):
        yield from map(Placed, range(len(exchanges)), judge.judge(exchanges))
        return
    kept = {} if journal is None else journal.judged(name)
    left = []
    for place, one in enumerate(exchanges):
        if one.sha256 in kept:
            yield Placed(place, kept[one.sha256])
        else:
            left.append(place)
    for said in judge.one_by_one([exchanges[place] for place in left]):
        place = left[said.place]
        if journal is not None:
            journal.keep(KeptJudgement(exchange=exchanges[place].sha256, judgement=said.judgement))
        yield Placed(place, said.judgement)


def check_uses(terms: Terms, uses: Sequence[JudgeUse]) -> None:
    """Ensure that those who judged are the judges of the terms, as well calibrated as demanded.

    Raises: InputError that names the first judge who is another one, or reason `calibration`.
    """
    wanted = judges_in_use(terms)
    if tuple(use.name for use in uses) != wanted:
        raise InputError(f"the license asks for the judges {', '.join(wanted)}, others judged")
    pins: dict[Slug, Sha256] = {terms.judge.name: terms.judge.sha256}
    demands = {terms.judge.name: terms.judge.calibration}
    found = {use.name: use for use in uses}
    # Who votes comes last: its digest is made of theirs.
    for spec in sorted(terms.judges, key=lambda one: isinstance(one, VotingJudge)):
        if spec.name not in found:
            continue
        checkpoint = found[spec.name].checkpoint
        if isinstance(spec, ModelJudge) != (checkpoint is not None):
            raise InputError(f"judge {spec.name}: expected a checkpoint exactly of a model")
        if isinstance(spec, ModelJudge) and spec.sha256 not in (None, checkpoint):
            raise InputError(f"judged by another model than the license names as {spec.name}")
        pins[spec.name] = pin(spec, checkpoint=checkpoint, members=pins)
        demands[spec.name] = spec.calibration
    for name, use in found.items():
        if use.sha256 != pins[name]:
            raise InputError(f"judged by another judge than the license names as {name}")
        demand = demands[name]
        if demand is not None:
            check_calibration(demand, use.calibration, judge=name, judge_sha256=use.sha256)


def endpoint_judges(terms: Terms) -> tuple[Slug, ...]:
    """The judges in use whose verdicts nobody can make again."""
    rubrics = {spec.name for spec in terms.judges if isinstance(spec, RubricJudge)}
    return tuple(name for name in judges_in_use(terms) if name in rubrics)


def _judges_of(
    terms: Terms, benchmarks: Mapping[str, Benchmark], items: Sequence[Asked]
) -> list[tuple[Slug, ...]]:
    wanted: dict[tuple[str, str, str], set[Slug]] = {}
    for requirement in terms.requirements:
        for item in selected(requirement, benchmarks):
            key = (requirement.benchmark.name, item.id, requirement.probe or PLAIN)
            wanted.setdefault(key, set()).add(terms.judge_of(requirement))
    return [with_voters(terms, wanted[one.benchmark, one.item.id, one.probe.name]) for one in items]


def _votes(terms: Terms) -> dict[Slug, VotingJudge]:
    return {spec.name: spec for spec in terms.judges if isinstance(spec, VotingJudge)}


def _exchange(asked: Asked, text: str) -> Exchange:
    return Exchange(prompt=asked.item.prompt, answer=text, reference=asked.item.reference)
