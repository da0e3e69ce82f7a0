"""The files of a listing beside those that were attested: which is which, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from attest.checkpoint.manifest import File, Manifest, Role
from attest.checkpoint.roles import is_excluded, role_of
from attest.verification.listings import FileDigests, ListingVerdict

Status = Literal["covered", "changed", "added", "missing", "unknown", "apart"]

STATUSES: dict[Status, str] = {
    "changed": "changed",
    "missing": "missing",
    "added": "not attested",
    "unknown": "not compared",
    "covered": "as attested",
    "apart": "does not decide",
}
"""What each is called, worst first; `apart` is documentation, attestations, version control."""

MAX_ROWS = 500
"""Most files that a page lists; the download has all of them."""


@dataclass(frozen=True)
class FileRow:
    """One file."""

    path: str
    role: Role
    digest: str | None
    """SHA-256, or the git blob id where that is all that is known."""
    is_sha256: bool
    size_bytes: int | None
    status: Status


def file_rows(
    files: Mapping[str, FileDigests], attested: Manifest | None, verdict: ListingVerdict
) -> tuple[FileRow, ...]:
    """All files, those at fault first.

    Args:
        files: as they were listed.
        attested: what the attestation covers; None where it is not at hand.
        verdict: on these files, which names those at fault.
    """
    if attested is None:
        compared = _named(files, verdict)
        missing: list[FileRow] = []
    else:
        then = {file.path: file for file in attested.files}
        compared = {path: _compare(now, then.get(path)) for path, now in files.items()}
        missing = [
            FileRow(path, file.role, file.sha256, True, file.size_bytes, "missing")
            for path, file in then.items()
            if path not in files and _decides(path)
        ]
    rows = [
        FileRow(
            path=path,
            role=role_of(path),
            digest=now.sha256 or now.git_blob,
            is_sha256=now.sha256 is not None,
            size_bytes=now.size_bytes,
            status=compared[path] if _decides(path) else "apart",
        )
        for path, now in files.items()
    ]
    order = list(STATUSES)
    return tuple(sorted(rows + missing, key=lambda row: (order.index(row.status), row.path)))


def _compare(now: FileDigests, then: File | None) -> Status:
    if then is None:
        return "added"
    if now.sha256 is None:
        return "unknown"
    return "covered" if then.sha256 == now.sha256 else "changed"


def _named(files: Mapping[str, FileDigests], verdict: ListingVerdict) -> dict[str, Status]:
    """What the verdict itself says of each file; believed only where its numbers agree."""
    problems = set(verdict.problems)
    found: dict[str, Status] = {}
    for path in files:
        if f"{path}: not as attested" in problems:
            found[path] = "changed"
        elif f"{path}: no SHA-256 that is listed and attested" in problems:
            found[path] = "added"
        else:
            found[path] = "covered"
    n_covered = sum(status == "covered" and _decides(path) for path, status in found.items())
    if n_covered != verdict.covered or not verdict.covered:
        return dict.fromkeys(files, "unknown")
    return found


def _decides(path: str) -> bool:
    return not is_excluded(path) and role_of(path) != "documentation"


def sha256sum_lines(files: Mapping[str, FileDigests]) -> str:
    """The listing as `sha256sum` writes it, which `--listing` and `--hashes` read."""
    return "".join(
        f"{one.sha256}  {path}\n" for path, one in sorted(files.items()) if one.sha256 is not None
    )
