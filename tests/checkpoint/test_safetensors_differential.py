"""Hand-made headers: what the strict parser says, and what the released library does.

Rows where the library accepts and the strict parser refuses are files from which two programs can
build two models; their remedy is to load and save again. No row may be the other way round.
"""

from __future__ import annotations

import io
import json
import math
from typing import Any

import pytest
import safetensors

from attest.checkpoint.safetensors import Header, read_header
from attest.errors import InputError

W4 = '"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
"""One tensor of four bytes."""


def raw(header: str | bytes, data: bytes = b"\0\0\0\0") -> bytes:
    text = header if isinstance(header, bytes) else header.encode()
    return len(text).to_bytes(8, "little") + text + data


def one(fields: str, data: bytes = b"\0\0\0\0") -> bytes:
    return raw('{"w":{' + fields + "}}", data)


def tensors(*spans: tuple[int, int], data: bytes) -> bytes:
    header = {
        f"t{i}": {"dtype": "U8", "shape": [max(end - start, 0)], "data_offsets": [start, end]}
        for i, (start, end) in enumerate(spans)
    }
    return raw(json.dumps(header), data)


# (what is wrong, bytes, reason of the strict parser or None, whether safetensors 0.8 accepts)
CASES: list[tuple[str, bytes, str | None, bool]] = [
    ("control", raw("{" + W4 + "}"), None, True),
    ("trailing spaces", raw("{" + W4 + "}   "), None, True),
    ("scalar", one('"dtype":"F32","shape":[],"data_offsets":[0,4]'), None, True),
    ("string metadata", raw('{"__metadata__":{"format":"pt"},' + W4 + "}"), None, True),
    ("space between tokens", raw("{\n " + W4 + "\t}"), None, True),
    ("unaligned data", raw("{" + W4 + "} "), None, True),
    ("zero-size tensors at one offset", tensors((0, 0), (0, 0), (0, 1), data=b"\0"), None, True),
    ("zero-size tensor at the end", tensors((0, 1), (1, 1), data=b"\0"), None, True),
    ("BOOL byte 2", one('"dtype":"BOOL","shape":[1],"data_offsets":[0,1]', b"\2"), None, True),
    ("name like a path", raw("{" + W4.replace("w", "../../x", 1) + "}"), None, True),
    # Refused here, accepted there.
    ("leading space", raw(" {" + W4 + "}"), "header-not-object-first", True),
    ("leading newline", raw("\n{" + W4 + "}"), "header-not-object-first", True),
    ("leading tab", raw("\t{" + W4 + "}"), "header-not-object-first", True),
    ("trailing tab", raw("{" + W4 + "}\t"), "header-padding", True),
    ("trailing newline", raw("{" + W4 + "}\n"), "header-padding", True),
    ("tensor twice", raw("{" + W4 + "," + W4 + "}"), "duplicate-tensor", True),
    (
        "tensor twice, once escaped",
        raw("{" + W4.replace('"w"', '"a"') + "," + W4.replace('"w"', '"\\u0061"') + "}"),
        "duplicate-tensor",
        True,
    ),
    (
        "tensor twice with two dtypes",
        raw(
            '{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},'
            '"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
        ),
        "duplicate-tensor",
        True,
    ),
    (
        "metadata key twice",
        raw('{"__metadata__":{"a":"1","a":"2"},' + W4 + "}"),
        "duplicate-metadata",
        True,
    ),
    ("metadata null", raw('{"__metadata__":null,' + W4 + "}"), "metadata-not-strings", True),
    (
        "unknown field",
        one('"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":"hidden"'),
        "unknown-field",
        True,
    ),
    ("tensor as array", raw('{"w":["F32",[1],[0,4]]}'), "tensor-not-object", True),
    (
        "dtype as object",
        one('"dtype":{"F32":null},"shape":[1],"data_offsets":[0,4]'),
        "unknown-dtype",
        True,
    ),
    ("empty name", raw("{" + W4.replace('"w"', '""') + "}"), "name-empty", True),
    (
        "NUL in name",
        raw("{" + W4.replace('"w"', '"w\\u0000"') + "}"),
        "name-control-character",
        True,
    ),
    (
        "zero-width joiner in name",
        raw("{" + W4.replace('"w"', '"w\u200d"') + "}"),
        "name-control-character",
        True,
    ),
    (
        "name in NFC and NFD",
        raw(
            '{"\u00e9":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
            '"e\u0301":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
            b"\0\0",
        ),
        "name-not-nfc",
        True,
    ),
    (
        "zero hides a huge dimension",
        one(f'"dtype":"U8","shape":[0,{2**63},4],"data_offsets":[0,0]', b""),
        "dimension-too-large",
        True,
    ),
    ("no tensors", raw("{}", b""), "no-tensors", True),
    ("metadata only", raw('{"__metadata__":{}}', b""), "no-tensors", True),
    # Refused by both.
    ("empty file", b"", "too-short", False),
    ("seven bytes", b"\1\0\0\0\0\0\0", "too-short", False),
    ("header length 0", raw("", b""), "header-not-object-first", False),
    ("header of 100,000,001 bytes", (100_000_001).to_bytes(8, "little"), "header-too-large", False),
    ("header of 2**64 - 1 bytes", b"\xff" * 8 + b"{}", "header-too-large", False),
    ("header beyond the file", (64).to_bytes(8, "little") + b"{}", "header-beyond-file", False),
    ("invalid UTF-8", raw(b'{"\xff":1}'), "not-utf8", False),
    ("not JSON", raw("{w}"), "not-json", False),
    ("header ends early", raw("{" + W4), "not-json", False),
    ("NUL padding", raw("{" + W4 + "}\0\0"), "header-padding", False),
    ("second JSON", raw("{" + W4 + "}{}"), "header-padding", False),
    ("byte order mark", raw("\ufeff{" + W4 + "}"), "header-not-object-first", False),
    ("comment", raw("{/* */" + W4 + "}"), "not-json", False),
    (
        "NaN",
        one('"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":NaN'),
        "not-json",
        False,
    ),
    (
        "lone surrogate in name",
        raw("{" + W4.replace('"w"', '"\\ud800"') + "}"),
        "lone-surrogate",
        False,
    ),
    (
        "lone surrogate in metadata",
        raw('{"__metadata__":{"a":"\\udc00"},' + W4 + "}"),
        "lone-surrogate",
        False,
    ),
    (
        "nested 200,000 deep",
        raw('{"w":' + "[" * 200_000 + "]" * 200_000 + "}"),
        "too-deep",
        False,
    ),
    ("array header", raw("[]", b""), "header-not-object-first", False),
    (
        "dtype twice",
        one('"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]'),
        "duplicate-field",
        False,
    ),
    (
        "metadata twice",
        raw('{"__metadata__":{},"__metadata__":{},' + W4 + "}"),
        "duplicate-metadata",
        False,
    ),
    ("metadata number", raw('{"__metadata__":{"a":1},' + W4 + "}"), "metadata-not-strings", False),
    ("metadata list", raw('{"__metadata__":[],' + W4 + "}"), "metadata-not-strings", False),
    ("float", one('"dtype":"F32","shape":[1.0],"data_offsets":[0,4]'), "not-a-size", False),
    ("negative", one('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'), "not-a-size", False),
    ("exponent", one('"dtype":"F32","shape":[1],"data_offsets":[0,4e0]'), "not-a-size", False),
    ("minus zero", one('"dtype":"F32","shape":[1],"data_offsets":[-0,4]'), "not-a-size", False),
    ("boolean", one('"dtype":"F32","shape":[true],"data_offsets":[0,4]'), "not-a-size", False),
    ("shape as text", one('"dtype":"F32","shape":"1","data_offsets":[0,4]'), "not-a-size", False),
    (
        "integer of 30 digits",
        one(f'"dtype":"F32","shape":[{10**29}],"data_offsets":[0,4]'),
        "not-a-size",
        False,
    ),
    (
        "three offsets",
        one('"dtype":"F32","shape":[1],"data_offsets":[0,4,4]'),
        "offsets-not-a-pair",
        False,
    ),
    ("field missing", one('"dtype":"F32","data_offsets":[0,4]'), "missing-field", False),
    ("tensor null", raw('{"w":null}'), "tensor-not-object", False),
    (
        "unknown dtype",
        one('"dtype":"F33","shape":[1],"data_offsets":[0,4]'),
        "unknown-dtype",
        False,
    ),
    (
        "lower-case dtype",
        one('"dtype":"f32","shape":[1],"data_offsets":[0,4]'),
        "unknown-dtype",
        False,
    ),
    ("overlap", tensors((0, 3), (2, 4), data=b"1234"), "offset-overlap", False),
    ("hole", tensors((0, 1), (2, 4), data=b"1234"), "offset-gap", False),
    ("start after 0", tensors((1, 4), data=b"1234"), "offset-gap", False),
    ("reversed", tensors((4, 0), data=b"1234"), "offset-reversed", False),
    ("trailing data", tensors((0, 3), data=b"1234"), "trailing-data", False),
    ("missing data", tensors((0, 4), data=b"123"), "data-missing", False),
    (
        "size and shape differ",
        one('"dtype":"F32","shape":[2],"data_offsets":[0,4]'),
        "shape-size-mismatch",
        False,
    ),
    (
        "product overflows 64 bits to fit",
        one(f'"dtype":"U8","shape":[{2**32},{2**32},2],"data_offsets":[0,0]', b""),
        "shape-size-mismatch",
        False,
    ),
    (
        "huge dimension first",
        one(f'"dtype":"U8","shape":[{2**63},4,0],"data_offsets":[0,0]', b""),
        "dimension-too-large",
        False,
    ),
    (
        "half a byte",
        one('"dtype":"F4","shape":[3],"data_offsets":[0,1]', b"\0"),
        "sub-byte-misaligned",
        False,
    ),
]


