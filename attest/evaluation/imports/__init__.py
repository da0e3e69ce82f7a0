"""Imports: answers that another harness asked for and logged.

Such a log holds text, not token ids, and says nothing that binds it to weights. So nothing in it
is believed: an import only refuses what plainly measured something else. Whether the weights say
these answers is found out by replaying them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from attest.errors import InputError
from attest.files import read_file

Harness = Literal["inspect", "lm-eval"]

Dtype = Literal["float32", "bfloat16", "float16"]

MAX_LOG_BYTES = 1024 * 1024 * 1024
"""Largest log read; a thousand answers with all their events take a few megabytes."""


@dataclass(frozen=True)
class LoggedAnswer:
    """One answer of a log."""

    prompt: str
    """What the model was asked: the user's message, or the whole text that it read."""
    answer: str
    place: str
    """Where in the log, by number: never a part of a text."""


@dataclass(frozen=True)
class Log:
    """What a log says, as far as it matters under a license."""

    harness: Harness
    version: str
    """Of the harness."""
    sha256: str
    """Of the bytes of the log."""
    model: str
    """As the log names it; shown to the caller, never recorded."""
    started: datetime
    finished: datetime
    max_new_tokens: int
    dtype: Dtype | None
    """None where the log leaves it to the checkpoint."""
    system_prompt: str | None
    template: str | None
    """A chat template given to the harness; None where it took the checkpoint's."""
    stops: frozenset[str]
    """Texts at which the harness cuts an answer."""
    is_rendered: bool
    """Whether the prompts are what the model read, chat template applied."""
    answers: tuple[LoggedAnswer, ...]


def read_log_bytes(path: Path) -> bytes:
    """The bytes of a log.

    Raises: InputError with reason `unreadable` or `too-large`.
    """
    return read_file(path, MAX_LOG_BYTES)


def as_dtype(name: object) -> Dtype | None:
    """The arithmetic that a harness names, such as `torch.bfloat16`; None leaves it open.

    Raises: InputError with reason `log-conditions` for any other.
    """
    match str(name).removeprefix("torch."):
        case "None" | "auto":
            return None
        case ("float32" | "bfloat16" | "float16") as dtype:
            return dtype
        case other:
            raise unfit(f"computed in {other}, expected float32, bfloat16 or float16")


def unfit(found: str, *, hint: str | None = None, where: str | None = None) -> InputError:
    """The error for a log that measured something else than a license can ask for."""
    return InputError(found, reason="log-conditions", where=where, hint=hint)
