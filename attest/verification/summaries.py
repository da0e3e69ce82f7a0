"""Somebody's summary of a verification, held against files, for those who believe the verifier.

A summary says what a verifier found of these files: a hub that checks uploads, or an evaluator. It
is believed by a trust file alone, and only of those to whom that gives the role `hub` or
`evaluator`. What the verifier found is not found again; whose word it is, is. The steps are those
of `verify` that a summary can answer, under the same numbers:

 0. limits      sizes, depth, duplicate keys: the bundle can mean only one thing
 1. trust       the trust file is its owner's and in force, asks for no deeper level, and names the
                licensor who signed the license
 2. envelope    one DSSE envelope with exactly one signature
 3. signature   it verifies over the bytes received, with a key or identity of the trust file
 4. statement   the verified bytes are an in-toto statement with a Simple Verification Result
 5. time        certificates hold; not of the future, not too old, and the license is in force
 6. log         the signature is in a transparency log, if the trust file asks for that
 7. subjects    a checkpoint, the attestation that was verified, and files
 8. coverage    the files of the folder that decide behavior are those named
 9. files       every file is what the summary names, and nothing else can be loaded
10. claim       it was verified under this license, as deep and by whom the caller asks for
11. role        the signer is a hub or an evaluator for this license
12. freshness   no revoked key, license, checkpoint, weights or attestation is needed

Source: in-toto Attestation Framework, spec/predicates/svr.md, version 0.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from attest.attestation.bundle import open_bundle
from attest.attestation.revocation import find
from attest.attestation.statement import CHECKPOINT_SUBJECT, MAX_SUBJECTS, Subject
from attest.attestation.summary import SummaryPredicate, SummaryStatement
from attest.attestation.trust.records import Role
from attest.attestation.trust.signers import (
    Endorsement,
    endorse,
    identify,
    names_of,
    require_log,
    require_time,
)
from attest.canonical import sha256_hex
from attest.checkpoint.loadable import check_loadable
from attest.checkpoint.roles import role_of
from attest.errors import InputError
from attest.license.terms import License
from attest.record import Sha256, WireRecord
from attest.verification.case import Subjects
from attest.verification.files import check_coverage, check_files
from attest.verification.freshness import (
    check_revoked_keys,
    check_weights,
    current_revocations,
    refuse,
)
from attest.verification.listing import Listing
from attest.verification.records import LEVELS, STEPS, Level, SignerFinding, Step, TrustUsed
from attest.verification.summarizing import (
    ATTESTATION_SUBJECT,
    LICENSE_MET,
    THIRD_PARTY,
    level_property,
)
from attest.verification.trusting import (
    SignedTrust,
    Standing,
    check_basis,
    finding_of,
    stand,
    trust_used,
)
from attest.verification.validity import check_time
from attest.verification.walk import Stopped, Walk
from attest.version import __version__

LAST_STEP = STEPS.index("freshness")
"""The last step that a summary can answer."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BELIEVED: tuple[Role, ...] = ("hub", "evaluator")


class SummaryVerification(WireRecord):
    """The result of holding one summary against the caller's trust file, license and files."""

    version: Literal["attest-summary-verification/1"] = "attest-summary-verification/1"
    verifier: str
    """Name and version of the verifying program."""
    verified_at: datetime
    summary_sha256: Sha256
    """Of the bundle."""
    is_verified: bool
    """True if every step passed."""
    is_met: bool | None = None
    """Whether the signer found the license met; None if unverified."""
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    signer: SignerFinding | None = None
    believed_as: Role | None = None
    trust: TrustUsed | None = None
    summary: SummaryPredicate | None = None
    """What the signer says, by his own word; None if unverified."""
    checkpoint: Sha256 | None = None
    statement_sha256: Sha256 | None = None
    """Of the signed statement that he verified."""

    @property
    def failed_step(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.status == "failed"), None)


@dataclass(frozen=True)
class _Named:
    """What the subjects of a summary name."""

    checkpoint: str
    statement: str
    files: Listing


@dataclass
class _Found:
    """What the steps have established, filled as they pass."""

    payload: bytes = b""
    summary: SummaryPredicate | None = None
    named: _Named | None = None
    endorsement: Endorsement | None = None
    licensors: tuple[Endorsement, ...] = ()
    standing: Standing | None = None


