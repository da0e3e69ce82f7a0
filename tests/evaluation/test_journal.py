"""The folder of a run holds harmful answers and a secret: it is for its owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from attest.checkpoint.folder import open_checkpoint
from attest.errors import InputError
from attest.evaluation.early import evaluate_early
from attest.evaluation.engines import Response
from attest.evaluation.job import Job, Progress, prepare
from attest.evaluation.journal import (
    ANSWERS,
    EARLY,
    EVALUATION,
    JUDGEMENTS,
    LICENSE,
    RUN,
    SALT,
    TRANSCRIPTS,
    Journal,
    KeptJudgement,
    read_master,
    read_transcripts,
)
from attest.evaluation.judges import Judgement
from attest.evaluation.loading import Machine
from attest.evaluation.run import carry_out
from checkpoints import make_checkpoint
from small import make_license


@pytest.fixture(autouse=True, params=[0o000, 0o022], ids=["umask 0", "umask 22"])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def modes(folder: Path) -> dict[str, int]:
    return {path.name: mode(path) for path in folder.iterdir()}


def owned(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 0o600)


def job_of(folder: Path, seen: dict[str, int]) -> Job:
    """A small measurement below `folder`; `seen` takes the modes of the run's files meanwhile."""
    small = make_license(folder)

    def look(progress: Progress) -> None:
        if progress.stage != "hashing":
            seen.update(modes(folder / "out"))

    return prepare(
        open_checkpoint(make_checkpoint(folder / "model")),
        small.license,
        small.file.read_bytes(),
        data=small.data,
        machine=Machine(device="cpu", batch_size=4),
        today=date(2026, 5, 6),
        on_progress=look,
    )


def test_only_the_owner_reads_a_run_while_it_runs_and_when_it_has_finished(tmp_path: Path) -> None:
    seen: dict[str, int] = {}

    carry_out(job_of(tmp_path, seen), out=tmp_path / "out")

    assert seen == owned(RUN, LICENSE, SALT, ANSWERS)
    assert modes(tmp_path / "out") == owned(RUN, LICENSE, SALT, TRANSCRIPTS, EVALUATION)
    assert mode(tmp_path / "out") == 0o700


def test_only_the_owner_reads_a_run_that_was_stopped_early(tmp_path: Path) -> None:
    evaluate_early(job_of(tmp_path, {}), out=tmp_path / "out")

    assert modes(tmp_path / "out") == owned(RUN, LICENSE, SALT, TRANSCRIPTS, EARLY)
    assert mode(tmp_path / "out") == 0o700


def test_a_folder_that_was_there_keeps_its_mode_and_its_files_are_the_owners(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    before = mode(out)
    # A draft that a run left behind, open to others.
    (out / f".{LICENSE}.part").touch()

    carry_out(job_of(tmp_path, {}), out=out)

    assert mode(out) == before
    assert set(modes(out).values()) == {0o600}


def test_only_the_owner_reads_what_a_judge_said(tmp_path: Path) -> None:
    (tmp_path / ANSWERS).touch()
    journal = Journal(tmp_path)

    journal.append(0, [Response(tokens=(1, 2), stop="eos")])
    said = Judgement(judge="one", label="refused", reason="says-no")
    journal.keep(KeptJudgement(exchange="00" * 32, judgement=said))

    assert modes(tmp_path) == owned(ANSWERS, JUDGEMENTS)


def test_says_so_where_the_evidence_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / SALT).mkdir()
    (tmp_path / EVALUATION).mkdir()

    for read in (read_master, lambda folder: Journal(folder).finished()):
        with pytest.raises(InputError, match="cannot be read") as caught:
            read(tmp_path)
        assert caught.value.reason == "unreadable"
        assert "ask whoever measured" in str(caught.value.hint)
    with pytest.raises(InputError, match="no transcripts here"):
        read_transcripts(tmp_path)
