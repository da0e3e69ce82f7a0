"""A strict reader of safetensors headers: one byte string, one meaning.

The released library accepts repeated tensor names (the last wins), unknown fields and stray white
space, so two parsers can build two models from one file. Here every such freedom is an error with
its own reason code. No tensor data is read.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO, NamedTuple, NoReturn

from attest.errors import InputError

MAX_HEADER_BYTES = 16 * 1024 * 1024
"""Longest header read by default; the library itself stops at 100,000,000 bytes."""
MAX_TENSORS = 250_000
"""Most tensors in one file."""
MAX_NAME_LENGTH = 1024
"""Longest tensor name, in code points."""
MAX_DIMENSIONS = 32
"""Most dimensions of one tensor."""
MAX_DIMENSION = 2**48 - 1
"""Largest single dimension (the format's JSON Schema allows 48 bits)."""

DTYPE_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8"), 8),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
"""Bits of one element, for every type that safetensors 0.8 knows."""

_PREFIX_BYTES = 8
_FIELDS = {"dtype", "shape", "data_offsets"}
_HINT = (
    "if your safetensors release still opens this file, load it and save it again; "
    "otherwise fetch it again"
)


class Tensor(NamedTuple):
    """One tensor as the header describes it: a tuple, since a header may hold 250,000."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    """Offset of the first byte, relative to the data section."""
    end: int

    @property
    def n_elements(self) -> int:
        """The product of the shape; 1 for a scalar."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something unusual in a header that changes no meaning."""

    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class Header:
    """A header that can mean only one thing."""

    tensors: tuple[Tensor, ...]
    """In the order of their bytes, without gaps from the first data byte to the last."""
    metadata: dict[str, str]
    data_start: int
    """Offset of the data section in the file."""
    oddities: tuple[Oddity, ...]

    @property
    def data_bytes(self) -> int:
        """The size of all tensors together."""
        return self.tensors[-1].end


@dataclass(frozen=True, slots=True)
class _Repeated:
    """A JSON object that repeats a key; every other object is a plain dict."""

    key: str


@dataclass(frozen=True, slots=True)
class _NotASize:
    """A JSON number that is no plain non-negative integer, as written."""

    text: str


def read_header(
    file: BinaryIO, *, size_bytes: int, where: str, max_header_bytes: int = MAX_HEADER_BYTES
) -> Header:
    """The header at the start of `file`, if it keeps every rule of the strict profile.

    Args:
        file: positioned at its first byte; only the prefix and the header are read.
        size_bytes: size of the whole file, as known from a listing or `fstat`.
        where: name of the file, for error messages.
        max_header_bytes: refuse longer headers unread.

    Raises: InputError whose `reason` names the broken rule and whose `where` names the tensor.
    Source: safetensors README, "Format"; safetensors 0.8.0, `tensor.rs`.
    """
    prefix = file.read(_PREFIX_BYTES)
    if len(prefix) < _PREFIX_BYTES:
        raise _refusal("too-short", f"expected at least 8 bytes, found {len(prefix)}", where)
    n = int.from_bytes(prefix, "little")
    if n > max_header_bytes:
        raise _refusal(
            "header-too-large", f"expected a header of at most {max_header_bytes}, found {n}", where
        )
    data_start = _PREFIX_BYTES + n
    raw = file.read(n) if data_start <= size_bytes else b""
    if len(raw) < n:
        raise _refusal(
            "header-beyond-file", f"a header of {n} bytes in a file of {size_bytes} bytes", where
        )
    metadata, tensors = _split(_parse(raw, where), where)
    tensors.sort(key=lambda tensor: (tensor.start, tensor.end, tensor.name))
    _check_offsets(tensors, size_bytes - data_start, where)
    oddities = [Oddity("zero-size-tensor", _at(where, t.name)) for t in tensors if t.start == t.end]
    if data_start % 8:
        oddities.append(Oddity("unaligned-data", where))
    return Header(tuple(tensors), metadata, data_start, tuple(oddities))


def _parse(raw: bytes, where: str) -> dict[str, Any]:
    if raw[:1] != b"{":
        raise _refusal("header-not-object-first", "expected '{' as the first byte", where)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal("not-utf8", f"not UTF-8 at header byte {error.start}", where) from error

    def constant(name: str) -> NoReturn:
        raise _refusal("not-json", f"{name} is not JSON", where)

    decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=_size,
        parse_float=_NotASize,
        parse_constant=constant,
    )
    try:
        value, end = decoder.raw_decode(text)
    except RecursionError as error:
        raise _refusal("too-deep", "nested too deeply", where) from error
    except json.JSONDecodeError as error:
        raise _refusal("not-json", f"not JSON: {error.msg} at {error.pos}", where) from error
    if text[end:].strip(" "):
        raise _refusal("header-padding", "expected only spaces after the closing brace", where)
    if isinstance(value, _Repeated):
        if value.key == "__metadata__":
            raise _refusal("duplicate-metadata", "__metadata__ appears twice", where)
        raise _refusal("duplicate-tensor", "this name appears twice", where, value.key)
    assert isinstance(value, dict), "what begins with a brace is an object"
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    counts = Counter(key for key, _ in pairs)
    return _Repeated(counts.most_common(1)[0][0])


