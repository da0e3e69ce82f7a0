"""The nucleus is the field's, and its edge is as wide as honest computations differ, no wider."""

from __future__ import annotations

import math

import pytest
import torch

from attest.evaluation.engines.gumbel import Draws, ItemKey
from attest.evaluation.engines.nucleus import in_nucleus, nucleus_margin

SEEDS = range(40)


def logits_of(seed: int, n_tokens: int = 60) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_tokens, generator=generator, dtype=torch.float64) * 2.0


def noise_of(seed: int, n_tokens: int = 60) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1000 + seed)
    uniform = torch.rand(n_tokens, generator=generator, dtype=torch.float64)
    return uniform.log().neg().log().neg()


@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.9, 0.999])
def test_lets_in_what_transformers_lets_in(top_p: float) -> None:
    from transformers import TopPLogitsWarper

    logits = torch.stack([logits_of(seed) for seed in SEEDS])
    kept = TopPLogitsWarper(top_p)(torch.zeros(len(logits), 1, dtype=torch.long), logits.clone())

    assert torch.equal(in_nucleus(logits, top_p), kept > -torch.inf)


def test_tokens_as_likely_as_the_last_one_are_in_too() -> None:
    logits = torch.tensor([[3.0, 1.0, 1.0, 1.0, -9.0]], dtype=torch.float64)

    assert in_nucleus(logits, 0.8).tolist() == [[True, True, True, True, False]]
    assert in_nucleus(logits, 0.1).tolist() == [[True, False, False, False, False]]


def drawn(logits: torch.Tensor, noise: torch.Tensor, top_p: float) -> int:
    scores = (logits + noise).masked_fill(~in_nucleus(logits[None], top_p)[0], -torch.inf)
    return int(scores.argmax())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_token_drawn_has_no_margin_and_every_other_has_one(seed: int) -> None:
    logits, noise = logits_of(seed), noise_of(seed)
    choice = drawn(logits, noise, 0.9)

    margins = [nucleus_margin(logits, logits + noise, token, 0.9) for token in range(len(logits))]

    assert margins[choice] == 0.0
    assert all(margin > 0 for token, margin in enumerate(margins) if token != choice)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_smaller_error_than_the_margin_changes_the_draw(seed: int) -> None:
    """An honest computation may be wrong by half the margin at every logit and still draws it."""
    logits, noise = logits_of(seed), noise_of(seed)
    generator = torch.Generator().manual_seed(seed)
    for size in (0.01, 0.1, 0.5):
        for _ in range(10):
            error = (torch.rand(60, generator=generator, dtype=torch.float64) - 0.5) * size
            other = drawn(logits + error, noise, 0.9)
            assert nucleus_margin(logits, logits + noise, other, 0.9) <= size + 1e-12


def test_a_token_just_outside_may_enter_by_what_separates_it_and_no_more() -> None:
    """Three tokens hold 0.90 and a little: the fourth is out by the odds of that little."""
    shares = torch.tensor([0.5, 0.3, 0.1 + 1e-6, 0.06, 0.04 - 1e-6], dtype=torch.float64)
    logits = shares.log()
    scores = torch.tensor([0.0, 0.0, 0.0, 9.0, 0.0], dtype=torch.float64)

    margin = nucleus_margin(logits, scores, 3, 0.9)

    odds = torch.tensor([0.9 + 1e-6, 0.9], dtype=torch.float64).logit()
    assert margin == pytest.approx(float(odds[0] - odds[1]), rel=1e-6)
    # The fifth comes in once it counts as no less likely than the fourth.
    assert nucleus_margin(logits, scores, 4, 0.9) == pytest.approx(math.log(0.06 / 0.04), rel=1e-4)


def test_a_better_token_at_the_edge_may_leave() -> None:
    """The token with the best score was in by a hair, so the next one is nearly the draw."""
    shares = torch.tensor([0.5, 0.4 - 1e-6, 0.06, 0.04 + 1e-6], dtype=torch.float64)
    logits = shares.log()
    scores = torch.tensor([5.0, 1.0, 9.0, 0.0], dtype=torch.float64)

    assert drawn(logits, scores - logits, 0.9) == 2
    assert 0 < nucleus_margin(logits, scores, 0, 0.9) < 1e-4
    # The likeliest token need not fall by 4: by 2.36 it would be out of the nucleus.
    assert nucleus_margin(logits, scores, 1, 0.9) == pytest.approx(2.3576, abs=1e-3)


def test_equal_logits_of_16_bits_may_fall_on_either_side() -> None:
    """A coarser computation ties what a finer one tells apart by less than its last digit."""
    fine = torch.tensor([2.0, 1.0, 0.5, 0.5 - 1e-3, -3.0], dtype=torch.float64)
    noise = torch.tensor([0.0, 0.0, 0.0, 5.0, 0.0], dtype=torch.float64)
    coarse = fine.clone()
    coarse[3] = 0.5
    top_p = float(fine.softmax(0)[:3].sum()) - 1e-6

    assert drawn(coarse, noise, top_p) == 3
    assert drawn(fine, noise, top_p) != 3
    assert nucleus_margin(fine, fine + noise, 3, top_p) <= 1e-3


def test_numbers_that_are_none_have_no_margin() -> None:
    logits = logits_of(0)
    logits[5] = float("nan")

    margin = nucleus_margin(logits, logits + noise_of(0), 3, 0.9)

    assert margin != margin


def test_draws_come_from_the_nucleus_alone() -> None:
    n = 2000
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -0.5, -1.0, -1.5])
    keys = tuple(ItemKey("private", str(number)) for number in range(n))
    draws = Draws(bytes(32), 1.0, keys, top_p=0.8)

    found = draws.perturbed(logits.expand(n, -1), range(n), 0).argmax(dim=-1)

    inside = in_nucleus(logits[None].double(), 0.8)[0]
    assert set(found.tolist()) == set(inside.nonzero().squeeze(-1).tolist())
