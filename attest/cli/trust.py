"""`attest trust`: write, check and sign trust files and revocation lists."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attest.cli.checkpoint import AsJson
from attest.cli.console import emit_json, emit_text, say, show
from attest.cli.keys import Chain, SigningKey, Timestamp, open_key
from attest.cli.signatures import sign_file
from attest.errors import InputError
from attest.files import read_file, replace_file, write_new

if TYPE_CHECKING:
    from attest.attestation.documents import SignedDocument
    from attest.attestation.keys import PublicKey
    from attest.attestation.revocation import RevocationList
    from attest.attestation.trust.ownership import Remembered
    from attest.attestation.trust.records import Role, TrustFile

app = typer.Typer(
    help="Trust files and revocation lists: whom you believe, and what was taken back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The trust file: trust.yaml.")]
Keys = list[Path]


def read_trust(path: Path) -> SignedDocument[TrustFile]:
    """The trust file at `path` with the signatures beside it; nothing is verified yet."""
    from attest.attestation.documents import SignedDocument, read_signatures
    from attest.attestation.trust.ownership import parse_trust
    from attest.canonical import sha256_hex
    from attest.license.document import MAX_DOCUMENT_BYTES

    data = read_file(path, MAX_DOCUMENT_BYTES)
    content = parse_trust(data, what=path.name)
    return SignedDocument(content, sha256_hex(data), read_signatures(path))


def read_revocations(path: Path) -> SignedDocument[RevocationList]:
    """The revocation list at `path` with the signatures beside it; nothing is verified yet."""
    from attest.attestation.documents import SignedDocument, read_signatures
    from attest.attestation.revocation import parse_revocations
    from attest.canonical import sha256_hex
    from attest.license.document import MAX_DOCUMENT_BYTES

    data = read_file(path, MAX_DOCUMENT_BYTES)
    content = parse_revocations(data, what=path.name)
    return SignedDocument(content, sha256_hex(data), read_signatures(path))


def read_remembered(path: Path) -> Remembered | None:
    """What was remembered at `path`; None if there is no such file yet."""
    from attest.attestation.trust.ownership import Remembered
    from attest.license.document import MAX_DOCUMENT_BYTES

    with suppress(PermissionError, NotADirectoryError):
        # A link to nowhere, or a folder that is closed to us, does not mean that nothing was seen.
        try:
            path.lstat()
        except FileNotFoundError:
            return None
    return Remembered.from_json(read_file(path, MAX_DOCUMENT_BYTES), what=str(path))


@app.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    owner: Annotated[
        Keys, typer.Option("--owner", metavar="PUB", help="Who signs the file. Repeatable.")
    ],
    licensor: Annotated[
        Keys, typer.Option("--licensor", metavar="PUB", help="Who signs licenses. Repeatable.")
    ],
    evaluator: Annotated[
        Keys | None, typer.Option("--evaluator", metavar="PUB", help="Who measures for others.")
    ] = None,
    publisher: Annotated[
        Keys | None, typer.Option("--publisher", metavar="PUB", help="Who measures his own.")
    ] = None,
    hub: Annotated[
        Keys | None, typer.Option("--hub", metavar="PUB", help="Whose summaries are believed.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the world that it is about.")] = "Example Trust",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it holds.")] = 365,
) -> None:
    """Write a commented trust file to edit; it counts once its owner has signed it."""
    from attest.attestation.keyfiles import load_public_key
    from attest.attestation.trust.ownership import parse_trust
    from attest.attestation.trust.template import new_trust

    paths: dict[Role, Keys] = {
        "licensor": licensor,
        "evaluator": evaluator or [],
        "publisher": publisher or [],
        "hub": hub or [],
    }
    names: dict[str, str] = {}
    roles: dict[Role, dict[str, PublicKey]] = {
        role: {_name(path, key, names): key for path in found for key in [load_public_key(path)]}
        for role, found in paths.items()
    }
    text = new_trust(
        name=name,
        expires=_last_day(days),
        owner=[load_public_key(path) for path in owner],
        roles=roles,
    )
    parse_trust(text.encode("utf-8"), what=str(file))
    write_new(file, text.encode("utf-8"))
    say(f"wrote {file}; edit it, then: attest trust sign {file} --key KEY")


def _name(path: Path, key: PublicKey, names: dict[str, str]) -> str:
    """A name for a key: the same for the same key, and never that of another one."""
    if key.hint not in names:
        stem = re.sub(r"[^a-z0-9_-]+", "-", path.name.split(".")[0].lower()).strip("-_") or "key"
        taken = set(names.values())
        names[key.hint] = stem if stem not in taken else f"{stem[:60]}-{key.hint[:12]}"
    return names[key.hint]


def _last_day(days: int) -> date:
    return (datetime.now(UTC) + timedelta(days=days)).date()


@app.command()
def check(
    file: File,
    replaces: Annotated[
        Path | None,
        typer.Option("--replaces", metavar="OLD", help="Whether FILE may take the place of OLD."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ensure that a trust file is its owner's and in force, and say whom it believes."""
    from attest.attestation.trust.ownership import Remembered, check_trust

    trust = read_trust(file)
    before = None if replaces is None else Remembered.of(read_trust(replaces))
    check_trust(trust, remembered=before, now=datetime.now(UTC))
    if as_json:
        emit_json(trust.content.to_dict())
        return
    from attest.report.trust import trust_screen

    show(trust_screen(trust))


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Trust file or revocation list.")],
    key: SigningKey,
    chain: Chain = None,
    timestamp: Timestamp = None,
) -> None:
    """Sign a trust file or a revocation list; the signature is written beside it."""
    from attest.attestation.documents import Kind
    from attest.attestation.revocation import parse_revocations
    from attest.attestation.trust.ownership import parse_trust
    from attest.license.document import MAX_DOCUMENT_BYTES, parse_document

    data = read_file(file, MAX_DOCUMENT_BYTES)
    version = parse_document(data, what=file.name).root.get("version")
    kind: Kind
    if version == "attest-revocations/1":
        parse_revocations(data, what=file.name)
        kind = "revocations"
    else:
        parse_trust(data, what=file.name)
        kind = "trust"
    emit_text(str(sign_file(file, data, kind, open_key(key, chain, timestamp))))


