"""Evidence is opened and checked as a person types it; no answer ever reaches the screen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from attest.attestation.keyfiles import write_key_pair
from attest.canonical import parse_json
from attest.evaluation.journal import TRANSCRIPTS, read_transcripts
from conftest import REPOSITORY
from release import Release, make_release


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("evidence"))


@pytest.fixture
def run(attest, measured: Release) -> Release:
    """A run in the current folder as `evidence`, its attestation and the publisher's key."""
    shutil.copytree(measured.evidence, "evidence")
    Path("bundle.json").write_bytes(measured.bundle())
    write_key_pair(measured.key, Path("pub.key"), passphrase=None)
    return measured


def fits(line: str | bytes, name: str) -> None:
    schema = json.loads((REPOSITORY / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(json.loads(line))


def verify(*words: str | Path) -> tuple[str | Path, ...]:
    return ("evidence", "verify", *words, "--bundle", "bundle.json", "--key", "pub.key.pub")


def test_a_licensor_is_given_items_and_checks_them(attest, run: Release) -> None:
    opened = attest(
        *("evidence", "open", "evidence", "--item", "private/theft-1"),
        *("--item", "private/cooking-6", "-o", "two.jsonl"),
    )
    assert (opened.code, opened.out) == (0, "two.jsonl\n"), opened.err
    assert "give it to the licensor only" in opened.err
    assert Path("two.jsonl").stat().st_mode & 0o777 == 0o600
    for line in Path("two.jsonl").read_bytes().splitlines():
        fits(line, "opening")

    seen = attest(*verify("two.jsonl", "--license", run.small.file))
    assert seen.code == 0, seen.err
    assert seen.out.splitlines() == [
        f"verified  private/{line.transcript.item}: {line.judgements[0].label}, text in the file"
        for line in (read_transcripts(run.evidence)[index] for index in (0, 17))
    ]
    assert f"signed with key {run.key.public_key.hint[:16]}" in seen.err
    for done in (opened, seen):
        for line in read_transcripts(run.evidence):
            assert line.transcript.text not in done.out + done.err


def test_a_verdict_alone_is_opened_without_its_text(attest, run: Release) -> None:
    words = ("evidence", "open", "evidence", "--item", "private/theft-1", "-o", "one.jsonl")
    opened = attest(*words, "--verdict-only")
    assert "verdicts, no text" in opened.err
    data = Path("one.jsonl").read_bytes()
    assert b"Tokens" not in data
    assert read_transcripts(run.evidence)[0].transcript.text.encode() not in data

    seen = attest(*verify("one.jsonl"))
    assert seen.code == 0
    assert seen.out.endswith(", text closed\n")


def test_anyone_recounts_the_published_verdicts(attest, run: Release) -> None:
    opened = attest("evidence", "verdicts", "evidence", "-o", "verdicts.json")
    assert (opened.code, opened.out) == (0, "verdicts.json\n")
    assert "18 verdicts opened; the file holds no text and may be published" in opened.err
    data = Path("verdicts.json").read_bytes()
    fits(data, "verdicts-opening")
    assert b"Tokens" not in data
    for line in read_transcripts(run.evidence):
        assert line.transcript.text.encode() not in data

    seen = attest(*verify("verdicts.json", "--license", run.small.file, "--data", run.small.data))
    assert seen.code == 0, seen.err
    lines = seen.out.splitlines()
    assert lines[0] == "verified  18 verdicts hash to the signed root"
    assert [line.split()[:2] for line in lines[1:]] == [
        ["recounted", "refuses:"],
        ["recounted", "refuses"],
        ["recounted", "refuses"],
        ["recounted", "answers:"],
        ["signed", "varies:"],
    ]
    assert "not recounted: equal answers are known from the texts alone" in lines[-1]


def test_what_was_not_recounted_is_said(attest, run: Release) -> None:
    attest("evidence", "verdicts", "evidence", "-o", "verdicts.json")

    bare = attest(*verify("verdicts.json"))
    assert bare.code == 0
    assert bare.out == "verified  18 verdicts hash to the signed root\n"
    assert "the signed counts were not recounted: give --license" in bare.err

    words = verify("verdicts.json", "--license", run.small.file)
    missing = attest(*words)
    assert missing.code == 2
    assert "private" in missing.err
    without = attest(*words, "--without-benchmarks")
    assert without.code == 0
    assert without.out.count("the benchmark file says which items these are") == 5


Change = Callable[[dict[str, Any]], object]


def forge(file: str, change: Change) -> None:
    value: Any = parse_json(Path(file).read_bytes())
    change(value)
    Path(file).write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda v: v["transcript"]["transcript"].update(text="I'm sorry, but I can't."),
            "private/theft-1: does not lead to the signed root",
        ),
        (lambda v: v["transcript"].update(salt="0" * 64), "does not lead to the signed root"),
        (lambda v: v.update(index=2), "the transcript shown is of private/theft-1, index 0"),
        (lambda v: v["proof"].pop(), "4 hashes do not lead from leaf 0 to the root of 18 leaves"),
        (lambda v: v["commitment"].update(nLeaves=17), "states 17 items, 18 were signed"),
        (lambda v: v["commitment"].update(root="0" * 64), "the signed root is"),
    ],
)
def test_a_forged_opening_is_not_verified(attest, run: Release, change: Change, words: str) -> None:
    attest("evidence", "open", "evidence", "--item", "private/theft-1", "-o", "one.jsonl")
    forge("one.jsonl", change)

    seen = attest(*verify("one.jsonl"))

    assert (seen.code, seen.out) == (3, "")
    assert words in seen.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v["verdicts"].pop(), "expected 18 verdicts, found 17"),
        (lambda v: v["verdicts"].append(v["verdicts"][0]), "of index 18, found 0"),
        (
            lambda v: v["verdicts"][0]["judgements"]["judgements"][0].update(label="refused"),
            "do not hash to the signed root",
        ),
    ],
)
def test_forged_verdicts_are_not_verified(attest, run: Release, change: Change, words: str) -> None:
    attest("evidence", "verdicts", "evidence", "-o", "verdicts.json")
    forge("verdicts.json", change)

    seen = attest(*verify("verdicts.json"))

    assert (seen.code, seen.out) == (3, "")
    assert words in seen.err


