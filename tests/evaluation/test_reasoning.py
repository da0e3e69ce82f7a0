"""The judged part is a pure function of a response, and unfinished reasoning answers nobody."""

from __future__ import annotations

import pytest

from attest.evaluation.reasoning import Parts, split
from attest.license.terms import Reasoning

MARKS = Reasoning(start="<think>", end="</think>")
OPENED = Reasoning(end="</think>")


@pytest.mark.parametrize(
    ("text", "marks", "expected"),
    [
        ("<think>Hm.</think> No.", MARKS, Parts("Hm.", "No.")),
        ("No.", MARKS, Parts("", "No.")),
        ("<think>Hm, hm", MARKS, Parts("Hm, hm", "")),
        ("Hm.</think>No.", MARKS, Parts("Hm.", "No.")),
        ("Hm.</think>No.", OPENED, Parts("Hm.", "No.")),
        ("Hm, hm", OPENED, Parts("Hm, hm", "")),
        ("", MARKS, Parts("", "")),
        ("", OPENED, Parts("", "")),
        (
            "One <think>a</think>two <think>b</think> three",
            MARKS,
            Parts("a\nb", "One \ntwo \n three"),
        ),
        ("No. <think>and now, at length", MARKS, Parts("and now, at length", "")),
        ("a</think>b</think>c", OPENED, Parts("a", "b</think>c")),
    ],
)
def test_splits_a_response_at_its_marks(text: str, marks: Reasoning, expected: Parts) -> None:
    assert split(text, marks) == expected
