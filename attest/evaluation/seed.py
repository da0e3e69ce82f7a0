"""The seed of a sampled run: it follows from license and checkpoint, so nobody chooses it.

The license is published before the checkpoint is measured, and the checkpoint is what it is: one
seed is left. A verifier makes it again at step 10.
"""

from __future__ import annotations

import hashlib

from attest.record import Sha256

_LABEL = b"attest-seed-v1\x00"


def derive_seed(license_sha256: Sha256, checkpoint: Sha256) -> Sha256:
    """The 32 bytes that fix every draw of a run, as lower-case hexadecimal.

    SHA-256 of a label and the two digests as bytes; all three have fixed lengths, so no other
    pair gives the same message.

    Args:
        license_sha256: of the bytes of the license.
        checkpoint: digest of the manifest.
    """
    message = _LABEL + bytes.fromhex(license_sha256) + bytes.fromhex(checkpoint)
    return hashlib.sha256(message).hexdigest()
