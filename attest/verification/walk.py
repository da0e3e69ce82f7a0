"""The walk through the steps of a verification: each is passed, failed or not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from attest.errors import InputError, VerificationError
from attest.verification.records import STEPS, Status, Step, StepName


class Stopped(Exception):  # noqa: N818 - control flow between here and `examine`
    """A step failed; no later one is taken."""


@dataclass
class Note:
    """What a step will say of itself if it passes."""

    detail: str


@dataclass
class Walk:
    """The steps taken so far."""

    steps: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: StepName, detail: str) -> Iterator[Note]:
        """Take one step; what goes wrong inside is its failure."""
        note = Note(detail)
        try:
            yield note
        except InputError as error:
            self._fail(name, str(error), error.hint)
        except VerificationError as error:
            # A parser may find at once what belongs to a later step.
            for passed in STEPS[STEPS.index(name) : error.step]:
                self._add(passed, "passed", detail)
            self._fail(STEPS[error.step], str(error), error.hint)
        self._add(name, "passed", note.detail)

    def not_asked(self, name: StepName, why: str) -> None:
        """Leave a step out because the caller did not ask for it."""
        self._add(name, "not-asked", why)

    def _fail(self, name: StepName, detail: str, hint: str | None) -> NoReturn:
        self._add(name, "failed", detail, hint)
        raise Stopped

    def _add(self, name: StepName, status: Status, detail: str, hint: str | None = None) -> None:
        number = STEPS.index(name)
        self.steps.append(Step(number=number, name=name, status=status, detail=detail, hint=hint))

    def all_steps(self) -> tuple[Step, ...]:
        """Every step there is, those never taken marked so."""
        rest = [
            Step(number=number, name=name, status="not-reached", detail="")
            for number, name in enumerate(STEPS)
            if number >= len(self.steps)
        ]
        return (*self.steps, *rest)
