"""What a checkpoint holds now, from its bytes or from somebody's listing of hashes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from attest.canonical import parse_json
from attest.checkpoint.manifest import Manifest
from attest.checkpoint.roles import is_excluded
from attest.errors import InputError
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


def of_manifest(manifest: Manifest) -> Listing:
    """The listing of bytes that were just hashed."""
    return Listing({file.path: file.sha256 for file in manifest.files}, is_from_bytes=True)


def read_listing(file: Path) -> Listing:
    """The listing in a file: output of `sha256sum`, JSON {path: sha256}, or our manifest.

    Raises: InputError if it is none of these, or names a file twice.
    """
    data = file.read_bytes()
    if len(data) > MAX_LISTING_BYTES:
        raise InputError(
            f"expected at most {MAX_LISTING_BYTES} bytes, found {len(data)}",
            reason="too-large",
            where=str(file),
        )
    if data.lstrip()[:1] == b"{":
        found = _from_json(data, str(file))
    else:
        found = _from_sha256sum(data, str(file))
    kept = {path: sha256 for path, sha256 in found.items() if not is_excluded(path)}
    if not kept:
        raise InputError("lists no files", reason="listing-empty", where=str(file))
    return Listing(kept, is_from_bytes=False)


def _from_json(data: bytes, where: str) -> dict[str, str]:
    value = parse_json(data, what=where)
    if isinstance(value, dict) and "files" in value:
        manifest = Manifest.from_json(data, what=where)
        return dict(of_manifest(manifest).files)
    try:
        return _ENTRIES.validate_python(value)
    except ValidationError as error:
        raise invalid(error, where) from error


def _from_sha256sum(data: bytes, where: str) -> dict[str, str]:
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8", reason="not-utf8", where=where) from error
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
        return _ENTRIES.validate_python(found)
    except ValidationError as error:
        raise invalid(error, where) from error
