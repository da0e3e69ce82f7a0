"""`attest evaluate` and `attest decide`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from attest.cli.checkpoint import AsJson, Model
from attest.cli.console import emit_json, progress, say, show
from attest.cli.judging import (
    JudgeCalibrations,
    JudgeEndpoints,
    JudgeKey,
    JudgeModels,
    JudgeTexts,
    judge_sources,
)
from attest.errors import ExitCode, InputError
from attest.files import read_file

if TYPE_CHECKING:
    from attest.checkpoint.folder import Checkpoint
    from attest.evaluation.job import Job
    from attest.evaluation.loading import Machine
    from attest.evaluation.materials import JudgeSources
    from attest.evaluation.records import Evaluation
    from attest.evaluation.stopped import EarlyEvaluation
    from attest.license.terms import License
    from attest.license.verdict import Outcome

EVIDENCE = Path("attest-evidence")
"""Where runs go by default, one folder each, below the current folder."""

LicenseFile = Annotated[
    Path, typer.Option("--license", metavar="FILE", help="The license: license.yaml.")
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Folder with benchmark files, used before the cache."
    ),
]
OutFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder of the run and its evidence; by default named after checkpoint and license "
        "below attest-evidence/.",
    ),
]
BaseFolder = Annotated[
    Path | None,
    typer.Option(
        "--base", metavar="BASE", help="Folder of the base model, if the license compares with it."
    ),
]
SuffixesFile = Annotated[
    Path | None,
    typer.Option(
        "--suffixes",
        metavar="FILE",
        help="What the licensor signed for this checkpoint, if a probe has secret suffixes.",
    ),
]
UntilDecided = Annotated[
    bool,
    typer.Option(
        "--until-decided",
        help="Draw prompts at random and stop as soon as the license is decided: a dry run, which "
        "cannot be signed.",
    ),
]
Beacon = Annotated[
    str | None,
    typer.Option(
        "--beacon",
        metavar="HEX",
        help="With --until-decided: public randomness of after the checkpoint was fixed, for the "
        "order of the prompts; by default this machine's own.",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads.")]
BatchSize = Annotated[int, typer.Option(min=1, max=4096, help="Prompts per forward pass.")]

EXIT_OF_OUTCOME: dict[Outcome, ExitCode] = {
    "pass": ExitCode.MET,
    "fail": ExitCode.NOT_MET,
    "inconclusive": ExitCode.INCONCLUSIVE,
}


def evaluate(
    model: Model,
    license_file: LicenseFile,
    out: OutFolder = None,
    data: DataFolder = None,
    base: BaseFolder = None,
    suffixes: SuffixesFile = None,
    judge_models: JudgeModels = None,
    judge_texts: JudgeTexts = None,
    judge_endpoints: JudgeEndpoints = None,
    judge_key: JudgeKey = None,
    judge_calibrations: JudgeCalibrations = None,
    until_decided: UntilDecided = False,
    beacon: Beacon = None,
    device: Device = "auto",
    threads: Threads = None,
    batch_size: BatchSize = 32,
    as_json: AsJson = False,
) -> None:
    """Ask a checkpoint everything that a license asks; goes on where it was interrupted."""
    from attest.checkpoint.folder import open_checkpoint
    from attest.evaluation.early import evaluate_early
    from attest.evaluation.loading import Machine
    from attest.evaluation.run import carry_out
    from attest.license.read import read_license

    if beacon is not None and not until_decided:
        raise InputError("--beacon goes with --until-decided", reason="usage")
    license = read_license(license_file)
    machine = Machine(device=device, threads=threads, batch_size=batch_size)
    with _prepared(
        open_checkpoint(model),
        license,
        license_file,
        data=data,
        base=base,
        suffixes=suffixes,
        judges=judge_sources(
            machine,
            models=judge_models,
            texts=judge_texts,
            endpoints=judge_endpoints,
            key=judge_key,
            calibrations=judge_calibrations,
        ),
        machine=machine,
    ) as job:
        folder = out or EVIDENCE / (_folder_name(job) + ("-early" if until_decided else ""))
        early = evaluate_early(job, out=folder, beacon=beacon) if until_decided else None
        evaluation = early or carry_out(job, out=folder)
    if early is not None:
        _show_early(early, folder, as_json=as_json)
    if as_json:
        emit_json(evaluation.to_dict())
        return
    say(f"evaluation and evidence are in {folder}")
    say(f"next: attest decide {folder} --license {license_file}")


def _show_early(found: EarlyEvaluation, folder: Path, *, as_json: bool) -> NoReturn:
    """Say what a stopped run found, and exit with that."""
    if as_json:
        emit_json(found.to_dict())
    else:
        from attest.report.early import early_screen

        show(early_screen(found))
        say(f"what was asked and answered is in {folder}")
    raise typer.Exit(EXIT_OF_OUTCOME[found.outcome])


def measure(
    checkpoint: Checkpoint,
    license: License,
    license_file: Path,
    *,
    out: Path | None,
    data: Path | None,
    base: Path | None = None,
    suffixes: Path | None = None,
    judges: JudgeSources,
    machine: Machine,
) -> tuple[Evaluation, Path]:
    """The evaluation and the folder it is in, with progress shown."""
    from attest.evaluation.run import carry_out

    with _prepared(
        checkpoint,
        license,
        license_file,
        data=data,
        base=base,
        suffixes=suffixes,
        judges=judges,
        machine=machine,
    ) as job:
        folder = out or EVIDENCE / _folder_name(job)
        return carry_out(job, out=folder), folder


def _folder_name(job: Job) -> str:
    return f"{job.checkpoint.folder.name}-{job.license.sha256[:8]}"


@contextmanager
def _prepared(
    checkpoint: Checkpoint,
    license: License,
    license_file: Path,
    *,
    data: Path | None,
    base: Path | None,
    suffixes: Path | None,
    judges: JudgeSources,
    machine: Machine,
) -> Iterator[Job]:
    """The measurement that the options ask for, with progress shown while it lasts."""
    from attest.checkpoint.folder import open_checkpoint
    from attest.evaluation.job import Progress, prepare
    from attest.evaluation.suffixes import MAX_SUFFIXES_BYTES, Suffixes

    signed: Suffixes | None = None
    if suffixes is not None:
        signed = Suffixes.from_json(read_file(suffixes, MAX_SUFFIXES_BYTES), what=str(suffixes))
    with (
        progress("hashing", unit="bytes") as hashing,
        progress("answering", unit="items") as answering,
        progress("judging", unit="answers") as judging,
    ):
        bars = {"hashing": hashing, "answering": answering, "judging": judging}

        def on_progress(now: Progress) -> None:
            bars[now.stage](now.done, now.total)

        yield prepare(
            checkpoint,
            license,
            license_file.read_bytes(),
            data=data,
            base=None if base is None else open_checkpoint(base),
            suffixes=signed,
            judges=judges,
            machine=machine,
            on_progress=on_progress,
        )


def read_evaluation(path: Path) -> Evaluation:
    """The evaluation in a run's folder, or in a file."""
    from attest.evaluation.journal import EARLY, EVALUATION, read_kept
    from attest.evaluation.records import Evaluation

    file = path / EVALUATION if path.is_dir() else path
    if path.is_dir() and read_kept(path / EARLY) is not None:
        raise InputError(
            "this run was stopped early: it holds no counts to decide on or to sign",
            reason="stopped-early",
            where=str(path),
            hint="evaluate without --until-decided",
        )
    data = read_kept(file)
    if data is None:
        raise InputError(
            "no finished evaluation here",
            reason="no-evaluation",
            where=str(path),
            hint="run the same `attest evaluate` again: it goes on where it stopped",
        )
    return Evaluation.from_json(data, what=str(file))


