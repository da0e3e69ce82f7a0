"""Secret suffixes: random text after a prompt that nobody knew while the weights were made.

A publisher could train against any fixed list of prompts. So the licensor signs license and
checkpoint digest after the weights are committed to, and the suffixes follow from the signature:
Ed25519 gives one signature, so the publisher chooses nothing, and only the licensor could have
known the suffixes before.

    signed   "attest-suffix-v1" 00, the SHA-256 of the license, the checkpoint digest; both as bytes
    suffix   the first 40 letters of the lower-case base 32 of SHA-256 over "attest-suffix-draw-v1"
             00, the SHA-256 of the signature, then probe, benchmark and item (each the length of
             its UTF-8 bytes as a big-endian u32, then the bytes), in ten groups of four

Source: RFC 8032 (Ed25519, deterministic signatures), RFC 4648 (base 32).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Literal

from cryptography.exceptions import InvalidSignature

from attest.errors import InputError
from attest.evaluation.plan import Asked
from attest.evaluation.records import Ed25519Signature
from attest.license.suffix_key import suffix_key
from attest.license.terms import License
from attest.record import Record, Sha256

_SIGNED = b"attest-suffix-v1\x00"
_DRAWN = b"attest-suffix-draw-v1\x00"

MAX_SUFFIXES_BYTES = 64 * 1024
"""Largest file of suffixes read; one has some hundred bytes."""

N_GROUPS, GROUP = 10, 4

_HINT = (
    "send the checkpoint digest (`attest digest MODEL`) to the licensor, who runs "
    "`attest license suffix`"
)


class Suffixes(Record):
    """What the licensor hands over: the signature that the suffixes follow from."""

    version: Literal["attest-suffixes/1"] = "attest-suffixes/1"
    license: Sha256
    checkpoint: Sha256
    signature: Ed25519Signature

    def ensure_of(self, license: License, checkpoint: Sha256) -> None:
        """Ensure that these are the suffixes of this license and this checkpoint.

        Raises: InputError with reason `other-suffixes`, or one of `check_suffixes`.
        """
        for what, stated, wanted in (
            ("license", self.license, license.sha256),
            ("checkpoint", self.checkpoint, checkpoint),
        ):
            if stated != wanted:
                raise InputError(
                    f"the suffixes are for {what} {stated[:16]}…, this is {wanted[:16]}…",
                    reason="other-suffixes",
                    hint=_HINT,
                )
        check_suffixes(self.signature, license, checkpoint)


def message(license_sha256: Sha256, checkpoint: Sha256) -> bytes:
    """What the licensor signs."""
    return _SIGNED + bytes.fromhex(license_sha256) + bytes.fromhex(checkpoint)


def check_suffixes(signature: Ed25519Signature, license: License, checkpoint: Sha256) -> None:
    """Ensure that the licensor signed this license and this checkpoint.

    Raises: InputError with reason `suffix-key` if the terms give no Ed25519 key, or
        `suffix-signature` if the signature is of another key, license or checkpoint.
    """
    key = suffix_key(license.terms)
    if key is None:
        raise InputError(
            "expected an Ed25519 public key in PEM", reason="suffix-key", where="terms.suffix_key"
        )
    try:
        key.verify(bytes.fromhex(signature), message(license.sha256, checkpoint))
    except InvalidSignature as error:
        raise InputError(
            "the suffixes are not signed by the licensor for this license and this checkpoint",
            reason="suffix-signature",
            hint=_HINT,
        ) from error


def suffix(signature: Ed25519Signature, *, probe: str, benchmark: str, item: str) -> str:
    """The suffix of one item under one probe."""
    parts = [part.encode() for part in (probe, benchmark, item)]
    lengthy = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    seed = hashlib.sha256(bytes.fromhex(signature)).digest()
    letters = base64.b32encode(hashlib.sha256(_DRAWN + seed + lengthy).digest()).decode().lower()
    return " ".join(letters[at : at + GROUP] for at in range(0, N_GROUPS * GROUP, GROUP))


def ensure_suffixes_are_wanted(items: Sequence[Asked], suffixes: Suffixes | None) -> None:
    """Ensure that suffixes were given exactly where a probe has secret ones.

    Raises: InputError with reason `no-suffixes` or `no-secret-probe`.
    """
    secret = next((one.probe.name for one in items if one.probe.suffix is not None), None)
    if secret is not None and suffixes is None:
        raise InputError(
            f"probe {secret} needs the licensor's suffixes",
            reason="no-suffixes",
            hint="send the checkpoint digest (`attest digest MODEL`) to the licensor, and give "
            "the file that comes back with --suffixes",
        )
    if suffixes is not None and secret is None:
        raise InputError(
            "the license asks under no probe with secret suffixes",
            reason="no-secret-probe",
            hint="leave --suffixes out",
        )
