"""The key with which a licensor signs secret suffixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attest.license.terms import Terms

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def suffix_key(terms: Terms) -> Ed25519PublicKey | None:
    """The key that the terms give; None if they give none, or no Ed25519 public key in PEM."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = serialization.load_pem_public_key((terms.suffix_key or "").encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None
