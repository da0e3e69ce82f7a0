"""A listing of hashes says what it says, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from attest.errors import InputError
from attest.verification.listing import MAX_LISTING_BYTES, read_listing

ONE, TWO = "1" * 64, "2" * 64


def listing(folder: Path, text: str) -> Path:
    path = folder / "hashes"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_is_a_file(tmp_path: Path, end: str) -> None:
    lines = [f"{ONE}  config.json", f"{TWO} *./model.safetensors"]
    for text in (end.join(lines), end.join(lines) + end):
        files = read_listing(listing(tmp_path, text)).files
        assert files == {"config.json": ONE, "model.safetensors": TWO}


@pytest.mark.parametrize("mark", ["\x85", "\x0b", "\x0c", "\x1c", "\r"])
def test_a_name_with_a_control_character_is_refused(tmp_path: Path, mark: str) -> None:
    with pytest.raises(InputError) as caught:
        read_listing(listing(tmp_path, f"{ONE}  README.md{mark}{TWO}  config.json\n"))
    assert caught.value.reason == "schema"


@pytest.mark.parametrize("mark", ["\u2028", "\u2029"])
def test_the_name_of_a_file_lists_no_second_one(tmp_path: Path, mark: str) -> None:
    path = listing(tmp_path, f"{ONE}  README.md{mark}{TWO}  config.json\n")
    assert list(read_listing(path).files) == [f"README.md{mark}{TWO}  config.json"]


def test_a_listing_is_read_up_to_its_bound(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_listing(listing(tmp_path, " " * (MAX_LISTING_BYTES + 1)))
    assert caught.value.reason == "too-large"
    with pytest.raises(InputError) as caught:
        read_listing(tmp_path / "nothing")
    assert caught.value.reason == "unreadable"
