"""Several thresholds at once.

To pass, all must be passed, and then nothing is corrected: whichever threshold is broken, passing
it alone has a probability of at most alpha (Berger, Technometrics 24 (1982)). To accuse a model of
breaking some of them, each at its own level alpha, is to accuse too often: that needs `holm`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from attest.license.statistics.arguments import check_level
from attest.license.statistics.search import last


def holm(shown_at: Sequence[Callable[[Fraction], bool]], alpha: Fraction) -> tuple[bool, ...]:
    """Which alleged failures stand, with a chance of at most `alpha` that any of them is false.

    Args:
        shown_at: for each allegation, whether it is shown at a level, such as
            `partial(fails, k, n, tau)`; what is shown at a level is shown at all higher ones.
        alpha: in (0, 1), for all allegations together.

    Returns: one answer for each allegation, in their order.
    Source: Holm, Scandinavian Journal of Statistics 6 (1979). Comparing p-values with alpha / m,
        alpha / (m - 1), ... needs no p-value: it is enough to ask each test at these levels.
    """
    check_level(alpha)
    n = len(shown_at)
    # Among how many each can still be shown: found by halving, as asking is dear.
    among = [_largest_group(shown, n, alpha) for shown in shown_at]
    standing: set[int] = set()
    for i in sorted(range(n), key=among.__getitem__, reverse=True):
        if among[i] < n - len(standing):
            break
        standing.add(i)
    return tuple(i in standing for i in range(n))


def _largest_group(shown_at: Callable[[Fraction], bool], n: int, alpha: Fraction) -> int:
    if shown_at(alpha / n):
        return n
    return last(1, n - 1, lambda m: shown_at(alpha / m)) or 0
