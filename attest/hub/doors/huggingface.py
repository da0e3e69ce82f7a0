"""The door of a Hugging Face repository at one commit.

The tree API lists the SHA-256 of each large file and the git blob id of each small one. Small files
are fetched, held against their blob id, and hashed. The large ones are what the hub says they are,
unless the bytes are asked for too. The git blob id that is listed for a large file must be that of
the pointer with its SHA-256 and size, so that the listing cannot say something else than the
commit does.

A branch is never looked at: it may move while it is read. Nothing in a file, such as the shard
names of an index, becomes part of a URL.

Source: Hugging Face Hub API, as huggingface_hub 2.4 calls it (`list_repo_tree`, `model_info`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from attest.canonical import sha256_hex
from attest.checkpoint.manifest import GitBlob
from attest.checkpoint.roles import is_excluded
from attest.errors import HubError, InputError
from attest.hub.doors.pointer import Pointer, git_blob_id, read_pointer
from attest.hub.doors.snapshot import (
    MAX_SNAPSHOT_FILES,
    Budget,
    Snapshot,
    bundles_among,
    is_bundle,
    is_kept,
)
from attest.hub.fetch import Answer, Fetcher
from attest.record import RelativePath, Sha256, invalid
from attest.verification.listings import FileDigests

ORIGIN = "https://huggingface.co"
DOWNLOADS = ("https://cdn-lfs.hf.co", "https://cas-bridge.xethub.hf.co")
"""Where it sends on for large files."""
MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Longest page of a listing; a thousand entries take about 300 kB."""
MAX_PAGES = 200

_REPOSITORY = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NEXT = re.compile(r'<(?P<url>[^>]{1,4096})>;\s*rel="next"')


