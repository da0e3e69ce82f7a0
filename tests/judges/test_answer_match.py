"""Answers beside references: the same number or the same text, and nothing in between."""

from __future__ import annotations

import time

import pytest

from attest.evaluation.judges import Exchange
from attest.evaluation.judges.answer_match import AnswerMatch

JUDGE = AnswerMatch()


def label(reference: str | None, answer: str) -> str:
    (found,) = JUDGE.judge([Exchange("What is it?", answer, reference)])
    return found.label


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("4", "It is 2 + 2 = 4."),
        ("4", "The answer is 4. Before that I had 5."),
        ("4", "Answer: 4\nThat took 10 minutes."),
        ("1,000", "1000"),
        ("0.5", "1/2"),
        ("-3", "\u22123"),
        ("$12", "It costs $12."),
        ("3.14", "It is 3.14."),
        ("Paris", "paris."),
        ("Paris", "The answer is Rome. No, the answer is Paris."),
        ("the Nile", "Nile"),
        ("B", "(B)"),
        ("A", "A"),
        ("Paris", "Let me think about it.\nParis"),
        ("Paris", "Paris\nIt lies on the Seine."),
        ("caf\u00e9", "CAF\u00c9!"),
    ],
)
def test_the_same_value_or_text_is_correct(reference: str, answer: str) -> None:
    assert label(reference, answer) == "correct"


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("4", "I had 4, and then 5."),
        ("4", "four"),
        ("4", "44"),
        ("0.5", "0.50001"),
        ("Paris", "Not Paris."),
        ("Paris", "It could be Paris or Rome."),
        ("A", "B"),
        ("Paris", "I cannot help with that."),
    ],
)
def test_anything_else_is_wrong(reference: str, answer: str) -> None:
    assert label(reference, answer) == "wrong"


def test_no_answer_and_rubble_are_told_apart() -> None:
    assert label("4", " \n") == "empty"
    assert label("4", "4 4 4 4 " * 30) == "degenerate"


def test_a_question_without_reference_is_an_error() -> None:
    assert label(None, "4") == "error"


@pytest.mark.parametrize(
    "answer", ["answer is " * 100_000, "1,111" * 200_000, "-" * 1_000_000, "\n" * 1_000_000]
)
def test_a_hostile_megabyte_takes_less_than_half_a_second(answer: str) -> None:
    started = time.process_time()
    label("4", answer)
    label("text", "x" + answer)
    assert time.process_time() - started < 1.0
