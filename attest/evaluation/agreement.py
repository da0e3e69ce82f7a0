"""How far a judge agrees with people: labelled answers in, a confusion table out.

A refusal is the positive class. Answers that people call a partial refusal belong to neither
class and are counted apart, as the labels of XSTest do.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from attest.canonical import MAX_JSON_BYTES, parse_json
from attest.errors import InputError
from attest.license.statistics import clopper_pearson_lower, clopper_pearson_upper
from attest.license.verdict import VerdictLabel
from attest.record import Record

Truth = Literal["refused", "complied", "partial"]
"""What people say of an answer."""

TRUTHS: dict[str, Truth] = {
    "refused": "refused",
    "refusal": "refused",
    "2_full_refusal": "refused",
    "complied": "complied",
    "compliance": "complied",
    "1_full_compliance": "complied",
    "partial": "partial",
    "partial_refusal": "partial",
    "3_partial_refusal": "partial",
}
"""Labels that are understood, in lower case: plain words, and those of XSTest."""

PROMPT_COLUMNS = ("prompt",)
ANSWER_COLUMNS = ("answer", "completion", "response")
TRUTH_COLUMNS = ("label", "final_label")
MAX_FILE_BYTES = MAX_JSON_BYTES
CONFIDENCE = 0.95
"""Of the two-sided intervals."""


class LabelledAnswer(Record):
    """A recorded answer, with what people say of it where they were asked."""

    prompt: str
    answer: str
    truth: Truth | None = None
    """None where nobody has labelled the answer."""


class Proportion(Record):
    """`hits` of `n`, with an exact two-sided 95% interval."""

    hits: Annotated[int, Field(ge=0)]
    n: Annotated[int, Field(ge=1)]
    rate: float
    lower: float
    upper: float


class Agreement(Record):
    """A judge beside people, over answers that are fully refused or fully complied with."""

    confusion: dict[Truth, dict[VerdictLabel, int]]
    """How often the judge said what (inner key) of answers that people call so (outer key)."""
    n_scored: Annotated[int, Field(ge=1)]
    """Labelled answers without the partial refusals."""
    n_partial: Annotated[int, Field(ge=0)]
    accuracy: Proportion
    sensitivity: Proportion | None = None
    """Refusals that the judge calls refused; None where there are none."""
    specificity: Proportion | None = None
    """Compliances that the judge does not call refused; None where there are none."""
    kappa: float | None = None
    """Cohen's kappa of refused against everything else; None where both sides are constant."""


def agreement(labels: Iterable[tuple[Truth, VerdictLabel]]) -> Agreement:
    """The agreement of a judge with people.

    Args:
        labels: for each answer what people say, and then what the judge says.

    Raises: InputError with reason `no-labels` if no answer is fully refused or complied with.
    Source: Cohen, Educational and Psychological Measurement 20 (1960), for kappa.
    """
    counts = Counter(labels)
    confusion: dict[Truth, dict[VerdictLabel, int]] = {}
    for (truth, verdict), count in sorted(counts.items()):
        confusion.setdefault(truth, {})[verdict] = count
    refused = confusion.get("refused", {})
    complied = confusion.get("complied", {})
    n_refused, n_complied = sum(refused.values()), sum(complied.values())
    n_scored = n_refused + n_complied
    if not n_scored:
        raise InputError(
            "expected answers that people call refused or complied, found none",
            reason="no-labels",
            hint=f"label them with one of: {', '.join(TRUTHS)}",
        )
    false_refusals = complied.get("refused", 0)
    right = refused.get("refused", 0) + complied.get("complied", 0)
    return Agreement(
        confusion=confusion,
        n_scored=n_scored,
        n_partial=sum(confusion.get("partial", {}).values()),
        accuracy=_proportion(right, n_scored),
        sensitivity=_proportion(refused.get("refused", 0), n_refused) if n_refused else None,
        specificity=_proportion(n_complied - false_refusals, n_complied) if n_complied else None,
        kappa=_kappa(refused.get("refused", 0), n_refused, false_refusals, n_complied),
    )


def _proportion(hits: int, n: int) -> Proportion:
    # A two-sided interval leaves half of the error on each side.
    one_sided = (1 + CONFIDENCE) / 2
    return Proportion(
        hits=hits,
        n=n,
        rate=hits / n,
        lower=clopper_pearson_lower(hits, n, one_sided),
        upper=clopper_pearson_upper(hits, n, one_sided),
    )


def _kappa(
    true_refusals: int, n_refused: int, false_refusals: int, n_complied: int
) -> float | None:
    n = n_refused + n_complied
    judged = true_refusals + false_refusals
    observed = (true_refusals + n_complied - false_refusals) / n
    expected = (n_refused * judged + n_complied * (n - judged)) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def read_labelled(path: Path) -> list[LabelledAnswer]:
    """The answers of a CSV file with a header, or of a JSON Lines file (`.jsonl`).

    Columns or keys: `prompt`; `answer`, `completion` or `response`; and, unless the answers have
    no labels, `label` or `final_label`. Others are ignored.

    Raises: InputError with reason `unreadable`, `too-large`, `not-utf8`, `no-column`,
        `unknown-label` or `no-answers`, or one of `parse_json`.
    """
    rows = _jsonl_rows(path) if path.suffix == ".jsonl" else _csv_rows(path)
    answers = [_labelled(row, f"{path.name}, row {i}") for i, row in enumerate(rows, 1)]
    if not answers:
        raise InputError("expected answers, found none", reason="no-answers", where=path.name)
    return answers


def _text(path: Path) -> str:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise InputError(
                f"expected at most {MAX_FILE_BYTES} bytes, found {size_bytes}",
                reason="too-large",
                where=path.name,
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", reason="unreadable", where=str(path)
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", reason="not-utf8", where=path.name
        ) from error


def _csv_rows(path: Path) -> list[Mapping[str, object]]:
    try:
        return list(csv.DictReader(io.StringIO(_text(path), newline="")))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", reason="unreadable", where=path.name) from error


def _jsonl_rows(path: Path) -> list[Mapping[str, object]]:
    rows: list[Mapping[str, object]] = []
    # Not splitlines(): JSON strings may hold U+2028, which ends no line of a JSON Lines file.
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        row = parse_json(line.encode(), what=f"{path.name}, line {number}")
        if not isinstance(row, dict):
            raise InputError(
                f"expected an object, found {json.dumps(row)[:40]}",
                reason="no-column",
                where=f"{path.name}, line {number}",
            )
        rows.append(row)
    return rows


def _labelled(row: Mapping[str, object], where: str) -> LabelledAnswer:
    label = _cell(row, TRUTH_COLUMNS)
    truth = None if label is None else TRUTHS.get(label.strip().lower())
    if label is not None and truth is None:
        raise InputError(
            f"{label[:40]!r} is no label",
            reason="unknown-label",
            where=where,
            hint=f"use one of: {', '.join(TRUTHS)}",
        )
    prompt, answer = _cell(row, PROMPT_COLUMNS), _cell(row, ANSWER_COLUMNS)
    if prompt is None or answer is None:
        wanted = PROMPT_COLUMNS if prompt is None else ANSWER_COLUMNS
        raise InputError(
            f"expected a text called {' or '.join(wanted)}",
            reason="no-column",
            where=where,
            hint="give the file a column for the prompt and one for the answer",
        )
    return LabelledAnswer(prompt=prompt, answer=answer, truth=truth)


def _cell(row: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            return value
    return None
