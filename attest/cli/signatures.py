"""Signatures of documents: bundles that lie beside a license, a trust file, a revocation list."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attest.cli.attestation import SUFFIX
from attest.errors import InputError
from attest.files import replace_file

if TYPE_CHECKING:
    from attest.attestation.documents import Kind
    from attest.cli.keys import Bundler


def sign_file(file: Path, data: bytes, kind: Kind, signer: Bundler) -> Path:
    """Sign `data`, the bytes of `file`, and write the bundle beside it.

    A signature by the same key is replaced: it was over what the file was before.

    Raises: InputError if the key cannot be used or the bundle cannot be written.
    """
    from attest.attestation.documents import state_document

    data = signer.bundle(state_document(data, kind, name=file.name))
    path = file.with_name(f"{file.name}.{signer_hint(data)[:12]}{SUFFIX}")
    replace_file(path, data)
    return path


def signer_hint(data: bytes) -> str:
    """The fingerprint of the key that a bundle, which was just made here, is signed with."""
    from attest.attestation.bundle import open_bundle
    from attest.attestation.certificates import read_certificate

    bundle = open_bundle(data)
    hint = read_certificate(bundle.chain[0]).public_key.hint if bundle.chain else bundle.hint
    return hint or ""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others who do the same from reading or replacing the file at `path` meanwhile.

    Raises: InputError with reason `unwritable`.
    """
    try:
        # Beside the file, because the file itself is replaced.
        lock = path.with_name(f"{path.name}.lock").open("wb")
    except OSError as error:
        raise InputError(
            f"cannot be locked: {error.strerror}", reason="unwritable", where=str(path)
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
