"""The nucleus: the likeliest tokens that together hold a share of the probability.

A token is in it if the tokens likelier than it hold less than `top_p`. That is a cut, and two
honest computations may cut on different sides of a token. So the distance of a token from the edge
is measured in logits, like any other margin: it is the smallest distance by which differences
between logits must move until the token is on the other side. Moved by d, a likelier token may
fall to its side if it was nearer than d, and the odds of what is above it may change by exp(d).

Source: Holtzman et al., The Curious Case of Neural Text Degeneration (arXiv:1904.09751).
"""

from __future__ import annotations

import math

import torch


def in_nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Which tokens may be drawn.

    Args:
        logits: (rows, vocabulary) float64, over the temperature.
        top_p: in (0, 1).

    Returns: (rows, vocabulary) bool; tokens as likely as the last one let in are in too.
    """
    ordered = logits.sort(dim=-1, descending=True).values
    probability = ordered.softmax(dim=-1)
    above = probability.cumsum(dim=-1) - probability
    # The likeliest token is in, whatever rounding makes of the sum above it.
    last = (above < top_p).sum(dim=-1, keepdim=True).clamp(min=1) - 1
    return logits >= ordered.gather(-1, last)


def nucleus_margin(logits: torch.Tensor, scores: torch.Tensor, token: int, top_p: float) -> float:
    """How far `token` is from being the draw: 0 if it is, in units of `logits`.

    It must come into the nucleus, and every token with a better score must fall behind it or out
    of the nucleus, whichever is nearer.

    Args:
        logits: (vocabulary,) float64, over the temperature.
        scores: (vocabulary,) float64, the same with the draws added, no token left out.
        token: whose margin is wanted.
        top_p: in (0, 1).
    """
    edge = _Edge(logits, top_p)
    gaps = scores - scores[token]
    better = (gaps > 0).nonzero().squeeze(-1)
    if any(not math.isfinite(float(one)) for one in (gaps.sum(), logits.sum())):
        return float("nan")
    margin = edge.to_enter(token)
    if len(better):
        obstacles = torch.minimum(gaps[better], edge.to_leave(better))
        margin = max(margin, float(obstacles.max()))
    return margin


class _Edge:
    """The tokens of one position in order of likelihood, and the odds of what is above each."""

    def __init__(self, logits: torch.Tensor, top_p: float) -> None:
        self._ordered, order = logits.sort(descending=True)
        self._rank = torch.empty_like(order)
        self._rank[order] = torch.arange(len(order), device=order.device)
        self._probability = self._ordered.softmax(dim=-1)
        self._up_to = self._probability.cumsum(dim=-1)
        self._cut = math.log(top_p) - math.log1p(-top_p)

    def to_enter(self, token: int) -> float:
        """How far a token is from the nucleus; 0 inside."""
        rank = int(self._rank[token])
        # With distance d, tokens from place k on no longer count as likelier.
        overtaken = self._ordered[: rank + 1] - self._ordered[rank]
        above = self._up_to[: rank + 1] - self._probability[: rank + 1]
        above[0] = 0.0
        over = above.clamp(0.0, 1.0).logit() - self._cut
        return float(torch.maximum(overtaken, over).clamp(min=0.0).min())

    def to_leave(self, tokens: torch.Tensor) -> torch.Tensor:
        """How far tokens are from being left out; 0 outside."""
        ranks = self._rank[tokens]
        low, high = ranks.clone(), torch.full_like(ranks, len(self._ordered) - 1)
        # One bound rises with the place and the other falls: the least maximum is where they meet.
        while bool((low < high).any()):
            middle = (low + high) // 2
            is_past = self._rise(ranks, middle) >= self._fall(ranks, middle)
            high = torch.where(is_past, middle, high)
            low = torch.where(is_past, low, middle + 1)
        before = torch.maximum(low - 1, ranks)
        found = [
            torch.maximum(self._rise(ranks, place), self._fall(ranks, place))
            for place in (low, before)
        ]
        return torch.minimum(found[0], found[1]).clamp(min=0.0)

    def _rise(self, ranks: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The distance at which the tokens up to these places may count as likelier."""
        return self._ordered[ranks] - self._ordered[places]

    def _fall(self, ranks: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The distance at which those tokens may hold enough to leave the token out."""
        others = self._up_to[places] - self._probability[ranks]
        return self._cut - others.clamp(0.0, 1.0).logit()
