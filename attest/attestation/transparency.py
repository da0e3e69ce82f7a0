"""Step 6: the signature is in a transparency log that the caller knows, proved offline.

Read are the entries of Rekor v2: an inclusion proof that leads to a tree head which the log has
signed, and a body that must say exactly this signature, this key and this digest. Sizes and roots
that the bundle repeats beside the signed tree head must be those of the tree head.

Such a proof says that the entry is there for its owner to find, and nothing of when it was made.

Source: sigstore/rekor-tiles, CLIENTS.md; C2SP signed-note and tlog-checkpoint; RFC 6962 §2.1.1;
sigstore/architecture-docs, algorithm registry.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from attest.attestation.bundle import Bundle
from attest.attestation.certificates import read_certificate
from attest.attestation.dsse import Base64, decode_base64
from attest.attestation.keys import Kind, PublicKey, verify_signature
from attest.attestation.material import Certificate, LogEntry
from attest.errors import InputError, VerificationError
from attest.evaluation.commitment import root_of_proof
from attest.record import WireRecord

LOG_STEP = 6
"""The step of `verify` at which a log entry is checked."""

MAX_TREE_HEAD_SIGNATURES = 64
"""Most signatures looked at on a tree head; a log and its witnesses have fewer."""

_KIND, _VERSION = "hashedrekord", "0.0.2"
_ED25519_SIGNATURE_TYPE = b"\x01"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_SIGNATURE_LINE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class _Algorithm:
    """How the algorithm registry of Sigstore calls the scheme of a key, and its hash."""

    details: str
    hash: str
    hash_name: str


_ALGORITHMS: dict[Kind, _Algorithm] = {
    "p256": _Algorithm("PKIX_ECDSA_P256_SHA_256", "SHA2_256", "sha256"),
    "p384": _Algorithm("PKIX_ECDSA_P384_SHA_384", "SHA2_384", "sha384"),
    "p521": _Algorithm("PKIX_ECDSA_P521_SHA_512", "SHA2_512", "sha512"),
}


@dataclass(frozen=True)
class Log:
    """A transparency log that the caller knows."""

    origin: str
    """The first line of its tree heads and the name of its key, such as `log.example/2026`."""
    public_key: PublicKey
    """The key that signs its tree heads."""

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that mark signatures of this key under this name.

        Source: C2SP signed-note, "Signatures"; ECDSA keys are not hashed with the name.
        """
        key = self.public_key.key
        if isinstance(key, ed25519.Ed25519PublicKey):
            name = self.origin.encode("utf-8")
            named = name + b"\n" + _ED25519_SIGNATURE_TYPE + key.public_bytes_raw()
            return hashlib.sha256(named).digest()[:4]
        return hashlib.sha256(_spki(self.public_key)).digest()[:4]


@dataclass(frozen=True)
class Inclusion:
    """Where a signature was found logged."""

    origin: str
    """The log, as the caller names it."""
    index: int
    """The place of the entry, 0 <= index < tree_size."""
    tree_size: int
    """How many entries the log had."""
    root: str
    """The signed root, as lower-case hexadecimal."""


class _RawKey(WireRecord):
    raw_bytes: Base64


class _Verifier(WireRecord):
    key_details: str
    public_key: _RawKey | None = None
    x509_certificate: Certificate | None = None


class _LoggedSignature(WireRecord):
    content: Base64
    verifier: _Verifier


class _LoggedDigest(WireRecord):
    algorithm: str
    digest: Base64


class _HashedRekord(WireRecord):
    data: _LoggedDigest
    signature: _LoggedSignature


class _Spec(WireRecord):
    hashed_rekord_v002: _HashedRekord


class _Body(WireRecord):
    api_version: Literal["0.0.2"]
    kind: Literal["hashedrekord"]
    spec: _Spec


def check_inclusion(bundle: Bundle, public_key: PublicKey, logs: Sequence[Log]) -> Inclusion:
    """Ensure that the signature of `bundle` is an entry of a log that the caller knows.

    Args:
        bundle: the signature itself is not verified here.
        public_key: the caller's, or that of a certificate which led to the caller's roots.
        logs: the caller's; nothing in the bundle adds to them.

    Raises: VerificationError at step 6 if there is no entry or more than one, if the proof does
        not hold, or if the entry is about another signature, key or statement.
    """
    entries = bundle.verification_material.tlog_entries or ()
    if len(entries) != 1:
        _refuse(
            f"expected one log entry, found {len(entries)}",
            hint="ask the signer to log the signature" if not entries else None,
        )
    (entry,) = entries
    try:
        inclusion = _locate(entry, logs)
        _check_body(entry, bundle, public_key)
    except (InputError, ValueError) as error:
        raise VerificationError(f"the log entry cannot be read: {error}", step=LOG_STEP) from error
    return inclusion


