"""`attest keygen`, `attest sign`, `attest run` and `attest show`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attest.cli.checkpoint import AsJson, Model, hashing_progress
from attest.cli.console import emit_json, emit_text, say
from attest.cli.console import show as show_screen
from attest.cli.evaluation import (
    EXIT_OF_OUTCOME,
    BaseFolder,
    BatchSize,
    DataFolder,
    Device,
    LicenseFile,
    OutFolder,
    SuffixesFile,
    Threads,
    ensure_same_license,
    measure,
    read_evaluation,
)
from attest.cli.judging import (
    JudgeCalibrations,
    JudgeEndpoints,
    JudgeKey,
    JudgeModels,
    JudgeTexts,
    judge_sources,
)
from attest.cli.keys import Bundler, Chain, Keyed, SigningKey, Timestamp, new_passphrase, open_key
from attest.cli.oms import write_oms
from attest.errors import InputError
from attest.files import read_file, write_new

if TYPE_CHECKING:
    from attest.attestation.statement import Statement
    from attest.checkpoint.folder import Checkpoint
    from attest.evaluation.records import Evaluation
    from attest.license.duties import DutyFinding
    from attest.license.terms import License
    from attest.license.verdict import Verdict

FOLDER = "attestations"
SUFFIX = ".sigstore.json"

ReleaseName = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Name of the release, if the license rules names."),
]
ThirdParty = Annotated[
    bool, typer.Option("--third-party", help="Measured by another party than the publisher.")
]


def keygen(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Writes FILE and the public key FILE.pub.")
    ] = Path("attest.key"),
    kind: Annotated[
        Literal["p256", "p384", "ed25519"], typer.Option("--type", help="Kind of key.")
    ] = "p256",
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Ask for a passphrase and encrypt the private key.")
    ] = False,
) -> None:
    """Make a key pair for signing attestations."""
    from attest.attestation.keyfiles import write_key_pair
    from attest.attestation.keys import generate

    passphrase = new_passphrase() if encrypt else None
    public = write_key_pair(generate(kind), file, passphrase=passphrase)
    say(f"{file} is the private key: keep it secret, keep a copy")
    emit_text(str(public))


def run(
    model: Model,
    license_file: LicenseFile,
    key: SigningKey,
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
    name: ReleaseName = None,
    third_party: ThirdParty = False,
    chain: Chain = None,
    timestamp: Timestamp = None,
    as_json: AsJson = False,
) -> None:
    """Digest, evaluate, decide and sign in one go. A result that does not pass is not signed."""
    from attest.checkpoint.folder import open_checkpoint
    from attest.evaluation.loading import Machine
    from attest.license.decide import decide
    from attest.license.read import read_license

    license = read_license(license_file)
    signer = open_key(key, chain, timestamp)
    checkpoint = open_checkpoint(model)
    machine = Machine(device=device, threads=threads, batch_size=batch_size)
    evaluation, folder = measure(
        checkpoint,
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
    verdict = decide(license, evaluation.counts)
    duties = _duties(license, evaluation, checkpoint, name)
    outcome = verdict.outcome
    if not all(duty.is_met for duty in duties):
        outcome = "fail"
    bundle: Path | None = None
    if outcome == "pass":
        statement = _state(evaluation, verdict, license, third_party=third_party, name=name)
        bundle = _write_bundle(statement, signer, model / FOLDER)
    if as_json:
        emit_json(
            {
                "outcome": outcome,
                "verdict": verdict.to_dict(),
                "duties": [duty.to_dict() for duty in duties],
                "evidence": str(folder),
                "bundle": None if bundle is None else str(bundle),
            }
        )
    else:
        from attest.report.run import run_screen

        show_screen(
            run_screen(evaluation, verdict, outcome, duties, evidence=folder, bundle=bundle)
        )
    raise typer.Exit(EXIT_OF_OUTCOME[outcome])


def sign(
    run_folder: Annotated[
        Path, typer.Argument(metavar="EVALUATION", help="Folder of a finished run.")
    ],
    key: SigningKey,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="MODEL", help="Write to MODEL/attestations/."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Write to this folder instead.")
    ] = None,
    name: ReleaseName = None,
    third_party: ThirdParty = False,
    chain: Chain = None,
    timestamp: Timestamp = None,
    oms: Annotated[
        bool,
        typer.Option("--oms", help="Write MODEL/model.sig too, as OpenSSF Model Signing has it."),
    ] = False,
) -> None:
    """Sign an evaluation, whatever its verdict is; MODEL is hashed again before."""
    from attest.checkpoint.digest import digest
    from attest.checkpoint.folder import open_checkpoint
    from attest.evaluation.journal import LICENSE
    from attest.license.decide import decide
    from attest.license.read import read_license

    if (model is None) == (output is None):
        raise InputError(
            "expected either --model or --output",
            reason="usage",
            hint="--model MODEL puts the attestation beside the weights",
        )
    if oms and model is None:
        raise InputError(
            "model.sig lies in the folder that it is about",
            reason="usage",
            hint="name the folder with --model MODEL",
        )
    evaluation = read_evaluation(run_folder)
    license = read_license(run_folder / LICENSE)
    ensure_same_license(evaluation, license)
    signer = open_key(key, chain, timestamp)
    if oms and not isinstance(signer, Keyed):
        raise InputError("--oms needs a key, not an identity", reason="usage")
    if model is not None:
        checkpoint = open_checkpoint(model)
        with hashing_progress(checkpoint.size_bytes) as on_bytes:
            found = digest(checkpoint, on_bytes=on_bytes).digest()
        expected = evaluation.manifest.digest()
        if found != expected:
            raise InputError(
                f"evaluated checkpoint {expected[:16]}…, the folder holds {found[:16]}…",
                reason="another-checkpoint",
                where=str(model),
                hint="evaluate the folder as it is now",
            )
    packed: Path | None = None
    if oms and model is not None and isinstance(signer, Keyed):
        packed = write_oms(model, evaluation.manifest, signer.signer, chain=signer.chain)
    verdict = decide(license, evaluation.counts)
    statement = _state(evaluation, verdict, license, third_party=third_party, name=name)
    folder = output if output is not None else (model or Path()) / FOLDER
    emit_text(str(_write_bundle(statement, signer, folder)))
    if packed is not None:
        emit_text(str(packed))
    say(f"signed; the license says: {verdict.outcome}")


def show(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE",
            help="An attestation (.sigstore.json), or a summary of a verifier (.svr.json).",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show what an attestation or a summary says. Nothing is verified: anyone can write one."""
    from attest.attestation.bundle import MAX_BUNDLE_BYTES, open_bundle
    from attest.attestation.statement import Statement
    from attest.attestation.summary import SUMMARY_TYPE, SummaryStatement
    from attest.canonical import parse_json

    payload = open_bundle(read_file(bundle, MAX_BUNDLE_BYTES)).dsse_envelope.payload
    value = parse_json(payload, what="statement")
    if isinstance(value, dict) and value.get("predicateType") == SUMMARY_TYPE:
        summary = SummaryStatement.from_json(payload, what="summary")
        if as_json:
            emit_json(summary.to_dict())
            return
        from attest.report.summary import summary_screen

        show_screen(summary_screen(summary))
        return
    statement = Statement.from_json(payload, what="statement")
    if as_json:
        emit_json(statement.to_dict())
        return
    from attest.report.attestation import attestation_screen

    show_screen(attestation_screen(statement))


