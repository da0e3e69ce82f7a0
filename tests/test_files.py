"""Files are read within a bound, and written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from attest.errors import InputError
from attest.files import read_file, replace_file, write_new


def test_reads_up_to_the_bound_and_no_further(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")

    assert read_file(file, 5) == b"12345"
    with pytest.raises(InputError) as refused:
        read_file(file, 4)
    assert (refused.value.reason, refused.value.where) == ("too-large", str(file))


def test_says_why_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file") as refused:
        read_file(tmp_path / "none", 1)
    assert refused.value.reason == "unreadable"


def test_never_writes_over_a_file_or_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    for name in ("old", "link"):
        with pytest.raises(InputError) as refused:
            write_new(tmp_path / name, b"new", hint="look elsewhere")
        assert (refused.value.reason, refused.value.hint) == ("exists", "look elsewhere")
    assert (tmp_path / "old").read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()


def test_a_mode_is_kept_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_new(tmp_path / "public", b"1", mode=0o644)
        write_new(tmp_path / "usual", b"1")
    finally:
        os.umask(before)

    assert (tmp_path / "public").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "usual").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk_leaves_nothing_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    (tmp_path / "file.new").symlink_to("/dev/full")

    with pytest.raises(InputError, match="No space left") as refused:
        replace_file(file, b"new")
    assert refused.value.reason == "unwritable"
    assert file.read_bytes() == b"old"


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file") as refused:
        write_new(tmp_path / "none" / "file", b"")
    assert refused.value.reason == "unwritable"
