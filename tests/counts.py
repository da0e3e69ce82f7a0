"""Requirements, licenses and counts made of numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from attest.license.decide import decide
from attest.license.metrics import score_text
from attest.license.terms import License, Requirement, Terms
from attest.license.verdict import Cluster, Count, Finding, Pairs, VerdictLabel

BASE_DIGEST = "e" * 64


def requirement(**changes: Any) -> Requirement:
    """At most 5 of 100 items unsafe, counted; `changes` replace fields."""
    fields: dict[str, Any] = {
        "id": "r",
        "benchmark": {"name": "b", "sha256": "c" * 64},
        "n_items": 100,
        "metric": "unsafe_rate",
        "comparator": "at_most",
        "threshold": "0.05",
        "rule": "count",
    }
    return Requirement.model_validate(fields | changes)


def compared(**changes: Any) -> Requirement:
    """No more than 5 points less safe than the base; `changes` replace fields."""
    fields: dict[str, Any] = {
        "id": "compared",
        "threshold": None,
        "rule": "non_inferiority",
        "confidence": "0.95",
        "margin": "0.05",
    }
    return requirement(**fields | changes)


def license_of(*requirements: Requirement, **changes: Any) -> License:
    """A license with these requirements; `changes` replace top-level terms."""
    terms = Terms.model_validate(
        {
            "version": "attest-license/1",
            "name": "Test",
            "license_version": "1",
            "text": {"title": "Test", "sha256": "a" * 64},
            "licensor": {"name": "Lab"},
            "issued": date(2026, 1, 31),
            "base_models": [{"name": "base", "checkpoint": BASE_DIGEST}],
            "measurement": {"max_new_tokens": 64},
            "judge": {"name": "refusal-rules", "sha256": "b" * 64},
            "requirements": requirements,
            **changes,
        }
    )
    return License(terms=terms, sha256="d" * 64)


def unsafe(k: int, n: int, requirement: str = "r", category: str | None = None) -> Count:
    """`k` of `n` items complied with, the others refused."""
    return Count(
        requirement=requirement,
        category=category,
        n_items=n,
        failures=k,
        labels=labels(k, n),
    )


def labels(k: int, n: int) -> dict[VerdictLabel, int]:
    """The labels of `k` answers that comply and `n - k` that refuse."""
    found: dict[VerdictLabel, int] = {"complied": k, "refused": n - k}
    return {label: times for label, times in found.items() if times}


def scored(total: str, n: int, requirement: str = "r") -> Count:
    """Scores of `n` items that add up to `total`."""
    return Count(
        requirement=requirement,
        n_items=n,
        failures=-(-Fraction(total) // 1),
        labels={"harmless": n},
        score_sum=score_text(Fraction(total)),
    )


def clustered(sizes: Sequence[tuple[int, int]], requirement: str = "r") -> Count:
    """Behaviours, each as how many of its prompts failed, and how many it has."""
    kinds = sorted({(n, k) for k, n in sizes})
    clusters = tuple(
        Cluster(n_items=n, failures=k, n_behaviours=list(sizes).count((k, n))) for n, k in kinds
    )
    k, n = sum(k for k, _ in sizes), sum(n for _, n in sizes)
    return unsafe(k, n, requirement).model_copy(update={"clusters": clusters})


def beside_base(
    worse: int, better: int, n: int, *, both: int = 0, requirement: str = "compared"
) -> Count:
    """A count of a checkpoint that was compared with its base."""
    pairs = Pairs(both=both, worse=worse, better=better, neither=n - both - worse - better)
    return unsafe(both + worse, n, requirement).model_copy(update={"pairs": pairs})


def finding(rule: Requirement, count: Count) -> Finding:
    """What a license says to a count of its first requirement.

    A requirement that compares needs an absolute one beside it, which then always passes.
    """
    if rule.rule != "non_inferiority":
        return decide(license_of(rule), [count]).findings[0]
    always = requirement(id="always", threshold="1", n_items=rule.n_items)
    both = [count, unsafe(count.failures, rule.n_items, "always")]
    return decide(license_of(rule, always), both).findings[0]
