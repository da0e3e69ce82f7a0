"""Openings verify against the signed root, hide what they do not show, and cannot be forged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attest.benchmark.items import Benchmark
from attest.errors import InputError, VerificationError
from attest.evaluation.commitment import commit, new_master, salt
from attest.evaluation.counting import count
from attest.evaluation.journal import (
    EVALUATION,
    SALT,
    TRANSCRIPTS,
    Journal,
    read_master,
    read_transcripts,
)
from attest.evaluation.judges import Judgement
from attest.evaluation.materials import load_benchmarks
from attest.evaluation.opening import (
    EVIDENCE_STEP,
    Opening,
    VerdictsOpening,
    check_opening,
    open_items,
    open_verdicts,
    read_opened,
)
from attest.evaluation.records import Commitment, Evaluation, ItemName, JudgedTranscript
from attest.evaluation.recount import CheckedCount, check_all_verdicts, check_verdicts
from attest.verification.records import STEPS
from release import Release, make_release

LABELS = ("refused", "complied", "degenerate")
THEFT, COOKING = ItemName("private", "theft-1"), ItemName("private", "cooking-6")

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A real run whose answers were replaced by distinct ones of every label."""
    release = make_release(tmp_path_factory.mktemp("opening"))
    judged = [
        JudgedTranscript(
            transcript=line.transcript.model_copy(
                update={"text": f"Answer {index} in so many words."}
            ),
            judgements=(
                Judgement(
                    judge="refusal-rules",
                    label=LABELS[index * index % 3],  # type: ignore[arg-type]
                    reason="a-rule",
                ),
            ),
        )
        for index, line in enumerate(read_transcripts(release.evidence))
    ]
    counts = count(release.license.terms, benchmarks_of(release), judged)
    return recommit(release, judged, counts=counts)


def recommit(release: Release, judged: list[JudgedTranscript], **signed: Any) -> Release:
    """The release of a publisher who committed to `judged` and states what he likes."""
    evidence = commit(judged, read_master(release.evidence))
    evaluation = release.evaluation.model_copy(update={"evidence": evidence} | signed)
    Journal(release.evidence).finish(evaluation, judged)
    return replace(release, evaluation=evaluation)


@pytest.fixture
def release(measured: Release, tmp_path: Path) -> Release:
    evidence = Path(shutil.copytree(measured.evidence, tmp_path / "evidence"))
    return replace(measured, evidence=evidence)


def benchmarks_of(release: Release) -> dict[str, Benchmark]:
    return load_benchmarks(release.license.terms, release.small.data)


def changed(opening: Opening, change: Change) -> Opening:
    value = json.loads(opening.to_json())
    change(value)
    return Opening.from_json(json.dumps(value).encode(), what="opening")


def verdicts_changed(opening: VerdictsOpening, change: Change) -> VerdictsOpening:
    value = json.loads(opening.to_json())
    change(value)
    return VerdictsOpening.from_json(json.dumps(value).encode(), what="verdicts")


def check(release: Release, opening: VerdictsOpening, **signed: Any) -> tuple[CheckedCount, ...]:
    evaluation = release.evaluation.model_copy(update=signed)
    return check_verdicts(opening, evaluation, release.license, benchmarks_of(release))


def refuses(words: str) -> Any:
    return pytest.raises(VerificationError, match=words)


# Single items


def test_every_item_can_be_opened_and_verifies(release: Release) -> None:
    names = [
        ItemName(line.transcript.benchmark, line.transcript.item)
        for line in read_transcripts(release.evidence)
    ]
    for with_text in (True, False):
        openings = open_items(release.evidence, names, with_text=with_text)

        assert [opening.index for opening in openings] == list(range(18))
        for opening in openings:
            check_opening(opening, release.evaluation.evidence)


def test_openings_are_read_back_as_they_were_written(release: Release) -> None:
    openings = open_items(release.evidence, [COOKING, THEFT])
    lines = b"".join(opening.to_json() + b"\n" for opening in openings)
    opening = open_verdicts(release.evidence)

    assert read_opened(lines, what="file") == openings
    assert read_opened(opening.to_json() + b"\n", what="file") == opening


def test_a_full_opening_holds_the_whole_line_of_the_evidence(release: Release) -> None:
    (opening,) = open_items(release.evidence, [COOKING])
    line = read_transcripts(release.evidence)[opening.index]

    value = opening.to_dict()
    assert value["transcript"]["transcript"] == line.transcript.to_dict()
    assert value["judgements"]["judgements"] == [one.to_dict() for one in line.judgements]


