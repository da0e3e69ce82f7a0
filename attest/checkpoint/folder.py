"""A checkpoint folder, walked without being led out of it.

Every path is checked as text first, then opened component by component without following links.
The one link accepted is that of the hub cache (`models--*/snapshots/<revision>/`), into `blobs/` of
the same repository. Each file's stat signature is kept, so that a later change is noticed.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from attest.checkpoint.roles import is_excluded
from attest.errors import InputError
from attest.record import RelativePath

MAX_FILES = 100_000
"""Most files in one folder."""
MAX_DEPTH = 32
"""Deepest nesting of folders."""

_RELATIVE_PATH: TypeAdapter[str] = TypeAdapter(RelativePath)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a FIFO put in the place of a file must not stop us.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_COPY = "make a copy of the folder without links: cp -rL FOLDER COPY"


@dataclass(frozen=True, slots=True)
class StatSignature:
    """What the file system says of a file; equal before and after means not written between."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """The signature of one `stat` answer."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file as it was when the folder was listed."""

    signature: StatSignature
    blob: str | None = None
    """Name in the hub cache's `blobs/` that the file links to; None for a file in place."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder and every regular file in it, as they were when it was opened."""

    folder: Path
    """Absolute, all links resolved."""
    files: dict[str, Entry]
    """What a manifest lists, by path, in code point order."""
    excluded: dict[str, Entry]
    """What a manifest never lists: attestations, version control, download state."""

    @property
    def size_bytes(self) -> int:
        """The bytes that a digest of this checkpoint reads."""
        return sum(entry.signature.size_bytes for entry in self.files.values())

    @contextmanager
    def open_file(self, path: str) -> Iterator[BufferedReader]:
        """The listed file at `path` for reading, the same before and after.

        Raises: InputError with reason `changed-while-read` or `unreadable`.
        """
        entry = self.files[path]
        base, name = self.folder, path
        if entry.blob is not None:
            base, name = self.folder.parent.parent, f"blobs/{entry.blob}"
        try:
            descriptor = _open_beneath(base, name)
        except FileNotFoundError as error:
            raise _changed(path, "is gone") from error
        except OSError as error:
            raise _unreadable(error, path) from error
        with os.fdopen(descriptor, "rb") as file:
            _ensure_same(entry, os.fstat(descriptor), path)
            yield file
            _ensure_same(entry, os.fstat(descriptor), path)

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """The content of a listed file.

        Raises: InputError with reason `too-large`, `changed-while-read` or `unreadable`.
        """
        size = self.files[path].signature.size_bytes
        if size > max_bytes:
            raise InputError(
                f"expected at most {max_bytes} bytes, found {size}", reason="too-large", where=path
            )
        with self.open_file(path) as file:
            return file.read(max_bytes)

    def ensure_unchanged(self) -> None:
        """Ensure that the folder still holds exactly the files that were listed.

        Raises: InputError with reason `changed-while-read`, naming the first file that differs.
        """
        now = open_checkpoint(self.folder).files
        for path in sorted(self.files.keys() | now.keys()):
            if path not in now:
                raise _changed(path, "is gone")
            if path not in self.files:
                raise _changed(path, "was added")
            if self.files[path] != now[path]:
                raise _changed(path, "was written")


def open_checkpoint(folder: Path) -> Checkpoint:
    """The listing of a checkpoint folder.

    Raises: InputError with reason `not-a-folder`, `empty-folder`, `unreadable`, `path-not-utf8`,
        `path-not-portable`, `path-collision`, `symlink-leaves-folder`, `broken-symlink`,
        `not-a-regular-file`, `too-many-files` or `nested-too-deeply`.
    """
    found: dict[str, Entry] = {}
    try:
        if not folder.is_dir():
            raise InputError(
                "expected a checkpoint folder",
                reason="not-a-folder",
                where=str(folder),
                hint="name the folder that holds config.json and the *.safetensors files",
            )
        root = folder.resolve(strict=True)
        descriptor = os.open(root, _DIRECTORY)
        try:
            _walk(root, descriptor, "", found, depth=0)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(error, str(folder)) from error
    files = {path: found[path] for path in sorted(found) if not is_excluded(path)}
    excluded = {path: found[path] for path in sorted(found) if is_excluded(path)}
    if not files:
        raise InputError("the folder is empty", reason="empty-folder", where=str(folder))
    _check_collisions(files)
    return Checkpoint(root, files, excluded)


