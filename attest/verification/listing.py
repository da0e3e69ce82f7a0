"""What a checkpoint holds now, from its bytes or from somebody's listing of hashes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from attest.canonical import parse_json
from attest.checkpoint.manifest import Manifest, WeightsDigest
from attest.checkpoint.roles import is_excluded
from attest.errors import InputError
from attest.files import read_file
from attest.record import RelativePath, Sha256, invalid

MAX_LISTING_BYTES = 16 * 1024 * 1024

_ENTRIES = TypeAdapter(dict[RelativePath, Sha256])
_SHA256SUM_LINE = re.compile(r"^(?P<sha256>[0-9a-f]{64}) [ *](?P<path>.+)$")


@dataclass(frozen=True)
class Listing:
    """Paths and SHA-256 digests of the files of a checkpoint."""

    files: Mapping[str, str]
    is_from_bytes: bool
    """True if the digests were computed here; False if somebody listed them."""
    weights: WeightsDigest | None = None
    """Of all tensors, from where the other digests are; None if no tensor was digested."""


def of_manifest(manifest: Manifest, *, is_from_bytes: bool = True) -> Listing:
    """The listing of a manifest, by default of bytes that were just hashed."""
    files = {file.path: file.sha256 for file in manifest.files}
    return Listing(files, is_from_bytes, manifest.weights)


def read_listing(file: Path) -> Listing:
    """The listing in a file: output of `sha256sum`, JSON {path: sha256}, or our manifest.

    Raises: InputError if it cannot be read, is none of these, or names a file twice.
    """
    data = read_file(file, MAX_LISTING_BYTES)
    if data.lstrip()[:1] == b"{":
        found = _from_json(data, str(file))
    else:
        found = _from_sha256sum(data, str(file))
    kept = {path: sha256 for path, sha256 in found.files.items() if not is_excluded(path)}
    if not kept:
        raise InputError("lists no files", reason="listing-empty", where=str(file))
    return replace(found, files=kept)


def _from_json(data: bytes, where: str) -> Listing:
    value = parse_json(data, what=where)
    if isinstance(value, dict) and "files" in value:
        return of_manifest(Manifest.from_json(data, what=where), is_from_bytes=False)
    try:
        return Listing(_ENTRIES.validate_python(value), is_from_bytes=False)
    except ValidationError as error:
        raise invalid(error, where) from error


def _from_sha256sum(data: bytes, where: str) -> Listing:
    try:
        # Not `splitlines`: a name may hold what else ends a line, and must list no second file.
        lines = data.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8", reason="not-utf8", where=where) from error
    if lines[-1] == "":
        lines.pop()
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = _SHA256SUM_LINE.match(line)
        if match is None:
            raise InputError(
                "expected `sha256sum` lines, JSON {path: sha256} or a manifest",
                reason="listing",
                where=f"{where} line {number}",
            )
        path = match["path"].removeprefix("./")
        if path in found:
            raise InputError(
                f"{path} is listed twice", reason="listing", where=f"{where} line {number}"
            )
        found[path] = match["sha256"]
    try:
        return Listing(_ENTRIES.validate_python(found), is_from_bytes=False)
    except ValidationError as error:
        raise invalid(error, where) from error