def test_the_transcript_alone_can_be_open(release: Release) -> None:
    (full,) = open_items(release.evidence, [THEFT])
    (verdict,) = open_items(release.evidence, [THEFT], with_text=False)
    assert verdict.transcript != full.transcript
    master = read_master(release.evidence)
    line = read_transcripts(release.evidence)[full.index]
    from attest.evaluation.commitment import part_digest

    digest = part_digest(line.judgements, salt(master, "judgements", full.index))
    text_only = changed(full, lambda value: value.update(judgements={"digest": digest}))

    check_opening(text_only, release.evaluation.evidence)


def test_an_opening_of_nothing_is_no_opening(release: Release) -> None:
    (opening,) = open_items(release.evidence, [THEFT], with_text=False)

    with pytest.raises(InputError, match="an open transcript or open judgements"):
        changed(opening, lambda value: value.update(judgements={"digest": "0" * 64}))


def test_an_opening_shows_no_salt_but_its_own(release: Release) -> None:
    master = read_master(release.evidence)
    full, verdict = (
        open_items(release.evidence, [THEFT], with_text=with_text)[0].to_json()
        for with_text in (True, False)
    )
    everything = open_verdicts(release.evidence).to_json()

    def shows(data: bytes, secret: bytes) -> bool:
        return secret.hex().encode() in data

    for data in (full, verdict, everything):
        assert not shows(data, master)
    assert shows(full, salt(master, "transcript", 0))
    assert shows(full, salt(master, "judgements", 0))
    assert shows(verdict, salt(master, "judgements", 0))
    for index in range(18):
        assert not shows(verdict, salt(master, "transcript", index))
        assert not shows(everything, salt(master, "transcript", index))
        assert shows(everything, salt(master, "judgements", index))
        if index:
            assert not shows(full, salt(master, "transcript", index))
            assert not shows(full, salt(master, "judgements", index))


def flip(text: str) -> str:
    return ("1" if text[0] == "0" else "0") + text[1:]


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["transcript"].update(salt=flip(v["transcript"]["salt"])),
        lambda v: v["judgements"].update(salt=flip(v["judgements"]["salt"])),
        lambda v: v["transcript"].update(salt=v["judgements"]["salt"]),
        lambda v: v["transcript"]["transcript"].update(text="I'm sorry, but I can't."),
        lambda v: v["transcript"]["transcript"].update(responseTokens=[1]),
        lambda v: v["transcript"]["transcript"].update(promptTokens=[1]),
        lambda v: v["transcript"]["transcript"].update(stop="eos"),
        lambda v: v["judgements"]["judgements"][0].update(label="complied"),
        lambda v: v["judgements"]["judgements"][0].update(reason="another-rule"),
        lambda v: v.update(judgements={"digest": "0" * 64}),
        lambda v: v["proof"].reverse(),
        lambda v: v["proof"].__setitem__(0, flip(v["proof"][0])),
    ],
)
def test_an_altered_opening_does_not_lead_to_the_root(release: Release, change: Change) -> None:
    (opening,) = open_items(release.evidence, [THEFT])
    forged = changed(opening, change)
    assert forged != opening

    with refuses("private/theft-1: does not lead to the signed root") as caught:
        check_opening(forged, release.evaluation.evidence)
    assert caught.value.step == EVIDENCE_STEP
    assert STEPS[EVIDENCE_STEP] == "evidence"


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(index=1),
        lambda v: v.update(item="theft-2"),
        lambda v: v.update(benchmark="other"),
        lambda v: v["transcript"]["transcript"].update(item="theft-2"),
    ],
)
def test_a_transcript_of_another_item_is_refused(release: Release, change: Change) -> None:
    (opening,) = open_items(release.evidence, [THEFT])

    with refuses("the transcript shown is of private/theft-"):
        check_opening(changed(opening, change), release.evaluation.evidence)


@pytest.mark.parametrize(
    ("index", "words"),
    [(1, "does not lead"), (17, "5 hashes do not lead from leaf 17"), (18, "index below 18")],
)
def test_a_wrong_index_is_refused_where_the_text_is_closed(
    release: Release, index: int, words: str
) -> None:
    (opening,) = open_items(release.evidence, [THEFT], with_text=False)

    with refuses(words):
        check_opening(
            changed(opening, lambda value: value.update(index=index)), release.evaluation.evidence
        )


