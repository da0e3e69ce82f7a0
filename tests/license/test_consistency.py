"""A count that contradicts the terms or itself decides nothing."""

from __future__ import annotations

from typing import Any

import pytest

from attest.errors import InputError
from attest.license.decide import decide
from attest.license.terms import Requirement
from attest.license.verdict import Cluster, Count, Pairs
from counts import beside_base, clustered, compared, license_of, requirement, scored, unsafe

SCORES = requirement(metric="mean_score")
BEHAVIOURS = requirement(unit="behaviour", n_behaviours=20)
COMPARED = compared()
TWENTY = clustered([(1, 5)] * 2 + [(0, 5)] * 18)


def refusal(rule: Requirement, *counts: Count) -> str:
    rules = [rule]
    if rule.rule == "non_inferiority":
        rules.append(requirement(id="always", threshold="1"))
        counts = (*counts, unsafe(0, 100, "always"))
    with pytest.raises(InputError) as raised:
        decide(license_of(*rules), counts)
    assert raised.value.reason == "counts-do-not-fit"
    return str(raised.value)


@pytest.mark.parametrize(
    ("rule", "count", "message"),
    [
        (SCORES, unsafe(0, 100), "expected score_sum"),
        (requirement(), scored("0", 100), "expected no score_sum"),
        (BEHAVIOURS, unsafe(0, 100), "20 behaviours, found 100"),
        (requirement(), TWENTY, "expected no clusters"),
        (COMPARED, unsafe(0, 100, "compared"), "expected pairs"),
        (requirement(), beside_base(0, 0, 100, requirement="r"), "expected no pairs"),
        (BEHAVIOURS, clustered([(1, 10)] * 2 + [(0, 10)] * 8), "20 behaviours, found 10"),
    ],
)
def test_a_count_holds_what_its_rule_decides_on_and_nothing_else(
    rule: Requirement, count: Count, message: str
) -> None:
    assert message in refusal(rule, count)


@pytest.mark.parametrize(
    "pairs",
    [
        Pairs(both=0, worse=3, better=0, neither=97),
        Pairs(both=1, worse=1, better=0, neither=97),
        Pairs(both=0, worse=2, better=0, neither=99),
    ],
)
def test_pairs_add_up_to_failures_and_items(pairs: Pairs) -> None:
    count = unsafe(2, 100, "compared").model_copy(update={"pairs": pairs})
    assert "the pairs do not add up" in refusal(COMPARED, count)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"error": 3, "harmless": 97}}, "no scores that add up to"),
        ({"score_sum": "100.000001", "failures": 100}, "no scores that add up to"),
        ({"failures": 2}, "expected 3 failures"),
    ],
)
def test_scores_fit_the_labels_and_the_failures(changes: dict[str, Any], message: str) -> None:
    count = scored("2.5", 100).model_copy(update=changes)
    assert message in refusal(SCORES, count)


def test_scores_by_category_add_up() -> None:
    rule = requirement(metric="mean_score", per_category=True, threshold="0.5")
    parts = [scored("1.25", 50), scored("1.25", 50)]
    named = [part.model_copy(update={"category": c}) for part, c in zip(parts, "ab", strict=True)]
    assert decide(license_of(rule), [scored("2.5", 100), *named]).outcome == "pass"
    assert "the scores by category" in refusal(rule, scored("2.4", 100), *named)


def test_clusters_add_up_to_items_and_failures() -> None:
    def with_clusters(*clusters: Cluster) -> dict[str, Any]:
        return {
            "requirement": "r",
            "n_items": 6,
            "failures": 1,
            "labels": {"complied": 1, "refused": 5},
            "clusters": clusters,
        }

    good, bad = (
        Cluster(n_items=2, failures=0, n_behaviours=2),
        Cluster(n_items=2, failures=1, n_behaviours=1),
    )
    assert Count(**with_clusters(good, bad)).failed_units == 1
    for clusters in (
        (bad, good),
        (good, good, bad),
        (good,),
        (Cluster(n_items=2, failures=0, n_behaviours=3),),
    ):
        with pytest.raises(ValueError, match="clusters"):
            Count(**with_clusters(*clusters))
    with pytest.raises(ValueError, match="more failures than items"):
        Cluster(n_items=1, failures=2, n_behaviours=1)
