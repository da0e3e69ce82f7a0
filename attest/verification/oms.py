"""Somebody's OpenSSF Model Signing signature, held against a folder.

It proves who vouches for the bytes. It holds no measurement, names no license and has no level.
The steps are those of `verify` that such a signature can answer, under the same numbers:

0. limits      sizes, depth, duplicate keys: the bundle can mean only one thing
1. trust       a key or root certificates were given by the caller
2. envelope    one DSSE envelope with exactly one signature
3. signature   it verifies with the caller's key, or with that of the certificate judged at step 5
4. statement   the verified bytes are an OMS 1.0 statement: whole files, SHA-256, names in order
5. time        the certificates lead to a root and are valid at the caller's time
6. log         transparency log entries: not asked for
7. subjects    the root digest is that of the list
8. coverage    the folder holds exactly the files of the list, by the verifier's rule
9. files       every file has the digest of the list

What the signer says he left out (`ignore_paths`) is reported and widens nothing: he may be the one
who wants a file overlooked.

Source: ossf/model-signing-spec, spec/v1.0.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from attest.attestation.bundle import Bundle, open_bundle
from attest.attestation.certificates import read_certificate, verify_chain
from attest.attestation.keys import PublicKey
from attest.attestation.oms import OmsStatement, may_be_left_out, read_oms, root_digest
from attest.canonical import sha256_hex
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import Checkpoint
from attest.checkpoint.roles import role_of
from attest.errors import InputError
from attest.record import Sha256, WireRecord
from attest.verification.records import Step
from attest.verification.walk import Stopped, Walk
from attest.version import __version__

LAST_STEP = 9
"""The last step that an OMS signature can answer."""


@dataclass(frozen=True)
class Roots:
    """Authorities whose certificates for signing the caller accepts, as DER."""

    certificates: tuple[bytes, ...]


class OmsSigner(WireRecord):
    """Who signed: a key that the caller gave, or the holder of a certificate."""

    key_hint: Sha256
    """Fingerprint of the key that the signature verified with."""
    certificate_sha256: Sha256 | None = None
    identities: tuple[str, ...] = ()
    """What the certificate names; the caller says whether that is the signer he wants."""


class OmsVerification(WireRecord):
    """The result of verifying one OMS signature against the caller's trust and a folder."""

    version: Literal["attest-oms-verification/1"] = "attest-oms-verification/1"
    verifier: str
    """Name and version of the verifying program."""
    verified_at: datetime
    signature_sha256: Sha256
    is_verified: bool
    """True if every step passed. It says nothing of the model's behaviour."""
    steps: tuple[Step, ...]
    signer: OmsSigner | None = None
    model_name: str | None = None
    """By the signer's word."""
    root: Sha256 | None = None
    """The root digest, which covers no names: fit to refer to the model, not to find it."""
    n_files: Annotated[int, Field(ge=1)] | None = None
    left_out: tuple[str, ...] = ()
    """What the signer says he left out; none of it widened what was accepted."""

    @property
    def failed_step(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.status == "failed"), None)


@dataclass
class _Found:
    """What the steps have established, filled as they pass."""

    signer: OmsSigner | None = None
    statement: OmsStatement | None = None


