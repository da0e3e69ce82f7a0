"""Steps 7 to 10: the statement is about these files, and says what the license asks."""

from __future__ import annotations

from attest.attestation.statement import subjects
from attest.checkpoint.folder import Checkpoint
from attest.errors import InputError
from attest.license.duties import MAX_NOTICE_BYTES, DutyFinding, check_duties
from attest.license.terms import License
from attest.verification.case import Case, Found, Subjects
from attest.verification.claim import check_claim, check_template
from attest.verification.files import check_coverage, check_files
from attest.verification.listing import of_manifest
from attest.verification.walk import Walk


def check_content(walk: Walk, found: Found, case: Case, present: Subjects) -> None:
    """Take steps 7 to 10; the verdict is kept in `found`."""
    assert found.statement is not None
    license = case.license
    predicate = found.statement.predicate
    manifest = predicate.evaluation.manifest
    attested = of_manifest(manifest, is_from_bytes=False)
    listing, checkpoint = present.listing, present.checkpoint
    # 7. subjects
    n_files = len(manifest.files)
    with walk.step("subjects", f"checkpoint {manifest.digest()[:16]}…, {n_files} files"):
        if found.statement.subject != subjects(manifest):
            raise InputError("the subjects of the statement are not the files of its manifest")
    # 8. coverage, by the verifier's own rule of which files count
    with walk.step("coverage", f"the {len(listing.files)} files present are the files attested"):
        check_coverage(walk, attested, listing)
    # 9. files
    how = "computed here" if listing.is_from_bytes else "as listed by the caller, bytes not read"
    with walk.step("files", f"SHA-256 of every file, {how}"):
        check_files(walk, attested, listing)
        if checkpoint is not None:
            from attest.checkpoint.loadable import check_loadable

            # Equal bytes are not enough: a publisher may have attested a second set of weights.
            check_loadable(checkpoint)
    # 10. claim
    with walk.step("claim", "license, judge, benchmarks and counts fit; verdict recomputed"):
        found.verdict = check_claim(predicate, license)
        if checkpoint is not None:
            check_template(predicate, license, checkpoint.folder)


def find_duties(
    walk: Walk, found: Found, license: License, checkpoint: Checkpoint | None
) -> tuple[DutyFinding, ...]:
    """Which duties of the license beside its thresholds are met."""
    assert found.statement is not None
    predicate, terms = found.statement.predicate, license.terms
    if checkpoint is None and terms.duties.notice is not None:
        walk.warnings.append(f"{terms.duties.notice.path} was not read: only hashes were given")
        terms = terms.model_copy(
            update={"duties": terms.duties.model_copy(update={"notice": None})}
        )

    def read(path: str) -> bytes | None:
        return None if checkpoint is None else checkpoint.read(path, max_bytes=MAX_NOTICE_BYTES)

    return check_duties(
        terms,
        manifest=predicate.evaluation.manifest,
        read=read,
        release_name=predicate.release_name,
    )
