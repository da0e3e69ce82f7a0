"""Files that a command writes: always new ones, and private where they hold answers."""

from __future__ import annotations

import os
from pathlib import Path

from attest.errors import InputError


def write_new(path: Path, data: bytes, *, is_private: bool = False) -> None:
    """Write a file that was not there before, readable by its owner alone if it holds answers.

    Raises: InputError with reason `unwritable`.
    """
    try:
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_private else 0o666
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(
            f"cannot write the file: {error.strerror}",
            reason="unwritable",
            where=str(path),
            hint="name a new file",
        ) from error
