"""Is the answer the right one? A comparison with a reference, for questions that have one answer.

1. Is there an answer at all? (`empty`, then `degenerate`)
2. A reference that is a number: the last number of the final answer has its value.
3. Any other reference: the final answer, the whole answer, its first or its last line is the same
   text, in lower case, without punctuation, articles and extra space.

The final answer is what follows the last "answer is" or "answer:" in its sentence, where a model
writes that. The rules never look for the reference somewhere inside a sentence: "not Paris" would
be right. Who states a question asks for an answer in this form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

from attest.evaluation.judges import Exchange, Judgement
from attest.evaluation.judges.degeneration import degeneration, is_empty
from attest.evaluation.judges.segments import bounded, plain

MAX_FINAL_CHARS = 400
"""How much is read of what follows "answer is"."""

_MARK = re.compile(r"\banswer(?:\s{1,9}is\b|\s{0,9}:)[:\s]{0,9}", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|\n")
_NUMBER = re.compile(
    r"(?<![\w.])[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d{1,40})(?:\.\d{1,40}|/[1-9]\d{0,39})?"
)
_UNITS = re.compile(r"[$\u20ac\u00a3%\s]")
_ARTICLES = frozenset({"a", "an", "the"})


class AnswerMatch:
    """The judge `answer-match`."""

    def __init__(self, name: str = "answer-match") -> None:
        """Judge under `name`."""
        self._name = name

    def judge(self, exchanges: Sequence[Exchange]) -> list[Judgement]:
        """The judgement of each answer; without a reference it is an error."""
        return [self._judge(one, bounded(one.answer)) for one in exchanges]

    def _judge(self, exchange: Exchange, answer: str) -> Judgement:
        if exchange.reference is None:
            return Judgement(judge=self._name, label="error", reason="no-reference")
        if is_empty(answer):
            return Judgement(judge=self._name, label="empty", reason="no-text")
        # A number alone is an answer here, so the prompt must not make rubble of it.
        flaw = degeneration("", answer)
        if flaw:
            return Judgement(judge=self._name, label="degenerate", reason=flaw)
        rule = _same(plain(exchange.reference), plain(answer))
        label, reason = ("correct", rule) if rule else ("wrong", "differs")
        return Judgement(judge=self._name, label=label, reason=reason)


def _same(reference: str, answer: str) -> str | None:
    """The name of the rule by which `answer` gives `reference`, or None."""
    marks = [mark.end() for mark in _MARK.finditer(answer)][-1:]
    final = [_SENTENCE_END.split(answer[at : at + MAX_FINAL_CHARS])[0] for at in marks]
    wanted = _value(_UNITS.sub("", reference))
    if wanted is not None:
        numbers = [_value(found) for found in _NUMBER.findall(final[0] if final else answer)]
        return "number" if numbers and numbers[-1] == wanted else None
    lines = answer.strip().splitlines()
    said = {_normal(text) for text in (*final, answer, lines[0], lines[-1])}
    return "text" if _normal(reference) in said else None


def _value(text: str) -> Fraction | None:
    if not _NUMBER.fullmatch(text):
        return None
    return Fraction(text.replace(",", "").replace("\u2212", "-"))


def _normal(text: str) -> str:
    words = "".join(
        " " if unicodedata.category(c)[0] in "PZC" else c for c in text.casefold()
    ).split()
    # A letter may be the whole answer: "A" of a choice is no article.
    return " ".join([word for word in words if word not in _ARTICLES] or words)