def _locate(entry: LogEntry, logs: Sequence[Log]) -> Inclusion:
    proof = entry.inclusion_proof
    inclusion = _signed_tree_head(proof.checkpoint.envelope, logs, index=entry.log_index)
    if proof.log_index != entry.log_index:
        _refuse(f"the entry has index {entry.log_index}, its proof {proof.log_index}")
    if proof.tree_size != inclusion.tree_size or proof.root_hash.hex() != inclusion.root:
        _refuse("size and root of the proof are not those of the signed tree head")
    root = root_of_proof(
        entry.canonicalized_body, entry.log_index, inclusion.tree_size, proof.hashes
    )
    if root.hex() != inclusion.root:
        _refuse("the inclusion proof does not lead to the root that the log has signed")
    return inclusion


def _signed_tree_head(envelope: str, logs: Sequence[Log], *, index: int) -> Inclusion:
    # C2SP signed-note: the last empty line parts the text, which keeps its own last newline,
    # from the signatures.
    if any(character < " " and character != "\n" for character in envelope):
        raise ValueError("a control character in the tree head")
    text, blank, signatures = envelope.rpartition("\n\n")
    lines = text.split("\n")
    if not blank or not signatures.endswith("\n") or len(lines) < 3 or "" in lines:
        raise ValueError("expected a tree head of at least three lines and its signatures")
    origin, size, root = lines[:3]
    known = [log for log in logs if log.origin == origin]
    if not known:
        _refuse(
            f"the log {origin!r:.100} is none of those that the caller knows",
            hint="if you trust it, put its name and key into the trust file",
        )
    if not _SIZE.fullmatch(size):
        raise ValueError(f"expected a tree size, found {size!r:.30}")
    _check_signatures(signatures[:-1].split("\n"), f"{text}\n".encode(), known)
    return Inclusion(
        origin=origin, index=index, tree_size=int(size), root=_standard_base64(root).hex()
    )


def _check_signatures(lines: Sequence[str], text: bytes, known: Sequence[Log]) -> None:
    if len(lines) > MAX_TREE_HEAD_SIGNATURES:
        raise ValueError(f"{len(lines)} signatures on the tree head")
    keys = {(log.origin, log.key_id): log.public_key for log in known}
    n_verified = 0
    for line in lines:
        found = _SIGNATURE_LINE.fullmatch(line)
        if found is None:
            raise ValueError("a line below the tree head is no signature")
        signature = _standard_base64(found[2])
        # Signatures by unknown keys, such as those of witnesses, are passed over as the note
        # format asks; one that claims to be by a known key must verify.
        public_key = keys.get((found[1], signature[:4]))
        if public_key is None:
            continue
        try:
            verify_signature(public_key, signature[4:], text)
        except VerificationError as error:
            _refuse(f"the tree head is not signed by {found[1]}", cause=error)
        n_verified += 1
    if n_verified == 0:
        _refuse(f"the tree head carries no signature by a known key of {known[0].origin}")


def _check_body(entry: LogEntry, bundle: Bundle, public_key: PublicKey) -> None:
    kind = entry.kind_version
    if (kind.kind, kind.version) != (_KIND, _VERSION):
        _refuse(
            f"expected a log entry {_KIND} {_VERSION}, "
            f"found {kind.kind!r:.40} {kind.version!r:.20}",
            hint="entries of Rekor v1 are read with a Sigstore identity only",
        )
    algorithm = _ALGORITHMS.get(public_key.kind)
    if algorithm is None:
        _refuse(f"a signature by an {public_key.kind} key cannot be logged: it has no prehash")
    record = _Body.from_json(entry.canonicalized_body, what="log entry").spec.hashed_rekord_v002
    verifier = record.signature.verifier
    signed = bundle.dsse_envelope.signed_bytes()
    if record.signature.content != bundle.signature:
        _refuse("the log entry is about another signature")
    if record.data.digest != hashlib.new(algorithm.hash_name, signed).digest():
        _refuse("the log entry is about another statement")
    if (record.data.algorithm, verifier.key_details) != (algorithm.hash, algorithm.details):
        _refuse("the log entry names another algorithm than that of the key")
    if _logged_key(verifier, bundle) != _spki(public_key):
        _refuse("the log entry is about another key")


def _logged_key(verifier: _Verifier, bundle: Bundle) -> bytes | None:
    """The key that the entry is about, in DER, or None if the entry does not name just one."""
    if verifier.x509_certificate is not None and verifier.public_key is None:
        der = verifier.x509_certificate.raw_bytes
        if bundle.chain[:1] != (der,):
            _refuse("the log entry is about another certificate")
        return _spki(read_certificate(der).public_key)
    if verifier.public_key is not None and verifier.x509_certificate is None:
        return verifier.public_key.raw_bytes
    return None


def _spki(public_key: PublicKey) -> bytes:
    return public_key.key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _standard_base64(text: str) -> bytes:
    # Unlike DSSE, notes know one alphabet.
    if "-" in text or "_" in text:
        raise ValueError("expected standard base64, found the URL-safe alphabet")
    return decode_base64(text)


def _refuse(
    message: str, *, hint: str | None = None, cause: VerificationError | None = None
) -> NoReturn:
    raise VerificationError(message, step=LOG_STEP, hint=hint) from cause