class _Lfs(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    oid: Sha256
    size: Annotated[int, Field(ge=0)]


class _Entry(BaseModel):
    """One line of a tree; fields that are not used here may come and go."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: Literal["file", "directory"]
    path: RelativePath
    oid: GitBlob
    size: Annotated[int, Field(ge=0)]
    lfs: _Lfs | None = None


class _Info(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    sha: GitBlob


_PAGE = TypeAdapter(list[_Entry])


def open_huggingface(
    fetcher: Fetcher,
    repository: str,
    commit: str,
    *,
    origin: str = ORIGIN,
    reads_bytes: bool = False,
) -> Snapshot:
    """The model repository as it is at `commit`.

    Args:
        fetcher: asks the hub.
        repository: such as `someone/model`.
        commit: 40 hexadecimal digits; no branch and no tag.
        origin: of the hub.
        reads_bytes: hash what the hub serves for each large file instead of believing the listing.

    Raises: InputError with a reason of `Fetcher.get`, `repository`, `commit`, `schema`,
        `too-many-files`, `listed-twice`, `pointer-mismatch`, `pointer-near-miss`, `too-large` or
        `too-many`; HubError if the hub does not answer or contradicts itself.
    """
    if _REPOSITORY.fullmatch(repository) is None or ".." in repository or "--" in repository:
        raise InputError(
            f"expected a repository such as someone/model, found {repository[:100]!a}",
            reason="repository",
        )
    if _COMMIT.fullmatch(commit) is None:
        raise InputError(
            f"expected a commit of 40 hexadecimal digits, found {commit[:100]!a}",
            reason="commit",
            hint="a branch such as main may change while it is checked",
        )
    return _Door(fetcher, origin, repository, commit).snapshot(reads_bytes=reads_bytes)


@dataclass(frozen=True)
class _Door:
    fetcher: Fetcher
    origin: str
    repository: str
    commit: str

    def snapshot(self, *, reads_bytes: bool) -> Snapshot:
        self.ensure_commit()
        files: dict[str, FileDigests] = {}
        contents: dict[str, bytes] = {}
        budget = Budget()
        for path, entry in self.entries().items():
            if is_excluded(path) and not is_bundle(path):
                files[path] = FileDigests(size_bytes=entry.size)
            elif entry.lfs is None or is_kept(path):
                budget.spend(path, entry.size, is_attestation=is_bundle(path))
                data = self.content(entry)
                files[path] = FileDigests(
                    sha256=sha256_hex(data), git_blob=git_blob_id(data), size_bytes=len(data)
                )
                if is_kept(path):
                    contents[path] = data
            elif reads_bytes:
                files[path] = self.served(path, entry.lfs)
            else:
                files[path] = FileDigests(sha256=entry.lfs.oid, size_bytes=entry.lfs.size)
        return Snapshot(
            name=self.repository,
            revision=self.commit,
            files=files,
            checked="served-bytes" if reads_bytes else "listed-hash",
            bundles=bundles_among(contents),
            contents=contents,
        )

    def ensure_commit(self) -> None:
        """Ensure that the hub takes the name for the commit, and not for a branch called so."""
        path = f"/api/models/{self.repository}/revision/{self.commit}"
        answer = self.fetcher.get(self.origin, path, max_bytes=MAX_PAGE_BYTES)
        answer.json(path)
        try:
            info = _Info.model_validate_json(answer.body)
        except ValidationError as error:
            raise invalid(error, path) from error
        if info.sha != self.commit:
            raise InputError(
                f"the hub takes it for a name of commit {info.sha}",
                reason="commit",
                where=f"{self.repository}@{self.commit}",
            )

    def entries(self) -> dict[str, _Entry]:
        """The files of the commit, by path, all pages of them."""
        found: dict[str, _Entry] = {}
        for entry in self.pages():
            if entry.type != "file":
                continue
            if entry.path in found:
                raise InputError("listed twice", reason="listed-twice", where=entry.path)
            if entry.lfs is not None:
                _ensure_pointer(entry, entry.lfs)
            found[entry.path] = entry
            if len(found) > MAX_SNAPSHOT_FILES:
                raise InputError(
                    f"more than {MAX_SNAPSHOT_FILES} files",
                    reason="too-many-files",
                    where=self.repository,
                )
        return found

    def pages(self) -> Iterator[_Entry]:
        path = f"/api/models/{self.repository}/tree/{self.commit}"
        query = {"recursive": "true", "expand": "false"}
        for _ in range(MAX_PAGES):
            answer = self.fetcher.get(self.origin, path, max_bytes=MAX_PAGE_BYTES, query=query)
            # Strictly first, because a name that comes twice would hide an entry.
            answer.json(path)
            try:
                yield from _PAGE.validate_json(answer.body)
            except ValidationError as error:
                raise invalid(error, path) from error
            cursor = _cursor(answer)
            if cursor is None:
                return
            query["cursor"] = cursor
        raise HubError(f"{self.origin}{path}: more than {MAX_PAGES} pages")

    def content(self, entry: _Entry) -> bytes:
        """The bytes of a file, which are those that the tree names."""
        kind = "raw" if entry.lfs is None else "resolve"
        path = f"/{self.repository}/{kind}/{self.commit}/{entry.path}"
        data = self.fetcher.get(self.origin, path, max_bytes=entry.size).body
        if entry.lfs is None:
            is_listed = git_blob_id(data) == entry.oid
            if is_listed and read_pointer(data, where=entry.path) is not None:
                raise InputError(
                    "a Git LFS pointer that the hub lists as a plain file",
                    reason="pointer-near-miss",
                    where=entry.path,
                )
        else:
            is_listed = sha256_hex(data) == entry.lfs.oid
        if not is_listed:
            raise HubError(f"{self.origin}{path}: other bytes than the tree lists")
        return data

    def served(self, path: str, lfs: _Lfs) -> FileDigests:
        """How the hub serves a large file, whatever it lists."""
        streamed = self.fetcher.hash(
            self.origin,
            f"/{self.repository}/resolve/{self.commit}/{path}",
            max_bytes=lfs.size,
        )
        return FileDigests(sha256=streamed.sha256, size_bytes=streamed.size_bytes)


def _ensure_pointer(entry: _Entry, lfs: _Lfs) -> None:
    pointer = Pointer(lfs.oid, lfs.size)
    if git_blob_id(pointer.to_bytes()) != entry.oid or lfs.size != entry.size:
        raise InputError(
            "the listed SHA-256 and size are not those of the pointer in the commit",
            reason="pointer-mismatch",
            where=entry.path,
        )


def _cursor(answer: Answer) -> str | None:
    """Where the next page begins: the one part of the link that is used."""
    match = _NEXT.search(answer.headers.get("link", ""))
    if match is None:
        return None
    cursors = parse_qs(urlsplit(match["url"]).query).get("cursor", [])
    if len(cursors) != 1:
        raise HubError("a listing with a next page and no place where it begins")
    return cursors[0]
