"""What `attest verify` is given: whom to believe, attestations, and the files of now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attest.cli.attestation import FOLDER, SUFFIX
from attest.cli.checkpoint import hashing_progress
from attest.errors import InputError, VerificationError
from attest.files import read_file, replace_file

if TYPE_CHECKING:
    from attest.checkpoint.folder import Checkpoint
    from attest.license.terms import License
    from attest.verification.verify import SignedTrust, SignerRole, Subjects, Trust


def trust_given(
    key: Path | None,
    role: SignerRole | None,
    trust_file: Path | None,
    revocations: Path | None,
    remember: Path | None,
    license_files: list[Path],
) -> Trust | SignedTrust:
    """Whom the caller believes: one key in one role, or a trust file with what belongs to it."""
    from attest.attestation.documents import read_signatures
    from attest.attestation.keyfiles import load_public_key
    from attest.cli.trust import read_remembered, read_revocations, read_trust
    from attest.verification.verify import SignedTrust, Trust

    if trust_file is None:
        assert key is not None
        if revocations is not None or remember is not None:
            raise InputError("--revocations and --remember go with --trust", reason="usage")
        return Trust(load_public_key(key), role or "publisher")
    if role is not None:
        raise InputError("--role goes with --key; a trust file names the roles", reason="usage")
    return SignedTrust(
        read_trust(trust_file),
        license_signatures=tuple(
            signature for file in license_files for signature in read_signatures(file)
        ),
        revocations=None if revocations is None else read_revocations(revocations),
        remembered=None if remember is None else read_remembered(remember),
    )


def learn_from(file: Path, trust: Trust | SignedTrust, license: License, now: datetime) -> None:
    """Remember the newest papers that were believed, so that none older is believed again."""
    from attest.cli.signatures import locked
    from attest.cli.trust import read_remembered
    from attest.verification.freshness import learn
    from attest.verification.verify import SignedTrust

    assert isinstance(trust, SignedTrust)
    with locked(file):
        # Another verification may have seen something newer since this one began.
        before = read_remembered(file)
        known = learn(replace(trust, remembered=before), license, now)
        if known is not None and known != before:
            replace_file(file, known.to_json() + b"\n")


def find_bundles(model: Path, bundle: Path | None) -> list[Path]:
    """The attestations to look at; fails if there is none."""
    if bundle is not None and not bundle.is_dir():
        return [bundle]
    folder = bundle if bundle is not None else model / FOLDER
    found = sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())
    if not found:
        raise VerificationError(
            f"no attestation in {folder}",
            step=0,
            hint="name one with --bundle, or ask the publisher for it",
        )
    return found


def read_bundles(paths: list[Path]) -> dict[str, bytes]:
    """Their bytes, by path."""
    from attest.attestation.bundle import MAX_BUNDLE_BYTES
    from attest.verification.folder import MAX_BUNDLES, MAX_FOLDER_BYTES

    found: dict[str, bytes] = {}
    size_bytes = 0
    for path in paths:
        found[str(path)] = read_file(path, MAX_BUNDLE_BYTES)
        size_bytes += len(found[str(path)])
        # What is too much is refused by `examine_folder`, and need not be read to its end.
        if len(found) > MAX_BUNDLES or size_bytes > MAX_FOLDER_BYTES:
            break
    return found


def names_weights(trust: Trust | SignedTrust) -> bool:
    """True if a revocation list takes tensors back, so that they must be digested."""
    from attest.verification.verify import SignedTrust

    revocations = trust.revocations if isinstance(trust, SignedTrust) else None
    return revocations is not None and bool(revocations.content.weights)


def list_subjects(model: Path, hashes: Path | None, *, with_tensors: bool) -> Subjects:
    """The files of now: a listing, or a folder that is hashed."""
    from attest.verification.listing import of_manifest, read_listing
    from attest.verification.verify import Subjects

    if hashes is not None:
        return Subjects(read_listing(hashes))
    from attest.checkpoint.digest import digest
    from attest.checkpoint.folder import open_checkpoint

    checkpoint = open_checkpoint(model)
    with hashing_progress(checkpoint.size_bytes) as on_bytes:
        # What is loadable is judged by a step of its own, after the bytes are known; where nothing
        # is, there are no weights to compare.
        tensors = with_tensors and _is_loadable(checkpoint)
        manifest = digest(checkpoint, tensors=tensors, strict=False, on_bytes=on_bytes)
    return Subjects(of_manifest(manifest), checkpoint)


def _is_loadable(checkpoint: Checkpoint) -> bool:
    from attest.checkpoint.loadable import check_loadable

    try:
        check_loadable(checkpoint)
    except InputError:
        return False
    return True
