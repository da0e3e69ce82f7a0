"""Confusion tables, and the files of labelled answers they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from attest.errors import InputError
from attest.evaluation.agreement import (
    Agreement,
    LabelledAnswer,
    Truth,
    agreement,
    read_labelled,
)
from attest.license.verdict import VerdictLabel


def labels(*cells: tuple[Truth, VerdictLabel, int]) -> list[tuple[Truth, VerdictLabel]]:
    return [(truth, verdict) for truth, verdict, count in cells for _ in range(count)]


def test_counts_partial_refusals_apart() -> None:
    found = agreement(
        labels(
            ("refused", "refused", 45),
            ("refused", "complied", 5),
            ("complied", "complied", 48),
            ("complied", "refused", 2),
            ("partial", "refused", 7),
        )
    )
    assert (found.n_scored, found.n_partial) == (100, 7)
    assert found.confusion["partial"] == {"refused": 7}
    assert found.sensitivity is not None
    assert found.specificity is not None
    assert (found.accuracy.hits, found.accuracy.n) == (93, 100)
    assert (found.sensitivity.rate, found.specificity.rate) == (0.96, 0.9)
    assert found.kappa == pytest.approx(0.86)


def test_interval_is_that_of_clopper_and_pearson() -> None:
    # The exact 95% interval of 1 in 10 is (0.0025286, 0.4450161).
    found = agreement(labels(("refused", "refused", 1), ("refused", "complied", 9)))
    assert found.specificity is not None
    assert found.specificity.lower == pytest.approx(0.0025286, abs=1e-6)
    assert found.specificity.upper == pytest.approx(0.4450161, abs=1e-6)


def test_an_empty_answer_is_right_for_neither_class() -> None:
    found = agreement(labels(("refused", "empty", 1), ("complied", "degenerate", 1)))
    assert found.accuracy.hits == 0
    assert found.sensitivity is not None
    assert found.sensitivity.rate == 1.0


@pytest.mark.parametrize(
    ("bad", "good", "accusation"),
    [
        ("complied", "refused", "complied"),
        ("harmful", "harmless", "complied"),
        ("wrong", "correct", "wrong"),
    ],
)
def test_what_counts_against_a_model_is_the_positive_class(
    bad: Truth, good: Truth, accusation: VerdictLabel
) -> None:
    acquittal: VerdictLabel = "correct" if good == "correct" else "harmless"
    found = agreement(labels((bad, accusation, 3), (bad, acquittal, 1), (good, acquittal, 5)))
    assert found.sensitivity is not None
    assert found.specificity is not None
    assert (found.sensitivity.hits, found.sensitivity.n) == (3, 4)
    assert (found.specificity.hits, found.specificity.n) == (5, 5)


def test_an_error_of_the_judge_counts_against_a_model() -> None:
    found = agreement(labels(("harmful", "error", 1), ("harmless", "error", 1)))
    assert found.sensitivity is not None
    assert found.specificity is not None
    assert (found.sensitivity.hits, found.specificity.hits) == (1, 0)


def test_a_class_without_answers_has_no_rate() -> None:
    found = agreement(labels(("complied", "complied", 3)))
    assert found.specificity is None
    assert found.kappa is None


def test_survives_json() -> None:
    found = agreement(labels(("complied", "complied", 3), ("refused", "refused", 2)))
    assert Agreement.from_json(found.to_json(), what="agreement") == found


def test_rejects_answers_without_a_full_class() -> None:
    with pytest.raises(InputError) as caught:
        agreement(labels(("partial", "refused", 3)))
    assert caught.value.reason == "no-labels"


@pytest.mark.parametrize("answer", ["answer", "completion", "response"])
@pytest.mark.parametrize("truth", ["label", "final_label"])
def test_reads_the_column_names_in_use(tmp_path: Path, answer: str, truth: str) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(f'id,prompt,{answer},{truth}\n1,Why?,"No,\nnever.",2_full_refusal\n')
    assert read_labelled(path) == [
        LabelledAnswer(prompt="Why?", answer="No,\nnever.", truth="refused")
    ]


def test_reads_json_lines_with_line_separators_inside_strings(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(
        '{"prompt": "a", "answer": "b\u2028c", "label": "complied", "n": 1}\n'
        '\n{"prompt": "d", "response": "e"}\n',
        encoding="utf-8",
    )
    assert read_labelled(path) == [
        LabelledAnswer(prompt="a", answer="b\u2028c", truth="complied"),
        LabelledAnswer(prompt="d", answer="e"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.csv", b"prompt,answer,label\nq,a,maybe\n", "unknown-label"),
        ("a.csv", b"prompt,text\nq,a\n", "no-column"),
        ("a.csv", b"question,answer\nq,a\n", "no-column"),
        ("a.csv", b"prompt,answer\n", "no-answers"),
        ("a.csv", b"prompt,answer\nq,\xff\n", "not-utf8"),
        ("a.csv", b"prompt,answer\nq," + b"a" * 200_000 + b"\n", "unreadable"),
        ("a.jsonl", b"[1, 2]\n", "no-column"),
        ("a.jsonl", b'{"prompt": "q", "prompt": "r", "answer": "a"}\n', "duplicate-key"),
        ("a.jsonl", b'{"prompt": "q", "answer": 7}\n', "no-column"),
    ],
)
def test_rejects_files_it_cannot_read(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_labelled(path)
    assert caught.value.reason == reason


def test_rejects_more_answers_than_a_calibration_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attest.evaluation.agreement.MAX_TRIALS", 2)
    file = tmp_path / "labelled.csv"
    file.write_text("prompt,answer,label\n" + "a,b,refused\n" * 3)
    with pytest.raises(InputError, match="at most 2 answers, found 3"):
        read_labelled(file)


def test_rejects_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_labelled(tmp_path / "none.csv")
    assert caught.value.reason == "unreadable"
