"""The weights digest: the same for every way of sharding and ordering the same tensors.

`blake3-tensors-v1` is the BLAKE3 digest of the canonical JSON of
`{"algorithm": ..., "tensors": [{"blake3", "dtype", "name", "shape"}, ...]}`, tensors in code point
order of their names, each `blake3` over the raw bytes of that tensor as the file holds them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from blake3 import blake3

from attest.canonical import canonical_bytes
from attest.checkpoint.manifest import WeightsDigest
from attest.checkpoint.safetensors import Header, Tensor
from attest.errors import InputError

ALGORITHM = "blake3-tensors-v1"


@dataclass(frozen=True, slots=True)
class TensorDigest:
    """What one tensor is, wherever its bytes are stored."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    blake3: str


class TensorHasher:
    """Digests every tensor of one file while the file streams by, in constant memory."""

    def __init__(self, header: Header) -> None:
        self._data_start = header.data_start
        self._waiting = [t for t in reversed(header.tensors) if t.end > t.start]
        self._done = [_finished(t, blake3()) for t in header.tensors if t.end == t.start]
        self._hasher = blake3()
        self._position = 0

    def update(self, chunk: memoryview) -> None:
        """Take the next bytes of the file, which start where the last chunk ended."""
        begin, end = self._position, self._position + len(chunk)
        while self._waiting:
            tensor = self._waiting[-1]
            first, last = self._data_start + tensor.start, self._data_start + tensor.end
            if first >= end:
                break
            self._hasher.update(chunk[max(first - begin, 0) : last - begin])
            if last > end:
                break
            self._done.append(_finished(tensor, self._hasher))
            self._hasher = blake3()
            self._waiting.pop()
        self._position = end

    def tensors(self) -> list[TensorDigest]:
        """The digests, once the whole file went by."""
        assert not self._waiting, "the file ended within a tensor"
        return self._done


def weights_digest(tensors: Iterable[TensorDigest]) -> WeightsDigest:
    """The digest of a set of tensors from any number of files.

    Raises: InputError with reason `tensor-in-two-shards` if a name comes twice, `no-parameters` if
        there is no element in any tensor.
    """
    ordered = sorted(tensors, key=lambda tensor: tensor.name)
    for one, next_one in itertools.pairwise(ordered):
        if one.name == next_one.name:
            raise InputError(
                "two files hold this tensor",
                reason="tensor-in-two-shards",
                where=f"tensor {one.name!a}",
            )
    n_parameters = sum(prod(tensor.shape) for tensor in ordered)
    if n_parameters == 0:
        raise InputError("expected tensors with elements, found none", reason="no-parameters")
    entries = [
        {
            "blake3": tensor.blake3,
            "dtype": tensor.dtype,
            "name": tensor.name,
            "shape": list(tensor.shape),
        }
        for tensor in ordered
    ]
    text = canonical_bytes({"algorithm": ALGORITHM, "tensors": entries})
    return WeightsDigest(
        digest=blake3(text).hexdigest(), n_tensors=len(ordered), n_parameters=n_parameters
    )


def _finished(tensor: Tensor, hasher: blake3) -> TensorDigest:
    return TensorDigest(tensor.name, tensor.dtype, tensor.shape, hasher.hexdigest())