def decide(
    evaluation_path: Annotated[
        Path, typer.Argument(metavar="EVALUATION", help="Folder of the run, or evaluation.json.")
    ],
    license_file: LicenseFile,
    as_json: AsJson = False,
) -> None:
    """Say what a license says to an evaluation, with counts, bounds and margins."""
    from attest.license.decide import decide as decide_counts
    from attest.license.read import read_license

    evaluation = read_evaluation(evaluation_path)
    license = read_license(license_file)
    ensure_same_license(evaluation, license)
    verdict = decide_counts(license, evaluation.counts)
    if as_json:
        emit_json(verdict.to_dict())
    else:
        from attest.report.verdict import verdict_screen

        name = f"{license.terms.name} {license.terms.license_version}"
        show(verdict_screen(verdict.findings, verdict.outcome, license_name=name))
    raise typer.Exit(EXIT_OF_OUTCOME[verdict.outcome])


def ensure_same_license(evaluation: Evaluation, license: License) -> None:
    """Ensure that an evaluation was made under `license`."""
    if evaluation.license.sha256 != license.sha256:
        raise InputError(
            f"the evaluation was made under {evaluation.license.name} "
            f"{evaluation.license.license_version} ({evaluation.license.sha256[:16]}…), the "
            f"license given is {license.sha256[:16]}…",
            reason="another-license",
            hint="evaluate again under this license",
        )
