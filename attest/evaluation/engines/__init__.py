"""Engines: whoever turns prompt tokens into response tokens.

An engine knows neither judge nor license. `local` runs the checkpoint on this machine; the modules
of this folder are the only ones of the package that load torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from attest.evaluation.records import Stop

if TYPE_CHECKING:
    from attest.evaluation.engines.gumbel import Draws


@dataclass(frozen=True)
class Response:
    """What one prompt was answered with."""

    tokens: tuple[int, ...]
    """Without the end-of-sequence token."""
    stop: Stop


class Engine(Protocol):
    """Answers a batch of prompts."""

    def generate(
        self, prompts: Sequence[tuple[int, ...]], draws: Draws | None = None
    ) -> list[Response]:
        """Continuations of `prompts`, in their order: greedy, or by the draws of their items."""
        ...
