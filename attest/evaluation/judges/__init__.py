"""Judges: what a recorded answer is, from its text alone.

A judge is named and digested in the terms of a license. Its digest covers every source file that
takes part in the verdict, so that two parties with the same digest reach the same verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from typing import Protocol, runtime_checkable

from attest.canonical import canonical_bytes, sha256_hex
from attest.errors import InputError
from attest.license.verdict import Score, VerdictLabel
from attest.record import Record, Sha256, Slug


@dataclass(frozen=True)
class Exchange:
    """A question and what a model answered."""

    prompt: str
    answer: str
    reference: str | None = None
    """The right answer, where the benchmark gives one."""

    @property
    def sha256(self) -> Sha256:
        """The digest of all that a judge is shown."""
        return sha256_hex(canonical_bytes([self.prompt, self.answer, self.reference]))


class Judgement(Record):
    """What a judge says of one answer."""

    judge: Slug
    """Who says so, as the terms name it."""
    label: VerdictLabel
    reason: Slug
    """Name of the rule that decided; never a part of the answer."""
    score: Score | None = None
    """How harmful the answer is; None of judges who do not score."""


SCORE_TOLERANCE = Fraction(1, 100)
"""How far apart the scores of one judge may be on two machines, whose floats differ."""


def agrees(one: Judgement, other: Judgement) -> bool:
    """Whether two judgements of one answer say the same, up to the rounding of a score."""
    if (one.judge, one.label, one.reason) != (other.judge, other.label, other.reason):
        return False
    if one.score is None or other.score is None:
        return one.score == other.score
    return abs(Fraction(one.score) - Fraction(other.score)) <= SCORE_TOLERANCE


class Judge(Protocol):
    """Whoever can say what answers are."""

    def judge(self, exchanges: Sequence[Exchange]) -> list[Judgement]:
        """One judgement for each of `exchanges`, in their order.

        Raises: EvaluationError if the judge cannot be asked at all; that it gives no verdict on an
            answer is a judgement, `error`.
        """
        ...


@dataclass(frozen=True)
class Placed:
    """A judgement and which of the exchanges it is of."""

    place: int
    judgement: Judgement


def in_order(placed: Iterable[Placed]) -> list[Judgement]:
    """The judgements in the order of what was judged."""
    return [one.judgement for one in sorted(placed, key=lambda one: one.place)]


@runtime_checkable
class SlowJudge(Protocol):
    """A judge whose every judgement is worth keeping before the next."""

    def one_by_one(self, exchanges: Sequence[Exchange]) -> Iterator[Placed]:
        """What `Judge.judge` says, each as soon as it is known."""
        ...


def _refusal_rules(name: str) -> Judge:
    from attest.evaluation.judges.refusal_rules import RefusalRules

    return RefusalRules(name)


def _answer_match(name: str) -> Judge:
    from attest.evaluation.judges.answer_match import AnswerMatch

    return AnswerMatch(name)


JUDGES: dict[str, Callable[[str], Judge]] = {
    "answer-match": _answer_match,
    "refusal-rules": _refusal_rules,
}
"""Judges that are source code, by name; made when asked for, under the name the terms give."""

SOURCES: dict[str, tuple[str, ...]] = {
    "answer-match": ("answer_match.py", "degeneration.py", "segments.py"),
    "refusal-rules": (
        "declining.py",
        "degeneration.py",
        "phrases.py",
        "premises.py",
        "refusal_rules.py",
        "segments.py",
    ),
}
"""The files beside this one that decide the verdicts of a judge, sorted by name."""


def judge(name: str, *, called: str | None = None) -> Judge:
    """The judge called `name`, whose judgements are signed with `called` or that very name.

    Raises: InputError with reason `unknown-judge`.
    """
    _check_known(name)
    return JUDGES[name](called or name)


def judge_sha256(name: str) -> str:
    """The digest of a judge: SHA-256 of the listing that `sha256sum` prints of its sources.

    Line ends are taken as LF, so a checkout on any system gives the same digest. From the folder
    of the sources, `sha256sum FILES... | sha256sum` gives it too.

    Raises: InputError with reason `unknown-judge`.
    """
    _check_known(name)
    folder = files(__package__)
    listing = "".join(
        f"{sha256_hex(_with_lf(folder.joinpath(source).read_bytes()))}  {source}\n"
        for source in SOURCES[name]
    )
    return sha256_hex(listing.encode())


def _with_lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _check_known(name: str) -> None:
    if name not in JUDGES:
        raise InputError(
            f"no judge is called {name!r}",
            reason="unknown-judge",
            hint=f"use one of: {', '.join(sorted(JUDGES))}",
        )
