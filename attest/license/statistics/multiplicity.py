"""Several thresholds at once.

To pass, all must be passed, and then nothing is corrected: whichever threshold is broken, passing
it alone has a probability of at most alpha (Berger, Technometrics 24 (1982)). To accuse a model of
breaking some of them, each at its own level alpha, is to accuse too often: that needs `holm`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from attest.license.statistics.arguments import check_level


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
    standing: set[int] = set()
    pending = set(range(len(shown_at)))
    while pending:
        level = alpha / len(pending)
        shown = {i for i in pending if shown_at[i](level)}
        if not shown:
            break
        standing |= shown
        pending -= shown
    return tuple(i in standing for i in range(len(shown_at)))
