"""Steps 8 and 9: the files of now are the files that were measured, by the verifier's own rule.

A signer's wish to leave files out counts for nothing. What only documents may change, and is
mentioned; everything else may not.
"""

from __future__ import annotations

from collections.abc import Sequence

from attest.checkpoint.roles import role_of
from attest.errors import InputError
from attest.verification.listing import Listing
from attest.verification.walk import Walk


def check_coverage(walk: Walk, attested: Listing, listing: Listing) -> None:
    """Ensure that the same files are attested and present.

    Raises: InputError that names the first file added or missing.
    """
    added = sorted(set(listing.files) - set(attested.files))
    missing = sorted(set(attested.files) - set(listing.files))
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


def check_files(walk: Walk, attested: Listing, listing: Listing) -> None:
    """Ensure that every file has the digest that was attested, and all tensors together.

    Raises: InputError that names the first file that differs.
    """
    changed = [
        path
        for path, sha256 in attested.files.items()
        if path in listing.files and listing.files[path] != sha256
    ]
    # By the verifier's own rule: what role the signer gives to a file counts for nothing.
    for path in changed:
        if role_of(path) == "documentation":
            walk.warnings.append(f"{path} was changed since; it documents and decides nothing")
    broken = [path for path in changed if role_of(path) != "documentation"]
    if broken:
        first = broken[0]
        raise InputError(
            f"{first}: expected SHA-256 {attested.files[first][:16]}…, "
            f"found {listing.files[first][:16]}…" + _and_more(broken),
            hint="these are not the bytes that were measured; get the release again",
        )
    signed, found = attested.weights, listing.weights
    if signed is not None and found is not None and signed != found:
        raise InputError(
            f"expected the weights digest {signed.digest[:16]}… of {signed.n_parameters} "
            f"parameters, found {found.digest[:16]}… of {found.n_parameters}",
            hint="the files are those that were measured, and what was signed of their tensors is "
            "wrong: ask the signer",
        )


def _and_more(found: Sequence[object]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""
