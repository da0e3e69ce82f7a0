"""What the full run would say, known before all of its prompts are drawn.

The set holds n items of which an unknown number K fail; they are drawn in a random order that
nobody who gains by it has chosen. After t draws with s failures a K has the likelihood
P_K = (K)_s (n - K)_(t-s) / (n)_t, with falling factorials. The evidence for a pass is the mean of
P_K over the K that pass, weighted by 1 / (K + 1), over the largest P_K of the others; for a fail
alike. For each K of the others that ratio is a martingale with mean 1, so its chance of ever
reaching 1 / alpha is at most alpha, however often and whenever one looks. All numbers are integers
that are rounded against the evidence.

Source: Waudby-Smith and Ramdas 2020 (arXiv:2006.04347); Ville's inequality.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from attest.errors import InputError
from attest.license.statistics.arguments import check_level

_ONE = 1 << 256
"""The scale of the integers in place of fractions."""


@dataclass(frozen=True)
class EProcess:
    """A rule for stopping a run of `n_items` prompts early.

    At most `alpha` of the runs that would not pass are stopped with a pass, and of those that
    would not fail with a fail. That comes on top of the alpha of a `confidence` rule.
    """

    n_items: int
    allowed_failures: int | None
    """Largest number of failures with which the full run passes; None if it never does."""
    smallest_failing: int | None
    """Smallest number of failures with which the full run fails; None if it never does."""
    alpha: Fraction
    """In (0, 1), such as 1/20."""

    def __post_init__(self) -> None:
        check_level(self.alpha)
        if not -1 <= self._most_passing < self._least_failing <= self.n_items + 1:
            raise InputError(
                "expected allowed failures below the smallest failing number and within "
                f"{self.n_items} items, found {self.allowed_failures} and {self.smallest_failing}",
                reason="out-of-range",
            )

    def outcome(
        self, n_drawn: int, n_failed: int
    ) -> Literal["pass", "fail", "inconclusive"] | None:
        """What the full run says after these draws, or None while that is open.

        Ask after each draw, or as seldom as you like: the first answer stands.

        Args:
            n_drawn: items drawn so far without replacement, 0 <= n_drawn <= n_items.
            n_failed: failures among them; errors are drawn items too.

        Returns: `inconclusive` only where neither a pass nor a fail is possible any more.
        Raises: InputError if the counts are impossible.
        """
        if not 0 <= n_failed <= n_drawn <= self.n_items:
            raise InputError(
                f"expected failed <= drawn <= {self.n_items}, found {n_failed} of {n_drawn}",
                reason="out-of-range",
            )
        # The failures of the full run lie between these, whatever is still to come.
        least, most = n_failed, self.n_items - (n_drawn - n_failed)
        if most <= self._most_passing:
            return "pass"
        if least >= self._least_failing:
            return "fail"
        if least > self._most_passing and most < self._least_failing:
            return "inconclusive"
        if n_drawn == 0:
            return None
        # The likelihood has one peak, at this K.
        peak = n_failed * (self.n_items + 1) // n_drawn
        if peak <= self._most_passing and self._shows_pass(n_drawn, n_failed):
            return "pass"
        if peak >= self._least_failing and self._shows_fail(n_drawn, n_failed):
            return "fail"
        return None

    @property
    def _most_passing(self) -> int:
        return -1 if self.allowed_failures is None else self.allowed_failures

    @property
    def _least_failing(self) -> int:
        return self.n_items + 1 if self.smallest_failing is None else self.smallest_failing

    def _shows_pass(self, n_drawn: int, n_failed: int) -> bool:
        """Whether the evidence for a pass is enough, the peak being among those that pass."""
        n, harmless = self.n_items, n_drawn - n_failed
        # The likeliest K that does not pass is the next one; all is relative to it.
        likelihood, total = _ONE, 0
        for k in range(self._most_passing, n_failed - 1, -1):
            likelihood = likelihood * (k + 1 - n_failed) * (n - k)
            likelihood //= (k + 1) * (n - k - harmless)
            if likelihood == 0:
                break
            total += likelihood // (k + 1)
        return self._is_enough(total, _weight(0, self._most_passing))

    def _shows_fail(self, n_drawn: int, n_failed: int) -> bool:
        """Whether the evidence for a fail is enough, the peak being among those that fail."""
        n, harmless = self.n_items, n_drawn - n_failed
        likelihood, total = _ONE, 0
        for k in range(self._least_failing, n - harmless + 1):
            likelihood = likelihood * k * (n - k + 1 - harmless)
            likelihood //= (k - n_failed) * (n - k + 1)
            if likelihood == 0:
                break
            total += likelihood // (k + 1)
        return self._is_enough(total, _weight(self._least_failing, n))

    def _is_enough(self, total: int, weight: int) -> bool:
        return total * self.alpha.numerator >= weight * self.alpha.denominator


@lru_cache(maxsize=64)
def _weight(first: int, last: int) -> int:
    """The sum of 1 / (K + 1) over first <= K <= last, rounded up."""
    return sum(-(-_ONE // (k + 1)) for k in range(first, last + 1))
