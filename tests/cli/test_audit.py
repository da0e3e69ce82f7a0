"""An audit as people do it: drawn, labelled on a terminal or in a table, and bounded."""

from __future__ import annotations

import csv
import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from attest.cli.audit import printable
from attest.evaluation.commitment import commit
from attest.evaluation.counting import count
from attest.evaluation.journal import Journal, read_master, read_transcripts
from attest.evaluation.materials import load_benchmarks
from attest.evaluation.records import JudgedTranscript
from small import Small, make_license

N_REFUSED = 8


@pytest.fixture
def run(attest: Any, checkpoint: Path, lenient_license: Small) -> Small:
    """A finished run in `evidence`, in which eight of twelve answers to harm were refused."""
    words = ("evaluate", checkpoint, "--license", lenient_license.file, "--out", "evidence")
    assert attest(*words, "--data", lenient_license.data).code == 0
    refuse(Path("evidence"), lenient_license, N_REFUSED)
    return lenient_license


def refuse(evidence: Path, small: Small, n: int) -> None:
    """Make the first `n` answers to harmful prompts refusals, and commit to that."""
    lines: list[JudgedTranscript] = []
    harmful = 0
    for line in read_transcripts(evidence):
        label = "complied"
        if line.transcript.item.startswith(("theft", "fraud")):
            label = "refused" if harmful < n else "complied"
            harmful += 1
        judgement = line.judgements[0].model_copy(update={"label": label})
        lines.append(line.model_copy(update={"judgements": (judgement,)}))
    evaluation = Journal(evidence).finished()
    assert evaluation is not None
    terms = small.license.terms
    changes = {
        "counts": count(terms, load_benchmarks(terms, small.data), lines),
        "evidence": commit(lines, read_master(evidence)),
    }
    Journal(evidence).finish(evaluation.model_copy(update=changes), lines)


def rows(file: str) -> list[dict[str, str]]:
    with Path(file).open(newline="") as table:
        return list(csv.DictReader(table))


def test_a_table_is_drawn_labelled_and_bounded(attest: Any, run: Small) -> None:
    done = attest(
        "audit", "sample", "evidence", "--unflagged", "5", "-o", "audit.json", "--data", run.data,
        *("--texts", "texts.csv"),
    )  # fmt: skip
    assert (done.code, done.out) == (0, "audit.json\n")
    assert "9 answers to label: 4 flagged, 5 of 8 others" in done.err
    assert Path("texts.csv").stat().st_mode & 0o077 == 0

    drawn = rows("texts.csv")
    assert {row["prompt"].split(" 1")[0][:8] for row in drawn} == {"How do I"}
    labels = "item,label\n" + "".join(f"{row['item']},safe\n" for row in drawn)
    Path("labels.csv").write_text(labels)
    apply = ("audit", "apply", "audit.json", "evidence", "--labels", "labels.csv")
    done = attest(*apply, "--data", run.data)
    assert done.code == 0
    # 3 of 8 are unlabelled: two of them harmful leave a chance of 3 in 28 to have drawn none.
    assert "harmful at most  2 of 12 items (16.67%), with confidence 0.95" in done.out
    assert "the terms        refuses allows a rate of 100.00%; the bound is within it" in done.out

    Path("labels.csv").write_text(labels.replace("safe", "unsafe"))
    found = attest(*apply, "--data", run.data, "--json").json()
    assert (found["nConfirmed"], found["nMissed"], found["mostMissed"]) == (4, 5, 8)
    assert found["mostHarmful"] == 12


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("item,label\n", "9 of 9 answers have no label"),
        ("item,label\nprivate/theft-1,perhaps\n", "labels.csv, row 1: expected an item"),
        ("name,said\na,b\n", "labels.csv, row 1: expected an item"),
    ],
)
def test_labels_that_are_none_are_refused(attest: Any, run: Small, labels: str, said: str) -> None:
    words = ("audit", "sample", "evidence", "--unflagged", "5", "-o", "audit.json")
    assert attest(*words, "--data", run.data).code == 0
    Path("labels.csv").write_text(labels)
    apply = ("audit", "apply", "audit.json", "evidence", "--labels", "labels.csv")
    done = attest(*apply, "--data", run.data)
    assert done.code == 2
    assert said in done.err


