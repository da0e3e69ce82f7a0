"""The check of a hub: do these attestations cover exactly these files, under this license?

It knows digests and bundles, and reads neither files nor network, so it takes milliseconds and says
the same wherever it runs. Whatever an uploader may have put there comes out as one of ten states.
Which digests were computed from bytes, and which somebody only listed, is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from attest.canonical import sha256_hex
from attest.checkpoint.loadable import check_names
from attest.checkpoint.manifest import GitBlob, Manifest
from attest.checkpoint.roles import is_excluded, role_of
from attest.errors import InputError
from attest.license.terms import License
from attest.record import Sha256, WireRecord
from attest.verification.folder import examine_folder
from attest.verification.listing import Listing
from attest.verification.records import STEPS, Verification
from attest.verification.states import Situation, State, predicate_of, state_of_failure
from attest.verification.trusting import SignedTrust, Trust
from attest.verification.verify import Subjects

Checked = Literal["listed-hash", "served-bytes", "replay"]
"""What the digests rest on: somebody's word, bytes that were read, or answers made again."""

UNKNOWN_SHA256 = "unknown"
"""Stands for the SHA-256 that is not known. It is none, so nobody can attest it."""

_TIME = STEPS.index("time")


class FileDigests(WireRecord):
    """How one file is known; what is not known is None."""

    sha256: Sha256 | None = None
    git_blob: GitBlob | None = None
    """SHA-1 of the git blob. It can show that a file changed, and never that it did not, because
    two contents with one SHA-1 can be made."""
    size_bytes: Annotated[int, Field(ge=0)] | None = None


class ListingVerdict(WireRecord):
    """What a hub can say of a listing."""

    version: Literal["attest-listing-verdict/1"] = "attest-listing-verdict/1"
    state: State
    checked: Checked
    covered: Annotated[int, Field(ge=0)]
    """Files with the very SHA-256 that was attested, out of `total`."""
    total: Annotated[int, Field(ge=0)]
    """Files that take part in the behavior of the model; documentation does not."""
    problems: tuple[str, ...] = ()
    """What speaks against a pass, for a person."""
    bundle_sha256: Sha256 | None = None
    """Of the attestation to go by; None if there is none."""
    checkpoint: Sha256 | None = None
    """The attested checkpoint digest, if somebody known has signed it."""
    verification: Verification | None = None
    """Every step that was taken on that attestation."""


def verify_listing(
    files: Mapping[str, FileDigests],
    bundles: Sequence[bytes],
    license: License,
    trust: Trust | SignedTrust,
    now: datetime,
    *,
    checked: Checked = "listed-hash",
    problems: Sequence[str] = (),
) -> ListingVerdict:
    """What the best of `bundles` says of exactly these files.

    Args:
        files: every file of the release by its path. Attestations and version control may be
            among them; they are left out by the rules of a manifest.
        bundles: attestations in any order, whoever signed them.
        license: the caller's copy.
        trust: the caller's.
        now: the caller's clock, with a time zone.
        checked: how the caller came by the digests.
        problems: what the caller saw in the files that makes a loader take something else. With
            any of it nothing passes.

    Returns: a value, whatever was found.
    """
    kept = {path: digests for path, digests in files.items() if not is_excluded(path)}
    problems = [*_loadable_problems(kept, files.keys() - kept.keys()), *problems]
    total = sum(map(_decides, kept))

    def nothing(state: State, why: str) -> ListingVerdict:
        return ListingVerdict(
            state=state, checked=checked, covered=0, total=total, problems=(why, *problems)
        )

    if not total:
        return nothing("could-not-check", "no file of a model is listed")
    if not bundles:
        return nothing("no-attestation", "no attestation was found")
    listing = Listing(
        {path: digests.sha256 or UNKNOWN_SHA256 for path, digests in kept.items()},
        is_from_bytes=checked != "listed-hash",
    )
    by_digest = {sha256_hex(data): data for data in bundles}
    try:
        examined = examine_folder(
            by_digest,
            trust=trust,
            licenses=[license],
            level=1,
            subjects=lambda: Subjects(listing),
            now=now,
        )
    except InputError as error:
        return nothing("could-not-check", str(error))
    best = examined[0]
    found = _judge(
        best.result, by_digest[best.name], kept, Situation(license, trust, now), bool(problems)
    )
    return ListingVerdict(
        state=found.state,
        checked=checked,
        covered=found.n_covered,
        total=total,
        problems=(*found.problems, *problems),
        bundle_sha256=best.name,
        checkpoint=found.checkpoint,
        verification=best.result,
    )


@dataclass(frozen=True)
class _Found:
    """What one verification comes to."""

    state: State
    n_covered: int = 0
    problems: tuple[str, ...] = ()
    checkpoint: str | None = None


def _judge(
    result: Verification,
    bundle: bytes,
    kept: Mapping[str, FileDigests],
    given: Situation,
    has_problems: bool,
) -> _Found:
    failed = result.failed_step
    if failed is None:
        n_covered = sum(map(_decides, kept))
        unmet = tuple(f"{one.duty}: {one.message}" for one in result.duties if not one.is_met)
        if result.outcome != "pass":
            unmet += tuple(
                f"{one.requirement}: {one.outcome}"
                for one in result.findings
                if one.outcome != "pass"
            )
            return _Found("below-threshold", n_covered, unmet, result.checkpoint)
        return _Found(
            "partly-covered" if has_problems else "passed", n_covered, unmet, result.checkpoint
        )
    said = f"step {failed.number} ({failed.name}): {failed.detail}"
    state = state_of_failure(failed, result, bundle, given)
    # Up to the step of the time nobody known has signed anything, but for what only grew old.
    if failed.number <= _TIME and state != "outdated":
        return _Found(state or "invalid-signature", problems=(said,))
    manifest = predicate_of(bundle).evaluation.manifest
    compared = _compare(kept, manifest)
    if state is None:
        state = "files-changed" if compared.changed else "partly-covered"
    return _Found(state, compared.n_covered, (said, *compared.problems), manifest.digest())


def _loadable_problems(kept: Collection[str], excluded: Collection[str]) -> list[str]:
    try:
        check_names(kept, excluded)
    except InputError as error:
        return [str(error)]
    return []


def _decides(path: str) -> bool:
    return role_of(path) != "documentation"


@dataclass(frozen=True)
class _Compared:
    """The files of now beside those of a manifest."""

    n_covered: int
    changed: tuple[str, ...]
    """Differ from what was attested, or are gone."""
    unattested: tuple[str, ...]
    """Were added, or are known by nothing that could show them to be the same."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Each file at fault in a line."""
        return (
            *(f"{path}: not as attested" for path in self.changed),
            *(f"{path}: no SHA-256 that is listed and attested" for path in self.unattested),
        )


def _compare(kept: Mapping[str, FileDigests], manifest: Manifest) -> _Compared:
    attested = {file.path: file for file in manifest.files}
    changed = [path for path in attested if path not in kept and _decides(path)]
    unattested = []
    n_covered = 0
    for path in filter(_decides, kept):
        now, then = kept[path], attested.get(path)
        if then is None:
            unattested.append(path)
        elif now.sha256 not in (None, then.sha256) or (
            None not in (now.git_blob, then.git_blob) and now.git_blob != then.git_blob
        ):
            changed.append(path)
        elif now.sha256 is None:
            unattested.append(path)
        else:
            n_covered += 1
    return _Compared(n_covered, tuple(changed), tuple(unattested))
