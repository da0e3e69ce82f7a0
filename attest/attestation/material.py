"""Verification material: what a Sigstore bundle carries beside the signed statement.

Certificates, timestamps and log entries are only read here, closed and bounded. Whether they are
true is for `certificates`, `timestamps` and `transparency` to say, with what the verifier brings.

Source: sigstore/protobuf-specs: sigstore_bundle.proto, sigstore_common.proto, sigstore_rekor.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from attest.attestation.dsse import MAX_NAME_CHARACTERS, Base64
from attest.record import WireRecord

MAX_CERTIFICATES = 10
"""Longest certificate chain read."""
MAX_CERTIFICATE_BYTES = 16 * 1024
"""Longest certificate read; those of Fulcio have about 2 KB."""
MAX_TIMESTAMPS = 8
"""Most timestamps read in one bundle."""
MAX_TIMESTAMP_BYTES = 64 * 1024
"""Longest timestamp read; one with its certificates has about 6 KB."""
MAX_LOG_ENTRIES = 8
"""Most log entries read in one bundle."""
MAX_LOG_BODY_BYTES = 64 * 1024
"""Longest body of a log entry read; it holds digest, signature and certificate."""
MAX_PROOF_HASHES = 63
"""Longest inclusion proof: a log has fewer than 2**63 leaves."""
MAX_TREE_HEAD_CHARACTERS = 128 * 1024
"""Longest signed tree head read: sixteen signatures of 5 KB, as signed-note asks of readers."""

_MAX_INT64 = 2**63 - 1
_INT64_DIGITS = len(str(_MAX_INT64))


def _decode_int64(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not (value.isascii() and value.isdigit() and len(value) <= _INT64_DIGITS):
        raise ValueError("expected a decimal of at most 19 digits")
    if value != str(int(value)):
        raise ValueError("expected a decimal without leading zeros")
    return int(value)


Int64 = Annotated[
    int,
    BeforeValidator(_decode_int64),
    Field(ge=0, le=_MAX_INT64),
    PlainSerializer(str, return_type=str, when_used="json"),
]
"""A number from 0 to 2**63 - 1, which JSON of protobuf writes as a string."""

Name = Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
Hash = Annotated[Base64, Field(min_length=32, max_length=32)]
"""A SHA-256 digest."""


class PublicKeyIdentifier(WireRecord):
    """Which key signed, by the word of whoever wrote the bundle."""

    hint: Name | None = None


class Certificate(WireRecord):
    """One X.509 certificate in DER."""

    raw_bytes: Annotated[Base64, Field(min_length=1, max_length=MAX_CERTIFICATE_BYTES)]


class CertificateChain(WireRecord):
    """Certificates, the signer's first, each issued by the next."""

    certificates: Annotated[
        tuple[Certificate, ...], Field(min_length=1, max_length=MAX_CERTIFICATES)
    ]


class LogId(WireRecord):
    """The name that a log entry gives to its log; a hint like that of a key."""

    key_id: Annotated[Base64, Field(max_length=MAX_NAME_CHARACTERS)]


class KindVersion(WireRecord):
    """How the body of a log entry is to be read."""

    kind: Name
    version: Name


class InclusionPromise(WireRecord):
    """The word of a Rekor v1 log that it would include the entry; no proof that it did."""

    signed_entry_timestamp: Annotated[Base64, Field(max_length=MAX_NAME_CHARACTERS)]


class TreeHead(WireRecord):
    """Size and root of a log, signed by it; the format calls it a checkpoint."""

    envelope: Annotated[str, Field(max_length=MAX_TREE_HEAD_CHARACTERS)]


class InclusionProof(WireRecord):
    """The way from an entry to the root of its log."""

    log_index: Int64 = 0
    root_hash: Hash
    tree_size: Int64
    hashes: Annotated[tuple[Hash, ...], Field(max_length=MAX_PROOF_HASHES)] = ()
    checkpoint: TreeHead


class LogEntry(WireRecord):
    """That a signature was logged, and the proof."""

    log_index: Int64 = 0
    log_id: LogId | None = None
    kind_version: KindVersion
    integrated_time: Int64 | None = None
    """Of Rekor v1 logs, where the inclusion promise covers it; elsewhere nobody signed it."""
    inclusion_promise: InclusionPromise | None = None
    inclusion_proof: InclusionProof
    canonicalized_body: Annotated[Base64, Field(max_length=MAX_LOG_BODY_BYTES)]
    """The very bytes of the leaf."""


class SignedTimestamp(WireRecord):
    """An RFC 3161 response in DER, over the bytes of the signature."""

    signed_timestamp: Annotated[Base64, Field(min_length=1, max_length=MAX_TIMESTAMP_BYTES)]


class TimestampData(WireRecord):
    """All timestamps of a bundle."""

    rfc3161_timestamps: Annotated[
        tuple[SignedTimestamp, ...], Field(max_length=MAX_TIMESTAMPS)
    ] = ()


class VerificationMaterial(WireRecord):
    """What a verifier starts from: who signed, when, and where that is logged."""

    public_key: PublicKeyIdentifier | None = None
    x509_certificate_chain: CertificateChain | None = None
    certificate: Certificate | None = None
    tlog_entries: Annotated[tuple[LogEntry, ...], Field(max_length=MAX_LOG_ENTRIES)] | None = None
    """Model signing tools write an empty list for a bare key."""
    timestamp_verification_data: TimestampData | None = None

    @model_validator(mode="after")
    def _names_one_signer(self) -> Self:
        signers = (self.public_key, self.x509_certificate_chain, self.certificate)
        n_signers = sum(signer is not None for signer in signers)
        if n_signers != 1:
            raise ValueError(
                "expected exactly one of publicKey, x509CertificateChain and certificate, "
                f"found {n_signers}"
            )
        return self

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates in DER, the signer's first; empty for a bare key."""
        if self.certificate is not None:
            return (self.certificate.raw_bytes,)
        if self.x509_certificate_chain is not None:
            return tuple(one.raw_bytes for one in self.x509_certificate_chain.certificates)
        return ()

    @property
    def timestamps(self) -> tuple[bytes, ...]:
        """The RFC 3161 responses in DER."""
        if self.timestamp_verification_data is None:
            return ()
        stamps = self.timestamp_verification_data.rfc3161_timestamps
        return tuple(stamp.signed_timestamp for stamp in stamps)


def of_key(hint: str) -> VerificationMaterial:
    """The material of a signature by a bare key."""
    return VerificationMaterial(public_key=PublicKeyIdentifier(hint=hint))


def of_chain(chain: Sequence[bytes]) -> VerificationMaterial:
    """The material of a signature by the key of a certificate.

    A single certificate is written as `certificate`, which is all that sigstore-go takes in a
    bundle v0.3; several are a chain, as OpenSSF Model Signing writes it.

    Args:
        chain: DER, the signer's certificate first, at least one, without the root.
    """
    certificates = tuple(Certificate(raw_bytes=der) for der in chain)
    if len(certificates) == 1:
        return VerificationMaterial(certificate=certificates[0])
    return VerificationMaterial(x509_certificate_chain=CertificateChain(certificates=certificates))