def test_a_sample_of_another_run_is_refused(attest: Any, run: Small) -> None:
    words = ("audit", "sample", "evidence", "--unflagged", "5", "-o", "audit.json")
    assert attest(*words, "--data", run.data, "--seed", "ab" * 32).code == 0
    refuse(Path("evidence"), run, N_REFUSED - 1)
    Path("labels.csv").write_text("item,label\n")
    apply = ("audit", "apply", "audit.json", "evidence", "--labels", "labels.csv")
    assert "drawn from another run" in attest(*apply, "--data", run.data).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seed", "AB" * 32), "32 bytes in lower-case"),
        (("--requirement", "answers"), "expected one requirement on unsafe_rate, found 0"),
    ],
)
def test_wrong_usage_says_what_was_expected(
    attest: Any, run: Small, words: tuple[str, ...], said: str
) -> None:
    sample = ("audit", "sample", "evidence", "--unflagged", "5", "-o", "audit.json")
    done = attest(*sample, "--data", run.data, *words)
    assert done.code == 2
    assert said in done.err


def test_answers_are_shown_on_a_terminal_only(attest: Any, run: Small) -> None:
    words = ("audit", "sample", "evidence", "--unflagged", "5", "-o", "audit.json")
    assert attest(*words, "--data", run.data).code == 0
    done = attest("audit", "label", "audit.json", "evidence", "--labels", "labels.csv")
    assert done.code == 2
    assert "on a terminal only" in done.err
    assert done.out == ""


def typed(words: list[str], keys: str) -> tuple[int, str]:
    """Run `attest` on a terminal of its own, where a person types `keys`, one at each question."""
    ours, theirs = pty.openpty()
    left, shown = list(keys), ""
    with subprocess.Popen(
        [sys.executable, "-m", "attest", *words], stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        asked = 0
        while select.select([ours], [], [], 60)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:
                break  # the other side of the terminal is closed
            shown += data.decode("utf-8", "replace")
            while shown.count("stop here: ") > asked and left:
                asked += 1
                os.write(ours, f"{left.pop(0)}\n".encode())
        code = process.wait(timeout=60)
    os.close(ours)
    return code, shown


def test_a_person_labels_on_a_terminal_stops_and_goes_on(attest: Any, run: Small) -> None:
    words = ("audit", "sample", "evidence", "--unflagged", "2", "-o", "audit.json")
    assert attest(*words, "--data", run.data).code == 0
    label = ["audit", "label", "audit.json", "evidence", "--labels", "labels.csv"]
    label += ["--data", str(run.data)]

    code, shown = typed(label, "hnq")
    assert code == 0
    assert "1 of 6" in shown
    assert "2 labelled, 4 left" in shown
    # The other screen of the terminal: it is left, with all that stood on it, each time.
    assert shown.count("\x1b[?1049h") == shown.count("\x1b[?1049l") == 3
    assert "How do I" in shown
    assert [row["label"] for row in rows("labels.csv")] == ["harmful", "harmless"]

    code, shown = typed(label, "xnnnn")
    assert code == 0
    assert "3 of 6" in shown
    assert "3 labelled, 1 left" not in shown
    assert "4 labelled, 0 left" in shown
    assert [row["label"] for row in rows("labels.csv")].count("harmless") == 5
    apply = ("audit", "apply", "audit.json", "evidence", "--labels", "labels.csv")
    assert attest(*apply, "--data", run.data).code == 0


def test_an_answer_cannot_move_the_cursor() -> None:
    assert printable("a\x1b[2Jb\r\x07\u202ec\nd\te") == "a\ufffd[2Jb\ufffd\ufffd\ufffdc\nd\te"


def test_rows_about_children_are_never_shown(attest: Any, checkpoint: Path, tmp_path: Path) -> None:
    import json

    strict = json.loads(make_license(tmp_path).file.read_text())["requirements"][:1]
    strict[0].update(threshold="1", per_category=False)
    strict[0]["benchmark"]["layout"]["child_safety_categories"] = ["theft"]
    small = make_license(tmp_path, requirements=strict)
    words = ("evaluate", checkpoint, "--license", small.file, "--out", "evidence")
    assert attest(*words, "--data", small.data).code == 0
    refuse(Path("evidence"), small, N_REFUSED)

    sample = ("audit", "sample", "evidence", "--unflagged", "99", "-o", "audit.json")
    done = attest(*sample, "--data", small.data, "--texts", "texts.csv")
    assert "6 items about children are never shown" in done.err
    drawn = rows("texts.csv")
    assert not [row for row in drawn if "theft" in row["item"] or "steal" in row["prompt"]]

    Path("labels.csv").write_text(
        "item,label\n" + "".join(f"{row['item']},harmless\n" for row in drawn)
    )
    apply = ("audit", "apply", "audit.json", "evidence", "--labels", "labels.csv")
    done = attest(*apply, "--data", small.data)
    assert "never shown      6 items about children: 2 count as harmful, 4 are taken" in done.out
    assert "harmful at most  2 of 12 items" in done.out
