"""`attest verify`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attest.cli.checkpoint import AsJson, Model
from attest.cli.console import emit_json, progress, say, show
from attest.cli.countersigning import VERIFIER, SummaryRequest, write_summary
from attest.cli.evaluation import (
    EXIT_OF_OUTCOME,
    BaseFolder,
    BatchSize,
    DataFolder,
    Device,
    Threads,
)
from attest.cli.given import (
    find_bundles,
    learn_from,
    list_subjects,
    names_weights,
    read_bundles,
    trust_given,
)
from attest.cli.judging import JudgeModels, JudgeTexts, judge_sources
from attest.cli.oms import verify_oms
from attest.cli.summaries import verify_summary
from attest.errors import ExitCode, InputError

FROM_EVIDENCE, FROM_REPLAY = 2, 3
"""The first levels that need the evidence, and the weights."""

if TYPE_CHECKING:
    from attest.verification.folder import Examined
    from attest.verification.records import Level
    from attest.verification.verify import SignedTrust, Trust


def verify(
    model: Model,
    license_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--license",
            metavar="FILE",
            help="The license: license.yaml. Again for each version of it that you accept.",
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="PUB", help="Public key (PEM) that you trust."),
    ] = None,
    trust_file: Annotated[
        Path | None,
        typer.Option(
            "--trust",
            metavar="FILE",
            help="Your trust file, instead of --key; the license must be signed then.",
        ),
    ] = None,
    revocations: Annotated[
        Path | None,
        typer.Option("--revocations", metavar="FILE", help="With --trust: the revocation list."),
    ] = None,
    remember: Annotated[
        Path | None,
        typer.Option(
            "--remember",
            metavar="FILE",
            help="With --trust: where to keep the newest versions seen, so that none is rolled "
            "back.",
        ),
    ] = None,
    level: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=4,
            help="0 signature, 1 files and arithmetic, 2 answers judged again, 3 a random sample "
            "replayed, 4 everything replayed; by default 1, or what the trust file requires.",
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="PATH",
            help="A bundle or a folder of them, instead of MODEL/attestations/.",
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="DIR", help="Folder of the run, from level 2 on."),
    ] = None,
    data: DataFolder = None,
    base: BaseFolder = None,
    judge_models: JudgeModels = None,
    judge_texts: JudgeTexts = None,
    hashes: Annotated[
        Path | None,
        typer.Option("--hashes", metavar="FILE", help="A listing to check instead of the bytes."),
    ] = None,
    role: Annotated[
        Literal["publisher", "third-party"] | None,
        typer.Option(
            help="With --key: whose it is, the publisher's (by default) or an independent "
            "evaluator's."
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Level 3: how many answers of each requirement to replay."),
    ] = None,
    confidence: Annotated[
        str,
        typer.Option(help="Level 3: choose the sample so that a lie that matters is caught so."),
    ] = "0.95",
    beacon: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Level 3: draw from public randomness, not our own."),
    ] = None,
    unsettled: Annotated[
        Literal["failure", "judge-both"],
        typer.Option(help="Near-ties: count as failures, or generate the other branch too."),
    ] = "failure",
    tolerance: Annotated[
        float | None, typer.Option(min=0, help="Of the replay, in units of logits.")
    ] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        typer.Option(help="Arithmetic of the replay; float32 where memory allows."),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    batch_size: BatchSize = 32,
    oms: Annotated[
        Path | None,
        typer.Option(
            "--oms",
            metavar="FILE",
            help="Check this OpenSSF Model Signing signature instead: who packed MODEL.",
        ),
    ] = None,
    roots: Annotated[
        Path | None,
        typer.Option(
            "--roots", metavar="PEM", help="With --oms: roots of certificates, instead of --key."
        ),
    ] = None,
    believe: Annotated[
        Path | None,
        typer.Option(
            "--believe",
            metavar="SUMMARY",
            help="With --trust: take the summary of a hub or an evaluator (.svr.json) in the "
            "place of an attestation.",
        ),
    ] = None,
    sign_summary: Annotated[
        str | None,
        typer.Option(
            "--sign-summary",
            metavar="KEY",
            help="Sign what was found to hold, for those who believe you; KEY as for `sign`.",
        ),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary", metavar="FILE", help="Where to write it, instead of beside the bundle."
        ),
    ] = None,
    verifier: Annotated[
        str, typer.Option(metavar="URI", help="With --sign-summary: who you are.")
    ] = VERIFIER,
    as_json: AsJson = False,
) -> None:
    """Check an attestation against the files, the license and a key of your choice."""
    if oms is not None:
        if any((license_files, trust_file, bundle, evidence, hashes, sign_summary, believe)):
            raise InputError(
                "an OMS signature is checked by itself, against the bytes of MODEL",
                reason="usage",
                hint="give --oms with --key or --roots alone; ask for the license separately",
            )
        raise typer.Exit(verify_oms(model, oms, key=key, roots=roots, as_json=as_json))
    from attest.license.read import read_license
    from attest.verification.folder import examine_folder
    from attest.verification.verify import Evidence

    if not license_files or (key is None) == (trust_file is None) or roots is not None:
        raise InputError(
            "expected --license and either --key or --trust, and --roots only with --oms",
            reason="usage",
        )
    if level is not None and believe is None:
        _check_depth(level, evidence, hashes)
    trust = trust_given(key, role, trust_file, revocations, remember, license_files)
    depth = _depth(level, trust)
    subjects = partial(list_subjects, model, hashes, with_tensors=names_weights(trust))
    now = datetime.now(UTC)
    if believe is not None:
        if any((bundle, evidence, sign_summary, summary)) or len(license_files) > 1:
            raise InputError(
                "a summary is believed under one license, in the place of bundles and evidence",
                reason="usage",
            )
        license = read_license(license_files[0])
        code = verify_summary(
            believe, trust, license, subjects=subjects, level=depth, now=now, as_json=as_json
        )
        if remember is not None:
            learn_from(remember, trust, license, now)
        raise typer.Exit(code)
    _check_depth(depth, evidence, hashes)
    request = SummaryRequest.of(sign_summary, summary, verifier, depth)
    licenses = [read_license(file) for file in license_files]
    with (
        progress("judging", unit="answers") as on_judged,
        progress("replaying", unit="items") as on_progress,
    ):
        answers, replay = None, None
        if evidence is not None:
            from attest.evaluation.loading import Machine

            # What a judge runs in is in the terms; --dtype is for the replay.
            machine = Machine(device, threads, batch_size)
            judges = judge_sources(machine, models=judge_models, texts=judge_texts)
            answers = Evidence(evidence, data, judges, on_judged)
        if depth >= FROM_REPLAY:
            from attest.checkpoint.folder import open_checkpoint
            from attest.evaluation.loading import Machine
            from attest.verification.choice import SpotCheck
            from attest.verification.replay import Replay

            spot = SpotCheck(sample, _confidence(confidence), _beacon(beacon))
            replay = Replay(
                machine=Machine(device, threads, batch_size, dtype),
                spot_check=spot if depth == FROM_REPLAY else None,
                tolerance=tolerance,
                unsettled=unsettled,
                base=None if base is None else open_checkpoint(base),
                on_progress=on_progress,
            )
        bundles = read_bundles(find_bundles(model, bundle))
        examined = examine_folder(
            bundles,
            trust=trust,
            licenses=licenses,
            level=depth,
            # Hashing is the long part: it waits for a signature, and serves every attestation.
            subjects=subjects,
            evidence=answers,
            replay=replay,
            now=now,
        )
    best = examined[0].result
    if remember is not None:
        learn_from(remember, trust, examined[0].license, now)
    if request is not None and best.is_verified:
        write_summary(best, Path(examined[0].name), request, is_from_bytes=hashes is None)
    raise typer.Exit(_report(examined, n_bundles=len(bundles), as_json=as_json))


def _report(examined: Sequence[Examined], *, n_bundles: int, as_json: bool) -> ExitCode:
    best = examined[0].result
    if as_json:
        emit_json(best.to_dict())
    else:
        from attest.report.verification import verification_screen

        others = f", the best of {n_bundles}" if n_bundles > 1 else ""
        say(f"attestation {examined[0].name}{others}")
        show(verification_screen(best))
    failed = best.failed_step
    if failed is None:
        # At level 0 the signer's word decides, and a word about another license meets none.
        outcome = best.outcome or best.claimed
        return EXIT_OF_OUTCOME[outcome] if outcome else ExitCode.NOT_MET
    if failed.hint is not None:
        say(f"hint: {failed.hint}")
    return ExitCode.NOT_VERIFIED


def _confidence(text: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"expected a confidence such as 0.95, found {text!r}") from error
    if not 0 < value < 1:
        raise InputError(f"expected a confidence above 0 and below 1, found {text}")
    return value


def _beacon(text: str | None) -> bytes | None:
    try:
        return None if text is None else bytes.fromhex(text)
    except ValueError as error:
        raise InputError("expected the beacon in hexadecimal", reason="beacon") from error


def _check_depth(depth: int, evidence: Path | None, hashes: Path | None) -> None:
    if (depth >= FROM_EVIDENCE) != (evidence is not None):
        raise InputError(
            "levels 2 to 4 and --evidence go together",
            reason="usage",
            hint="--level 4 --evidence DIR replays every answer of that run",
        )
    if depth >= FROM_REPLAY and hashes is not None:
        raise InputError("a replay needs the weights, not --hashes", reason="usage")


def _depth(level: int | None, trust: Trust | SignedTrust) -> Level:
    from attest.verification.records import LEVELS

    return tuple(LEVELS)[level if level is not None else max(1, trust.rules.requires.level)]
