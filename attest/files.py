"""Small files: read whole within a bound, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from attest.errors import InputError


def read_file(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file that the caller named.

    Raises: InputError with reason `unreadable` or `too-large`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", reason="unreadable", where=str(path)
        ) from error
    if len(data) > max_bytes:
        raise InputError(f"expected at most {max_bytes} bytes", reason="too-large", where=str(path))
    return data


def write_new(
    path: Path,
    data: bytes,
    *,
    mode: int | None = None,
    hint: str = "name a new file, or move the old one away",
) -> None:
    """Write a file that was not there before; it is on the disk when this returns.

    Args:
        path: of the file.
        data: all of it.
        mode: its permissions, whatever the umask says; None leaves them to the umask.
        hint: what to do where it cannot be written.

    Raises: InputError with reason `exists` or `unwritable`; what was begun is removed.
    """
    try:
        # O_EXCL neither writes over a file nor follows a link that somebody put in its place.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(path, flags, 0o666 if mode is None else 0o600)
    except FileExistsError as error:
        raise InputError(
            "expected a new file, found one that exists",
            reason="exists",
            where=str(path),
            hint=hint,
        ) from error
    except OSError as error:
        raise _unwritable(path, error, hint) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            _write_through(file.fileno(), data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path, error, hint) from error


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole, in place of the one that may be there.

    Raises: InputError with reason `unwritable`; the old file stands then.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        with draft.open("wb") as file:
            _write_through(file.fileno(), data)
        draft.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _write_through(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def _unwritable(path: Path, error: OSError, hint: str | None = None) -> InputError:
    return InputError(
        f"cannot be written: {error.strerror}", reason="unwritable", where=str(path), hint=hint
    )
