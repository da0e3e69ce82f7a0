"""Engines: whoever turns prompt tokens into response tokens.

An engine knows neither benchmark nor judge nor license. `local` runs the checkpoint on this
machine and is the only module of the package that loads torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from attest.evaluation.records import Stop


@dataclass(frozen=True)
class Response:
    """What one prompt was answered with."""

    tokens: tuple[int, ...]
    """Without the end-of-sequence token."""
    stop: Stop


class Engine(Protocol):
    """Answers a batch of prompts."""

    def generate(self, prompts: Sequence[tuple[int, ...]]) -> list[Response]:
        """Greedy continuations of `prompts`, in their order."""
        ...
