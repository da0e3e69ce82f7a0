"""A second party's word: `attest countersign`, and the summary that `attest verify` signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from attest.cli.attestation import SUFFIX
from attest.cli.console import emit_text, say
from attest.cli.keys import Bundler, Chain, SigningKey, Timestamp, open_key
from attest.cli.signatures import signer_hint
from attest.errors import InputError
from attest.files import read_file, write_new
from attest.version import __version__

if TYPE_CHECKING:
    from attest.verification.records import Verification

SUMMARY_SUFFIX = ".svr.json"
"""Ends the name of a summary; not like an attestation, so that none is taken for one."""
VERIFIER = f"https://w3id.org/attest-weights/verifier/attest-{__version__}"
"""Who verified, where the caller does not say: this program. Its key says who ran it."""


def countersign(
    bundle: Annotated[
        Path,
        typer.Argument(metavar="BUNDLE", help="The attestation, a file ending .sigstore.json."),
    ],
    key: SigningKey,
    signer_key: Annotated[
        Path | None,
        typer.Option("--signer-key", metavar="PUB", help="Who signed it, by his public key."),
    ] = None,
    trust_file: Annotated[
        Path | None,
        typer.Option("--trust", metavar="FILE", help="Instead: anybody of your trust file."),
    ] = None,
    license_file: Annotated[
        Path | None,
        typer.Option(
            "--license", metavar="FILE", help="The license, where the trust file asks for a list."
        ),
    ] = None,
    revocations: Annotated[
        Path | None,
        typer.Option("--revocations", metavar="FILE", help="With --trust: the revocation list."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Where to write it, instead of beside it."),
    ] = None,
    chain: Chain = None,
    timestamp: Timestamp = None,
) -> None:
    """Sign an attestation of somebody else as a second party, once his signature is verified.

    You sign what he says, byte for byte: check it with `attest verify` first, as deep as you want
    to vouch for.
    """
    from attest.attestation.bundle import MAX_BUNDLE_BYTES
    from attest.attestation.keyfiles import load_public_key
    from attest.cli.trust import read_revocations, read_trust
    from attest.license.read import read_license
    from attest.verification.countersigning import open_endorsed
    from attest.verification.trusting import SignedTrust, Trust

    trust: Trust | SignedTrust
    if signer_key is not None and not any((trust_file, license_file, revocations)):
        trust = Trust(load_public_key(signer_key))
    elif trust_file is not None and signer_key is None:
        taken_back = None if revocations is None else read_revocations(revocations)
        trust = SignedTrust(read_trust(trust_file), revocations=taken_back)
    else:
        raise InputError(
            "expected --signer-key alone, or --trust with --license and --revocations if it asks",
            reason="usage",
            hint="what nobody known has signed is not signed a second time",
        )
    endorsed = open_endorsed(
        read_file(bundle, MAX_BUNDLE_BYTES),
        trust=trust,
        license=None if license_file is None else read_license(license_file),
        now=datetime.now(UTC),
    )
    data = open_key(key, chain, timestamp).bundle(endorsed.statement)
    hint = signer_hint(data)
    if hint == endorsed.endorsement.public_key.hint:
        raise InputError(
            "this key has signed the attestation already",
            reason="same-key",
            hint="a second signature counts only by another key",
        )
    path = output or bundle.with_name(f"{_stem(bundle)}-{hint[:12]}{SUFFIX}")
    write_new(path, data)
    emit_text(str(path))


@dataclass(frozen=True)
class SummaryRequest:
    """Who signs a summary, as whom, and where it goes."""

    signer: Bundler
    verifier: str
    output: Path | None

    @classmethod
    def of(cls, key: str | None, output: Path | None, verifier: str, level: int) -> Self | None:
        """What the options ask for; None without a key.

        Raises: InputError if the key cannot be used, or there would be nothing to say.
        """
        if key is None:
            if output is not None:
                raise InputError("--summary goes with --sign-summary", reason="usage")
            return None
        if level < 1:
            raise InputError(
                "a summary says what holds of files: expected level 1 or deeper", reason="usage"
            )
        return cls(open_key(key), verifier, output)


def write_summary(
    result: Verification, attestation: Path, request: SummaryRequest, *, is_from_bytes: bool
) -> None:
    """Sign what a verification found, and write it beside the attestation that was verified.

    Raises: InputError if it cannot be written.
    """
    from attest.attestation.bundle import MAX_BUNDLE_BYTES, open_bundle
    from attest.verification.summarizing import summarize

    statement = open_bundle(read_file(attestation, MAX_BUNDLE_BYTES)).dsse_envelope.payload
    summary = summarize(result, statement, verifier=request.verifier, is_from_bytes=is_from_bytes)
    data = request.signer.bundle(summary.to_json())
    moment = f"{result.verified_at:%Y%m%dT%H%M%SZ}"
    name = f"{_stem(attestation)}-{signer_hint(data)[:12]}-{moment}{SUMMARY_SUFFIX}"
    path = request.output or attestation.with_name(name)
    write_new(path, data)
    say(f"wrote {path}: {', '.join(summary.predicate.properties)}")


def _stem(bundle: Path) -> str:
    return bundle.name.removesuffix(SUFFIX)
