"""Signatures of documents: bundles that lie beside a license, a trust file, a revocation list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from attest.cli.attestation import SUFFIX
from attest.cli.console import read_input
from attest.errors import InputError

if TYPE_CHECKING:
    from attest.attestation.documents import Kind


def read_signatures(file: Path) -> tuple[bytes, ...]:
    """The bundles beside `file`, whose names begin with its own; none if there are none.

    Raises: InputError with reason `too-many`, `unreadable` or `too-large`.
    """
    from attest.attestation.bundle import MAX_BUNDLE_BYTES
    from attest.attestation.documents import MAX_SIGNATURES

    try:
        found = sorted(
            path
            for path in file.parent.iterdir()
            if path.name.startswith(f"{file.name}.") and path.name.endswith(SUFFIX)
        )
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", reason="unreadable", where=str(file.parent)
        ) from error
    if len(found) > MAX_SIGNATURES:
        raise InputError(
            f"expected at most {MAX_SIGNATURES} signatures, found {len(found)}",
            reason="too-many",
            where=str(file),
            hint="remove those of earlier versions",
        )
    return tuple(read_input(path, MAX_BUNDLE_BYTES) for path in found)


def sign_file(file: Path, data: bytes, kind: Kind, key: str) -> Path:
    """Sign `data`, the bytes of `file`, and write the bundle beside it.

    A signature by the same key is replaced: it was over what the file was before.

    Raises: InputError if the key cannot be used or the bundle cannot be written.
    """
    from attest.attestation.bundle import open_bundle
    from attest.attestation.certificates import read_certificate
    from attest.attestation.documents import state_document
    from attest.cli.keys import open_key

    data = open_key(key).bundle(state_document(data, kind, name=file.name))
    bundle = open_bundle(data)
    hint = read_certificate(bundle.chain[0]).public_key.hint if bundle.chain else bundle.hint
    path = file.with_name(f"{file.name}.{(hint or '')[:12]}{SUFFIX}")
    replace_file(path, data)
    return path


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole, in place of the one that may be there.

    Raises: InputError with reason `unwritable`.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", reason="unwritable", where=str(path)
        ) from error
