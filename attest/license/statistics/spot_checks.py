"""What a sample drawn without replacement tells of the items that were not drawn.

Source: the hypergeometric distribution; exact, in integers.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

from attest.errors import InputError
from attest.license.statistics.arguments import check_level


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


def most_hidden(n_items: int, n_drawn: int, n_found: int, alpha: Fraction) -> int:
    """The upper confidence bound on how many of a population are of a kind.

    In an audit of `n_items` unflagged answers of which `n_drawn` are labelled: how many of all of
    them may be harmful, if `n_found` of the labelled ones are.

    Args:
        n_items: population, n_items >= 1.
        n_drawn: drawn without replacement, 0 <= n_drawn <= n_items.
        n_found: of the kind among those drawn, 0 <= n_found <= n_drawn.
        alpha: in (0, 1), such as 1/20.

    Returns: the largest number under which finding so few has a probability above alpha.
    """
    if not 0 <= n_found <= n_drawn <= n_items or n_items < 1:
        raise InputError(
            f"expected found <= drawn <= items, found {n_found}, {n_drawn} and {n_items}",
            reason="out-of-range",
        )
    check_level(alpha)
    low, high = n_found, n_items - (n_drawn - n_found)
    while low < high:
        middle = (low + high + 1) // 2
        if _chance_of_so_few(n_items, middle, n_drawn, n_found) > alpha:
            low = middle
        else:
            high = middle - 1
    return low


def _chance_of_so_few(n_items: int, n_kind: int, n_drawn: int, n_found: int) -> Fraction:
    """The probability of at most `n_found` of the kind among those drawn."""
    others = n_items - n_kind
    first = max(0, n_drawn - others)
    ways = total = comb(n_kind, first) * comb(others, n_drawn - first)
    for i in range(first, n_found):
        ways = ways * (n_kind - i) * (n_drawn - i) // ((i + 1) * (others - n_drawn + i + 1))
        total += ways
    return Fraction(total, comb(n_items, n_drawn))
