"""Which items a spot check replays, and what it could have caught.

Items are drawn after the commitment was signed, so nobody could know them while forging. From the
root alone they must not follow: a publisher would grind salts until his forgeries are missed.

Source: the hypergeometric distribution; sampling without replacement.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import comb

from attest.errors import InputError

BEACON_BYTES = 16
"""Fewest bytes of a beacon: 128 bits cannot be ground."""


def detection_probability(n_items: int, n_forged: int, n_drawn: int) -> Fraction:
    """The exact chance that a sample without replacement holds a forged item.

    Args:
        n_items: population, 0 <= n_forged <= n_items.
        n_forged: forged items among them.
        n_drawn: items drawn, 0 <= n_drawn <= n_items.
    """
    return 1 - Fraction(comb(n_items - n_forged, n_drawn), comb(n_items, n_drawn))


def sample_size(n_items: int, n_forged: int, confidence: Fraction) -> int:
    """The fewest items to draw so that `n_forged` forgeries are met with this confidence.

    Raises: InputError if no item is forged, since nothing can then be met.
    """
    if n_forged < 1:
        raise InputError("expected at least one forged item", reason="sample-size")
    if n_forged > n_items:
        return 0
    low, high = 0, n_items - n_forged + 1
    while low < high:
        middle = (low + high) // 2
        if detection_probability(n_items, n_forged, middle) >= confidence:
            high = middle
        else:
            low = middle + 1
    return low


def smallest_caught(n_items: int, n_drawn: int, confidence: Fraction) -> int | None:
    """The fewest forgeries that a sample meets with this confidence; None if it meets none."""
    low, high = 1, n_items + 1
    while low < high:
        middle = (low + high) // 2
        if detection_probability(n_items, middle, n_drawn) >= confidence:
            high = middle
        else:
            low = middle + 1
    return low if low <= n_items else None


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