def test_the_signature_is_checked_before_the_opening(attest, run: Release) -> None:
    attest("keygen", "other.key")
    Path("one.jsonl").write_text("not an opening")

    seen = attest(
        *("evidence", "verify", "one.jsonl", "--bundle", "bundle.json"),
        *("--key", "other.key.pub"),
    )

    assert seen.code == 3
    assert "the signature does not verify" in seen.err


def test_what_is_signed_must_be_our_statement(attest, run: Release) -> None:
    attest("evidence", "verdicts", "evidence", "-o", "verdicts.json")
    Path("bundle.json").write_bytes(run.bundle(lambda statement: statement.update(passed=True)))

    seen = attest(*verify("verdicts.json"))

    assert seen.code == 3
    assert "passed" in seen.err


def test_signed_counts_that_the_verdicts_do_not_give_are_not_verified(attest, run: Release) -> None:
    counts = list(run.evaluation.counts)
    assert counts[3].requirement == "answers"
    assert counts[3].labels != {"complied": 6}
    counts[3] = counts[3].model_copy(update={"labels": {"complied": 6}, "failures": 0})
    liar = replace(run, evaluation=run.evaluation.model_copy(update={"counts": tuple(counts)}))
    attest("evidence", "verdicts", "evidence", "-o", "verdicts.json")
    Path("bundle.json").write_bytes(liar.bundle())

    for more in (("--data", run.small.data), ("--without-benchmarks",)):
        seen = attest(*verify("verdicts.json", "--license", run.small.file, *more))

        assert (seen.code, seen.out) == (3, "")
        assert "answers: signed as 6 complied, " in seen.err


def test_another_license_is_not_verified(attest, run: Release) -> None:
    attest("evidence", "verdicts", "evidence", "-o", "verdicts.json")
    shutil.copy(run.small.file, "license.yaml")
    with Path("license.yaml").open("a") as file:
        file.write("\n")

    seen = attest(*verify("verdicts.json", "--license", "license.yaml"))

    assert seen.code == 3
    assert "not under this license" in seen.err


def test_a_lost_or_damaged_folder_is_said_clearly(attest, run: Release) -> None:
    lost = attest("evidence", "verdicts", "nowhere", "-o", "verdicts.json")
    assert lost.code == 2
    assert "attest: nowhere: no evidence here" in lost.err
    assert "hint: if the folder is lost, evaluate the checkpoint again" in lost.err

    file = Path("evidence") / TRANSCRIPTS
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    damaged = attest("evidence", "verdicts", "evidence", "-o", "verdicts.json")
    assert damaged.code == 2
    assert "do not hash to the root" in damaged.err
    assert not Path("verdicts.json").exists()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("here.json", "found one that exists"),
        ("/dev/stdout", "found one that exists"),
        ("/dev/tty", "found one that exists"),
        ("no/such/folder.json", "cannot be written"),
    ],
)
def test_openings_go_to_new_files_only(attest, run: Release, output: str, said: str) -> None:
    Path("here.json").write_text("kept")

    done = attest("evidence", "open", "evidence", "--item", "private/theft-1", "-o", output)

    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert Path("here.json").read_text() == "kept"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open", "evidence", "--item", "theft-1", "-o", "x"), "expected BENCHMARK/ID"),
        (("open", "evidence", "--item", "private/9", "-o", "x"), "no answer private/9"),
        (("open", "evidence", "-o", "x"), "Missing option"),
        (("open", "evidence", "--item", "private/theft-1"), "Missing option"),
        (("verify", "bundle.json", "--bundle", "bundle.json", "--key", "pub.key.pub"), "openings"),
        (("verify", "none", "--bundle", "bundle.json", "--key", "pub.key.pub"), "cannot be read"),
        (("verify", "x", "--bundle", "pub.key.pub", "--key", "pub.key.pub"), "not JSON"),
    ],
)
def test_wrong_usage_says_what_was_expected(attest, run: Release, words, said: str) -> None:
    done = attest("evidence", *words)

    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
