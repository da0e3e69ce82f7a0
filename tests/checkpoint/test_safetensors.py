"""What a strict header tells, and its own bounds."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest

from attest.checkpoint import safetensors
from attest.checkpoint.safetensors import DTYPE_BITS, Oddity, Tensor, read_header
from attest.errors import InputError


def file_of(header: dict[str, Any], n_data: int, padding: bytes = b"") -> tuple[io.BytesIO, int]:
    text = json.dumps(header).encode() + padding
    return io.BytesIO(len(text).to_bytes(8, "little") + text), 8 + len(text) + n_data


def reason_of(header: dict[str, Any], n_data: int, **options: int) -> str:
    file, size = file_of(header, n_data)
    with pytest.raises(InputError) as caught:
        read_header(file, size_bytes=size, where="x.safetensors", **options)
    return caught.value.reason


def tensor(shape: list[int], start: int, end: int, dtype: str = "U8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_tensors_come_in_the_order_of_their_bytes() -> None:
    file, size = file_of({"b": tensor([2, 2], 3, 7), "a": tensor([3], 0, 3)}, 7)
    header = read_header(file, size_bytes=size, where="x")
    assert header.tensors == (Tensor("a", "U8", (3,), 0, 3), Tensor("b", "U8", (2, 2), 3, 7))
    assert [t.n_elements for t in header.tensors] == [3, 4]
    assert header.data_bytes == 7
    assert header.data_start == size - 7
    assert header.metadata == {}


def test_reads_no_tensor_data() -> None:
    file, size = file_of({"w": tensor([2**40], 0, 2**40)}, 2**40)
    assert read_header(file, size_bytes=size, where="x").data_bytes == 2**40


def test_names_in_nfc_beyond_ascii_are_accepted() -> None:
    file, size = file_of({"caf\u00e9": tensor([1], 0, 1)}, 1)
    assert read_header(file, size_bytes=size, where="x").tensors[0].name == "caf\u00e9"


def test_oddities_are_reported_and_not_refused() -> None:
    header = {"w": tensor([1], 0, 1), "empty": tensor([0], 1, 1), "__metadata__": {"a": "b"}}
    text = json.dumps(header)
    file, size = file_of(header, 1, padding=b" " * ((1 - len(text)) % 8))
    parsed = read_header(file, size_bytes=size, where="x")
    assert parsed.oddities == (
        Oddity("zero-size-tensor", "x: tensor 'empty'"),
        Oddity("unaligned-data", "x"),
    )
    assert parsed.metadata == {"a": "b"}


@pytest.mark.parametrize("dtype", sorted(DTYPE_BITS))
def test_every_known_dtype_has_its_size(dtype: str) -> None:
    n_bytes = 8 * DTYPE_BITS[dtype] // 8
    file, size = file_of({"w": tensor([8], 0, n_bytes, dtype)}, n_bytes)
    assert read_header(file, size_bytes=size, where="x").tensors[0].dtype == dtype


def test_rejects_long_names() -> None:
    assert reason_of({"n" * 1025: tensor([1], 0, 1)}, 1) == "name-too-long"


def test_rejects_many_dimensions() -> None:
    assert reason_of({"w": tensor([1] * 33, 0, 1)}, 1) == "too-many-dimensions"


def test_rejects_headers_beyond_the_limit_of_the_caller() -> None:
    assert reason_of({"w": tensor([1], 0, 1)}, 1, max_header_bytes=8) == "header-too-large"


def test_rejects_too_many_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors, "MAX_TENSORS", 1)
    two = {"a": tensor([1], 0, 1), "b": tensor([1], 1, 2)}
    assert reason_of(two, 2) == "too-many-tensors"


def test_100_000_tensors_parse_in_linear_time() -> None:
    header = {f"model.layers.{i}.weight": tensor([1, 4], 4 * i, 4 * i + 4) for i in range(100_000)}
    file, size = file_of(header, 400_000)
    begin = time.process_time()
    assert len(read_header(file, size_bytes=size, where="x").tensors) == 100_000
    # Under one second on an idle core; the bound leaves room for a busy one.
    assert time.process_time() - begin < 4
