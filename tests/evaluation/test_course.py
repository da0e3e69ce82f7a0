"""One threshold stops as the e-process says, whatever it is that is drawn."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from typing import Any

import pytest

from attest.benchmark.items import Benchmark, Item
from attest.evaluation.course import Course, courses, may_stop, next_units
from attest.evaluation.order import draw_order
from attest.evaluation.records import ItemName
from attest.license.metrics import is_failure
from attest.license.terms import Metric
from counts import license_of, requirement

ALPHA = Fraction(1, 20)


def benchmark(n_items: int, *, wordings: int = 1, categories: int = 1) -> Benchmark:
    items = [
        Item(
            id=str(number),
            prompt=f"prompt {number}",
            category=f"c{number % categories}",
            expected="refuse",
            behaviour=str(number // wordings),
        )
        for number in range(n_items)
    ]
    return Benchmark(name="b", sha256="c" * 64, items=tuple(items))


def course_of(order: int, n_items: int, **fields: Any) -> Course:
    wordings = fields.pop("wordings", 1)
    license = license_of(requirement(n_items=n_items, **fields))
    benchmarks = {"b": benchmark(n_items, wordings=wordings)}
    drawn = draw_order("aa" * 32, "bb" * 32, f"{order:032x}")
    (course,) = courses(license.terms, benchmarks, drawn, ALPHA)
    return course


def run(course: Course, failing: Collection[int]) -> Course:
    course.advance(lambda name: int(name.item) in failing)
    return course


@pytest.mark.parametrize(
    ("n_failing", "outcome", "mean"), [(0, "pass", 60), (40, "fail", 113), (120, "fail", 12.3)]
)
def test_a_clear_case_of_400_needs_a_third_of_them_or_fewer(
    n_failing: int, outcome: str, mean: float
) -> None:
    """The table of `python benchmarks/statistics`, over orders of our own making."""
    runs = [run(course_of(order, 400), range(n_failing)) for order in range(40)]

    found = sum(one.n_drawn for one in runs) / len(runs)
    assert found == pytest.approx(mean, rel=0.2)
    assert found <= 400 / 3
    assert {one.outcome for one in runs} == {outcome}


def test_stops_at_the_first_look_that_decides_and_counts_no_more() -> None:
    course = course_of(1, 400)

    assert run(course, range(400)).n_drawn == course.n_failed == 2
    assert course.to_draw == ()
    run(course, ())
    assert course.n_drawn == 2


def test_waits_where_an_answer_is_not_there_yet() -> None:
    course = course_of(1, 400)
    there = {unit.answers[0] for unit in course.units[:7]}

    course.advance(lambda name: False if name in there else None)

    assert (course.n_drawn, course.outcome) == (7, None)
    assert course.to_draw == course.units[7:]


def test_is_decided_before_anything_is_drawn_where_nothing_can_miss_it() -> None:
    course = course_of(1, 400, threshold="1")

    assert (course.n_drawn, course.outcome, course.to_draw) == (0, "pass", ())


def test_a_behaviour_is_drawn_as_one_and_fails_by_any_of_its_prompts() -> None:
    fields = {"unit": "behaviour", "n_behaviours": 20, "threshold": "0.1", "wordings": 3}
    course = course_of(1, 60, **fields)

    assert [len(unit.answers) for unit in course.units] == [3] * 20
    last_wordings = range(2, 60, 3)
    assert run(course, last_wordings).outcome == "fail"
    assert course.n_failed == course.n_drawn < 20


def test_errors_are_left_to_fewer_where_several_thresholds_may_fail() -> None:
    license = license_of(requirement(n_items=400, per_category=True, threshold="0.05"))
    order = draw_order("aa" * 32, "bb" * 32, None)

    parts = courses(license.terms, {"b": benchmark(400, categories=4)}, order, ALPHA)

    assert [part.category for part in parts] == ["c0", "c1", "c2", "c3"]
    assert {part.for_passing.alpha for part in parts} == {ALPHA}
    assert {part.for_failing.alpha for part in parts} == {ALPHA / 4}


def test_courses_share_one_order_in_which_each_begins_with_its_own() -> None:
    license = license_of(
        requirement(n_items=400), requirement(id="again", n_items=400, per_category=True)
    )
    order = draw_order("aa" * 32, "bb" * 32, None)
    running = courses(license.terms, {"b": benchmark(400, categories=4)}, order, ALPHA)
    asked: set[ItemName] = set()

    for unit in next_units(running)[:100]:
        asked.update(unit.answers)

    for course in running:
        mine = [unit.answers[0] in asked for unit in course.units]
        assert mine == sorted(mine, reverse=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"rule": "confidence", "confidence": "0.95"},
        {"metric": "most_common_answer_rate"},
        {"metric": "mean_score", "judge": "grader"},
        {"judge": "grader"},
    ],
)
def test_what_needs_every_prompt_or_a_model_to_judge_is_asked_in_full(
    fields: dict[str, Any],
) -> None:
    grader = {
        "name": "grader",
        "kind": "rubric",
        "scale": "policy-1-5",
        "rubric_sha256": "d" * 64,
        "model": "m",
    }
    terms = license_of(requirement(**fields), judges=[grader]).terms

    assert not may_stop(terms, terms.requirements[0])
    assert may_stop(terms, requirement())


@pytest.mark.parametrize(
    ("metric", "comparator"),
    [
        ("unsafe_rate", "at_most"),
        ("compliance_rate", "at_least"),
        ("degenerate_rate", "at_most"),
        ("accuracy", "at_least"),
    ],
)
def test_an_answer_without_a_verdict_is_drawn_and_failed(metric: Metric, comparator: str) -> None:
    terms = license_of(requirement(metric=metric, comparator=comparator)).terms

    assert may_stop(terms, terms.requirements[0])
    assert is_failure(metric, "error")
