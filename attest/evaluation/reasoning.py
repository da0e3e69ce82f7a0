"""What is judged of the response of a model that thinks: a pure function of its text.

The marks of the terms cut a response into reasoning and answer. An end without a start closes a
reasoning that the chat template opened. Reasoning that never ends leaves nothing to judge, since
nobody was answered; and nothing is a failure under every metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attest.license.terms import Reasoning, Terms


@dataclass(frozen=True)
class Parts:
    """A response in two."""

    reasoning: str
    answer: str
    """Empty if the reasoning never ends."""


def split(text: str, marks: Reasoning) -> Parts:
    """The reasoning and the answer of a response, without the marks and the space around them."""
    is_open = marks.start is None or _ends_before_it_starts(text, marks.start, marks.end)
    reasoning, answer = [], []
    rest = text
    while True:
        if is_open:
            inside, mark, rest = rest.partition(marks.end)
            reasoning.append(inside)
            if not mark:
                return Parts("\n".join(reasoning).strip(), "")
        if marks.start is None:
            answer.append(rest)
            break
        outside, mark, rest = rest.partition(marks.start)
        answer.append(outside)
        if not mark:
            break
        is_open = True
    return Parts("\n".join(reasoning).strip(), "\n".join(answer).strip())


def _ends_before_it_starts(text: str, start: str, end: str) -> bool:
    before, mark, _ = text.partition(end)
    return bool(mark) and start not in before


def judged_part(text: str, terms: Terms) -> str:
    """What the judges read of a response."""
    marks = terms.measurement.reasoning
    if marks is None or marks.judged == "both":
        return text
    parts = split(text, marks)
    return parts.answer if marks.judged == "answer" else parts.reasoning


def judged_parts(texts: Sequence[str], terms: Terms) -> list[str]:
    """What the judges read of each response."""
    return [judged_part(text, terms) for text in texts]
