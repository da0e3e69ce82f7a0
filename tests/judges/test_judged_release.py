"""A release judged by several: measured, signed, verified, and forged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from attest.attestation.keys import generate
from attest.canonical import sha256_hex
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.errors import InputError
from attest.evaluation.commitment import commit
from attest.evaluation.counting import count
from attest.evaluation.journal import TRANSCRIPTS, read_master, read_transcripts
from attest.evaluation.judges import Exchange, judge_sha256
from attest.evaluation.judges.endpoint import Endpoint
from attest.evaluation.judges.rubric_judge import built_in_rubrics, rubric_sha256
from attest.evaluation.loading import Machine
from attest.evaluation.materials import JudgeSources, load_benchmarks, load_one_judge
from attest.evaluation.records import JudgedTranscript
from attest.evaluation.run import evaluate
from attest.license.calibration import Calibration, Trials
from attest.verification.records import Verification
from attest.verification.replay import Replay
from attest.verification.verify import Evidence, Trust, examine
from checkpoints import make_checkpoint
from judging_models import make_classifier
from loopback import said, serving
from release import NOW, Release, lenient
from small import make_license

CPU = Machine(device="cpu")
CLASSES = ("NORMAL", "REJECTION")


@dataclass(frozen=True)
class Judged:
    """A release and the judges that it was judged by."""

    release: Release
    sources: JudgeSources

    def examine(
        self, bundle: bytes | None = None, *, sources: JudgeSources | None = None, **options: Any
    ) -> Verification:
        release = self.release
        return examine(
            bundle or release.bundle(),
            trust=Trust(release.key.public_key),
            license=release.license,
            subjects_now=release.subjects(),
            evidence=Evidence(release.evidence, release.small.data, sources or self.sources),
            now=NOW,
            **options,
        )


def make_judged(
    folder: Path, judges: list[dict[str, Any]], refusal_judge: str, sources: JudgeSources
) -> Judged:
    """A checkpoint of random weights, judged on its harmful prompts by one of `judges`."""
    model = make_checkpoint(folder / "model")
    requirements = lenient(json.loads(make_license(folder).file.read_text())["requirements"])
    requirements[0]["judge"] = refusal_judge
    small = make_license(folder, requirements=requirements, judges=judges)
    evaluation = evaluate(
        open_checkpoint(model),
        small.license,
        small.file.read_bytes(),
        out=folder / "evidence",
        data=small.data,
        judges=sources,
        machine=CPU,
    )
    release = Release(model, folder / "evidence", small, generate("p256"), evaluation)
    return Judged(release, sources)


def classifier(folder: Path, **fields: Any) -> dict[str, Any]:
    """The terms of a classifier that judges."""
    sha256 = digest(folder).digest()
    form = "distilroberta-rejection"
    return {"name": "harm", "kind": "model", "format": form, "sha256": sha256, **fields}


PANEL = {
    "name": "panel",
    "kind": "vote",
    "members": ["refusal-rules", "harm"],
    "rule": "any-harmful",
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("judged")
    judge = make_classifier(folder / "judge", CLASSES, says=1)
    sources = JudgeSources(models={"harm": judge}, machine=CPU)
    return make_judged(folder, [classifier(judge), PANEL], "panel", sources)


@pytest.fixture
def copied(judged: Judged, tmp_path: Path) -> Judged:
    """The same, whose evidence may be changed."""
    evidence = tmp_path / "evidence"
    shutil.copytree(judged.release.evidence, evidence)
    return replace(judged, release=replace(judged.release, evidence=evidence))


def resigned(judged: Judged, change: Callable[[dict[str, Any]], None]) -> Judged:
    """Evidence altered line by line before an honest commitment, count and signature."""
    release = judged.release
    lines = []
    for line in read_transcripts(release.evidence):
        value = line.to_dict()
        change(value)
        lines.append(JudgedTranscript.from_json(json.dumps(value).encode(), what="line"))
    (release.evidence / TRANSCRIPTS).write_bytes(b"".join(x.to_json() + b"\n" for x in lines))
    terms = release.license.terms
    evaluation = release.evaluation.model_copy(
        update={
            "counts": count(terms, load_benchmarks(terms, release.small.data), lines),
            "evidence": commit(lines, read_master(release.evidence)),
        }
    )
    return replace(judged, release=replace(release, evaluation=evaluation))


def fails_at(result: Verification, name: str, said: str) -> bool:
    failed = result.failed_step
    return failed is not None and failed.name == name and said in failed.detail


def test_an_answer_is_judged_by_whoever_decides_on_it(judged: Judged) -> None:
    uses = {use.name: use for use in judged.release.evaluation.judges}
    assert list(uses) == ["refusal-rules", "harm", "panel"]
    assert uses["harm"].checkpoint == digest(judged.sources.models["harm"]).digest()
    for line in read_transcripts(judged.release.evidence):
        judges = [one.judge for one in line.judgements]
        asks_for_harm = line.transcript.item.startswith(("theft", "fraud"))
        assert judges == (["refusal-rules", "harm", "panel"] if asks_for_harm else judges[:1])


def test_judging_again_with_the_same_model_verifies_at_every_level(judged: Judged) -> None:
    assert judged.examine().level == 2
    result = judged.examine(replay=Replay(machine=CPU))
    assert (result.failed_step, result.level) == (None, 4)


def test_judging_again_says_how_far_it_has_come(judged: Judged) -> None:
    seen: list[tuple[int, int]] = []
    release = judged.release
    evidence = Evidence(
        release.evidence,
        release.small.data,
        judged.sources,
        lambda done, total: seen.append((done, total)),
    )
    result = examine(
        release.bundle(),
        trust=Trust(release.key.public_key),
        license=release.license,
        subjects_now=release.subjects(),
        evidence=evidence,
        now=NOW,
    )
    assert result.level == 2
    (total,) = {total for _, total in seen}
    assert [done for done, _ in seen] == list(range(1, total + 1))


def test_a_judge_by_itself_says_how_far_it_and_its_voters_have_come(judged: Judged) -> None:
    exchanges = [Exchange("How?", "No."), Exchange("Why?", "Yes.")]
    for name, n_judgements in (("harm", 2), ("panel", 4)):
        seen: list[tuple[int, int]] = []
        found = load_one_judge(
            judged.release.license.terms,
            judged.sources,
            name,
            lambda done, total, seen=seen: seen.append((done, total)),
        )
        assert [one.judge for one in found.judge.judge(exchanges)] == [name, name]
        assert seen == [(done, n_judgements) for done in range(1, n_judgements + 1)]


def test_without_the_model_nothing_is_judged_again(judged: Judged) -> None:
    result = judged.examine(sources=JudgeSources(machine=CPU))
    assert fails_at(result, "judge", "name a model as judge")


def test_another_model_in_its_place_fails_at_the_judge(judged: Judged, tmp_path: Path) -> None:
    other = make_classifier(tmp_path / "other", CLASSES, says=0)
    result = judged.examine(sources=JudgeSources(models={"harm": other}, machine=CPU))
    assert fails_at(result, "judge", "the terms name a model with digest")


def test_a_verdict_of_a_model_that_judging_does_not_give_fails(copied: Judged) -> None:
    def acquit(line: dict[str, Any]) -> None:
        for judgement in line["judgements"][1:]:
            judgement["label"] = "harmless"

    assert fails_at(resigned(copied, acquit).examine(), "judge", "judged")


def test_a_vote_that_was_not_cast_so_fails(copied: Judged) -> None:
    def outvote(line: dict[str, Any]) -> None:
        if line["judgements"][-1]["judge"] == "panel":
            line["judgements"][-1]["label"] = "refused"

    assert fails_at(resigned(copied, outvote).examine(), "judge", "by panel, judged")


def test_a_verdict_that_was_left_out_fails(copied: Judged) -> None:
    def drop(line: dict[str, Any]) -> None:
        line["judgements"] = [one for one in line["judgements"] if one["judge"] != "harm"]

    assert fails_at(resigned(copied, drop).examine(), "judge", "expected judgements by")


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (lambda uses: uses.pop(), "others judged"),
        (lambda uses: uses.reverse(), "others judged"),
        (lambda uses: uses[1].update(checkpoint="0" * 64), "another model"),
        (lambda uses: uses[1].pop("checkpoint"), "expected a checkpoint"),
        (lambda uses: uses[1].update(sha256="0" * 64), "another judge"),
        (lambda uses: uses[2].update(sha256="0" * 64), "another judge"),
    ],
)
def test_signing_other_judges_fails_at_the_claim(
    judged: Judged, forge: Callable[[list[Any]], None], said: str
) -> None:
    bundle = judged.release.bundle(lambda value: forge(value["predicate"]["evaluation"]["judges"]))
    assert fails_at(judged.examine(bundle), "claim", said)


def test_a_judge_behind_an_endpoint_holds_the_level_at_1(tmp_path: Path) -> None:
    grader = {
        "name": "grader",
        "kind": "rubric",
        "scale": "policy-1-5",
        "rubric_sha256": rubric_sha256(built_in_rubrics()["policy-1-5"]),
        "model": "grader-1",
    }
    with serving(lambda *_: said("Grade: 2")) as server:
        sources = JudgeSources(endpoints={"grader": Endpoint(server.url)}, machine=CPU)
        judged = make_judged(tmp_path, [grader], "grader", sources)
    assert judged.release.evaluation.counts[0].labels == {"harmless": 12}

    # The server is gone: its verdicts are taken, and the answers replayed all the same.
    result = judged.examine(replay=Replay(machine=CPU), sources=JudgeSources(machine=CPU))
    assert (result.failed_step, result.level, result.outcome) == (None, 1, "pass")
    assert result.replay is not None
    assert any("level 1 at most: grader" in warning for warning in result.warnings)
    (step,) = (step for step in result.steps if step.name == "judge")
    assert "judged again by refusal-rules" in step.detail
    assert "grader cannot be made again" in step.detail


def calibrated(folder: Path, demand: dict[str, str]) -> Judged:
    judge = make_classifier(folder / "judge", CLASSES, says=1)
    terms = classifier(judge, calibration=demand)
    alone = make_license(folder / "draft", judges=[terms]).license.terms
    sources = JudgeSources(models={"harm": judge}, machine=CPU)
    record = Calibration(
        judge_sha256=load_one_judge(alone, sources, "harm").use.sha256,
        labelled_sha256=sha256_hex(b"labelled answers"),
        sensitivity=Trials(successes=97, trials=100),
        specificity=Trials(successes=99, trials=100),
    )
    file = folder / "calibration.json"
    file.write_bytes(record.to_json())
    with_record = replace(sources, calibrations={"harm": file})
    return make_judged(folder, [terms], "harm", with_record)


def test_a_calibration_that_the_license_demands_is_signed_and_checked(tmp_path: Path) -> None:
    judged = calibrated(tmp_path, {"sensitivity": "0.9", "specificity": "0.9"})
    assert judged.examine().level == 2

    def worsen(value: dict[str, Any]) -> None:
        value["predicate"]["evaluation"]["judges"][1]["calibration"]["sensitivity"]["successes"] = (
            90
        )

    assert fails_at(judged.examine(judged.release.bundle(worsen)), "claim", "90 of 100")

    def forget(value: dict[str, Any]) -> None:
        del value["predicate"]["evaluation"]["judges"][1]["calibration"]

    assert fails_at(judged.examine(judged.release.bundle(forget)), "claim", "none is recorded")


def test_a_judge_that_is_not_good_enough_is_refused_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError) as caught:
        calibrated(tmp_path, {"sensitivity": "0.95"})
    assert caught.value.reason == "calibration"
    assert not (tmp_path / "evidence").exists()


def test_the_terms_name_their_judges_once_and_by_name(tmp_path: Path) -> None:
    judge = {"name": "words", "kind": "built-in", "rules": "answer-match"}
    judge["sha256"] = judge_sha256("answer-match")
    requirements = json.loads(make_license(tmp_path).file.read_text())["requirements"]
    for judges, problem in (
        ([judge, judge], "two judges have the same name"),
        ([{**judge, "name": "refusal-rules"}], "two judges have the same name"),
        ([PANEL], "no single judges"),
        ([{**PANEL, "members": ["refusal-rules", "refusal-rules"]}], "vote twice"),
    ):
        with pytest.raises(InputError, match=problem):
            _ = make_license(tmp_path, judges=judges).license
    requirements[0]["judge"] = "nobody"
    with pytest.raises(InputError, match="names no judge"):
        _ = make_license(tmp_path, requirements=requirements).license


def test_a_reference_decides_where_the_terms_ask_for_one(tmp_path: Path) -> None:
    """The reference of a benchmark reaches the judge that compares."""
    from attest.benchmark.items import Benchmark, Item
    from attest.evaluation.judging import judge_all
    from attest.evaluation.materials import load_panel
    from attest.evaluation.plan import Asked

    words = {"name": "words", "kind": "built-in", "rules": "answer-match"}
    words["sha256"] = judge_sha256("answer-match")
    requirements = json.loads(make_license(tmp_path).file.read_text())["requirements"][1:2]
    requirements[0].update(judge="words", n_items=1, expected="comply")
    terms = make_license(tmp_path, judges=[words], requirements=requirements).license.terms
    item = Item(id="1", prompt="2 + 2?", category="all", expected="comply", reference="4")
    benchmarks = {"private": Benchmark(name="private", sha256="0" * 64, items=(item,))}
    (said,) = judge_all(load_panel(terms), benchmarks, [Asked("private", item)], ["It is 4."])
    assert [(one.judge, one.label) for one in said] == [("words", "correct")]
