"""Every error `attest` raises, cut by what the caller can do about it.

A failed threshold is a finding and therefore a value (`Verdict`); an error is raised only when
ignoring the result would be wrong. Messages say what was expected, what was found and where;
the remedy stands apart in `hint`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a process tells its caller."""

    MET = 0
    """The license is met, or the command did what it was asked."""
    NOT_MET = 1
    """Verified, but the license is not met."""
    INPUT = 2
    """Wrong usage or unreadable input."""
    NOT_VERIFIED = 3
    """Signature, trust, files, evidence or replay did not verify."""
    INCONCLUSIVE = 4
    """Verified, but the measurement neither meets nor breaks the license."""
    TRY_AGAIN = 5
    """Could not run; the same command may succeed later."""


class AttestError(Exception):
    """The root of all errors of this package."""

    exit_code: ClassVar[ExitCode]

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What to do now, in one sentence, or None when the message already says it."""


class InputError(AttestError):
    """The input cannot be used as it is: mend it and call again."""

    exit_code = ExitCode.INPUT

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        reason: str = "input",
        where: str | None = None,
    ) -> None:
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.reason = reason
        """Stable, lower-case, hyphenated code of the rule that was broken."""
        self.where = where
        """The file, tensor, shard or field at fault."""


class VerificationError(AttestError):
    """Do not trust what was being verified."""

    exit_code = ExitCode.NOT_VERIFIED

    def __init__(self, message: str, *, step: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.step = step
        """The number of the verification step that failed."""


class EvaluationError(AttestError):
    """The measurement could not be completed: run the same command again."""

    exit_code = ExitCode.TRY_AGAIN


class HubError(AttestError):
    """A hub or network did not answer as it should: try later."""

    exit_code = ExitCode.TRY_AGAIN