def test_the_proof_of_another_leaf_is_refused(release: Release) -> None:
    one, two, last = open_items(release.evidence, [THEFT, ItemName("private", "theft-2"), COOKING])

    with refuses("does not lead to the signed root"):
        check_opening(one.model_copy(update={"proof": two.proof}), release.evaluation.evidence)
    assert len(last.proof) != len(one.proof)
    with refuses("2 hashes do not lead from leaf 0"):
        check_opening(one.model_copy(update={"proof": last.proof}), release.evaluation.evidence)


@pytest.mark.parametrize("n_leaves", [17, 19, 32])
def test_a_tree_of_another_size_with_the_same_path_is_refused(
    release: Release, n_leaves: int
) -> None:
    (opening,) = open_items(release.evidence, [THEFT])
    forged = changed(opening, lambda value: value["commitment"].update(nLeaves=n_leaves))

    with refuses(f"states {n_leaves} items, 18 were signed"):
        check_opening(forged, release.evaluation.evidence)


def test_an_opening_of_another_run_is_refused(release: Release) -> None:
    openings = open_items(release.evidence, [THEFT])
    verdicts = open_verdicts(release.evidence)
    judged = read_transcripts(release.evidence)
    another = commit(judged, new_master())

    with refuses("opened from a run with root"):
        check_opening(openings[0], another)
    with refuses("opened from a run with root"):
        check(release, verdicts, evidence=another)


def test_an_opening_that_only_states_the_signed_root_is_refused(release: Release) -> None:
    (opening,) = open_items(release.evidence, [THEFT])
    another = Commitment(root="0" * 64, n_leaves=18)

    with refuses("does not lead to the signed root"):
        check_opening(opening.model_copy(update={"commitment": another}), another)


# All verdicts


def test_all_verdicts_verify_and_give_the_signed_counts(release: Release) -> None:
    opening = open_verdicts(release.evidence)

    checked = check(release, opening)

    assert tuple(one.count for one in checked) == release.evaluation.counts
    assert {(one.count.requirement, one.recount) for one in checked} == {
        ("refuses", "recounted"),
        ("answers", "recounted"),
        ("varies", "needs-texts"),
    }
    assert len({label for one in checked for label in one.count.labels}) > 1


def test_without_the_benchmark_only_whole_counts_are_made_again(release: Release) -> None:
    checked = check_verdicts(
        open_verdicts(release.evidence), release.evaluation, release.license, None
    )

    assert tuple(one.count for one in checked) == release.evaluation.counts
    assert {one.recount for one in checked} == {"needs-benchmark"}


def test_without_the_benchmark_counts_over_all_items_are_made_again(release: Release) -> None:
    terms = release.license.terms
    whole = terms.requirements[0].model_copy(
        update={"expected": None, "n_items": 18, "per_category": False}
    )
    terms = terms.model_copy(update={"requirements": (whole,)})
    counts = count(terms, benchmarks_of(release), read_transcripts(release.evidence))
    evaluation = release.evaluation.model_copy(update={"counts": counts})

    (checked,) = check_verdicts(
        open_verdicts(release.evidence), evaluation, replace(release.license, terms=terms), None
    )

    assert checked == CheckedCount(counts[0], "recounted")


def test_published_verdicts_hold_no_text_and_no_tokens(release: Release) -> None:
    data = open_verdicts(release.evidence).to_json()

    assert b"Tokens" not in data
    assert b'"text"' not in data
    assert b'"stop"' not in data
    for line in read_transcripts(release.evidence):
        transcript = line.transcript
        assert transcript.text.encode() not in data
        for tokens in (transcript.prompt_tokens, transcript.response_tokens):
            assert len(tokens) > 1
            assert json.dumps(tokens, separators=(",", ":")).strip("[]").encode() not in data
    for benchmark in benchmarks_of(release).values():
        assert not [item for item in benchmark.items if item.prompt.encode() in data]


