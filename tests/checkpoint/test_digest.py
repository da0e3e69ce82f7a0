"""The verb: right digests, every byte counted, changes noticed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from attest.checkpoint.digest import CHUNK_BYTES, digest
from attest.checkpoint.folder import open_checkpoint
from attest.checkpoint.manifest import GIT_BLOB_LIMIT_BYTES, Manifest
from attest.errors import InputError


def test_manifest_holds_every_file(model: Path) -> None:
    manifest = digest(model)
    assert [file.path for file in manifest.files] == sorted(p.name for p in model.iterdir())
    for file in manifest.files:
        content = (model / file.path).read_bytes()
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.size_bytes == len(content)
    assert {file.path: file.role for file in manifest.files}["config.json"] == "config"
    assert manifest.weights is None
    assert Manifest.from_json(manifest.to_json(), what="manifest") == manifest


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_blob_ids_are_those_of_git(model: Path) -> None:
    (model / "empty.txt").write_text("")
    for file in digest(model).files:
        command = ["git", "hash-object", "--no-filters", str(model / file.path)]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert file.git_blob == found.strip()


def test_large_files_carry_no_git_blob_id(model: Path) -> None:
    with (model / "big.dat").open("wb") as file:
        file.truncate(GIT_BLOB_LIMIT_BYTES + 1)
    with (model / "edge.dat").open("wb") as file:
        file.truncate(GIT_BLOB_LIMIT_BYTES)
    by_path = {file.path: file for file in digest(model).files}
    assert by_path["big.dat"].git_blob is None
    assert by_path["edge.dat"].git_blob is not None


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("tensors", [False, True])
def test_every_byte_is_reported_once(model: Path, workers: int, tensors: bool) -> None:
    (model / "big.dat").write_bytes(b"x" * (3 * CHUNK_BYTES + 5))
    checkpoint = open_checkpoint(model)
    counts: list[int] = []
    digest(checkpoint, on_bytes=counts.append, workers=workers, tensors=tensors)
    assert sum(counts) == checkpoint.size_bytes
    assert max(counts) <= CHUNK_BYTES


def test_progress_is_never_reported_twice_at_once(model: Path) -> None:
    for number in range(8):
        (model / f"{number}.dat").write_bytes(bytes(2 * CHUNK_BYTES))
    busy = threading.Lock()

    def on_bytes(_: int) -> None:
        assert busy.acquire(blocking=False)
        busy.release()

    digest(model, on_bytes=on_bytes, workers=4)


def test_digest_does_not_depend_on_workers(sharded: Path) -> None:
    assert digest(sharded, workers=1).digest() == digest(sharded, workers=3).digest()


def test_adding_a_chat_template_changes_the_digest(model: Path) -> None:
    before = digest(model).digest()
    (model / "chat_template.jinja").write_text("{{ messages }}")
    assert digest(model).digest() != before


def test_attestations_do_not_change_the_digest(model: Path) -> None:
    before = digest(model)
    (model / "attestations").mkdir()
    (model / "attestations" / "1.sigstore.json").write_text("{}")
    assert digest(model) == before


def test_loose_digest_skips_the_rules(model: Path) -> None:
    (model / "pytorch_model.bin").write_text("pickle")
    with pytest.raises(InputError):
        digest(model)
    assert "pytorch_model.bin" in {file.path for file in digest(model, strict=False).files}
    assert digest(model, strict=False, tensors=True).weights is not None


@pytest.mark.parametrize("workers", [1, 4])
def test_notices_a_write_while_hashing(model: Path, workers: int) -> None:
    (model / "big.dat").write_bytes(bytes(4 * CHUNK_BYTES))
    for number in range(4):
        (model / f"{number}.dat").write_bytes(bytes(2 * CHUNK_BYTES))

    def on_bytes(_: int) -> None:
        with (model / "big.dat").open("ab") as file:
            file.write(b"more")

    with pytest.raises(InputError) as caught:
        digest(model, on_bytes=on_bytes, workers=workers)
    assert caught.value.reason == "changed-while-read"
    assert caught.value.where == "big.dat"


def test_notices_a_file_cut_short_while_hashing(model: Path) -> None:
    (model / "big.dat").write_bytes(bytes(4 * CHUNK_BYTES))

    def on_bytes(_: int) -> None:
        with (model / "big.dat").open("r+b") as file:
            file.truncate(10)

    with pytest.raises(InputError) as caught:
        digest(model, on_bytes=on_bytes, workers=1)
    assert caught.value.reason == "changed-while-read"


def test_interrupt_stops_the_reading(model: Path) -> None:
    (model / "big.dat").write_bytes(bytes(64 * CHUNK_BYTES))
    counts: list[int] = []

    def on_bytes(n: int) -> None:
        counts.append(n)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        digest(model, on_bytes=on_bytes)
    assert len(counts) < 64


def test_checkpoint_tells_later_that_nothing_changed(model: Path) -> None:
    checkpoint = open_checkpoint(model)
    digest(checkpoint)
    checkpoint.ensure_unchanged()
    (model / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"config\.json"):
        checkpoint.ensure_unchanged()
