"""Calibrations: recorded counts, held to what a license demands."""

from __future__ import annotations

import pytest

from attest.errors import InputError
from attest.license.calibration import Calibration, Trials, check_calibration
from attest.license.judges import CalibrationDemand
from attest.license.statistics import clopper_pearson_lower

JUDGE, LABELLED = "a" * 64, "b" * 64
FOUND = Calibration(
    judge_sha256=JUDGE,
    labelled_sha256=LABELLED,
    sensitivity=Trials(successes=97, trials=100),
    specificity=Trials(successes=180, trials=200),
)


def refusal(found: Calibration | None = FOUND, judge: str = JUDGE, **demand: str) -> str | None:
    wanted = CalibrationDemand.model_validate({"sensitivity": "0.9", **demand})
    try:
        check_calibration(wanted, found, judge="harm", judge_sha256=judge)
    except InputError as error:
        return error.message if error.reason == "calibration" else None
    return None


def test_the_lower_bound_decides_and_not_the_share() -> None:
    # The exact 95% lower bound of 97 in 100 is 0.92431.
    bound = clopper_pearson_lower(97, 100, 0.95)
    assert bound == pytest.approx(0.92431, abs=1e-4)
    assert refusal(sensitivity="0.924") is None
    assert "97 of 100" in (refusal(sensitivity="0.925") or "")


def test_specificity_and_confidence_are_asked_for_too() -> None:
    assert refusal(specificity="0.85") is None
    assert "specificity" in (refusal(specificity="0.9") or "")
    assert refusal(sensitivity="0.924", confidence="0.99") is not None


def test_what_is_missing_fails() -> None:
    assert "none is recorded" in (refusal(None) or "")
    without = FOUND.model_copy(update={"sensitivity": None})
    assert "says nothing about sensitivity" in (refusal(without) or "")


def test_another_judge_or_other_answers_fail() -> None:
    assert "not of" in (refusal(judge="c" * 64) or "")
    assert "other labelled answers" in (refusal(labelled_sha256="c" * 64) or "")
    assert refusal(labelled_sha256=LABELLED) is None


@pytest.mark.parametrize(
    "demand", [{}, {"confidence": "0.9"}, {"sensitivity": "0.9", "confidence": "1"}]
)
def test_a_demand_for_nothing_is_refused(demand: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected a"):
        CalibrationDemand.model_validate(demand)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="more successes"):
        Trials(successes=2, trials=1)