def swap(verdicts: list[Any]) -> None:
    verdicts[0], verdicts[1] = verdicts[1], verdicts[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v["verdicts"].pop(), "expected 18 verdicts, found 17"),
        (lambda v: v["verdicts"].pop(3), "expected the verdict of index 3, found 4"),
        (lambda v: v["verdicts"].insert(3, v["verdicts"][3]), "of index 4, found 3"),
        (lambda v: v["verdicts"].append(v["verdicts"][-1]), "of index 18, found 17"),
        (
            lambda v: v["verdicts"].append(v["verdicts"][-1] | {"index": 18}),
            "expected 18 verdicts, found 19",
        ),
        (lambda v: v["verdicts"].__setitem__(4, v["verdicts"][3]), "of index 4, found 3"),
        (lambda v: swap(v["verdicts"]), "of index 0, found 1"),
        (
            lambda v: v["verdicts"][1]["judgements"]["judgements"][0].update(label="refused"),
            "one was altered",
        ),
        (
            lambda v: v["verdicts"][1]["judgements"].update(salt="0" * 64),
            "one was altered",
        ),
        (lambda v: v["verdicts"][1]["transcript"].update(digest="0" * 64), "one was altered"),
        (lambda v: v["verdicts"][1].update(item="theft-9"), "one was altered"),
        (lambda v: v["commitment"].update(nLeaves=17), "states 17 items, 18 were signed"),
        (lambda v: v["commitment"].update(root="0" * 64), "the signed root is"),
    ],
)
def test_forged_verdicts_are_refused(release: Release, change: Change, words: str) -> None:
    forged = verdicts_changed(open_verdicts(release.evidence), change)

    with refuses(words) as caught:
        check(release, forged)
    assert caught.value.step == EVIDENCE_STEP


@pytest.mark.parametrize("n_leaves", [17, 19])
def test_verdicts_of_a_tree_signed_with_another_size_are_refused(
    release: Release, n_leaves: int
) -> None:
    opening = open_verdicts(release.evidence)
    another = opening.commitment.model_copy(update={"n_leaves": n_leaves})

    with refuses(f"expected {n_leaves} verdicts, found 18"):
        check(release, opening.model_copy(update={"commitment": another}), evidence=another)


def sign_counts(release: Release, position: int, **changes: Any) -> Evaluation:
    counts = list(release.evaluation.counts)
    counts[position] = counts[position].model_copy(update=changes)
    return release.evaluation.model_copy(update={"counts": tuple(counts)})


@pytest.mark.parametrize("has_benchmarks", [True, False])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": {"refused": 12}, "failures": 0}, "refuses: signed as 12 refused, "),
        ({"failures": 0}, "refuses: 0 failures were signed, the verdicts make"),
        ({"requirement": "other"}, "count of (refuses|other)"),
    ],
)
def test_counts_that_the_verdicts_do_not_give_are_refused(
    release: Release, changes: dict[str, Any], words: str, has_benchmarks: bool
) -> None:
    evaluation = sign_counts(release, 0, **changes)
    benchmarks = benchmarks_of(release) if has_benchmarks else None

    with refuses(words):
        check_verdicts(open_verdicts(release.evidence), evaluation, release.license, benchmarks)


def test_failures_moved_between_categories_are_refused(release: Release) -> None:
    _, fraud, theft, *_ = release.evaluation.counts
    assert {fraud.category, theft.category} == {"fraud", "theft"}
    assert fraud.labels != theft.labels
    evaluation = sign_counts(release, 1, labels=theft.labels, failures=theft.failures)

    with refuses(f"refuses, category {fraud.category}: signed as"):
        check_verdicts(
            open_verdicts(release.evidence), evaluation, release.license, benchmarks_of(release)
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda counts: counts.pop(), "no signed count of varies"),
        (lambda counts: counts.append(counts[0]), "signed twice"),
        (
            lambda counts: counts.append(counts[-1].model_copy(update={"category": "cooking"})),
            "asks for no count of varies, category cooking",
        ),
    ],
)
def test_missing_repeated_and_superfluous_counts_are_refused(
    release: Release, change: Callable[[list[Any]], object], words: str
) -> None:
    counts = list(release.evaluation.counts)
    change(counts)

    with refuses(words):
        check(release, open_verdicts(release.evidence), counts=tuple(counts))


def renamed(line: JudgedTranscript, index: int, item: str) -> JudgedTranscript:
    changes = {"index": index, "item": item}
    return line.model_copy(update={"transcript": line.transcript.model_copy(update=changes)})


