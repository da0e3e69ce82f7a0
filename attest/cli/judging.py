"""`attest judge`, and the options by which every command is given its judges."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from attest.cli.checkpoint import AsJson
from attest.cli.console import Advance, emit_json, progress, say, show
from attest.errors import InputError
from attest.files import read_file, write_new

if TYPE_CHECKING:
    from attest.evaluation.judges import Judge
    from attest.evaluation.loading import Machine
    from attest.evaluation.materials import JudgeSources
    from attest.record import Sha256

MAX_KEY_BYTES = 16 * 1024

T = TypeVar("T")

JudgeModels = Annotated[
    list[str] | None,
    typer.Option(
        "--judge-model",
        metavar="NAME=DIR",
        help="Folder of a judge that is a model, by its name in the license; again for each.",
    ),
]
JudgeTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--judge-text",
        metavar="NAME=FILE",
        help="Prompt, policy or rubric that the license pins for a judge.",
    ),
]
JudgeEndpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--judge-endpoint",
        metavar="NAME=URL",
        help="Where a judge with a rubric answers: an OpenAI-compatible address.",
    ),
]
JudgeKey = Annotated[
    str | None,
    typer.Option(
        "--judge-key",
        metavar="env:VARIABLE|FILE",
        help="Where the key of the endpoints is: a variable of the environment, or a file.",
    ),
]
JudgeCalibrations = Annotated[
    list[str] | None,
    typer.Option(
        "--judge-calibration",
        metavar="NAME=FILE",
        help="What `attest judge --calibration` wrote, where the license demands one.",
    ),
]


def judge_sources(
    machine: Machine,
    *,
    models: list[str] | None = None,
    texts: list[str] | None = None,
    endpoints: list[str] | None = None,
    key: str | None = None,
    calibrations: list[str] | None = None,
) -> JudgeSources:
    """What the options give of the judges that a license names."""
    from attest.evaluation.judges.endpoint import Endpoint
    from attest.evaluation.materials import JudgeSources

    bearer = None if key is None else _key(key)
    return JudgeSources(
        models=_named("--judge-model", models, Path),
        texts=_named("--judge-text", texts, Path),
        endpoints=_named("--judge-endpoint", endpoints, lambda url: Endpoint(url, bearer)),
        calibrations=_named("--judge-calibration", calibrations, Path),
        machine=machine,
    )


def _named(option: str, given: list[str] | None, kind: Callable[[str], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value) or name in found:
            raise InputError(
                f"expected {option} NAME=VALUE, each name once, found {text!r}", reason="usage"
            )
        found[name] = kind(value)
    return found


def _key(where: str) -> str:
    scheme, colon, variable = where.partition(":")
    if scheme == "env" and colon:
        key = os.environ.get(variable, "")
    else:
        key = read_file(Path(where), MAX_KEY_BYTES).decode("ascii", "replace").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise InputError("expected a key of printable ASCII", reason="usage", where=where)
    return key


def judge(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="refusal-rules, answer-match, or a judge that --license names."
        ),
    ],
    file: Annotated[
        Path,
        typer.Option(
            "--input", metavar="FILE", help="Recorded answers: CSV or JSONL, with labels if known."
        ),
    ],
    license_file: Annotated[
        Path | None,
        typer.Option("--license", metavar="FILE", help="The license whose terms name the judge."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            metavar="FILE",
            help="Write how well the judge agrees with the labels, for licenses that demand it.",
        ),
    ] = None,
    models: JudgeModels = None,
    texts: JudgeTexts = None,
    endpoints: JudgeEndpoints = None,
    key: JudgeKey = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    batch_size: Annotated[int, typer.Option(min=1, max=4096)] = 8,
    as_json: AsJson = False,
) -> None:
    """Run a judge over recorded answers; with labels, print its confusion table."""
    from collections import Counter

    from attest.evaluation.agreement import agreement, read_labelled
    from attest.evaluation.agreement import calibration as calibrated
    from attest.evaluation.judges import Exchange
    from attest.evaluation.loading import Machine

    sources = judge_sources(
        Machine(device=device, batch_size=batch_size),
        models=models,
        texts=texts,
        endpoints=endpoints,
        key=key,
    )
    answers = read_labelled(file)
    n_unlabelled = sum(one.truth is None for one in answers)
    if calibration is not None and n_unlabelled:
        raise InputError(
            f"{n_unlabelled} answers have no label",
            reason="no-labels",
            where=file.name,
            hint="a calibration needs the word of people on every answer",
        )
    exchanges = [Exchange(one.prompt, one.answer, one.reference) for one in answers]
    with progress("judging", unit="answers") as on_judged:
        referee, sha256 = _judge_called(name, license_file, sources, on_judged)
        verdicts = referee.judge(exchanges)
    labelled = [
        (answer.truth, verdict.label)
        for answer, verdict in zip(answers, verdicts, strict=True)
        if answer.truth is not None
    ]
    if not labelled:
        emit_json(dict(Counter(verdict.label for verdict in verdicts)))
        return
    result = agreement(labelled)
    if calibration is not None:
        record = calibrated(result, judge_sha256=sha256, labelled_sha256=_sha256_of(file))
        write_new(calibration, record.to_json() + b"\n")
        say(f"the calibration is in {calibration}")
    if as_json:
        emit_json(result.to_dict())
        return
    from attest.report.agreement import agreement_screen

    show(agreement_screen(result))


def _judge_called(
    name: str, license_file: Path | None, sources: JudgeSources, on_judged: Advance
) -> tuple[Judge, Sha256]:
    from attest.evaluation.judges import judge as built_in
    from attest.evaluation.judges import judge_sha256
    from attest.evaluation.materials import load_one_judge
    from attest.license.read import read_license

    if license_file is None:
        return built_in(name), judge_sha256(name)
    found = load_one_judge(read_license(license_file).terms, sources, name, on_judged)
    return found.judge, found.use.sha256


def _sha256_of(file: Path) -> Sha256:
    from attest.canonical import sha256_hex
    from attest.evaluation.agreement import MAX_FILE_BYTES

    return sha256_hex(read_file(file, MAX_FILE_BYTES))
