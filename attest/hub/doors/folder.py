"""The door of a folder on this machine: every byte is read here."""

from __future__ import annotations

from pathlib import Path

from attest.checkpoint.digest import digest
from attest.checkpoint.folder import Checkpoint, open_checkpoint
from attest.checkpoint.loadable import check_loadable
from attest.errors import InputError
from attest.hub.doors.snapshot import (
    Budget,
    Snapshot,
    bundles_among,
    is_bundle,
    is_kept,
)
from attest.verification.listings import FileDigests


def open_folder(folder: Path) -> Snapshot:
    """The release in `folder`, with the attestations in its `attestations/`.

    Raises: InputError with a reason of `open_checkpoint` or `digest`, `too-large` or `too-many`.
    """
    checkpoint = open_checkpoint(folder)
    manifest = digest(checkpoint, strict=False)
    files = {
        file.path: FileDigests(
            sha256=file.sha256, git_blob=file.git_blob, size_bytes=file.size_bytes
        )
        for file in manifest.files
    }
    files |= {
        path: FileDigests(size_bytes=entry.signature.size_bytes)
        for path, entry in checkpoint.excluded.items()
    }
    contents = _contents(checkpoint)
    return Snapshot(
        name=folder.resolve().name,
        revision=None,
        files=files,
        checked="served-bytes",
        bundles=bundles_among(contents),
        contents=contents,
        problems=_problems(checkpoint),
    )


def _contents(checkpoint: Checkpoint) -> dict[str, bytes]:
    budget, found = Budget(), {}
    for path, entry in (checkpoint.files | checkpoint.excluded).items():
        if not is_kept(path):
            continue
        budget.spend(path, entry.signature.size_bytes, is_attestation=is_bundle(path))
        if path in checkpoint.files:
            found[path] = checkpoint.read(path, max_bytes=entry.signature.size_bytes)
        else:
            found[path] = (checkpoint.folder / path).read_bytes()
    return found


def _problems(checkpoint: Checkpoint) -> tuple[str, ...]:
    try:
        check_loadable(checkpoint)
    except InputError as error:
        return (str(error),)
    return ()