def examine_summary(
    summary: bytes,
    *,
    trust: SignedTrust,
    license: License,
    subjects: Callable[[], Subjects],
    level: Level,
    now: datetime,
) -> SummaryVerification:
    """How far a summary can be believed of these files: a value, whatever was found.

    Whatever `subjects` raises is raised.

    Args:
        summary: bytes of a Sigstore bundle.
        trust: the caller's trust file.
        license: the caller's copy of the license.
        subjects: lists the files as they are now; called once the signature holds.
        level: how deep the signer must have verified, 1 or deeper.
        now: the caller's clock, with a time zone.
    """
    walk, found = Walk(), _Found()
    is_verified = True
    try:
        _check_signature(walk, found, summary, trust, license, level, now)
        present = subjects()
        _check_files(walk, found, present)
        _check_claim(walk, found, trust, license, level)
        _check_standing(walk, found, summary, trust, license, present.listing, now)
    except Stopped:
        is_verified = False
    return _report(walk, found, summary, trust, now, is_verified=is_verified)


def _check_signature(
    walk: Walk,
    found: _Found,
    data: bytes,
    trust: SignedTrust,
    license: License,
    level: Level,
    now: datetime,
) -> None:
    rules = trust.rules
    # 0. limits, and 2. envelope: both are the work of one strict parser.
    with walk.step("limits", f"{len(data)} bytes of strict JSON"):
        bundle = open_bundle(data)
    # 1. trust
    with walk.step("trust", trust.describe()) as note:
        found.licensors = check_basis(trust, license, level, now).endorsements
        note.detail += f"; license signed by {names_of(found.licensors)}"
    # 2. envelope
    with walk.step("envelope", "one DSSE envelope, one signature"):
        pass
    # 3. signature
    with walk.step("signature", "") as note:
        signed = identify(bundle, rules)
        note.detail = f"{signed.public_key.kind} signature over the bytes received"
        found.payload = signed.payload
    # 4. statement: the bytes that verified, and no others, are parsed.
    with walk.step("statement", "in-toto Statement v1, SVR 0.2"):
        statement = SummaryStatement.from_json(signed.payload, what="summary")
        predicate = found.summary = statement.predicate
    # 5. time: a summary does not say how long it holds, so no longer than an attestation may.
    with walk.step("time", f"of {predicate.time_created:%Y-%m-%d}"):
        found.endorsement = endorse(signed, bundle, rules, now)
        require_time(found.endorsement, rules)
        check_time(
            issued=predicate.time_created,
            expires=None,
            license=license,
            requires=rules.requires,
            signed_at=found.endorsement.signed_at,
            now=now,
        )
    # 6. log
    if rules.requires.log:
        with walk.step("log", "") as note:
            note.detail = require_log(found.endorsement, bundle, rules) or ""
    else:
        walk.not_asked("log", "no transparency log was asked for")
    # 7. subjects
    with walk.step("subjects", "") as note:
        found.named = _named(statement.subject)
        n_files = len(found.named.files.files)
        note.detail = f"checkpoint {found.named.checkpoint[:16]}…, {n_files} files"


def _named(subjects: Sequence[Subject]) -> _Named:
    names = [subject.name for subject in subjects]
    digests = [subject.digest.get("sha256", "") for subject in subjects]
    if names[:2] != [CHECKPOINT_SUBJECT, ATTESTATION_SUBJECT] or len(set(names)) != len(names):
        raise InputError(
            f"expected the subjects {CHECKPOINT_SUBJECT}, {ATTESTATION_SUBJECT} and files, each "
            "once: this is no summary of an attestation"
        )
    if not all(map(_SHA256.fullmatch, digests)):
        raise InputError("expected a SHA-256 of each subject")
    checkpoint, statement, *files = digests
    return _Named(checkpoint, statement, Listing(dict(zip(names[2:], files, strict=True)), False))


