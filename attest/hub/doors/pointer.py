"""Git LFS pointers: the one valid way to write one, and what only looks like it.

A large file lies in a git tree as three lines that name its SHA-256. Other programs read those
lines with more or less tolerance, so text that one of them takes for a pointer and another for the
file itself would hide the file. Whatever is not exactly a pointer but resembles one is an error.

Source: Git LFS specification, docs/spec.md, "The Pointer".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from attest.errors import InputError

MAX_POINTER_BYTES = 1023
"""A pointer is shorter than 1024 bytes, whatever it points to."""

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"oid sha256:(?P<sha256>[0-9a-f]{64})\n"
    rb"size (?P<size>0|[1-9][0-9]{0,17})\n"
)
_RESEMBLES = re.compile(
    rb"\A[\s\xef\xbb\xbf]*"
    rb"(version\b.{0,80}(git-lfs|hawser|git-media)|\# ?(git-media|external)\b|ext-\d|(oid|size)\s)"
    rb"|^\s*oid\s+sha-?\d",
    re.IGNORECASE | re.MULTILINE,
)
"""Readers in use take old names of the format, other line ends and white space around it."""


@dataclass(frozen=True)
class Pointer:
    """What a pointer says of the file that it stands for."""

    sha256: str
    size_bytes: int

    def to_bytes(self) -> bytes:
        """The pointer as it lies in the tree."""
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
            self.sha256.encode("ascii"),
            self.size_bytes,
        )


def read_pointer(data: bytes, *, where: str) -> Pointer | None:
    """The pointer that `data` is, or None if `data` is content.

    Extensions (`ext-` lines) are refused: with them the digest is not that of the file that people
    get. An empty file is its own pointer and content at once.

    Raises: InputError with reason `pointer-near-miss` for what another reader may take for one.
    """
    if len(data) > MAX_POINTER_BYTES:
        return None
    match = _POINTER.fullmatch(data)
    if match is not None:
        return Pointer(match["sha256"].decode("ascii"), int(match["size"]))
    if _RESEMBLES.search(data):
        raise InputError(
            "resembles a Git LFS pointer and is none",
            reason="pointer-near-miss",
            where=where,
            hint="write it with git-lfs; without extensions, byte order mark or carriage returns",
        )
    return None


def git_blob_id(data: bytes) -> str:
    """The name that git gives to this content: SHA-1 over a header and the bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
