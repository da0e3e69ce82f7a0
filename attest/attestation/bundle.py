"""The Sigstore bundle v0.3: one statement, one signature, and who says that he signed, in one file.

The reader is strict: a field it does not know, it refuses. Nothing inside a bundle chooses the
key; the caller brings it, or the roots that a certificate must lead to. What verified is returned,
and it is the very bytes that were covered by the signature.

Source: sigstore/protobuf-specs, sigstore_bundle.proto, v0.3; OpenSSF Model Signing 1.0 §4 for the
form of the hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import ValidationError, model_validator

from attest.attestation.dsse import Envelope, Signature, pae
from attest.attestation.keys import SIGNATURE_STEP, PublicKey, Signer, verify_signature
from attest.attestation.material import (
    SignedTimestamp,
    TimestampData,
    VerificationMaterial,
    of_chain,
    of_key,
)
from attest.canonical import Json, parse_json
from attest.errors import InputError, VerificationError
from attest.record import WireRecord, invalid

MEDIA_TYPE: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"] = (
    "application/vnd.dev.sigstore.bundle.v0.3+json"
)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""What an in-toto statement is called in a DSSE envelope."""

MAX_BUNDLE_BYTES = 16 * 1024 * 1024
"""Largest bundle read or written; a statement about 1024 files takes about 1 MB."""

ENVELOPE_STEP = 2
"""The step of `verify` that asks for exactly one signature."""


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
        named = self.verification_material.public_key
        return (named.hint or None) if named is not None else None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates in DER, the signer's first; empty for a bare key."""
        return self.verification_material.chain

    @property
    def signature(self) -> bytes:
        """The bytes of the signature, which timestamps and log entries are about."""
        (signature,) = self.dsse_envelope.signatures
        return signature.sig

    def verify(self, public_key: PublicKey) -> bytes:
        """The statement that the holder of `public_key` signed, as the bytes that verified.

        Args:
            public_key: the caller's; neither `hint` nor a key id is compared with it.

        Raises: VerificationError at step 3 if the signature does not verify with this key, or
            covers something else than an in-toto statement.
        Source: DSSE v1, protocol.md, "To verify": the signature first, then the payload type.
        """
        envelope = self.dsse_envelope
        verify_signature(public_key, self.signature, envelope.signed_bytes())
        if envelope.payload_type != PAYLOAD_TYPE:
            raise VerificationError(
                f"expected a signed payload of type {PAYLOAD_TYPE}, "
                f"found {envelope.payload_type!r}",
                step=SIGNATURE_STEP,
                hint="the key signed something that is no statement: ask for an attestation",
            )
        return envelope.payload

    def with_timestamp(self, response: bytes) -> Self:
        """This bundle with one more RFC 3161 response over its signature, in DER."""
        stamps = (*self.verification_material.timestamps, response)
        data = TimestampData(
            rfc3161_timestamps=tuple(SignedTimestamp(signed_timestamp=one) for one in stamps)
        )
        material = self.verification_material.model_copy(
            update={"timestamp_verification_data": data}
        )
        return self.model_copy(update={"verification_material": material})


def make_bundle(statement: bytes, signer: Signer, *, chain: Sequence[bytes] = ()) -> bytes:
    """A bundle with `statement` signed by `signer`.

    The same statement and signature give the same bytes: RFC 8785 JSON.

    Args:
        statement: the bytes of an in-toto statement.
        signer: whoever signs.
        chain: certificates in DER, that of the signer's key first, without the root; none for
            a bare key.

    Raises: InputError if the bundle would be too large to be read again, or with reason
        `another-certificate` if the first certificate is not of the signer's key;
        VerificationError if the signature does not verify with the signer's own public key.
    """
    public_key = signer.public_key
    material = _material(public_key, chain) if chain else of_key(public_key.hint)
    bundle = Bundle(
        media_type=MEDIA_TYPE,
        verification_material=material,
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


def _material(public_key: PublicKey, chain: Sequence[bytes]) -> VerificationMaterial:
    from attest.attestation.certificates import read_certificate

    if read_certificate(chain[0]).public_key != public_key:
        raise InputError(
            "the first certificate is not of the key that signs",
            reason="another-certificate",
            where="certificate chain",
            hint="put the signer's certificate first, then the one that issued it, and so on",
        )
    try:
        return of_chain(chain)
    except ValidationError as error:
        raise invalid(error, "certificate chain") from error


def open_bundle(data: bytes) -> Bundle:
    """The bundle that `data` holds. It is only read here: `Bundle.verify` says if it is true.

    Raises: InputError with reason `media-type`, `unsupported-content`, `schema`, or one of
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
        raise InputError(
            "expected a signed statement, found a signature over a file",
            reason="unsupported-content",
            where="bundle",
            hint="ask the signer for an attestation",
        )
