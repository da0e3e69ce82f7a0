"""The order in which prompts are drawn when a run may stop early.

A stopped run is worth what its order is worth: whoever chose it could put the prompts first that a
model refuses. So it follows from the license, the checkpoint, and randomness that nobody knew while
the weights were made: the caller's own, or a public beacon of after the commitment.

    seed   SHA-256 of "attest-order-v1" 00, the SHA-256 of the license, the checkpoint digest, the
           randomness
    key    HMAC-SHA-256 under the seed of what is drawn, as a list of texts (each the length of its
           UTF-8 bytes as a big-endian u32, then the bytes); the smallest key is drawn first
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Annotated, Literal

from pydantic import StringConstraints, ValidationError

from attest.errors import InputError
from attest.record import Sha256, WireRecord

_LABEL = b"attest-order-v1\x00"
OWN_BYTES = 32
"""Of the caller's own randomness."""

Randomness = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2}){16,1024}$")]
"""At least 128 bits, in hexadecimal: fewer could be ground."""


class DrawnOrder(WireRecord):
    """Where an order came from, so that anyone can make it again."""

    source: Literal["own", "beacon"]
    """`own`: drawn by whoever ran it, and worth as much as they are trusted."""
    randomness: Randomness
    seed: Sha256

    def key(self, *names: str) -> bytes:
        """The sort key of what these texts name."""
        parts = [name.encode() for name in names]
        lengthy = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(bytes.fromhex(self.seed), lengthy, "sha256")


def draw_order(license_sha256: Sha256, checkpoint: Sha256, beacon: str | None) -> DrawnOrder:
    """A new order for this license and this checkpoint.

    Args:
        license_sha256: of the bytes of the license.
        checkpoint: digest of the manifest.
        beacon: public randomness in hexadecimal; None draws some here.

    Raises: InputError with reason `beacon`.
    """
    randomness = secrets.token_hex(OWN_BYTES) if beacon is None else beacon.lower()
    try:
        return DrawnOrder(
            source="own" if beacon is None else "beacon",
            randomness=randomness,
            seed=_seed(license_sha256, checkpoint, randomness),
        )
    except (ValueError, ValidationError) as error:
        raise InputError(
            "expected a beacon of 16 to 1024 bytes in hexadecimal", reason="beacon"
        ) from error


def _seed(license_sha256: Sha256, checkpoint: Sha256, randomness: str) -> Sha256:
    # Two digests of fixed length come first, so no other three give the same message.
    parts = (license_sha256, checkpoint, randomness)
    return hashlib.sha256(_LABEL + b"".join(map(bytes.fromhex, parts))).hexdigest()
