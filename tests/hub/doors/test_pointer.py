"""Git LFS pointers have one spelling; what resembles them is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.errors import InputError
from attest.hub.doors.pointer import Pointer, git_blob_id, read_pointer

VERSION = b"version https://git-lfs.github.com/spec/v1\n"
OID = b"oid sha256:" + b"4d" * 32 + b"\n"
GOOD = VERSION + OID + b"size 12345\n"


def test_reads_the_one_valid_encoding() -> None:
    assert read_pointer(GOOD, where="x") == Pointer("4d" * 32, 12345)
    assert read_pointer(VERSION + OID + b"size 0\n", where="x") == Pointer("4d" * 32, 0)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 10**18 - 1))
def test_writes_what_it_reads(sha256: bytes, size_bytes: int) -> None:
    pointer = Pointer(sha256.hex(), size_bytes)
    assert read_pointer(pointer.to_bytes(), where="x") == pointer


@pytest.mark.parametrize(
    "data",
    [
        GOOD.replace(b"\n", b"\r\n"),
        GOOD[:-1],
        GOOD + b"\n",
        GOOD + b"x",
        b" " + GOOD,
        b"\n" + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"4d", b"4D"),
        GOOD.replace(b"sha256", b"sha1"),
        GOOD.replace(b"12345", b"012345"),
        GOOD.replace(b"12345", b"+12345"),
        GOOD.replace(b"12345", b"12_345"),
        GOOD.replace(b"12345", b"1" * 19),
        GOOD.replace(b"oid ", b"oid  "),
        GOOD.replace(b"version ", b"VERSION "),
        GOOD.replace(b"https", b"http"),
        GOOD.replace(b"git-lfs.github.com", b"hawser.github.com"),
        GOOD.replace(b"/v1", b"/v2"),
        VERSION + b"size 12345\n" + OID,
        OID + VERSION + b"size 12345\n",
        VERSION + OID,
        VERSION + OID + OID + b"size 1\n",
        VERSION + b"ext-0-foo sha256:" + b"4d" * 32 + b"\n" + OID + b"size 1\n",
        VERSION + OID + b"size 1\nx-more y\n",
        b"# git-media\n" + b"4d" * 32 + b"\n",
        b"weights\n" + OID,
    ],
)
def test_refuses_what_another_reader_may_take_for_a_pointer(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_pointer(data, where="model.safetensors")
    assert caught.value.reason == "pointer-near-miss"
    assert caught.value.where == "model.safetensors"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"version": 1}',
        b"# Install git-lfs first\n\nThen clone.\n",
        b"version 2 of this model\n",
        b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
        GOOD + b" " * 1024,
    ],
)
def test_everything_else_is_content(data: bytes) -> None:
    assert read_pointer(data, where="x") is None


def test_names_blobs_as_git_does() -> None:
    # The empty blob of every repository.
    assert git_blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