def _check_files(walk: Walk, found: _Found, present: Subjects) -> None:
    assert found.named is not None
    named, listing = found.named.files, present.listing
    # A summary does not vouch for documentation, so there is nothing to compare it with.
    deciding = {p: sha256 for p, sha256 in listing.files.items() if role_of(p) != "documentation"}
    held = Listing(deciding, listing.is_from_bytes)
    # 8. coverage
    with walk.step("coverage", f"the {len(deciding)} files that decide behavior are those named"):
        # Of a larger release the rest is not named, and could be left out unnoticed.
        if len(named.files) >= MAX_SUBJECTS - 2:
            raise InputError(
                f"the summary names {len(named.files)} files and has no room for more, so these "
                "may not be all",
                hint="verify the attestation itself",
            )
        check_coverage(walk, named, held)
    # 9. files
    how = "computed here" if listing.is_from_bytes else "as listed by the caller, bytes not read"
    with walk.step("files", f"SHA-256 of every file, {how}"):
        check_files(walk, named, held)
        if present.checkpoint is not None:
            check_loadable(present.checkpoint)


def _check_claim(
    walk: Walk, found: _Found, trust: SignedTrust, license: License, level: Level
) -> None:
    assert found.summary is not None
    said = found.summary.properties
    # 10. claim: the words of a verifier who is believed, as far as they go.
    with walk.step("claim", f"verified by {found.summary.verifier.id!a:.200} under this license"):
        policies = [policy.digest.get("sha256") for policy in found.summary.verifier.policies]
        if license.sha256 not in policies:
            raise InputError(
                "verified under another license",
                hint="give the license file that the licensor published, byte for byte",
            )
        if level_property(level) not in said:
            raise InputError(
                f"was not verified as deep as level {level} ({LEVELS[level]})",
                hint="verify the attestation itself, or ask for a deeper summary",
            )
        asks = license.terms.evaluators == "third-party"
        if (asks or trust.rules.requires.assurance == "third_party") and THIRD_PARTY not in said:
            raise InputError("a third party's measurement is asked for, and this says of none")


def _check_standing(
    walk: Walk,
    found: _Found,
    data: bytes,
    trust: SignedTrust,
    license: License,
    listing: Listing,
    now: datetime,
) -> None:
    assert found.endorsement is not None
    assert found.named is not None
    signed_by = [found.endorsement]

    def check_verifier(endorsements: Sequence[Endorsement]) -> Standing:
        standings = [stand(trust.rules, role, license, endorsements, now) for role in _BELIEVED]
        reached = next((one for one in standings if one.is_reached), None)
        if reached is None:
            details = "; ".join(one.detail for one in standings)
            raise InputError(f"signed by {names_of(endorsements) or 'nobody'}: {details}")
        return reached

    # 11. role
    with walk.step("role", "") as note:
        found.standing = check_verifier(signed_by)
        note.detail = f"signed by {found.standing.detail}"
    # 12. freshness
    if not trust.asks_for_revocations:
        walk.not_asked("freshness", "no revocation list was given")
        return
    with walk.step("freshness", "") as note:
        revocations = current_revocations(trust, license, now)
        assert revocations is not None, "a list that nobody may sign is refused"
        named = found.named
        signed = (sha256_hex(found.payload), sha256_hex(data), named.statement)
        refuse("license", find(revocations.licenses, license.sha256))
        refuse("attestation", find(revocations.attestations, *signed))
        refuse("checkpoint", find(revocations.checkpoints, named.checkpoint))
        check_weights(walk, revocations, listing.weights, None)
        found.standing = check_revoked_keys(
            walk,
            revocations,
            trust,
            license,
            signed_by,
            licensors=found.licensors,
            check_signers=check_verifier,
            now=now,
        )
        note.detail = f"nothing here is in revocation list {revocations.number}"


def _report(
    walk: Walk,
    found: _Found,
    data: bytes,
    trust: SignedTrust,
    now: datetime,
    *,
    is_verified: bool,
) -> SummaryVerification:
    result = SummaryVerification(
        verifier=f"attest {__version__}",
        verified_at=now.astimezone(UTC).replace(microsecond=0),
        summary_sha256=sha256_hex(data),
        is_verified=is_verified,
        steps=walk.all_steps()[: LAST_STEP + 1],
        warnings=tuple(walk.warnings),
    )
    if not is_verified:
        return result
    assert found.summary is not None
    assert found.named is not None
    assert found.standing is not None
    assert found.endorsement is not None
    return result.model_copy(
        update={
            "is_met": LICENSE_MET in found.summary.properties,
            "signer": finding_of(found.endorsement),
            "believed_as": found.standing.role,
            "trust": trust_used(trust),
            "summary": found.summary,
            "checkpoint": found.named.checkpoint,
            "statement_sha256": found.named.statement,
        }
    )