def strict(data: bytes) -> Header:
    return read_header(io.BytesIO(data), size_bytes=len(data), where="model.safetensors")


def deserialize(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    loaded: list[tuple[str, dict[str, Any]]] = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    return loaded


def reference_accepts(data: bytes) -> bool:
    try:
        deserialize(data)
    except safetensors.SafetensorError:
        return False
    return True


def test_table_has_at_least_the_64_known_cases() -> None:
    assert len({name for name, *_ in CASES}) == len(CASES) >= 65


@pytest.mark.parametrize(("name", "data", "reason", "_"), CASES, ids=[case[0] for case in CASES])
def test_strict_parser_names_the_rule(name: str, data: bytes, reason: str | None, _: bool) -> None:
    if reason is None:
        header = strict(data)
        assert header.data_start + header.data_bytes == len(data)
        return
    with pytest.raises(InputError) as caught:
        strict(data)
    assert caught.value.reason == reason
    assert caught.value.where is not None
    assert caught.value.where.startswith("model.safetensors")
    assert caught.value.hint
    # Messages reach terminals and logs: nothing in a hostile name may get there unescaped.
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "data", "reason", "accepts"), CASES, ids=[case[0] for case in CASES]
)
def test_released_library_does_as_the_table_says(
    name: str, data: bytes, reason: str | None, accepts: bool
) -> None:
    assert reference_accepts(data) is accepts


def test_strict_parser_accepts_nothing_that_the_library_refuses() -> None:
    assert all(accepts for _, _, reason, accepts in CASES if reason is None)


def test_duplicate_tensor_is_one_model_here_and_another_there() -> None:
    data = next(data for name, data, *_ in CASES if name == "tensor twice with two dtypes")
    loaded = deserialize(data)
    assert [(name, info["dtype"]) for name, info in loaded] == [("w", "BF16")]
    text = data[8 : 8 + int.from_bytes(data[:8], "little")]
    first_wins = dict(reversed(json.loads(text, object_pairs_hook=list)))
    assert dict(first_wins["w"])["dtype"] == "F16"
    assert math.prod(dict(first_wins["w"])["shape"]) == 2
