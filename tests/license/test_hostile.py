"""No license that is read keeps a hub busy: whatever takes long is refused by a bound."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from attest.benchmark.registry import registry
from attest.errors import InputError
from attest.license.allowance import MAX_COUNTS, allowances, is_passable
from attest.license.calibration import MAX_TRIALS, Trials
from attest.license.decide import decide
from attest.license.judges import BuiltInJudge
from attest.license.lint import lint
from attest.license.read import parse_license
from attest.license.terms import MAX_ITEMS, MAX_JUDGES, MAX_REQUIREMENTS
from counts import license_of, requirement, unsafe
from hostile import Hostile, hostile_licenses

SURE: dict[str, Any] = {"rule": "confidence", "confidence": "0.95"}


@pytest.mark.parametrize("case", hostile_licenses(), ids=lambda case: case.name)
def test_the_slowest_licenses_are_read_linted_and_decided_in_seconds(case: Hostile) -> None:
    start = time.process_time()
    license = parse_license(case.data)
    lint(license, benchmarks=registry(), judges={}, today=date(2026, 2, 1))
    if case.counts:
        decide(license, case.counts)
    # About one on an idle machine; benchmarks/hostile_license.py prints them all.
    assert time.process_time() - start < 5


def test_rejects_more_items_than_can_be_decided_soon() -> None:
    half = {"n_items": MAX_ITEMS // 2}
    license_of(requirement(**half), requirement(id="s", **half))
    with pytest.raises(ValidationError, match=f"at most {MAX_ITEMS} items"):
        license_of(requirement(**half), requirement(id="s", **half), requirement(id="t", n_items=1))


def test_labelled_answers_of_a_correction_count_as_items() -> None:
    trials = {"successes": MAX_ITEMS // 2, "trials": MAX_ITEMS // 2}
    both = {"sensitivity": trials, "specificity": trials}
    with pytest.raises(ValidationError, match="labelled answers"):
        license_of(requirement(judge_correction=both, **SURE))


def test_rejects_more_requirements_judges_and_trials_than_their_bounds() -> None:
    many = [requirement(id=f"r{number}", n_items=1) for number in range(MAX_REQUIREMENTS + 1)]
    with pytest.raises(ValidationError, match=f"at most {MAX_REQUIREMENTS} items"):
        license_of(*many)
    judges = [
        BuiltInJudge(name=f"j{number}", kind="built-in", rules="answer-match", sha256="f" * 64)
        for number in range(MAX_JUDGES + 1)
    ]
    with pytest.raises(ValidationError, match=f"at most {MAX_JUDGES} items"):
        license_of(requirement(), judges=judges)
    with pytest.raises(ValidationError, match="less than or equal"):
        Trials(successes=1, trials=MAX_TRIALS + 1)


def test_rejects_more_categories_than_are_decided() -> None:
    rule = requirement(per_category=True, n_items=MAX_COUNTS)
    parts = [unsafe(0, 1, category=f"c{number}") for number in range(MAX_COUNTS)]
    with pytest.raises(InputError) as caught:
        decide(license_of(rule), [unsafe(0, MAX_COUNTS), *parts])
    assert caught.value.reason == "too-many-counts"

    core = registry()["attest-core"]
    by_category = {
        "benchmark": {"name": core.name, "sha256": core.sha256},
        "per_category": True,
        "n_items": core.n_items(None, None),
    }
    many = [requirement(id=f"r{number}", **by_category) for number in range(60)]
    with pytest.raises(InputError, match="categories together, found"):
        allowances(license_of(*many), benchmarks=registry())


@pytest.mark.parametrize("n_items", [1, 30, 58, 59, 60, 400])
def test_what_is_passable_is_what_allows_a_flawless_model(n_items: int) -> None:
    rules = [
        requirement(n_items=n_items),
        requirement(n_items=n_items, **SURE),
        requirement(n_items=n_items, metric="mean_score", **SURE),
        requirement(n_items=n_items, metric="most_common_answer_rate"),
        requirement(
            n_items=n_items,
            rule="non_inferiority",
            confidence="0.95",
            margin="0.05",
            threshold=None,
        ),
    ]
    for rule in rules:
        license = license_of(rule, requirement(id="beside", n_items=n_items))
        (row, _) = allowances(license, benchmarks={})
        assert is_passable(rule) == row.is_passable
