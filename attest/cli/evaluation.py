"""`attest evaluate` and `attest decide`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attest.cli.checkpoint import AsJson, Model
from attest.cli.console import emit_json, progress, read_input, say, show
from attest.cli.judging import (
    JudgeCalibrations,
    JudgeEndpoints,
    JudgeKey,
    JudgeModels,
    JudgeTexts,
    judge_sources,
)
from attest.errors import ExitCode

if TYPE_CHECKING:
    from attest.checkpoint.folder import Checkpoint
    from attest.evaluation.loading import Machine
    from attest.evaluation.materials import JudgeSources
    from attest.evaluation.records import Evaluation
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
    device: Device = "auto",
    threads: Threads = None,
    batch_size: BatchSize = 32,
    as_json: AsJson = False,
) -> None:
    """Ask a checkpoint everything that a license asks; goes on where it was interrupted."""
    from attest.checkpoint.folder import open_checkpoint
    from attest.evaluation.loading import Machine
    from attest.license.read import read_license

    license = read_license(license_file)
    machine = Machine(device=device, threads=threads, batch_size=batch_size)
    evaluation, folder = measure(
        open_checkpoint(model),
        license,
        license_file,
        out=out,
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
    )
    if as_json:
        emit_json(evaluation.to_dict())
        return
    say(f"evaluation and evidence are in {folder}")
    say(f"next: attest decide {folder} --license {license_file}")


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
    from attest.checkpoint.folder import open_checkpoint
    from attest.evaluation.run import Progress
    from attest.evaluation.run import evaluate as run
    from attest.evaluation.suffixes import MAX_SUFFIXES_BYTES, Suffixes

    signed: Suffixes | None = None
    if suffixes is not None:
        signed = Suffixes.from_json(read_input(suffixes, MAX_SUFFIXES_BYTES), what=str(suffixes))
    folder = out or EVIDENCE / f"{checkpoint.folder.name}-{license.sha256[:8]}"
    with (
        progress("hashing", unit="bytes") as hashing,
        progress("answering", unit="items") as answering,
    ):

        def on_progress(now: Progress) -> None:
            (hashing if now.stage == "hashing" else answering)(now.done, now.total)

        evaluation = run(
            checkpoint,
            license,
            license_file.read_bytes(),
            out=folder,
            data=data,
            base=None if base is None else open_checkpoint(base),
            suffixes=signed,
            judges=judges,
            machine=machine,
            on_progress=on_progress,
        )
    return evaluation, folder


def read_evaluation(path: Path) -> Evaluation:
    """The evaluation in a run's folder, or in a file."""
    from attest.errors import InputError
    from attest.evaluation.journal import EVALUATION
    from attest.evaluation.records import Evaluation

    file = path / EVALUATION if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            "no finished evaluation here",
            reason="no-evaluation",
            where=str(path),
            hint="run the same `attest evaluate` again: it goes on where it stopped",
        )
    return Evaluation.from_json(file.read_bytes(), what=str(file))


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
    from attest.errors import InputError

    if evaluation.license.sha256 != license.sha256:
        raise InputError(
            f"the evaluation was made under {evaluation.license.name} "
            f"{evaluation.license.license_version} ({evaluation.license.sha256[:16]}…), the "
            f"license given is {license.sha256[:16]}…",
            reason="another-license",
            hint="evaluate again under this license",
        )