def _size(text: str) -> int | _NotASize:
    # "-0" is no size either; 20 digits hold 2**64, and longer ones are slow to convert.
    return int(text) if len(text) <= 20 and text.isdigit() else _NotASize(text)


def _split(header: dict[str, Any], where: str) -> tuple[dict[str, str], list[Tensor]]:
    metadata: dict[str, str] = {}
    if "__metadata__" in header:
        metadata = _metadata(header.pop("__metadata__"), where)
    if not header:
        raise _refusal("no-tensors", "expected at least one tensor", where)
    if len(header) > MAX_TENSORS:
        raise _refusal("too-many-tensors", f"expected at most {MAX_TENSORS} tensors", where)
    return metadata, [_tensor(name, value, where) for name, value in header.items()]


def _metadata(value: object, where: str) -> dict[str, str]:
    if isinstance(value, _Repeated):
        raise _refusal(
            "duplicate-metadata", f"{value.key[:60]!a} appears twice in __metadata__", where
        )
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise _refusal("metadata-not-strings", "expected __metadata__ of strings only", where)
    if any(_has_surrogate(text) for pair in value.items() for text in pair):
        raise _refusal("lone-surrogate", "a lone surrogate escape in __metadata__", where)
    return value


def _check_name(name: str, where: str) -> None:
    if not name:
        raise _refusal("name-empty", "expected a name", where, name)
    if len(name) > MAX_NAME_LENGTH:
        raise _refusal("name-too-long", f"a name of {len(name)} characters", where, name)
    if name.isascii() and name.isprintable():
        return
    if _has_surrogate(name):
        raise _refusal("lone-surrogate", "a lone surrogate escape in the name", where, name)
    if any(unicodedata.category(c).startswith("C") for c in name):
        raise _refusal(
            "name-control-character", "a control or format character in the name", where, name
        )
    if not unicodedata.is_normalized("NFC", name):
        raise _refusal("name-not-nfc", "expected a name in Unicode form NFC", where, name)


def _tensor(name: str, fields: object, where: str) -> Tensor:
    _check_name(name, where)
    if isinstance(fields, _Repeated):
        raise _refusal("duplicate-field", f"field {fields.key[:60]!a} appears twice", where, name)
    if not isinstance(fields, dict):
        raise _refusal(
            "tensor-not-object", f"expected an object with {sorted(_FIELDS)}", where, name
        )
    if fields.keys() != _FIELDS:
        if unknown := fields.keys() - _FIELDS:
            raise _refusal("unknown-field", f"unknown field {min(unknown)[:60]!a}", where, name)
        raise _refusal("missing-field", f"no field {min(_FIELDS - fields.keys())!r}", where, name)
    dtype = fields["dtype"]
    bits = DTYPE_BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        raise _refusal("unknown-dtype", f"unknown dtype {ascii(dtype)[:60]}", where, name)
    shape = _sizes(fields, "shape", where, name)
    offsets = _sizes(fields, "data_offsets", where, name)
    if len(offsets) != 2:
        raise _refusal(
            "offsets-not-a-pair", f"expected 2 offsets, found {len(offsets)}", where, name
        )
    start, end = offsets
    if start > end:
        raise _refusal("offset-reversed", f"starts at {start} and ends at {end}", where, name)
    if len(shape) > MAX_DIMENSIONS:
        raise _refusal("too-many-dimensions", f"{len(shape)} dimensions", where, name)
    if max(shape, default=0) > MAX_DIMENSION:
        raise _refusal("dimension-too-large", f"a dimension beyond {MAX_DIMENSION}", where, name)
    n_bits = prod(shape) * bits
    if n_bits % 8:
        raise _refusal("sub-byte-misaligned", f"{n_bits} bits are not whole bytes", where, name)
    if n_bits != 8 * (end - start):
        raise _refusal(
            "shape-size-mismatch",
            f"{dtype}{list(shape)} takes {n_bits // 8} bytes, the offsets span {end - start}",
            where,
            name,
        )
    return Tensor(name, dtype, shape, start, end)


def _sizes(fields: dict[str, Any], field: str, where: str, name: str) -> tuple[int, ...]:
    value = fields[field]
    # The exact type, because True is an int too.
    if not isinstance(value, list) or not set(map(type, value)) <= {int}:
        raise _refusal(
            "not-a-size", f"expected {field} as a list of non-negative integers", where, name
        )
    return tuple(value)


def _check_offsets(tensors: Iterable[Tensor], data_bytes: int, where: str) -> None:
    expected = 0
    for tensor in tensors:
        if tensor.start != expected:
            reason = "offset-gap" if tensor.start > expected else "offset-overlap"
            raise _refusal(
                reason, f"expected start {expected}, found {tensor.start}", where, tensor.name
            )
        expected = tensor.end
        if expected > data_bytes:
            raise _refusal(
                "data-missing",
                f"ends at byte {expected} of a data section of {data_bytes}",
                where,
                tensor.name,
            )
    if expected < data_bytes:
        raise _refusal("trailing-data", f"{data_bytes - expected} bytes belong to no tensor", where)


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)


def _at(where: str, name: str) -> str:
    return f"{where}: tensor {name[:100]!a}"


def _refusal(reason: str, message: str, where: str, tensor: str | None = None) -> InputError:
    at = where if tensor is None else _at(where, tensor)
    return InputError(message, reason=reason, where=at, hint=_HINT)
