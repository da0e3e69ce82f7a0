"""The door of a git repository: one commit, with its large files as LFS pointers.

It is made for a `pre-receive` hook: it works in a bare repository, inside the quarantine of a push,
without network, and writes nothing. Blobs are read as they lie in the commit, so no filter and no
attribute of the pusher has a say. A large file is what its pointer says; the LFS server checks the
bytes when they are uploaded. Links and submodules are refused, because they lead elsewhere.

Source: gitformat-pack and git-cat-file (`--batch`), githooks (`pre-receive`), gitattributes.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter, ValidationError

from attest.canonical import sha256_hex
from attest.checkpoint.roles import is_excluded
from attest.errors import HubError, InputError
from attest.hub.doors.pointer import MAX_POINTER_BYTES, Pointer, git_blob_id, read_pointer
from attest.hub.doors.snapshot import (
    MAX_SNAPSHOT_FILES,
    Budget,
    Snapshot,
    bundles_among,
    is_bundle,
    is_kept,
)
from attest.record import RelativePath
from attest.verification.listings import Checked, FileDigests

MAX_TREE_BYTES = 64 * 1024 * 1024
"""Longest listing of a tree that is read."""
CHUNK_BYTES = 1024 * 1024

NO_COMMIT = "0" * 40
"""What git calls a commit that is not there: before a branch is made, after it is deleted."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_LINE = re.compile(
    rb"(?P<mode>[0-7]{6}) (?P<type>[a-z]+) (?P<oid>[0-9a-f]{40}) +(?P<size>[0-9]+|-)\t(?P<path>.+)",
    re.DOTALL,
)
_PATH: TypeAdapter[str] = TypeAdapter(RelativePath)
_REFUSED_MODES = {b"120000": "symlink", b"160000": "submodule"}


@dataclass(frozen=True)
class _Entry:
    path: str
    oid: str
    size_bytes: int


def open_git(repository: Path, commit: str) -> Snapshot:
    """The tree of `commit` in the repository at the path `repository`.

    Args:
        repository: a working tree or a bare repository.
        commit: 40 hexadecimal digits; a tag object will do as well.

    Raises: InputError with reason `commit`, `not-a-tree`, `symlink`, `submodule`,
        `path-not-portable`, `too-many-files`, `too-large`, `too-many` or `pointer-near-miss`;
        HubError if git cannot be run.
    """
    if _COMMIT.fullmatch(commit) is None or commit == NO_COMMIT:
        raise InputError(
            f"expected a commit of 40 hexadecimal digits, found {commit[:100]!a}", reason="commit"
        )
    files: dict[str, FileDigests] = {}
    contents: dict[str, bytes] = {}
    checked: Checked = "served-bytes"
    budget = Budget()
    with _blobs(repository) as blobs:
        for entry in _entries(repository, commit):
            path, size_bytes = entry.path, entry.size_bytes
            if is_excluded(path) and not is_bundle(path):
                files[path] = FileDigests(size_bytes=size_bytes)
                continue
            if not is_kept(path) and size_bytes > MAX_POINTER_BYTES:
                files[path] = blobs.digests(entry)
                continue
            budget.spend(path, size_bytes, is_attestation=is_bundle(path))
            data = blobs.read(entry)
            pointer = read_pointer(data, where=path)
            if pointer is not None:
                checked = "listed-hash"
                files[path] = _listed(pointer)
                continue
            files[path] = FileDigests(
                sha256=sha256_hex(data), git_blob=entry.oid, size_bytes=len(data)
            )
            if is_kept(path):
                contents[path] = data
    return Snapshot(
        name=repository.resolve().name.removesuffix(".git"),
        revision=commit,
        files=files,
        checked=checked,
        bundles=bundles_among(contents),
        contents=contents,
    )


def _listed(pointer: Pointer) -> FileDigests:
    return FileDigests(sha256=pointer.sha256, size_bytes=pointer.size_bytes)


