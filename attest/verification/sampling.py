"""Which items a spot check replays.

Items are drawn after the commitment was signed, so nobody could know them while forging. From the
root alone they must not follow: a publisher would grind salts until his forgeries are missed.
What a draw could have caught is in `attest.license.statistics`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence

from attest.errors import InputError

BEACON_BYTES = 16
"""Fewest bytes of a beacon: 128 bits cannot be ground."""


def draw(population: Sequence[int], n_drawn: int, *, beacon: bytes | None, label: str) -> list[int]:
    """`n_drawn` of `population`, without replacement, in ascending order.

    Args:
        population: distinct numbers, in a fixed order.
        n_drawn: at most as many as there are.
        beacon: public randomness that nobody knew before the commitment; None takes this
            machine's own.
        label: keeps the draws of one beacon apart.
    """
    if beacon is None:
        return sorted(secrets.SystemRandom().sample(population, n_drawn))
    if len(beacon) < BEACON_BYTES:
        raise InputError(
            f"expected a beacon of at least {BEACON_BYTES} bytes, found {len(beacon)}",
            reason="beacon",
        )
    words = _words(beacon, label)
    pool = list(population)
    for place in range(n_drawn):
        # Fisher-Yates with rejection, so that no remainder favors the first items.
        room = len(pool) - place
        limit = (1 << 64) - (1 << 64) % room
        word = next(word for word in words if word < limit)
        chosen = place + word % room
        pool[place], pool[chosen] = pool[chosen], pool[place]
    return sorted(pool[:n_drawn])


def _words(beacon: bytes, label: str) -> Iterator[int]:
    counter = 0
    while True:
        block = hashlib.sha256(
            b"attest-draw-v1\x00" + label.encode() + b"\x00" + counter.to_bytes(8, "big") + beacon
        ).digest()
        yield from (int.from_bytes(block[i : i + 8], "big") for i in range(0, 32, 8))
        counter += 1
