"""The DSSE envelope: what exactly is signed, and how it travels as JSON.

A signature covers the payload type and the payload bytes through the pre-authentication encoding
and nothing else of the envelope. The payload is opaque here: it is kept as the bytes that came,
because those are the bytes that verify.

Source: secure-systems-lab/dsse, protocol.md and envelope.md, version 1.0.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from attest.record import WireRecord

MAX_SIGNATURE_BYTES = 1024
"""Longest signature read; the longest that can verify, P-521 in DER, has 139 bytes."""
MAX_NAME_CHARACTERS = 1024
"""Longest payload type, key id or key hint read."""

_TO_STANDARD = str.maketrans("-_", "+/")


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that a DSSE signature covers.

    Source: DSSE v1, protocol.md, "Signature Definition".
    """
    # LEN is the length in bytes, not in characters: encode first, then count.
    encoded = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(encoded), encoded, len(payload), payload)


def decode_base64(text: str) -> bytes:
    """The bytes that `text` writes in standard or URL-safe base64.

    Raises: ValueError unless `text` is the one way to write these bytes in its alphabet: padded,
        without whitespace, unused bits zero.
    Source: RFC 4648 §3.5, §4, §5. DSSE v1 lets a signer use either alphabet.
    """
    if any(c in text for c in "+/") and any(c in text for c in "-_"):
        raise ValueError("expected one base64 alphabet, found standard and URL-safe mixed")
    standard = text.translate(_TO_STANDARD)
    try:
        decoded = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("expected base64 with padding and without whitespace") from error
    # The decoder overlooks unused bits and surplus padding; writing the bytes again does not.
    if base64.b64encode(decoded).decode("ascii") != standard:
        raise ValueError("expected base64 whose padding and unused bits are canonical")
    return decoded


def _decode_text(value: object) -> object:
    return decode_base64(value) if isinstance(value, str) else value


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


Base64 = Annotated[bytes, BeforeValidator(_decode_text), PlainSerializer(_encode, when_used="json")]
"""Bytes that are read from either base64 alphabet and written in the standard one."""


class Signature(WireRecord):
    """One signature over the pre-authentication encoding."""

    sig: Annotated[Base64, Field(max_length=MAX_SIGNATURE_BYTES)]
    """ASN.1 DER for ECDSA, 64 bytes for Ed25519."""
    keyid: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] | None = None
    """A hint that nobody signed: it is read and takes part in no decision.

    We write none, because go-securesystemslib (under `cosign`) skips a signature whose key id is
    not its own fingerprint of the key.
    """


class Envelope(WireRecord):
    """A payload, its type, and signatures over both.

    DSSE asks readers of a bare envelope to ignore fields they do not know. Ours travels only
    inside a Sigstore bundle, where both the protobuf message and the OpenSSF schema are closed,
    so here an unknown field is refused like anywhere else.
    """

    payload: Base64
    payload_type: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
    """Any type can be read, because the type is compared only after the signature verified."""
    signatures: tuple[Signature, ...]

    def signed_bytes(self) -> bytes:
        """What the signatures cover, from the payload type and payload as they came."""
        return pae(self.payload_type, self.payload)
