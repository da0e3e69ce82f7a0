"""`attest verify`."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attest.cli.attestation import FOLDER, SUFFIX
from attest.cli.checkpoint import AsJson, Model, hashing_progress
from attest.cli.console import emit_json, progress, read_input, say, show
from attest.cli.evaluation import (
    EXIT_OF_OUTCOME,
    BatchSize,
    DataFolder,
    Device,
    LicenseFile,
    Threads,
)
from attest.errors import ExitCode, InputError, VerificationError

FROM_EVIDENCE, FROM_REPLAY = 2, 3
"""The first levels that need the evidence, and the weights."""

if TYPE_CHECKING:
    from attest.verification.records import Verification
    from attest.verification.verify import Subjects


def verify(
    model: Model,
    license_file: LicenseFile,
    key: Annotated[
        Path, typer.Option("--key", metavar="PUB", help="Public key (PEM) that you trust.")
    ],
    level: Annotated[
        int,
        typer.Option(
            min=0,
            max=4,
            help="0 signature, 1 files and arithmetic, 2 answers judged again, 3 a random sample "
            "replayed, 4 everything replayed.",
        ),
    ] = 1,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Instead of those in MODEL/attestations/."),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="DIR", help="Folder of the run, from level 2 on."),
    ] = None,
    data: DataFolder = None,
    hashes: Annotated[
        Path | None,
        typer.Option("--hashes", metavar="FILE", help="A listing to check instead of the bytes."),
    ] = None,
    role: Annotated[
        Literal["publisher", "third-party"],
        typer.Option(help="Whose key it is: the publisher's, or an independent evaluator's."),
    ] = "publisher",
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
    as_json: AsJson = False,
) -> None:
    """Check an attestation against the files, the license and a key of your choice."""
    from attest.attestation.bundle import MAX_BUNDLE_BYTES
    from attest.attestation.keyfiles import load_public_key
    from attest.evaluation.loading import Machine
    from attest.license.read import read_license
    from attest.verification.replay import Replay, SpotCheck
    from attest.verification.verify import Evidence, Trust, examine

    if (level >= FROM_EVIDENCE) != (evidence is not None):
        raise InputError(
            "levels 2 to 4 and --evidence go together",
            reason="usage",
            hint="--level 4 --evidence DIR replays every answer of that run",
        )
    if level >= FROM_REPLAY and hashes is not None:
        raise InputError("a replay needs the weights, not --hashes", reason="usage")
    license = read_license(license_file)
    trust = Trust(load_public_key(key), role)
    bundles = {
        path: read_input(path, MAX_BUNDLE_BYTES)
        for path in ([bundle] if bundle is not None else _bundles(model))
    }
    now = datetime.now(UTC)
    results = {
        path: examine(content, trust=trust, license=license, now=now)
        for path, content in bundles.items()
    }
    signed = [path for path, result in results.items() if result.is_verified]
    if level >= 1 and signed:
        # Hashing is the long part: it waits for a signature, and serves every attestation.
        subjects = _subjects(model, hashes)
        with progress("replaying", unit="items") as on_progress:
            replay = None
            if level >= FROM_REPLAY:
                spot = SpotCheck(sample, _confidence(confidence), _beacon(beacon))
                replay = Replay(
                    machine=Machine(device, threads, batch_size, dtype),
                    spot_check=spot if level == FROM_REPLAY else None,
                    tolerance=tolerance,
                    unsettled=unsettled,
                    on_progress=on_progress,
                )
            for path in signed:
                results[path] = examine(
                    bundles[path],
                    trust=trust,
                    license=license,
                    subjects_now=subjects,
                    evidence=None if evidence is None else Evidence(evidence, data),
                    replay=replay,
                    now=now,
                )
    path, best = max(results.items(), key=lambda result: _standing(result[1]))
    if as_json:
        emit_json(best.to_dict())
    else:
        from attest.report.verification import verification_screen

        others = f", the best of {len(results)}" if len(results) > 1 else ""
        say(f"attestation {path}{others}")
        show(verification_screen(best))
    failed = best.failed_step
    if failed is None:
        raise typer.Exit(EXIT_OF_OUTCOME[best.outcome] if best.outcome else ExitCode.MET)
    if failed.hint is not None:
        say(f"hint: {failed.hint}")
    raise typer.Exit(ExitCode.NOT_VERIFIED)


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


def _bundles(model: Path) -> list[Path]:
    found = sorted((model / FOLDER).glob(f"*{SUFFIX}"))
    if not found:
        raise VerificationError(
            f"no attestation in {model / FOLDER}",
            step=0,
            hint="name one with --bundle, or ask the publisher for it",
        )
    return found


def _subjects(model: Path, hashes: Path | None) -> Subjects:
    from attest.checkpoint.digest import digest
    from attest.checkpoint.folder import open_checkpoint
    from attest.verification.listing import of_manifest, read_listing
    from attest.verification.verify import Subjects

    if hashes is not None:
        return Subjects(read_listing(hashes))
    checkpoint = open_checkpoint(model)
    with hashing_progress(checkpoint.size_bytes) as on_bytes:
        # What is loadable is judged by a step of its own, after the bytes are known.
        manifest = digest(checkpoint, strict=False, on_bytes=on_bytes)
    return Subjects(of_manifest(manifest), checkpoint)


def _standing(result: Verification) -> tuple[bool, int, int, datetime]:
    """What makes one result better than another: verified, passing, deep, recent."""
    outcomes = {"pass": 3, "inconclusive": 2, "fail": 1, None: 0}
    depth = sum(step.status == "passed" for step in result.steps)
    return (
        result.is_verified,
        outcomes[result.outcome],
        depth,
        result.issued or datetime.min.replace(tzinfo=UTC),
    )
