"""The index of a sharded checkpoint, held against the shards it names.

Loaders use the index only to choose which files to open and then load every tensor in them, so an
index that is merely plausible hides tensors. Here index, file names and headers must say the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from attest.canonical import parse_json
from attest.checkpoint.safetensors import Header
from attest.errors import InputError

INDEX_NAME = "model.safetensors.index.json"
"""The one index that loaders look for."""

_NUMBERED = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<total>\d{5})\.safetensors")
_HINT = "save the checkpoint again with save_pretrained, which writes index and shards together"


@dataclass(frozen=True, slots=True)
class Index:
    """A parsed index whose shard names are bare file names."""

    total_size_bytes: int
    weight_map: dict[str, str]
    """Shard by tensor name."""

    @property
    def shards(self) -> tuple[str, ...]:
        """The named shards, sorted."""
        return tuple(sorted(set(self.weight_map.values())))


def read_index(data: bytes, *, where: str = INDEX_NAME) -> Index:
    """The index that `data` holds; every shard name in it is safe to join to a folder or URL.

    Raises: InputError with a reason of `parse_json`, or `index-not-object`, `metadata-missing`,
        `total-size-missing`, `weight-map-missing`, `shard-not-string`, or `shard-name-...`.
    """
    value = parse_json(data, what=where)
    if not isinstance(value, dict):
        raise _refusal("index-not-object", "expected a JSON object", where)
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        raise _refusal("metadata-missing", "expected an object named metadata", where)
    total = metadata.get("total_size")
    if type(total) is not int or total < 0:
        raise _refusal("total-size-missing", "expected metadata.total_size in bytes", where)
    weight_map = value.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise _refusal("weight-map-missing", "expected weight_map with at least one tensor", where)
    for tensor, shard in weight_map.items():
        _check_shard_name(shard, f"{where}: tensor {tensor[:100]!a}")
    return Index(total, weight_map)


def _check_shard_name(shard: object, where: str) -> None:
    if not isinstance(shard, str):
        raise _refusal("shard-not-string", "expected a shard name", where)
    faults = (
        ("shard-name-control", any(unicodedata.category(c).startswith("C") for c in shard)),
        ("shard-name-backslash", "\\" in shard),
        ("shard-name-absolute", shard.startswith("/")),
        ("shard-name-drive", ":" in shard),
        ("shard-name-parent", ".." in shard.split("/")),
        ("shard-name-folder", "/" in shard),
        ("shard-not-safetensors", not shard.endswith(".safetensors")),
    )
    for reason, is_broken in faults:
        if is_broken:
            raise _refusal(
                reason, f"expected a bare *.safetensors name, found {shard[:100]!a}", where
            )


def check_shard_files(index: Index, present: Collection[str], *, where: str = INDEX_NAME) -> None:
    """Ensure that the index names exactly the `*.safetensors` files that are `present`.

    Raises: InputError with reason `shard-missing`, `shards-incomplete` or `unreferenced-shard`.
    """
    for shard in index.shards:
        if shard not in present:
            raise _refusal("shard-missing", f"expected the file {shard}, found none", where)
    _check_numbers(index.shards, where)
    for path in sorted(set(present) - set(index.shards)):
        raise _refusal("unreferenced-shard", f"{INDEX_NAME} does not name this file", path)


def _check_numbers(shards: tuple[str, ...], where: str) -> None:
    matches = [match for shard in shards if (match := _NUMBERED.fullmatch(shard))]
    if not matches:
        return
    stem, total = matches[0]["stem"], int(matches[0]["total"])
    # A set of N names of which every one is asked for: made from the shards, never from `total`.
    is_complete = len(shards) == total and all(
        shard == f"{stem}-{number:05d}-of-{total:05d}.safetensors"
        for number, shard in enumerate(shards, start=1)
    )
    if not is_complete:
        raise _refusal(
            "shards-incomplete",
            f"expected {stem}-00001 to {total:05d} of {total}, found {len(shards)} shards",
            where,
        )


def check_tensors(index: Index, headers: Mapping[str, Header], *, where: str = INDEX_NAME) -> None:
    """Ensure that the index and the headers of its shards name the same tensors.

    Args:
        index: as read by `read_index`.
        headers: the header of every shard, by shard name.
        where: name of the index, for error messages.

    Raises: InputError with reason `tensor-in-two-shards`, `tensor-not-in-index`,
        `tensor-in-other-shard`, `tensor-not-in-shard` or `total-size-wrong`.
    """
    holder: dict[str, str] = {}
    for shard in index.shards:
        for tensor in headers[shard].tensors:
            at = f"{shard}: tensor {tensor.name[:100]!a}"
            first = holder.setdefault(tensor.name, shard)
            if first != shard:
                raise _refusal("tensor-in-two-shards", f"also in {first}", at)
            named = index.weight_map.get(tensor.name)
            if named is None:
                raise _refusal("tensor-not-in-index", f"{where} does not name this tensor", at)
            if named != shard:
                raise _refusal("tensor-in-other-shard", f"{where} places it in {named}", at)
    for name, shard in index.weight_map.items():
        if name not in holder:
            raise _refusal(
                "tensor-not-in-shard",
                f"{shard} does not hold this tensor",
                f"{where}: tensor {name[:100]!a}",
            )
    total = sum(headers[shard].data_bytes for shard in index.shards)
    if total != index.total_size_bytes:
        raise _refusal(
            "total-size-wrong", f"expected {total}, found {index.total_size_bytes}", where
        )


def _refusal(reason: str, message: str, where: str) -> InputError:
    return InputError(message, reason=reason, where=where, hint=_HINT)
