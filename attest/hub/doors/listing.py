"""The door of a listing: digests that somebody computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attest.hub.doors.snapshot import Snapshot
from attest.verification.listing import read_listing
from attest.verification.listings import FileDigests


def open_listing(file: Path, bundles: Mapping[str, bytes]) -> Snapshot:
    """The release that a listing describes; no byte of it is seen.

    Args:
        file: output of `sha256sum`, JSON {path: sha256}, or a manifest of ours.
        bundles: attestations by name, from wherever the caller has them.

    Raises: InputError with a reason of `read_listing`.
    """
    listing = read_listing(file)
    return Snapshot(
        name=file.name,
        revision=None,
        files={path: FileDigests(sha256=sha256) for path, sha256 in listing.files.items()},
        checked="listed-hash",
        bundles=bundles,
    )
