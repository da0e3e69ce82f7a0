"""Documents that a party signs as they lie: licenses, trust files, revocation lists.

The signature is a Sigstore bundle beside the file, over an in-toto statement whose only subject is
the file, by its bytes. The predicate type says which kind of document was meant, so a signature
under a license can never pass for one under a trust file.

Source: in-toto Attestation Framework, Statement v1, where a predicate may be absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from attest.attestation.bundle import MAX_BUNDLE_BYTES
from attest.attestation.statement import STATEMENT_TYPE, Subject
from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.files import read_file
from attest.record import WireRecord

Kind = Literal["license", "trust", "revocations"]

PREDICATE_TYPES: dict[Kind, str] = {
    "license": "https://w3id.org/attest-weights/license/v1",
    "trust": "https://w3id.org/attest-weights/trust/v1",
    "revocations": "https://w3id.org/attest-weights/revocations/v1",
}

MAX_SIGNATURES = 64
"""Most signatures of one document, or of one attestation, that are looked at."""

SIGNATURE_SUFFIX = ".sigstore.json"
"""How the file of a bundle ends."""

T = TypeVar("T")


@dataclass(frozen=True)
class SignedDocument(Generic[T]):
    """A document that was read, and the signatures that came with it, not yet verified."""

    content: T
    sha256: str
    """Of the very bytes of the document."""
    signatures: tuple[bytes, ...] = ()
    """Sigstore bundles; those that are about something else are passed over."""


def read_signatures(file: Path) -> tuple[bytes, ...]:
    """The bundles beside `file`, whose names begin with its own; none if there are none.

    Raises: InputError with reason `too-many`, `unreadable` or `too-large`.
    """
    try:
        found = sorted(
            path
            for path in file.parent.iterdir()
            if path.name.startswith(f"{file.name}.")
            and path.name.endswith(SIGNATURE_SUFFIX)
            and path.is_file()
        )
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", reason="unreadable", where=str(file.parent)
        ) from error
    if len(found) > MAX_SIGNATURES:
        raise InputError(
            f"expected at most {MAX_SIGNATURES} signatures, found {len(found)}",
            reason="too-many",
            where=str(file),
            hint="remove those of earlier versions",
        )
    return tuple(read_file(path, MAX_BUNDLE_BYTES) for path in found)


class DocumentStatement(WireRecord):
    """An in-toto Statement v1 that a document is what its signer means."""

    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Annotated[str, Field(max_length=200)]


def state_document(data: bytes, kind: Kind, *, name: str) -> bytes:
    """The statement that a signer of the document with the bytes `data` signs.

    Args:
        data: the file, byte for byte.
        kind: what the signer takes it for.
        name: of the file; it is told, and takes part in no decision.
    """
    return DocumentStatement(
        type=STATEMENT_TYPE,
        subject=(Subject(name=name, digest={"sha256": sha256_hex(data)}),),
        predicate_type=PREDICATE_TYPES[kind],
    ).to_json()


def check_document(payload: bytes, kind: Kind, sha256: str) -> None:
    """Ensure that a statement, whose signature verified, is about this document.

    Raises: InputError if it is about other bytes, or takes them for another kind of document.
    """
    statement = DocumentStatement.from_json(payload, what="statement")
    if statement.predicate_type != PREDICATE_TYPES[kind]:
        raise InputError(
            f"signed as {statement.predicate_type}, expected {PREDICATE_TYPES[kind]}",
            reason="another-kind",
        )
    found = statement.subject[0].digest.get("sha256")
    if found != sha256:
        raise InputError(
            "signed over other bytes than these",
            reason="another-document",
            hint="sign it again as it is now",
        )