def _git(repository: Path, *words: str) -> subprocess.Popen[bytes]:
    # No replacement objects, no fetching of what is missing, no questions to anybody.
    environment = os.environ | {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        return subprocess.Popen(  # noqa: S603 - the words are ours, the commit is checked
            ["git", "--no-replace-objects", "-C", str(repository), *words],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    except OSError as error:
        raise HubError(f"git cannot be run: {error.strerror}", hint="install git") from error


def _entries(repository: Path, commit: str) -> Iterator[_Entry]:
    with _git(repository, "ls-tree", "-r", "-z", "-l", "--full-tree", commit) as git:
        assert git.stdout is not None
        listing = git.stdout.read(MAX_TREE_BYTES + 1)
        if len(listing) > MAX_TREE_BYTES:
            git.kill()
            raise InputError(
                f"expected a listing of at most {MAX_TREE_BYTES} bytes",
                reason="too-many-files",
                where=commit,
            )
    if git.returncode != 0:
        raise InputError(
            f"git finds no tree {commit} in {repository}", reason="not-a-tree", where=commit
        )
    lines = listing.split(b"\0")[:-1]
    if len(lines) > MAX_SNAPSHOT_FILES:
        raise InputError(
            f"more than {MAX_SNAPSHOT_FILES} files", reason="too-many-files", where=commit
        )
    for line in lines:
        yield _entry(line)


def _entry(line: bytes) -> _Entry:
    match = _LINE.fullmatch(line)
    if match is None:
        raise HubError("a line of git ls-tree that cannot be read")
    path = _path(match["path"])
    reason = _REFUSED_MODES.get(match["mode"])
    if reason is not None or match["type"] != b"blob":
        raise InputError(
            f"expected a file, found a {reason or match['type'].decode()}",
            reason=reason or "not-a-file",
            where=path,
            hint="commit the file itself: what this leads to was not pushed with it",
        )
    return _Entry(path, match["oid"].decode(), int(match["size"]))


def _path(data: bytes) -> str:
    try:
        return _PATH.validate_python(data.decode("utf-8"))
    except (UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            "expected a path in UTF-8 without backslashes, control or unassigned characters",
            reason="path-not-portable",
            where=ascii(data),
            hint="rename the file",
        ) from error


@contextmanager
def _blobs(repository: Path) -> Iterator[_Blobs]:
    with _git(repository, "cat-file", "--batch") as git:
        assert git.stdin is not None
        assert git.stdout is not None
        try:
            yield _Blobs(git.stdin, git.stdout)
        finally:
            git.kill()


@dataclass(frozen=True)
class _Blobs:
    """The contents of blobs, asked for one by one."""

    questions: IO[bytes]
    answers: IO[bytes]

    def read(self, entry: _Entry) -> bytes:
        data = b"".join(self._chunks(entry))
        if git_blob_id(data) != entry.oid:
            raise HubError(f"{entry.path}: git gives other bytes than the tree names")
        return data

    def digests(self, entry: _Entry) -> FileDigests:
        sha256 = hashlib.sha256()
        git_blob = hashlib.sha1(b"blob %d\0" % entry.size_bytes, usedforsecurity=False)
        for chunk in self._chunks(entry):
            sha256.update(chunk)
            git_blob.update(chunk)
        if git_blob.hexdigest() != entry.oid:
            raise HubError(f"{entry.path}: git gives other bytes than the tree names")
        return FileDigests(
            sha256=sha256.hexdigest(), git_blob=entry.oid, size_bytes=entry.size_bytes
        )

    def _chunks(self, entry: _Entry) -> Iterator[bytes]:
        try:
            self.questions.write(entry.oid.encode("ascii") + b"\n")
            self.questions.flush()
        except BrokenPipeError as error:
            raise HubError("git ended while it was being asked") from error
        head = self.answers.readline(1024)
        if head != b"%s blob %d\n" % (entry.oid.encode("ascii"), entry.size_bytes):
            raise HubError(f"{entry.path}: git does not have the blob that the tree names")
        left = entry.size_bytes
        while left > 0:
            chunk = self.answers.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise HubError(f"{entry.path}: git ended within the blob")
            left -= len(chunk)
            yield chunk
        # Every blob is followed by one line feed that is no part of it.
        self.answers.read(1)
