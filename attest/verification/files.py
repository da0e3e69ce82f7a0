"""Steps 8 and 9: the files of now are the files that were measured, by the verifier's own rule.

A signer's wish to leave files out counts for nothing. What only documents may change, and is
mentioned; everything else may not.
"""

from __future__ import annotations

from collections.abc import Sequence

from attest.checkpoint.manifest import Manifest
from attest.checkpoint.roles import role_of
from attest.errors import InputError
from attest.verification.listing import Listing
from attest.verification.walk import Walk


def check_coverage(walk: Walk, manifest: Manifest, listing: Listing) -> None:
    """Ensure that the same files are attested and present.

    Raises: InputError that names the first file added or missing.
    """
    attested = {file.path for file in manifest.files}
    added = sorted(set(listing.files) - attested)
    missing = sorted(attested - set(listing.files))
    for path in [path for path in (*added, *missing) if role_of(path) == "documentation"]:
        what = "added" if path in added else "removed"
        walk.warnings.append(f"{path} was {what} since; it documents and decides nothing")
    added = [path for path in added if role_of(path) != "documentation"]
    missing = [path for path in missing if role_of(path) != "documentation"]
    if added:
        raise InputError(
            f"{added[0]} ({role_of(added[0])}) is not attested" + _and_more(added),
            hint="remove it, or ask the publisher to evaluate and sign the folder as it is",
        )
    if missing:
        raise InputError(
            f"{missing[0]} is attested and not there" + _and_more(missing),
            hint="get the whole release; a part of it was not measured",
        )


def check_files(walk: Walk, manifest: Manifest, listing: Listing) -> None:
    """Ensure that every file has the digest that was attested.

    Raises: InputError that names the first file that differs.
    """
    changed = [
        file
        for file in manifest.files
        if file.path in listing.files and listing.files[file.path] != file.sha256
    ]
    for file in changed:
        if file.role == "documentation":
            walk.warnings.append(f"{file.path} was changed since; it documents and decides nothing")
    broken = [file for file in changed if file.role != "documentation"]
    if broken:
        first = broken[0]
        raise InputError(
            f"{first.path}: expected SHA-256 {first.sha256[:16]}…, "
            f"found {listing.files[first.path][:16]}…" + _and_more(broken),
            hint="these are not the bytes that were measured; get the release again",
        )


def _and_more(found: Sequence[object]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""