def _duties(
    license: License, evaluation: Evaluation, checkpoint: Checkpoint, name: str | None
) -> tuple[DutyFinding, ...]:
    from attest.license.duties import MAX_NOTICE_BYTES, check_duties

    return check_duties(
        license.terms,
        manifest=evaluation.manifest,
        read=partial(checkpoint.read, max_bytes=MAX_NOTICE_BYTES),
        release_name=name,
    )


def _state(
    evaluation: Evaluation,
    verdict: Verdict,
    license: License,
    *,
    third_party: bool,
    name: str | None,
) -> Statement:
    from attest.attestation.statement import state

    return state(
        evaluation,
        verdict,
        license,
        issued=datetime.now(UTC),
        assurance_level="third_party" if third_party else "self_attested",
        release_name=name,
    )


def _write_bundle(statement: Statement, signer: Bundler, folder: Path) -> Path:
    """Write the signed statement under a name of its own, never over another one."""
    data = signer.bundle(statement.to_json())
    predicate = statement.predicate
    name = f"{predicate.issued:%Y%m%dT%H%M%SZ}-{predicate.evaluation.license.sha256[:12]}{SUFFIX}"
    path = folder / name
    hint = "sign again with `attest sign … --output DIR`: the evaluation is kept"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be made: {error.strerror}", reason="unwritable", where=str(folder), hint=hint
        ) from error
    write_new(path, data, hint=hint)
    return path
