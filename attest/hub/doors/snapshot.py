"""What every door gives: a release at one moment, by digests, with its attestations.

Small files that name other weights, other code or another repository are read as well, because a
listing of digests shows only that a file is the attested one, and not what it makes a loader do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from attest.attestation.bundle import MAX_BUNDLE_BYTES
from attest.canonical import parse_json
from attest.checkpoint.index import INDEX_NAME, check_shard_files, read_index
from attest.checkpoint.manifest import GIT_BLOB_LIMIT_BYTES
from attest.checkpoint.redirects import check_redirects
from attest.checkpoint.roles import is_excluded, role_of, suffix_of
from attest.errors import InputError
from attest.license.document import parse_document
from attest.license.terms import License
from attest.verification.folder import MAX_BUNDLES
from attest.verification.listings import Checked, FileDigests, ListingVerdict, verify_listing
from attest.verification.trusting import SignedTrust, Trust

BUNDLE_FOLDER = "attestations/"
BUNDLE_SUFFIX = ".sigstore.json"
README = "README.md"

MAX_SNAPSHOT_FILES = 100_000
MAX_CONTENT_BYTES = GIT_BLOB_LIMIT_BYTES
"""Largest small file that is read; hubs keep larger ones in LFS."""
MAX_CONTENTS_BYTES = 128 * 1024 * 1024
"""Most bytes read of all small files together."""
MAX_FRONT_MATTER_BYTES = 1024 * 1024
MAX_BASE_MODELS = 16
MAX_BASE_MODEL_LENGTH = 4096
"""Longest value of `base_model`, in characters, that is looked at."""

_MODEL_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_BASE_MODEL = re.compile(r"[\"']?base_model[\"']?[ \t]*:")


@dataclass(frozen=True)
class Snapshot:
    """A release as its source shows it."""

    name: str
    """Of the repository, folder or listing."""
    revision: str | None
    """The commit or digest that was looked at, which never changes; None where there is none."""
    files: Mapping[str, FileDigests]
    """Every file by its path, attestations and version control among them."""
    checked: Checked
    """What the digests rest on; where some were computed and some listed, the weaker."""
    bundles: Mapping[str, bytes] = field(default_factory=dict)
    """The attestations that came with it, by where they were found."""
    contents: Mapping[str, bytes] | None = field(default=None, repr=False)
    """Small files by path, whose digests are in `files`; None where the source shows no bytes."""
    problems: tuple[str, ...] = ()
    """What the door found beyond that a loader could take instead."""

    def check(
        self,
        license: License,
        trust: Trust | SignedTrust,
        now: datetime,
        *,
        further: Sequence[bytes] = (),
    ) -> ListingVerdict:
        """What the attestations that came with it, and `further` ones, say of these files."""
        return verify_listing(
            self.files,
            [*self.bundles.values(), *further],
            license,
            trust,
            now,
            checked=self.checked,
            problems=(*self.problems, *self._redirects()),
        )

    def _redirects(self) -> list[str]:
        if self.contents is None:
            return []
        contents = self.contents
        paths = [path for path in self.files if not is_excluded(path)]
        unread = [path for path in paths if is_read(path) and path not in contents]
        if unread:
            return [f"{path}: what it makes a loader do could not be read" for path in unread]
        try:
            # The keys of a vocabulary mean nothing to a loader, so it may be too large to read.
            check_redirects(paths, lambda path: contents.get(path, b"{}"))
            if INDEX_NAME in contents:
                shards = [path for path in paths if suffix_of(path) == ".safetensors"]
                check_shard_files(read_index(contents[INDEX_NAME]), shards)
        except InputError as error:
            return [str(error)]
        return []

    @property
    def base_models(self) -> tuple[str, ...]:
        """The base models that the uploader names, in README.md or the configuration.

        It is his word alone. Names are `owner/name`, at most `MAX_BASE_MODELS`.
        """
        contents = self.contents or {}
        named = [
            *_of_readme(contents.get(README, b"")),
            *_of_json(contents.get("adapter_config.json"), "base_model_name_or_path"),
            *_of_json(contents.get("config.json"), "_name_or_path"),
        ]
        found = (name for name in named if _MODEL_NAME.fullmatch(name) and name != self.name)
        return tuple(dict.fromkeys(found))[:MAX_BASE_MODELS]


def is_read(path: str) -> bool:
    """True for a file whose content decides what a loader does with the others."""
    return not is_excluded(path) and (
        role_of(path) in ("config", "index", "template") or path.lower().endswith("_config.json")
    )


def is_bundle(path: str) -> bool:
    """True for a file that holds an attestation, by its place and name."""
    return (
        path.startswith(BUNDLE_FOLDER)
        and path.endswith(BUNDLE_SUFFIX)
        and "/" not in path[len(BUNDLE_FOLDER) :]
    )


def is_kept(path: str) -> bool:
    """True for a small file that a snapshot holds the bytes of."""
    return is_read(path) or is_bundle(path) or path == README


@dataclass
class Budget:
    """How much may still be read of one release."""

    left_bytes: int = MAX_CONTENTS_BYTES
    left_attestations: int = MAX_BUNDLES

    def spend(self, where: str, size_bytes: int, *, is_attestation: bool = False) -> None:
        """Ensure that a file may be read before it is.

        Raises: InputError with reason `too-large` or `too-many`.
        """
        limit = MAX_BUNDLE_BYTES if is_attestation else MAX_CONTENT_BYTES
        self.left_bytes -= size_bytes
        if size_bytes > limit or self.left_bytes < 0:
            raise InputError(
                f"expected small files of at most {limit} bytes, and of {MAX_CONTENTS_BYTES} "
                f"together, found one more of {size_bytes}",
                reason="too-large",
                where=where,
                hint="keep large files in LFS",
            )
        self.left_attestations -= is_attestation
        if self.left_attestations < 0:
            raise InputError(
                f"expected at most {MAX_BUNDLES} attestations",
                reason="too-many",
                where=where,
                hint="remove those of earlier releases",
            )


def bundles_among(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The attestations among small files that were read."""
    return {path: contents[path] for path in sorted(contents) if is_bundle(path)}


def _of_readme(data: bytes) -> list[str]:
    text = data[:MAX_FRONT_MATTER_BYTES].decode("utf-8", errors="replace").replace("\r\n", "\n")
    front = _FRONT_MATTER.match(text)
    found: list[str] = []
    for part in _base_model_parts(front[1]) if front is not None else ():
        try:
            values = parse_document(part.encode("utf-8"), what=README).root.values()
        except InputError:
            continue
        found += [text for value in values for text in _texts(value)]
    return found


def _base_model_parts(front: str) -> list[str]:
    """The lines of this key, each time it stands at the left margin.

    A front matter can hold the results of hundreds of evaluations, and only this is of interest.
    """
    parts: list[list[str]] = []
    is_inside = False
    for line in front.split("\n"):
        if _BASE_MODEL.match(line):
            parts.append([])
            is_inside = True
        elif line and not line.startswith((" ", "\t", "-")):
            is_inside = False
        if is_inside:
            parts[-1].append(line)
    texts = ["\n".join(part) for part in parts[:MAX_BASE_MODELS]]
    return [text for text in texts if len(text) <= MAX_BASE_MODEL_LENGTH]


def _of_json(data: bytes | None, key: str) -> list[str]:
    if data is None:
        return []
    try:
        value = parse_json(data)
    except InputError:
        return []
    return _texts(value.get(key)) if isinstance(value, dict) else []


def _texts(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str)]