def examine_oms(
    signature: bytes,
    *,
    trust: PublicKey | Roots,
    checkpoint: Checkpoint,
    at: datetime,
    signature_path: str | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> OmsVerification:
    """Whether an OMS signature holds for a folder: a value, whatever was found.

    Args:
        signature: bytes of a Sigstore bundle, such as `model.sig`.
        trust: the caller's key, or the roots that the signer's certificate must lead to.
        checkpoint: the folder; its bytes are read only once everything else holds.
        at: the time at which certificates must be valid, with a time zone.
        signature_path: where the signature itself lies in the folder, if it does.
        on_bytes: told how many bytes were read since it was last called.
    """
    walk, found = Walk(), _Found()
    is_verified = True
    try:
        _signature(walk, found, signature, trust, at)
        _folder(walk, found, checkpoint, signature_path, on_bytes)
    except Stopped:
        is_verified = False
    statement = found.statement if is_verified else None
    return OmsVerification(
        verifier=f"attest {__version__}",
        verified_at=at.astimezone(UTC).replace(microsecond=0),
        signature_sha256=sha256_hex(signature),
        is_verified=is_verified,
        steps=walk.all_steps()[: LAST_STEP + 1],
        signer=found.signer if is_verified else None,
        model_name=statement.name if statement else None,
        root=statement.signed_root if statement else None,
        n_files=len(statement.predicate.resources) if statement else None,
        left_out=statement.predicate.serialization.ignore_paths if statement else (),
    )


def _signature(
    walk: Walk, found: _Found, data: bytes, trust: PublicKey | Roots, at: datetime
) -> None:
    # 0. limits, and 2. envelope: both are the work of one strict parser.
    with walk.step("limits", f"{len(data)} bytes of strict JSON"):
        bundle = open_bundle(data)
    # 1. trust: the caller says by which means he knows the signer, and the bundle must fit it.
    with walk.step("trust", _describe(trust)):
        _check_means(bundle, trust)
    # 2. envelope
    with walk.step("envelope", "one DSSE envelope, one signature"):
        pass
    # 3. signature
    with walk.step("signature", "ECDSA signature over the bytes received"):
        public_key = (
            trust if isinstance(trust, PublicKey) else read_certificate(bundle.chain[0]).public_key
        )
        if public_key.kind == "ed25519":
            raise InputError(
                "OpenSSF Model Signing knows ECDSA keys only, found an Ed25519 key",
                hint="ask for a signature with a P-256, P-384 or P-521 key",
            )
        payload = bundle.verify(public_key)
    # 4. statement: the bytes that verified, and no others, are parsed.
    with walk.step("statement", "in-toto Statement v1, OpenSSF Model Signing 1.0"):
        found.statement = read_oms(payload)
    # 5. time
    if isinstance(trust, PublicKey):
        walk.not_asked("time", "a bare key says nothing of the time")
        found.signer = OmsSigner(key_hint=trust.hint)
    else:
        with walk.step("time", f"a path to a root, valid at {at:%Y-%m-%d}"):
            certificate = verify_chain(bundle.chain, trust.certificates, at)
            found.signer = OmsSigner(
                key_hint=certificate.public_key.hint,
                certificate_sha256=certificate.sha256,
                identities=certificate.identities,
            )
    # 6. log
    walk.not_asked("log", "no transparency log was asked for")


def _check_means(bundle: Bundle, trust: PublicKey | Roots) -> None:
    material = bundle.verification_material
    if material.certificate is not None:
        raise InputError(
            "the signature is a keyless one, by a certificate that holds for minutes",
            reason="unsupported-material",
            hint="verify it with `model_signing verify sigstore`, or ask for one with a key",
        )
    if isinstance(trust, Roots):
        if material.x509_certificate_chain is None:
            raise InputError(
                "the signature was made with a bare key, and roots were given",
                hint="name the signer's public key with --key",
            )
        return
    if material.public_key is None:
        raise InputError(
            "the signature was made under a certificate, and a key was given",
            hint="name the root of the signer's authority with --roots",
        )
    if bundle.hint != trust.hint:
        # The name is only a hint, but other verifiers refuse a wrong one, and so do we.
        raise InputError(
            f"the signature names the key {str(bundle.hint)[:16]!a}…, the key given is "
            f"{trust.hint[:16]}…",
            hint="name the public key that signed",
        )


def _folder(
    walk: Walk,
    found: _Found,
    checkpoint: Checkpoint,
    signature_path: str | None,
    on_bytes: Callable[[int], None] | None,
) -> None:
    assert found.statement is not None
    resources = found.statement.predicate.resources
    signed = {resource.name: resource.digest for resource in resources}
    # 7. subjects
    root = root_digest(resources)
    with walk.step("subjects", f"root {root[:16]}… of {len(signed)} files"):
        if found.statement.signed_root != root:
            raise InputError(
                f"the statement gives the root {str(found.statement.signed_root)[:16]!a}…, its "
                f"files make {root[:16]}…"
            )
    # 8. coverage
    with walk.step("coverage", "the folder holds the files that are signed, and no others"):
        _check_coverage(found.statement, checkpoint, signature_path)
    # 9. files
    with walk.step("files", "SHA-256 of every file, computed here"):
        held = {**checkpoint.files, **checkpoint.excluded}
        listed = replace(checkpoint, files={path: held[path] for path in signed}, excluded={})
        for file in digest(listed, strict=False, on_bytes=on_bytes).files:
            if file.sha256 != signed[file.path]:
                raise InputError(
                    f"{file.path}: expected SHA-256 {signed[file.path][:16]}…, "
                    f"found {file.sha256[:16]}…",
                    hint="these are not the bytes that were signed; get the release again",
                )


def _check_coverage(
    statement: OmsStatement, checkpoint: Checkpoint, signature_path: str | None
) -> None:
    signed = {resource.name for resource in statement.predicate.resources}
    present = checkpoint.files.keys() | checkpoint.excluded.keys()
    missing = sorted(signed - present)
    if missing:
        raise InputError(
            f"{missing[0]} is signed and not there" + _and_more(missing),
            hint="get the whole release",
        )
    added = sorted(path for path in present - signed if not _is_allowed(path, signature_path))
    if added:
        path = added[0]
        ignored = statement.predicate.serialization.ignore_paths
        is_ignored = any(path == one or path.startswith(f"{one}/") for one in ignored)
        why = (
            "left out by the signer, which counts for nothing here" if is_ignored else "not signed"
        )
        raise InputError(
            f"{path} ({role_of(path)}) is {why}" + _and_more(added),
            hint="remove it, or ask the publisher to sign the folder as it is",
        )


def _is_allowed(path: str, signature_path: str | None) -> bool:
    # Under a name such as tokenizer.json, a signature would be more than a signature.
    is_signature = path == signature_path and role_of(path) == "other"
    return is_signature or may_be_left_out(path)


def _and_more(found: list[str]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""


def _describe(trust: PublicKey | Roots) -> str:
    if isinstance(trust, PublicKey):
        return f"{trust.kind} key {trust.hint[:16]}…"
    return f"{len(trust.certificates)} root certificates"
