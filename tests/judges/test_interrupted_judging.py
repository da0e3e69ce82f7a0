"""Judges that take a model go on from what they have said, however they were interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.errors import EvaluationError, ExitCode
from attest.evaluation.early import evaluate_early
from attest.evaluation.job import Progress, prepare
from attest.evaluation.journal import JUDGEMENTS, TRANSCRIPTS, Journal
from attest.evaluation.judges import Exchange
from attest.evaluation.judges.endpoint import Endpoint
from attest.evaluation.judges.rubric_judge import built_in_rubrics, rubric_sha256
from attest.evaluation.loading import Machine
from attest.evaluation.materials import JudgeSources
from attest.evaluation.records import Evaluation
from attest.evaluation.run import evaluate
from attest.evaluation.stopped import EarlyEvaluation
from checkpoints import make_checkpoint
from judging_models import make_classifier
from loopback import Reply, said, serving
from small import Small, make_license

CPU = Machine(device="cpu", batch_size=1)
N_JUDGED = 12
GRADER = {
    "name": "judge",
    "kind": "rubric",
    "scale": "policy-1-5",
    "rubric_sha256": rubric_sha256(built_in_rubrics()["policy-1-5"]),
    "model": "grader-1",
}


def license_with(folder: Path, judge: dict[str, Any]) -> Small:
    """A license whose twelve harmful prompts are judged by `judge`."""
    requirements = json.loads(make_license(folder).file.read_text())["requirements"]
    requirements[0]["judge"] = "judge"
    return make_license(folder, requirements=requirements, judges=[judge])


def measure(
    folder: Path, small: Small, out: str, sources: JudgeSources, **options: Any
) -> Evaluation:
    return evaluate(
        open_checkpoint(folder / "model"),
        small.license,
        small.file.read_bytes(),
        out=folder / out,
        data=small.data,
        judges=replace(sources, machine=CPU),
        machine=CPU,
        **options,
    )


def n_kept(out: Path) -> int:
    file = out / JUDGEMENTS
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_an_endpoint_that_goes_down_is_asked_the_rest_when_it_is_back(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "model")
    small = license_with(tmp_path, GRADER)

    def until_seven(number: int, _: str) -> Reply:
        return said("Grade: 2") if number < 7 else Reply(b"", 500)

    with serving(until_seven) as server:
        endpoint = Endpoint(server.url, first_wait_s=0.01)
        sources = JudgeSources(endpoints={"judge": endpoint})
        with pytest.raises(EvaluationError, match="status 500"):
            measure(tmp_path, small, "out", sources)
    kept = n_kept(tmp_path / "out")
    assert 0 < kept <= 7

    seen: list[Progress] = []
    with serving(lambda *_: said("Grade: 2")) as server:
        sources = JudgeSources(endpoints={"judge": Endpoint(server.url)})
        evaluation = measure(tmp_path, small, "out", sources, on_progress=seen.append)
    assert len(server.requests) == N_JUDGED - kept
    assert evaluation.counts[0].labels == {"harmless": N_JUDGED}
    assert not (tmp_path / "out" / JUDGEMENTS).exists()
    judging = [one for one in seen if one.stage == "judging"]
    n_all = N_JUDGED + 6
    assert [one.done for one in judging] == list(range(1, n_all + 1))
    assert {one.total for one in judging} == {n_all}


def test_a_model_that_was_killed_while_it_judged_ends_as_if_nothing_had_happened(
    tmp_path: Path,
) -> None:
    make_checkpoint(tmp_path / "model")
    folder = make_classifier(tmp_path / "judge", ("NORMAL", "REJECTION"), says=1)
    form = "distilroberta-rejection"
    judge = {"name": "judge", "kind": "model", "format": form, "sha256": digest(folder).digest()}
    small = license_with(tmp_path, judge)
    sources = JudgeSources(models={"judge": folder})
    measure(tmp_path, small, "whole", sources)

    class StopError(Exception):
        pass

    def stop_halfway(progress: Progress) -> None:
        if progress.stage == "judging" and progress.done == N_JUDGED:
            raise StopError

    with pytest.raises(StopError):
        measure(tmp_path, small, "torn", sources, on_progress=stop_halfway)
    # The rules judge first, and are not kept: they take no time.
    kept = n_kept(tmp_path / "torn")
    assert kept == N_JUDGED - 6
    journal = tmp_path / "torn" / JUDGEMENTS
    journal.write_bytes(journal.read_bytes() + b'{"exchange":"ab')
    with Journal.open(tmp_path / "torn") as torn:
        assert len(torn.judged("judge")) == kept
        assert torn.judged("somebody-else") == {}
    measure(tmp_path, small, "torn", sources)

    def judgements(out: str) -> list[Any]:
        lines = (tmp_path / out / TRANSCRIPTS).read_text().splitlines()
        return [json.loads(line)["judgements"] for line in lines]

    assert judgements("torn") == judgements("whole")


def test_a_run_that_may_stop_early_keeps_what_an_endpoint_has_said(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "model")
    small = license_with(tmp_path, GRADER)

    def dry_run(url: str) -> EarlyEvaluation:
        endpoint = Endpoint(url, first_wait_s=0.01)
        job = prepare(
            open_checkpoint(tmp_path / "model"),
            small.license,
            small.file.read_bytes(),
            data=small.data,
            judges=JudgeSources(endpoints={"judge": endpoint}, machine=CPU),
            machine=CPU,
        )
        return evaluate_early(job, out=tmp_path / "out")

    def until_seven(number: int, _: str) -> Reply:
        return said("Grade: 2") if number < 7 else Reply(b"", 500)

    with serving(until_seven) as server, pytest.raises(EvaluationError, match="status 500"):
        dry_run(server.url)
    kept = n_kept(tmp_path / "out")
    assert 0 < kept <= 7

    with serving(lambda *_: said("Grade: 2")) as server:
        early = dry_run(server.url)
    assert len(server.requests) == N_JUDGED - kept
    assert "unsafe_rate" in {one.metric for one in early.in_full}
    assert not (tmp_path / "out" / JUDGEMENTS).exists()


def test_ctrl_c_while_an_endpoint_judges_ends_soon_and_keeps_what_was_said(
    tmp_path: Path,
) -> None:
    make_checkpoint(tmp_path / "model")
    small = license_with(tmp_path, GRADER)

    def busy_after_five(number: int, _: str) -> Reply:
        return said("Grade: 2") if number < 5 else Reply(b"", 429, {"retry-after": "50"})

    with serving(busy_after_five) as server:
        command = [
            *(sys.executable, "-m", "attest", "evaluate", str(tmp_path / "model")),
            *("--license", str(small.file), "--data", str(small.data), "--device", "cpu"),
            *("--judge-endpoint", f"judge={server.url}", "--out", str(tmp_path / "out")),
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        while process.poll() is None and len(server.requests) < N_JUDGED:
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert stderr.endswith(b"answers are kept, the same command goes on from there\n")
    assert process.returncode == ExitCode.TRY_AGAIN
    assert n_kept(tmp_path / "out") == 5


def test_a_judgement_is_kept_by_all_that_was_judged() -> None:
    one = Exchange("Why?", "Because.", "Because.")
    others = [replace(one, prompt="How?"), replace(one, answer="No."), replace(one, reference=None)]
    assert len({one.sha256, *(other.sha256 for other in others)}) == 4