def _walk(root: Path, descriptor: int, prefix: str, found: dict[str, Entry], *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InputError(
            f"folders nested deeper than {MAX_DEPTH}", reason="nested-too-deeply", where=prefix
        )
    with os.scandir(descriptor) as listing:
        entries = list(listing)
    for item in entries:
        path = prefix + item.name
        _check_path(path)
        status = item.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            below = os.open(item.name, _DIRECTORY, dir_fd=descriptor)
            try:
                _walk(root, below, f"{path}/", found, depth=depth + 1)
            finally:
                os.close(below)
            continue
        if stat.S_ISLNK(status.st_mode):
            found[path] = _linked(root, path, os.readlink(item.name, dir_fd=descriptor))
        else:
            _ensure_regular(status, path)
            found[path] = Entry(StatSignature.of(status))
        if len(found) > MAX_FILES:
            raise InputError(f"more than {MAX_FILES} files", reason="too-many-files", where=prefix)


def _check_path(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"a file name that is not UTF-8: {os.fsencode(path)!r}",
            reason="path-not-utf8",
            hint="rename the file",
        ) from error
    try:
        _RELATIVE_PATH.validate_python(path)
    except ValidationError as error:
        raise InputError(
            "a file name with a backslash, a control or an unassigned character",
            reason="path-not-portable",
            where=ascii(path),
            hint="rename the file",
        ) from error


def _check_collisions(files: dict[str, Entry]) -> None:
    seen: dict[str, str] = {}
    for path in files:
        other = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if other != path:
            raise InputError(
                f"differs only in case or Unicode form from {other!a}",
                reason="path-collision",
                where=ascii(path),
                hint="rename or remove one of the two: some file systems cannot hold both",
            )


def _linked(root: Path, path: str, target: str) -> Entry:
    repository = root.parent.parent
    blobs = repository / "blobs"
    is_hub_cache = root.parent.name == "snapshots" and repository.name.startswith("models--")
    # A target that normalises to itself cannot step through another link and back out of it; the
    # folders it then passes are real, since `root` is resolved and links to folders are refused.
    is_plain = os.path.normpath(target) == target
    resolved = Path(os.path.normpath((root / path).parent / target))
    if not (is_hub_cache and is_plain and resolved.parent == blobs and not blobs.is_symlink()):
        raise _leaves(path, target)
    try:
        status = os.lstat(resolved)
    except FileNotFoundError as error:
        raise InputError(
            "the link points to nothing",
            reason="broken-symlink",
            where=path,
            hint="download the checkpoint again",
        ) from error
    if stat.S_ISLNK(status.st_mode):
        raise _leaves(path, target)
    _ensure_regular(status, path)
    return Entry(StatSignature.of(status), blob=resolved.name)


def _open_beneath(base: Path, path: str) -> int:
    *folders, name = path.split("/")
    directory = os.open(base, _DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = below
        return os.open(name, _FILE, dir_fd=directory)
    finally:
        os.close(directory)


def _ensure_regular(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InputError(
            "expected a regular file, found a pipe, socket or device",
            reason="not-a-regular-file",
            where=path,
            hint="remove it from the folder",
        )


def _ensure_same(entry: Entry, status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode) or StatSignature.of(status) != entry.signature:
        raise _changed(path, "was written")


def _leaves(path: str, target: str) -> InputError:
    return InputError(
        f"a symbolic link to {target!a}",
        reason="symlink-leaves-folder",
        where=path,
        hint=_COPY,
    )


def _changed(path: str, what: str) -> InputError:
    return InputError(
        f"{what} after the folder was listed",
        reason="changed-while-read",
        where=path,
        hint="wait until nothing writes to the folder, then start again",
    )


def _unreadable(error: OSError, where: str) -> InputError:
    return InputError(f"cannot be read: {error.strerror}", reason="unreadable", where=where)
