"""`attest import inspect` and `attest import lm-eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attest.cli.checkpoint import AsJson, Model, hashing_progress
from attest.cli.console import emit_json, say
from attest.cli.evaluation import EVIDENCE, DataFolder, LicenseFile, OutFolder
from attest.cli.judging import (
    JudgeCalibrations,
    JudgeEndpoints,
    JudgeKey,
    JudgeModels,
    JudgeTexts,
    judge_sources,
)

if TYPE_CHECKING:
    from attest.evaluation.imports import Log
    from attest.evaluation.materials import JudgeSources

app = typer.Typer(
    help="Make evidence of a log that another harness wrote.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(name="inspect")
def inspect_log(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Log of Inspect, .eval or .json.")],
    model: Model,
    license_file: LicenseFile,
    out: OutFolder = None,
    data: DataFolder = None,
    judge_models: JudgeModels = None,
    judge_texts: JudgeTexts = None,
    judge_endpoints: JudgeEndpoints = None,
    judge_key: JudgeKey = None,
    judge_calibrations: JudgeCalibrations = None,
    as_json: AsJson = False,
) -> None:
    """Take the answers of an Inspect log for those of a checkpoint, to be replayed."""
    from attest.evaluation.imports.inspect_log import read_inspect_log
    from attest.evaluation.loading import Machine

    judges = judge_sources(
        Machine(),
        models=judge_models,
        texts=judge_texts,
        endpoints=judge_endpoints,
        key=judge_key,
        calibrations=judge_calibrations,
    )
    _import(read_inspect_log(log), model, license_file, out, data, judges, as_json=as_json)


@app.command(name="lm-eval")
def lm_eval_log(
    samples: Annotated[
        Path, typer.Argument(metavar="SAMPLES", help="samples_TASK_TIME.jsonl of lm-eval.")
    ],
    model: Model,
    license_file: LicenseFile,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", metavar="FILE", help="results_TIME.json, unless it is beside SAMPLES."
        ),
    ] = None,
    out: OutFolder = None,
    data: DataFolder = None,
    judge_models: JudgeModels = None,
    judge_texts: JudgeTexts = None,
    judge_endpoints: JudgeEndpoints = None,
    judge_key: JudgeKey = None,
    judge_calibrations: JudgeCalibrations = None,
    as_json: AsJson = False,
) -> None:
    """Take the answers of an lm-eval run for those of a checkpoint, to be replayed."""
    from attest.evaluation.imports.lm_eval_log import read_lm_eval_log
    from attest.evaluation.loading import Machine

    log = read_lm_eval_log(samples, results)
    judges = judge_sources(
        Machine(),
        models=judge_models,
        texts=judge_texts,
        endpoints=judge_endpoints,
        key=judge_key,
        calibrations=judge_calibrations,
    )
    _import(log, model, license_file, out, data, judges, as_json=as_json)


def _import(
    log: Log,
    model: Path,
    license_file: Path,
    out: Path | None,
    data: Path | None,
    judges: JudgeSources,
    *,
    as_json: bool,
) -> None:
    from attest.checkpoint.folder import open_checkpoint
    from attest.evaluation.imports.importing import import_log
    from attest.license.read import read_license

    license = read_license(license_file)
    checkpoint = open_checkpoint(model)
    folder = out or EVIDENCE / f"{checkpoint.folder.name}-{license.sha256[:8]}-{log.harness}"
    with hashing_progress(checkpoint.size_bytes) as on_bytes:
        evaluation = import_log(
            log,
            checkpoint,
            license,
            license_file.read_bytes(),
            out=folder,
            data=data,
            judges=judges,
            on_bytes=on_bytes,
        )
    if as_json:
        emit_json(evaluation.to_dict())
        return
    say(f"{len(log.answers)} answers of {log.model}, by {log.harness} {log.version}")
    say("nothing binds them to these weights until they are replayed: attest verify --level 4")
    say(f"evaluation and evidence are in {folder}")
    say(f"next: attest decide {folder} --license {license_file}")
