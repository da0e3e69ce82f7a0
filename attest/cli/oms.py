"""OpenSSF Model Signing signatures: `attest sign --oms` and `attest verify --oms`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attest.cli.checkpoint import hashing_progress
from attest.cli.console import emit_json, say, show
from attest.errors import ExitCode, InputError
from attest.files import read_file, write_new

if TYPE_CHECKING:
    from attest.attestation.keys import Signer
    from attest.checkpoint.manifest import Manifest


def write_oms(
    model: Path, manifest: Manifest, signer: Signer, *, chain: Sequence[bytes] = ()
) -> Path:
    """Write `model.sig` into a folder whose manifest was just made, never over another one.

    Raises: InputError with reason `exists`, `unwritable` or one of `state_oms` and `sign_oms`.
    """
    from attest.attestation.oms import SIGNATURE_NAME, sign_oms, state_oms

    path = model / SIGNATURE_NAME
    data = sign_oms(state_oms(manifest, name=model.resolve().name), signer, chain=chain)
    write_new(path, data, hint="check it with `attest verify MODEL --oms FILE`, or move it away")
    return path


def verify_oms(
    model: Path, signature: Path, *, key: Path | None, roots: Path | None, as_json: bool
) -> ExitCode:
    """Show whether somebody's OMS signature holds for a folder, and what that does not say."""
    from attest.attestation.bundle import MAX_BUNDLE_BYTES
    from attest.attestation.certificates import load_roots
    from attest.attestation.keyfiles import load_public_key
    from attest.checkpoint.folder import open_checkpoint
    from attest.verification.oms import Roots, examine_oms

    if (key is None) == (roots is None):
        raise InputError(
            "expected either --key or --roots with --oms",
            reason="usage",
            hint="--key PUB for a signature with a key, --roots PEM for one under a certificate",
        )
    trust = load_public_key(key) if key is not None else Roots(load_roots(roots or Path()))
    checkpoint = open_checkpoint(model)
    with hashing_progress(checkpoint.size_bytes) as on_bytes:
        result = examine_oms(
            read_file(signature, MAX_BUNDLE_BYTES),
            trust=trust,
            checkpoint=checkpoint,
            at=datetime.now(UTC),
            signature_path=_below(signature, checkpoint.folder),
            on_bytes=on_bytes,
        )
    if as_json:
        emit_json(result.to_dict())
    else:
        from attest.report.oms import oms_screen

        show(oms_screen(result))
    failed = result.failed_step
    if failed is not None and failed.hint is not None:
        say(f"hint: {failed.hint}")
    return ExitCode.MET if result.is_verified else ExitCode.NOT_VERIFIED


def _below(file: Path, folder: Path) -> str | None:
    # The parent is resolved and the file is not: a link in the folder is no signature.
    path = file.parent.resolve() / file.name
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else None
