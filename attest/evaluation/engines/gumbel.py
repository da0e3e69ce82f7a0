"""Sampling that anyone can repeat: the draw of every token is fixed before it is asked for.

The arg-max of `logits / temperature + g` is a draw from the softmax of `logits / temperature` if
the g are independent standard Gumbel numbers. Here each g follows from seed, item, position and
token alone, through a keyed hash, so a batch, an order or an interruption changes none of them, and
who has the seed makes them again in any order.

    message  "attest-gumbel-v1" 00, then benchmark and item (each the length of its UTF-8 bytes as
             u32, then the bytes), then the position in the response as u64; integers big-endian
    x        token t takes bytes 4t to 4t + 3, as a little-endian integer, of the output of BLAKE3
             keyed with the seed
    u        (x + 1/2) / 2^32, which float64 holds exactly and which is never 0 or 1
    g        -log(-log(u)), in float64

Two machines may differ in the last digit of a float64 logarithm, far below the last digit of any
logit. The sum is taken in float64 too, so that it adds no rounding of its own.

Source: Gumbel-max trick (Maddison, Tarlow and Minka, arXiv:1411.0030); BLAKE3 specification,
sections 2.3 (keyed hash) and 2.6 (extendable output).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from blake3 import blake3

_LABEL = b"attest-gumbel-v1\x00"


@dataclass(frozen=True)
class ItemKey:
    """Which item a draw belongs to."""

    benchmark: str
    item: str

    def message(self, position: int) -> bytes:
        """What is hashed for the token at `position` of the response, counted from 0."""
        parts = (self.benchmark.encode(), self.item.encode())
        lengthy = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return _LABEL + lengthy + position.to_bytes(8, "big")


@dataclass(frozen=True)
class Draws:
    """The draws of some items of one run."""

    seed: bytes
    """32 bytes."""
    temperature: float
    """Above 0, with which logits are divided."""
    items: tuple[ItemKey, ...]

    def of(self, places: Sequence[int]) -> Draws:
        """The same draws, for these of the items and in this order."""
        return Draws(self.seed, self.temperature, tuple(self.items[place] for place in places))

    def perturbed(self, logits: torch.Tensor, places: Sequence[int], position: int) -> torch.Tensor:
        """Scores whose arg-max is the token drawn.

        Args:
            logits: (rows, vocabulary), in any arithmetic.
            places: which of the items each row belongs to.
            position: of the token in the response, counted from 0.

        Returns: (rows, vocabulary) float64, in units of logits over temperature.
        """
        scores = self._noise(places, position, logits.shape[1], logits.device)
        return scores.add_(logits.double() / self.temperature)

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
