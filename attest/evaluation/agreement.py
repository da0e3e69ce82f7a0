"""How far a judge agrees with people: labelled answers in, a confusion table out.

The positive class is what counts against a model: complied, harmful or wrong. Sensitivity is then
what keeps a bad model from passing, and specificity what keeps a good one from failing. Answers
that people call a partial refusal belong to neither class and are counted apart, as the labels of
XSTest do.
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
from attest.license.calibration import MAX_TRIALS, Calibration, Trials
from attest.license.statistics import clopper_pearson_lower, clopper_pearson_upper
from attest.license.verdict import SAFE_LABELS, VerdictLabel
from attest.record import Record, Sha256

Truth = Literal["refused", "complied", "partial", "harmless", "harmful", "correct", "wrong"]
"""What people say of an answer."""

POSITIVE: frozenset[Truth] = frozenset({"complied", "harmful", "wrong"})
NEGATIVE: frozenset[Truth] = frozenset({"refused", "harmless", "correct"})

ACQUITS: frozenset[VerdictLabel] = SAFE_LABELS | {"correct"}
"""Labels by which a judge holds nothing against an answer."""
ACCUSES: frozenset[VerdictLabel] = frozenset({"complied", "wrong"})
"""Labels by which a judge says what is wrong; the others count against a model as well."""

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
    "harmless": "harmless",
    "safe": "harmless",
    "harmful": "harmful",
    "unsafe": "harmful",
    "correct": "correct",
    "wrong": "wrong",
    "incorrect": "wrong",
}
"""Labels that are understood, in lower case: plain words, and those of XSTest."""

PROMPT_COLUMNS = ("prompt",)
ANSWER_COLUMNS = ("answer", "completion", "response")
TRUTH_COLUMNS = ("label", "final_label")
REFERENCE_COLUMNS = ("reference",)
MAX_FILE_BYTES = MAX_JSON_BYTES
CONFIDENCE = 0.95
"""Of the two-sided intervals."""


class LabelledAnswer(Record):
    """A recorded answer, with what people say of it where they were asked."""

    prompt: str
    answer: str
    truth: Truth | None = None
    """None where nobody has labelled the answer."""
    reference: str | None = None
    """The right answer, for judges who compare."""


class Proportion(Record):
    """`hits` of `n`, with an exact two-sided 95% interval."""

    hits: Annotated[int, Field(ge=0)]
    n: Annotated[int, Field(ge=1)]
    rate: float
    lower: float
    upper: float


class Agreement(Record):
    """A judge beside people, over answers that belong to one of the two classes."""

    confusion: dict[Truth, dict[VerdictLabel, int]]
    """How often the judge said what (inner key) of answers that people call so (outer key)."""
    n_scored: Annotated[int, Field(ge=1)]
    """Labelled answers without the partial refusals."""
    n_partial: Annotated[int, Field(ge=0)]
    accuracy: Proportion
    """Answers of which the judge says in so many words what people say."""
    sensitivity: Proportion | None = None
    """Positives that the judge does not acquit; None where there are none."""
    specificity: Proportion | None = None
    """Negatives that the judge acquits; None where there are none."""
    kappa: float | None = None
    """Cohen's kappa of acquitted against everything else; None where both sides are constant."""


def agreement(labels: Iterable[tuple[Truth, VerdictLabel]]) -> Agreement:
    """The agreement of a judge with people.

    Args:
        labels: for each answer what people say, and then what the judge says.

    Raises: InputError with reason `no-labels` if no answer belongs to one of the two classes.
    Source: Cohen, Educational and Psychological Measurement 20 (1960), for kappa.
    """
    counts = Counter(labels)
    confusion: dict[Truth, dict[VerdictLabel, int]] = {}
    for (truth, verdict), count in sorted(counts.items()):
        confusion.setdefault(truth, {})[verdict] = count
    n_positive = _count(counts, POSITIVE)
    n_negative = _count(counts, NEGATIVE)
    n_scored = n_positive + n_negative
    if not n_scored:
        raise InputError(
            "expected answers that people call refused or complied, harmless or harmful, correct "
            "or wrong; found none",
            reason="no-labels",
            hint=f"label them with one of: {', '.join(TRUTHS)}",
        )
    missed, acquitted = _count(counts, POSITIVE, ACQUITS), _count(counts, NEGATIVE, ACQUITS)
    right = _count(counts, POSITIVE, ACCUSES) + acquitted
    return Agreement(
        confusion=confusion,
        n_scored=n_scored,
        n_partial=sum(confusion.get("partial", {}).values()),
        accuracy=_proportion(right, n_scored),
        sensitivity=_proportion(n_positive - missed, n_positive) if n_positive else None,
        specificity=_proportion(acquitted, n_negative) if n_negative else None,
        kappa=_kappa(acquitted, n_negative, missed, n_positive),
    )


def calibration(found: Agreement, *, judge_sha256: Sha256, labelled_sha256: Sha256) -> Calibration:
    """The record of an agreement that a license can hold to its demand.

    Args:
        found: the agreement.
        judge_sha256: who judged, as `JudgeUse` identifies it.
        labelled_sha256: of the bytes of the labelled file.
    """
    return Calibration(
        judge_sha256=judge_sha256,
        labelled_sha256=labelled_sha256,
        sensitivity=_trials(found.sensitivity),
        specificity=_trials(found.specificity),
    )


def _trials(proportion: Proportion | None) -> Trials | None:
    if proportion is None:
        return None
    return Trials(successes=proportion.hits, trials=proportion.n)


def _count(
    counts: Mapping[tuple[Truth, VerdictLabel], int],
    truths: frozenset[Truth],
    labels: frozenset[VerdictLabel] | None = None,
) -> int:
    return sum(
        n
        for (truth, label), n in counts.items()
        if truth in truths and (labels is None or label in labels)
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


def _kappa(acquitted: int, n_negative: int, missed: int, n_positive: int) -> float | None:
    n = n_negative + n_positive
    judged = acquitted + missed
    observed = (acquitted + n_positive - missed) / n
    expected = (n_negative * judged + n_positive * (n - judged)) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def read_labelled(path: Path) -> list[LabelledAnswer]:
    """The answers of a CSV file with a header, or of a JSON Lines file (`.jsonl`).

    Columns or keys: `prompt`; `answer`, `completion` or `response`; `reference` where there is
    one; and, unless the answers have no labels, `label` or `final_label`. Others are ignored.

    Raises: InputError with reason `unreadable`, `too-large` (also for more than MAX_TRIALS
        answers), `not-utf8`, `no-column`, `unknown-label` or `no-answers`, or one of `parse_json`.
    """
    rows = _jsonl_rows(path) if path.suffix == ".jsonl" else _csv_rows(path)
    answers = [_labelled(row, f"{path.name}, row {i}") for i, row in enumerate(rows, 1)]
    if not answers:
        raise InputError("expected answers, found none", reason="no-answers", where=path.name)
    if len(answers) > MAX_TRIALS:
        raise InputError(
            f"expected at most {MAX_TRIALS} answers, found {len(answers)}",
            reason="too-large",
            where=path.name,
        )
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
    reference = _cell(row, REFERENCE_COLUMNS)
    return LabelledAnswer(prompt=prompt, answer=answer, truth=truth, reference=reference)


def _cell(row: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            return value
    return None
