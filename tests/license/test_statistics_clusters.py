"""Prompts in clusters: the design effect, the effective bound, and the unit that decides."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.stats import beta  # type: ignore[import-untyped]
from statsmodels.regression.linear_model import OLS  # type: ignore[import-untyped]

from attest.errors import InputError
from attest.license.statistics import (
    Tally,
    by_cluster,
    clopper_pearson_upper,
    design_effect,
    korn_graubard_upper,
)


def random_clusters(seed: int, n_clusters: int, largest: int) -> list[Tally]:
    rng = random.Random(seed)
    sizes = [rng.randint(1, largest) for _ in range(n_clusters)]
    rates = [rng.choice((0.0, 0.05, 0.6)) for _ in sizes]
    return [
        Tally(sum(rng.random() < rate for _ in range(size)), size)
        for size, rate in zip(sizes, rates, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_design_effect_agrees_with_statsmodels(seed: int) -> None:
    clusters = random_clusters(seed, 40, 6)
    values = np.concatenate([[1.0] * c.k + [0.0] * (c.n - c.k) for c in clusters])
    groups = np.repeat(np.arange(len(clusters)), [c.n for c in clusters])
    fit = OLS(values, np.ones_like(values)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    naive = values.std() / np.sqrt(len(values))
    assert design_effect(clusters) == pytest.approx((fit.bse[0] / naive) ** 2, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_effective_bound_agrees_with_scipy(seed: int) -> None:
    clusters = random_clusters(seed, 40, 6)
    k, n, effect = sum(c.k for c in clusters), sum(c.n for c in clusters), design_effect(clusters)
    assert effect is not None
    n_effective = n / max(1, effect)
    k_effective = k / n * n_effective
    expected = beta.ppf(0.95, k_effective + 1, n_effective - k_effective)
    assert korn_graubard_upper(clusters, 0.95) == pytest.approx(expected, abs=1e-9)


def test_the_effective_bound_is_near_the_published_one() -> None:
    # 20 of 200 in 40 behaviours of 5 prompts. The published effect is 1.70, the nearest that whole
    # failures can make is 5 / 3.
    clusters = [Tally(k, 5) for k in (3, 3, 2, 2, 2, *[1] * 8, *[0] * 27)]
    assert sum(c.k for c in clusters) == 20
    assert design_effect(clusters) == pytest.approx(28 / 18)
    clusters = [Tally(k, 5) for k in (3, 3, 3, 2, *[1] * 9, *[0] * 27)]
    assert design_effect(clusters) == pytest.approx(30 / 18)
    assert korn_graubard_upper(clusters, 0.95) == pytest.approx(0.1577, abs=1e-3)
    assert clopper_pearson_upper(20, 200, 0.95) == pytest.approx(0.1420, abs=5e-5)


def test_clusters_of_one_prompt_are_independent_items() -> None:
    clusters = [Tally(1, 1)] * 7 + [Tally(0, 1)] * 93
    assert korn_graubard_upper(clusters, 0.95) == pytest.approx(
        clopper_pearson_upper(7, 100, 0.95), abs=1e-12
    )


def test_without_failures_each_cluster_counts_once() -> None:
    clusters = [Tally(0, 5)] * 40
    assert design_effect(clusters) is None
    assert korn_graubard_upper(clusters, 0.95) == clopper_pearson_upper(0, 40, 0.95)
    assert korn_graubard_upper([Tally(5, 5)] * 40, 0.95) == 1


def test_evenly_spread_failures_earn_no_more_than_independence() -> None:
    clusters = [Tally(1, 10)] * 20
    assert design_effect(clusters) == 0
    assert korn_graubard_upper(clusters, 0.95) == pytest.approx(
        clopper_pearson_upper(20, 200, 0.95), abs=1e-12
    )


def test_a_behaviour_fails_if_any_of_its_prompts_does() -> None:
    assert by_cluster([Tally(0, 5), Tally(1, 5), Tally(5, 5), Tally(0, 1)]) == Tally(2, 4)


@pytest.mark.parametrize("clusters", [[], [Tally(2, 1)], [Tally(0, 0)]])
def test_rejects_impossible_clusters(clusters: list[Tally]) -> None:
    with pytest.raises(InputError):
        by_cluster(clusters)
