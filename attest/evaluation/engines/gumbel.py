"""Sampling that anyone can repeat: the draw of every token is fixed before it is asked for.

The arg-max of `logits / temperature + g` is a draw from the softmax of `logits / temperature` if
the g are independent standard Gumbel numbers. Here each g follows from seed, item, position and
token alone, through a keyed hash, so a batch, an order or an interruption changes none of them, and
who has the seed makes them again in any order.

    message  "attest-gumbel-v1" 00, then benchmark and item (each the length of its UTF-8 bytes as
             u32, then the bytes), then the position in the response as u64; integers big-endian.
             Under a probe, or in a later attempt: "attest-gumbel-probe-v1" 00, then benchmark, item
             and probe likewise, the attempt as u32 and the position as u64
    x        token t takes bytes 4t to 4t + 3, as a little-endian integer, of the output of BLAKE3
             keyed with the seed
    u        (x + 1/2) / 2^32, which float64 holds exactly and which is never 0 or 1
    g        -log(-log(u)), in float64

With `top_p`, tokens outside of the nucleus (`nucleus.py`) are not drawn, whatever their g.

Two machines may differ in the last digit of a float64 logarithm, far below the last digit of any
logit. The sum is taken in float64 too, so that it adds no rounding of its own.

Source: Gumbel-max trick (Maddison, Tarlow and Minka, arXiv:1411.0030); BLAKE3 specification,
sections 2.3 (keyed hash) and 2.6 (extendable output).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from blake3 import blake3

from attest.benchmark.probes import PLAIN
from attest.evaluation.engines.nucleus import in_nucleus

_LABEL = b"attest-gumbel-v1\x00"
_LABEL_OF_PROBES = b"attest-gumbel-probe-v1\x00"


@dataclass(frozen=True)
class ItemKey:
    """Which answer a draw belongs to."""

    benchmark: str
    item: str
    probe: str = PLAIN
    attempt: int = 0

    def message(self, position: int) -> bytes:
        """What is hashed for the token at `position` of the response, counted from 0."""
        place = position.to_bytes(8, "big")
        if (self.probe, self.attempt) == (PLAIN, 0):
            return _LABEL + _lengthy(self.benchmark, self.item) + place
        named = _lengthy(self.benchmark, self.item, self.probe)
        return _LABEL_OF_PROBES + named + self.attempt.to_bytes(4, "big") + place


def _lengthy(*texts: str) -> bytes:
    parts = [text.encode() for text in texts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@dataclass(frozen=True)
class Draws:
    """The draws of some items of one run."""

    seed: bytes
    """32 bytes."""
    temperature: float
    """Above 0, with which logits are divided."""
    items: tuple[ItemKey, ...]
    top_p: float | None = None
    """Share of probability in (0, 1) that the tokens drawn from hold; None draws from all."""

    def of(self, places: Sequence[int]) -> Draws:
        """The same draws, for these of the items and in this order."""
        return replace(self, items=tuple(self.items[place] for place in places))

    def perturbed(self, logits: torch.Tensor, places: Sequence[int], position: int) -> torch.Tensor:
        """Scores whose arg-max is the token drawn.

        Args:
            logits: (rows, vocabulary), in any arithmetic.
            places: which of the items each row belongs to.
            position: of the token in the response, counted from 0.

        Returns: (rows, vocabulary) float64, in units of logits over temperature; minus infinity
            for a token that may not be drawn.
        """
        scores = self._noise(places, position, logits.shape[1], logits.device)
        scaled = logits.double() / self.temperature
        scores.add_(scaled)
        if self.top_p is not None:
            scores.masked_fill_(~in_nucleus(scaled, self.top_p), -torch.inf)
        return scores

    def _noise(
        self, places: Sequence[int], position: int, n_tokens: int, device: torch.device
    ) -> torch.Tensor:
        hashed = bytearray()
        for place in places:
            message = self.items[place].message(position)
            hashed += blake3(message, key=self.seed).digest(length=4 * n_tokens)
        # `<u4` on every platform that torch is built for.
        words = torch.frombuffer(hashed, dtype=torch.uint32).view(len(places), n_tokens)
        uniform = words.to(device).to(torch.float64).add_(0.5).mul_(2.0**-32)
        return uniform.log_().neg_().log_().neg_()
