"""The manifest: what was released, file by file.

The checkpoint digest binds every path, size and SHA-256 and nothing that a later version of this
package could classify otherwise. Files are listed in code point order of their paths.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from attest.canonical import canonical_bytes, sha256_hex
from attest.record import RelativePath, Sha256, WireRecord

Role = Literal[
    "weights",
    "index",
    "config",
    "tokenizer",
    "template",
    "code",
    "adapter",
    "license",
    "documentation",
    "other",
]
"""What a file does for the behaviour of the model; only `documentation` does nothing."""

GIT_BLOB_LIMIT_BYTES = 10 * 1024 * 1024
"""Files up to this size also carry their git blob id, which hubs list instead of a SHA-256."""

REMEMBERED_DIGESTS = 16
"""Manifests whose digests a process remembers."""

GitBlob = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class File(WireRecord):
    """One regular file of a checkpoint."""

    path: RelativePath
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    git_blob: GitBlob | None = None
    """SHA-1 of the git blob, for files up to GIT_BLOB_LIMIT_BYTES."""
    role: Role


class WeightsDigest(WireRecord):
    """A digest of the tensors alone, the same for every way of sharding them."""

    algorithm: Literal["blake3-tensors-v1"] = "blake3-tensors-v1"
    digest: Sha256
    n_tensors: Annotated[int, Field(ge=1)]
    n_parameters: Annotated[int, Field(ge=1)]


class Manifest(WireRecord):
    """Every file that decides or documents a released checkpoint."""

    version: Literal["attest-manifest/1"] = "attest-manifest/1"
    files: Annotated[tuple[File, ...], Field(min_length=1)]
    weights: WeightsDigest | None = None
    """Present when the tensors were digested too (`attest digest --tensors`)."""

    @model_validator(mode="after")
    def _is_ordered_and_unambiguous(self) -> Self:
        paths = [file.path for file in self.files]
        if paths != sorted(set(paths)):
            raise ValueError("expected files in code point order, each path once")
        folded = {unicodedata.normalize("NFC", path).casefold() for path in paths}
        if len(folded) != len(paths):
            raise ValueError("two paths differ only in case or Unicode form")
        return self

    def digest(self) -> str:
        """The checkpoint digest: SHA-256 over the names, sizes and digests of all files."""
        return _digest(self.files)

    @property
    def size_bytes(self) -> int:
        """The sum of all file sizes."""
        return sum(file.size_bytes for file in self.files)


# One check asks several times for the digest of one manifest. It is remembered by the files and
# not in the record, whose copies would take it along when their files are others.
@lru_cache(maxsize=REMEMBERED_DIGESTS)
def _digest(files: tuple[File, ...]) -> str:
    listed = [{"path": file.path, "sha256": file.sha256, "size": file.size_bytes} for file in files]
    return sha256_hex(canonical_bytes({"algorithm": "sha256", "files": listed}))
