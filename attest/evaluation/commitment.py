"""The commitment to all transcripts: an RFC 6962 tree of salted leaves.

A leaf holds two salted digests, one of the transcript and one of the judgements, so that a verdict
can be opened without its text. Prompts are public and refusals are short, so an unsalted digest
could be guessed; salts come from a master secret that is never shown.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from typing import Literal

from attest.canonical import canonical_bytes
from attest.errors import InputError
from attest.evaluation.records import Commitment, ItemName, JudgedTranscript
from attest.record import Record

SALT_BYTES = 32

Part = Literal["transcript", "judgements"]


def new_master() -> bytes:
    """A fresh master secret of 32 bytes."""
    return secrets.token_bytes(SALT_BYTES)


def salt(master: bytes, part: Part, index: int) -> bytes:
    """The 32-byte salt of one part of one leaf."""
    label = f"attest-salt-v1/{part}/{index}".encode()
    return hmac.digest(master, label, "sha256")


def part_digest(part: Record | Sequence[Record], salt: bytes) -> str:
    """The salted digest of a transcript or of judgements; the salt is 32 bytes and comes first."""
    value = part.to_dict() if isinstance(part, Record) else [one.to_dict() for one in part]
    return hashlib.sha256(salt + canonical_bytes(value)).hexdigest()


def leaf_bytes(name: ItemName, index: int, *, transcript: str, judgements: str) -> bytes:
    """The bytes of one leaf: which answer it is, and the salted digests of its two parts."""
    parts = {"index": index, "judgements": judgements, "transcript": transcript}
    return canonical_bytes({**dataclasses.asdict(name), **parts})


def leaf_data(record: JudgedTranscript, master: bytes) -> bytes:
    """The bytes of the leaf of one record, salted from the master secret."""
    transcript = record.transcript
    index = transcript.index
    return leaf_bytes(
        transcript.name,
        index,
        transcript=part_digest(transcript, salt(master, "transcript", index)),
        judgements=part_digest(record.judgements, salt(master, "judgements", index)),
    )


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of the leaves, 32 bytes.

    Source: RFC 6962 section 2.1; leaves are prefixed 0x00 and nodes 0x01, so that no leaf can
        stand for a node.
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [_leaf_hash(leaf) for leaf in leaves]
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes, from the leaf upwards, that lead from leaf `index` to the root.

    Raises: InputError if there is no such leaf.
    Source: RFC 6962 section 2.1.1 (audit paths).
    """
    _check_index(index, len(leaves))
    level = [_leaf_hash(leaf) for leaf in leaves]
    proof = []
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level = _level_above(level)
        index //= 2
    return proof


def root_of_proof(leaf: bytes, index: int, n_leaves: int, proof: Sequence[bytes]) -> bytes:
    """The root of the tree of `n_leaves` leaves in which `proof` puts `leaf` at `index`.

    Several sizes can share the shape of a path, so this root says nothing about the size:
    `n_leaves` must come from where the root comes from.

    Raises: InputError with reason `proof` if the proof has not exactly the hashes that this
        place in a tree of this size needs.
    Source: RFC 6962 section 2.1.1.
    """
    _check_index(index, n_leaves)
    if any(len(one) != hashlib.sha256().digest_size for one in proof):
        raise InputError("expected hashes of 32 bytes", reason="proof", where="proof")
    place, width, used = index, n_leaves, 0
    found = _leaf_hash(leaf)
    while width > 1:
        # An odd node at the end of a level has no sibling and is carried up.
        if place ^ 1 < width:
            if used == len(proof):
                raise _wrong_length(index, n_leaves, len(proof))
            sibling = proof[used]
            found = _node_hash(sibling, found) if place % 2 else _node_hash(found, sibling)
            used += 1
        place, width = place // 2, (width + 1) // 2
    if used != len(proof):
        raise _wrong_length(index, n_leaves, len(proof))
    return found


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


def _leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _level_above(level: list[bytes]) -> list[bytes]:
    # Pairing from the left and carrying an odd node up is the same tree as splitting at the
    # largest power of two below the length.
    paired = [_node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    if len(level) % 2:
        paired.append(level[-1])
    return paired


def _check_index(index: int, n_leaves: int) -> None:
    if not 0 <= index < n_leaves:
        raise InputError(
            f"expected an index below {n_leaves}, found {index}", reason="proof", where="proof"
        )


def _wrong_length(index: int, n_leaves: int, found: int) -> InputError:
    return InputError(
        f"{found} hashes do not lead from leaf {index} to the root of {n_leaves} leaves",
        reason="proof",
        where="proof",
    )