@app.command()
def revoke(
    file: Annotated[
        Path, typer.Argument(metavar="LIST", help="The revocation list; begun if there is none.")
    ],
    trust_file: Annotated[
        Path, typer.Option("--trust", metavar="FILE", help="The trust file that it belongs to.")
    ],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="PUB", help="A key, from --since on.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="In UTC, as 2026-05-01T00:00:00Z.")
    ] = None,
    attestation: Annotated[
        Path | None, typer.Option("--attestation", metavar="BUNDLE", help="An attestation.")
    ] = None,
    license_file: Annotated[
        Path | None, typer.Option("--license", metavar="FILE", help="A license.")
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(metavar="SHA256", help="A checkpoint digest.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST",
            help="A weights digest, of `attest digest --tensors`: whatever else the folder holds.",
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever is refused.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long the list holds.")] = 30,
) -> None:
    """Take something back: the next version of a revocation list, to be signed.

    Without anything to take back the list is renewed as it is.
    """
    from attest.attestation.bundle import MAX_BUNDLE_BYTES, open_bundle
    from attest.attestation.keyfiles import load_public_key
    from attest.attestation.revocation import Kind, renewed
    from attest.canonical import sha256_hex
    from attest.license.document import MAX_DOCUMENT_BYTES

    if (key is None) != (since is None):
        raise InputError(
            "a key is revoked from a time",
            reason="usage",
            hint="--key PUB --since 2026-05-01T00:00:00Z",
        )
    digests: dict[Kind, str] = {}
    if attestation is not None:
        bundle = open_bundle(read_file(attestation, MAX_BUNDLE_BYTES))
        digests["attestations"] = sha256_hex(bundle.dsse_envelope.payload)
    if license_file is not None:
        digests["licenses"] = sha256_hex(read_file(license_file, MAX_DOCUMENT_BYTES))
    if checkpoint is not None:
        digests["checkpoints"] = checkpoint
    following = renewed(
        read_revocations(file).content if file.exists() else None,
        trust=read_trust(trust_file).content.name,
        expires=_last_day(days),
        keys={load_public_key(key).hint: since} if key is not None and since is not None else {},
        digests=digests,
        weights=weights,
        reason=reason,
    )
    text = json.dumps(following.to_dict(), indent=2, ensure_ascii=False) + "\n"
    replace_file(file, text.encode("utf-8"))
    say(f"wrote {file}, number {following.number}; then: attest trust sign {file} --key KEY")
