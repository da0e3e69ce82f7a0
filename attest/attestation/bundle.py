"""The Sigstore bundle v0.3: one statement, one signature, and a hint at the key, in one file.

The reader is strict: whatever it does not check, it refuses. Nothing inside a bundle chooses the
key; the caller brings it. What verified is returned, and it is the very bytes that were covered
by the signature.

Source: sigstore/protobuf-specs, sigstore_bundle.proto, v0.3; OpenSSF Model Signing 1.0 §4 for the
form of the hint.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.attestation.dsse import MAX_NAME_CHARACTERS, Envelope, Signature, pae
from attest.attestation.keys import SIGNATURE_STEP, PublicKey, Signer, verify_signature
from attest.canonical import Json, parse_json
from attest.errors import InputError, VerificationError
from attest.record import WireRecord

MEDIA_TYPE: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"] = (
    "application/vnd.dev.sigstore.bundle.v0.3+json"
)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""What an in-toto statement is called in a DSSE envelope."""

MAX_BUNDLE_BYTES = 16 * 1024 * 1024
"""Largest bundle read or written; a statement about 1024 files takes about 1 MB."""

ENVELOPE_STEP = 2
"""The step of `verify` that asks for exactly one signature."""

_NOT_READ = {
    "certificate": "a signing certificate",
    "x509CertificateChain": "a certificate chain",
    "tlogEntries": "a transparency log entry",
    "timestampVerificationData": "a timestamp",
}
"""Verification material of the format that this version could only overlook, so it refuses it."""


class PublicKeyIdentifier(WireRecord):
    """Which key signed, by the word of whoever wrote the bundle."""

    hint: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] | None = None


class VerificationMaterial(WireRecord):
    """What a verifier would start from; for a bare key that is only its name."""

    public_key: PublicKeyIdentifier
    tlog_entries: tuple[()] | None = None
    """Model signing tools write an empty list."""


class Bundle(WireRecord):
    """A signed statement, not yet verified."""

    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    verification_material: VerificationMaterial
    dsse_envelope: Envelope

    @model_validator(mode="after")
    def _has_one_signature(self) -> Self:
        # A second signature that nobody checks would travel under the trust in the first.
        n_signatures = len(self.dsse_envelope.signatures)
        if n_signatures != 1:
            raise VerificationError(
                f"expected exactly one signature in the bundle, found {n_signatures}",
                step=ENVELOPE_STEP,
                hint="several signers are several bundles",
            )
        return self

    @property
    def hint(self) -> str | None:
        """The name that the bundle gives to its key, or None; fit for a warning, not for trust."""
        return self.verification_material.public_key.hint or None

    def verify(self, public_key: PublicKey) -> bytes:
        """The statement that the holder of `public_key` signed, as the bytes that verified.

        Args:
            public_key: the caller's; neither `hint` nor a key id is compared with it.

        Raises: VerificationError at step 3 if the signature does not verify with this key, or
            covers something else than an in-toto statement.
        Source: DSSE v1, protocol.md, "To verify": the signature first, then the payload type.
        """
        envelope = self.dsse_envelope
        (signature,) = envelope.signatures
        verify_signature(public_key, signature.sig, envelope.signed_bytes())
        if envelope.payload_type != PAYLOAD_TYPE:
            raise VerificationError(
                f"expected a signed payload of type {PAYLOAD_TYPE}, "
                f"found {envelope.payload_type!r}",
                step=SIGNATURE_STEP,
                hint="the key signed something that is no statement: ask for an attestation",
            )
        return envelope.payload


def make_bundle(statement: bytes, signer: Signer) -> bytes:
    """A bundle with `statement` signed by `signer`.

    The same statement and signature give the same bytes: RFC 8785 JSON.

    Raises: InputError if the bundle would be too large to be read again; VerificationError if
        the signature does not verify with the signer's own public key.
    """
    public_key = signer.public_key
    bundle = Bundle(
        media_type=MEDIA_TYPE,
        verification_material=VerificationMaterial(
            public_key=PublicKeyIdentifier(hint=public_key.hint)
        ),
        dsse_envelope=Envelope(
            payload=statement,
            payload_type=PAYLOAD_TYPE,
            signatures=(Signature(sig=signer.sign(pae(PAYLOAD_TYPE, statement))),),
        ),
    )
    data = bundle.to_json()
    # A signer may be a remote one that holds another key than it says.
    open_bundle(data).verify(public_key)
    return data


def open_bundle(data: bytes) -> Bundle:
    """The bundle that `data` holds. It is only read here: `Bundle.verify` says if it is true.

    Raises: InputError with reason `media-type`, `unsupported-material`, `schema`, or one of
        `parse_json`; VerificationError at step 2 unless there is exactly one signature.
    """
    _refuse_other_kinds(parse_json(data, what="bundle", max_bytes=MAX_BUNDLE_BYTES))
    return Bundle.from_json(data, what="bundle", max_bytes=MAX_BUNDLE_BYTES)


def _refuse_other_kinds(value: Json) -> None:
    # Good bundles of other kinds deserve a better answer than the first field that does not fit.
    if not isinstance(value, dict):
        raise InputError("expected a JSON object", reason="schema", where="bundle")
    media_type = value.get("mediaType")
    if media_type != MEDIA_TYPE:
        raise InputError(
            f"expected mediaType {MEDIA_TYPE}, found {media_type!r:.100}",
            reason="media-type",
            where="bundle",
            hint="name a file written by `attest sign`",
        )
    if "messageSignature" in value:
        raise _unsupported("a signature over a file in place of a statement")
    material = value.get("verificationMaterial")
    if isinstance(material, dict):
        for field, kind in _NOT_READ.items():
            if material.get(field):
                raise _unsupported(kind)


def _unsupported(kind: str) -> InputError:
    return InputError(
        f"the bundle holds {kind}, which is not supported by this version",
        reason="unsupported-material",
        where="bundle",
        hint="ask the signer for a bundle that is signed with a key",
    )
