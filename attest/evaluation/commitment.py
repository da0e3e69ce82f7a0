"""The commitment to all transcripts: an RFC 6962 tree of salted leaves.

A leaf holds two salted digests, one of the transcript and one of the judgement, so that a verdict
can be opened without its text. Prompts are public and refusals are short, so an unsalted digest
could be guessed; salts come from a master secret that is never shown.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from typing import Literal

from attest.canonical import canonical_bytes
from attest.errors import InputError
from attest.evaluation.records import Commitment, JudgedTranscript

SALT_BYTES = 32

Part = Literal["transcript", "judgement"]


def new_master() -> bytes:
    """A fresh master secret of 32 bytes."""
    return secrets.token_bytes(SALT_BYTES)


def salt(master: bytes, part: Part, index: int) -> bytes:
    """The 32-byte salt of one part of one leaf."""
    label = f"attest-salt-v1/{part}/{index}".encode()
    return hmac.digest(master, label, "sha256")


def leaf_data(record: JudgedTranscript, master: bytes) -> bytes:
    """The bytes of one leaf: who it is about, and the salted digests of its two parts."""
    transcript, judgement = record.transcript, record.judgement
    index = transcript.index
    return canonical_bytes(
        {
            "benchmark": transcript.benchmark,
            "index": index,
            "item": transcript.item,
            "judgement": hashlib.sha256(
                salt(master, "judgement", index) + judgement.to_json()
            ).hexdigest(),
            "transcript": hashlib.sha256(
                salt(master, "transcript", index) + transcript.to_json()
            ).hexdigest(),
        }
    )


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of the leaves, 32 bytes.

    Source: RFC 6962 section 2.1; leaves are prefixed 0x00 and nodes 0x01, so that no leaf can
        stand for a node.
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        # Pairing from the left and carrying an odd node up is the same tree as splitting at the
        # largest power of two below the length.
        paired = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def commit(records: Iterable[JudgedTranscript], master: bytes) -> Commitment:
    """The commitment to records in leaf order.

    Raises: InputError if a record is missing, repeated or out of order.
    """
    leaves = []
    for position, record in enumerate(records):
        if record.transcript.index != position:
            raise InputError(
                f"expected the record of index {position}, found {record.transcript.index}",
                reason="evidence-order",
                where=f"evidence line {position + 1}",
            )
        leaves.append(leaf_data(record, master))
    if not leaves:
        raise InputError("no records", reason="evidence-empty")
    return Commitment(root=merkle_root(leaves).hex(), n_leaves=len(leaves))