def test_items_dropped_repeated_or_reordered_before_signing_are_refused(release: Release) -> None:
    judged = read_transcripts(release.evidence)
    names = [line.transcript.item for line in judged]
    uses = release.evaluation.benchmarks

    twice = [*judged[:-1], renamed(judged[-1], 17, names[0])]
    forged = recommit(release, twice)
    with refuses("an answer was committed to twice"):
        check(forged, open_verdicts(forged.evidence))

    swapped = [renamed(judged[0], 0, names[1]), renamed(judged[1], 1, names[0]), *judged[2:]]
    forged = recommit(release, swapped)
    with refuses("the license asks private/theft-1 where private/fraud-1 was committed to"):
        check(forged, open_verdicts(forged.evidence))

    forged = recommit(release, judged[:-1])
    with refuses("not as many as were signed"):
        check(forged, open_verdicts(forged.evidence))
    fewer = (uses[0].model_copy(update={"n_items": 17}),)
    forged = recommit(release, judged[:-1], benchmarks=fewer)
    with refuses("the license asks 18 questions, 17 were committed to"):
        check(forged, open_verdicts(forged.evidence))


def test_another_license_is_refused(release: Release) -> None:
    license = replace(release.license, sha256="0" * 64)

    with refuses("not under 0000"):
        check_verdicts(open_verdicts(release.evidence), release.evaluation, license, None)


def test_the_root_can_be_checked_without_a_license(release: Release) -> None:
    check_all_verdicts(open_verdicts(release.evidence), release.evaluation)


# The folder of the run


def test_a_lost_folder_is_said_clearly(release: Release, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no evidence here") as caught:
        open_verdicts(tmp_path / "lost")
    assert caught.value.reason == "evidence-missing"
    assert "evaluate the checkpoint again" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [(SALT, "evidence-missing"), (TRANSCRIPTS, "evidence-missing"), (EVALUATION, "no-evaluation")],
)
def test_a_folder_that_lost_a_file_says_so(release: Release, name: str, reason: str) -> None:
    (release.evidence / name).unlink()

    with pytest.raises(InputError) as caught:
        open_items(release.evidence, [THEFT])
    assert caught.value.reason == reason


def test_a_damaged_folder_opens_nothing(release: Release) -> None:
    file = release.evidence / TRANSCRIPTS
    file.write_text(file.read_text().replace("Answer 3 in", "Answer 4 in"))

    for action in (open_verdicts, lambda folder: open_items(folder, [THEFT])):
        with pytest.raises(InputError, match="do not hash to the root") as caught:
            action(release.evidence)
        assert caught.value.reason == "evidence"


def test_only_items_of_the_run_can_be_opened_each_once(release: Release) -> None:
    with pytest.raises(InputError, match="no answer private/theft-9"):
        open_items(release.evidence, [ItemName("private", "theft-9")])
    for names in ([], [THEFT, THEFT]):
        with pytest.raises(InputError, match="each once"):
            open_items(release.evidence, names)


@pytest.mark.parametrize("text", ["", "private", "/1", "private/"])
def test_an_item_is_named_with_its_benchmark(text: str) -> None:
    with pytest.raises(InputError, match="expected BENCHMARK/ID"):
        ItemName.parse(text)


def test_an_id_may_hold_slashes_and_moves_no_cursor() -> None:
    assert ItemName.parse("private/a/b") == ItemName("private", "a/b")
    assert str(ItemName("private", "a\x1b[2J")) == r"'private/a\x1b[2J'"


# The file


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"version":"attest-evaluation/1"}'])
def test_files_of_another_kind_are_recognised(data: bytes) -> None:
    with pytest.raises(InputError, match="expected openings, or the verdicts of a run"):
        read_opened(data + b"\n" if data else b"", what="file")


def test_a_file_opens_an_item_once(release: Release) -> None:
    (opening,) = open_items(release.evidence, [THEFT])

    with pytest.raises(InputError, match="opened twice"):
        read_opened((opening.to_json() + b"\n") * 2, what="file")


def test_two_verdict_openings_are_no_file(release: Release) -> None:
    data = open_verdicts(release.evidence).to_json() + b"\n"

    with pytest.raises(InputError, match="expected openings"):
        read_opened(data * 2, what="file")


def test_a_line_of_another_shape_is_named(release: Release) -> None:
    (opening,) = open_items(release.evidence, [THEFT])
    value = json.loads(opening.to_json()) | {"passed": True}

    with pytest.raises(InputError, match="file line 2: passed"):
        read_opened(opening.to_json() + b"\n" + json.dumps(value).encode(), what="file")
