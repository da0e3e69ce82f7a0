"""The verb `verify`: does this attestation hold for these files, under this license?

Trust comes from the caller alone: the key or the trust file, the license, the clock, the level.
Nothing inside a bundle chooses any of them. The steps, in order:

 0. limits      sizes, depth, duplicate keys: the bundle can mean only one thing
 1. trust       the caller's key; or his trust file, which is its owner's and in force, asks for no
                deeper level, and names the licensor who signed the license
 2. envelope    one DSSE envelope with exactly one signature
 3. signature   it verifies over the bytes received, with a key or identity of the caller's
 4. statement   the verified bytes are an in-toto statement with our predicate
 5. time        timestamps and certificates hold; issued, not expired, not too old, and within the
                life of the license
 6. log         the signature is in a transparency log, if the trust file asks for that
 7. subjects    the statement is about the manifest that it holds
 8. coverage    every file of the folder is attested, and every attested file is there
 9. files       every file is what was attested, and nothing else can be loaded
10. claim       judge, benchmarks, conditions and counts are what the license asks for; the
                verdict is recomputed
11. role        enough distinct signers of a role spoke, and the license accepts that role
12. freshness   no revoked key, license, checkpoint or attestation is needed, and no newer
                attestation replaces this one
13. evidence    the transcripts are the ones that were committed to
14. judge       the answers, judged again here, get the verdicts that were signed
15. rendering   prompts and texts are what benchmark, template and tokenizer make them
16. replay      every token is what the released weights say, drawn or likeliest as the license
                asks, and every ending is real

Steps 0 to 6 are level 0, 7 to 12 level 1, 13 and 14 level 2, 15 and 16 level 3 for a sample and 4
for everything. With a trust file level 0 takes steps 11 and 12 too, because they need no file.
Nothing before step 15 loads torch.

Source: the order of validation of the in-toto Attestation Framework (docs/validation.md) and the
Sigstore client specification.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from attest.attestation.statement import Predicate
from attest.canonical import sha256_hex
from attest.errors import VerificationError
from attest.license.terms import License
from attest.license.verdict import Outcome
from attest.verification.case import Beside, Case, Evidence, Found, Subjects
from attest.verification.content import check_content, find_duties
from attest.verification.freshness import (
    check_revoked_keys,
    check_superseded,
    check_taken_back,
    check_weights,
    current_revocations,
)
from attest.verification.listing import Listing
from attest.verification.look import Look, look_at
from attest.verification.records import Level, Verification
from attest.verification.trusting import (
    SignedTrust,
    SignerRole,
    Trust,
    check_role,
    finding_of,
    trust_used,
)
from attest.verification.walk import Stopped, Walk
from attest.version import __version__

if TYPE_CHECKING:
    from attest.verification.replay import Replay

__all__ = [
    "Beside",
    "Evidence",
    "SignedTrust",
    "SignerRole",
    "Subjects",
    "Trust",
    "examine",
    "verify",
]

ALONE = Beside()


def examine(
    bundle: bytes,
    *,
    trust: Trust | SignedTrust,
    license: License,
    subjects_now: Subjects | None = None,
    evidence: Evidence | None = None,
    replay: Replay | None = None,
    beside: Beside = ALONE,
    up_to: Level | None = None,
    now: datetime,
) -> Verification:
    """How far `bundle` can be believed: a value, whatever was found.

    The level that is asked for follows from what is given: a bundle alone is level 0, with a
    folder or a listing level 1, with evidence as well level 2, and with a folder, evidence and a
    replay level 3 or 4.

    Args:
        bundle: bytes of a Sigstore bundle.
        trust: the caller's key and the role it speaks in, or his trust file.
        license: the caller's copy of the license.
        subjects_now: the files as they are now.
        evidence: the transcripts, to judge them again.
        replay: how to replay them through the weights.
        beside: other papers of the same folder.
        up_to: the level that the caller means to reach in the end, where this is a first look;
            None takes the level that is asked for here.
        now: the caller's clock, with a time zone.
    """
    asked = up_to if up_to is not None else _asked_level(subjects_now, evidence, replay)
    return go_on(
        look_at(Case(bundle, trust, license, beside, asked, now)),
        subjects_now=subjects_now,
        evidence=evidence,
        replay=replay,
        rivals=beside.results,
    )


def go_on(
    look: Look,
    *,
    subjects_now: Subjects | None = None,
    evidence: Evidence | None = None,
    replay: Replay | None = None,
    rivals: tuple[Verification, ...] = (),
) -> Verification:
    """The same from a first look on, whose steps are not taken again.

    Args:
        look: at the bundle.
        subjects_now: as for `examine`; None stays at level 0.
        evidence: as for `examine`.
        replay: as for `examine`.
        rivals: what was found of other attestations; one that is newer may replace this one.
    """
    walk, found = look.resumed()
    case = replace(look.case, beside=replace(look.case.beside, results=rivals))
    is_verified = not look.is_stopped
    try:
        if look.is_stopped:
            pass
        elif subjects_now is not None:
            check_content(walk, found, case, subjects_now)
            _role_and_freshness(walk, found, case, subjects_now.listing)
            found.duties = find_duties(walk, found, case.license, subjects_now.checkpoint)
            found.level = 1
            if evidence is not None:
                from attest.verification.answers import check_answers, check_replay

                judged = check_answers(walk, found, case.license, evidence)
                if replay is not None and subjects_now.checkpoint is not None:
                    check_replay(
                        walk, found, case.license, subjects_now.checkpoint, evidence, judged, replay
                    )
        elif isinstance(case.trust, SignedTrust):
            why = "needs the files" if case.asked else "only the signature was asked for"
            for name in ("subjects", "coverage", "files", "claim"):
                walk.not_asked(name, why)
            _role_and_freshness(walk, found, case, None)
    except Stopped:
        is_verified = False
    return _report(walk, found, case, is_verified=is_verified)


def verify(
    bundle: bytes,
    *,
    trust: Trust | SignedTrust,
    license: License,
    subjects_now: Subjects | None = None,
    evidence: Evidence | None = None,
    replay: Replay | None = None,
    beside: Beside = ALONE,
    now: datetime,
) -> Verification:
    """The same as `examine`, for callers who must not overlook a failure.

    Raises: VerificationError that names the step which failed.
    """
    result = examine(
        bundle,
        trust=trust,
        license=license,
        subjects_now=subjects_now,
        evidence=evidence,
        replay=replay,
        beside=beside,
        now=now,
    )
    failed = result.failed_step
    if failed is not None:
        raise VerificationError(
            f"step {failed.number} ({failed.name}): {failed.detail}",
            step=failed.number,
            hint=failed.hint,
        )
    return result


def _asked_level(
    subjects_now: Subjects | None, evidence: Evidence | None, replay: Replay | None
) -> Level:
    if subjects_now is None:
        return 0
    if evidence is None:
        return 1
    if replay is None or subjects_now.checkpoint is None:
        return 2
    return 4 if replay.spot_check is None else 3


def _role_and_freshness(walk: Walk, found: Found, case: Case, listing: Listing | None) -> None:
    assert found.statement is not None
    predicate, trust, now = found.statement.predicate, case.trust, case.now
    # 11. role
    with walk.step("role", "") as note:
        found.standing = check_role(trust.rules, case.license, found.endorsements, now=now)
        note.detail = (
            f"license accepts {case.license.terms.evaluators}, signed by {found.standing.detail}"
        )
    # 12. freshness
    asks = isinstance(trust, SignedTrust) and trust.asks_for_revocations
    if not asks and not case.beside.results:
        walk.not_asked("freshness", "no revocation list was given")
        return
    with walk.step("freshness", "no newer attestation replaces this one") as note:
        if isinstance(trust, SignedTrust):
            revocations = current_revocations(trust, case.license, now)
            if revocations is not None:
                signed = (found.payload, *found.bundles)
                check_taken_back(revocations, case.license, predicate, signed)
                if listing is not None or case.asked == 0:
                    present = listing.weights if listing is not None else None
                    weights = predicate.evaluation.manifest.weights
                    check_weights(walk, revocations, present, weights)
                found.standing = check_revoked_keys(
                    walk,
                    revocations,
                    trust,
                    case.license,
                    found.endorsements,
                    licensors=found.licensors,
                    check_signers=partial(check_role, trust.rules, case.license, now=now),
                    now=now,
                )
                note.detail = (
                    f"nothing here is in revocation list {revocations.number}, which holds until "
                    f"{revocations.expires}"
                )
        check_superseded(predicate, case.beside.results)


def _report(walk: Walk, found: Found, case: Case, *, is_verified: bool) -> Verification:
    predicate = found.statement.predicate if is_verified and found.statement else None
    verdict = found.verdict if is_verified else None
    outcome = verdict.outcome if verdict is not None else None
    if outcome is not None and any(not duty.is_met for duty in found.duties):
        outcome = "fail"
    return Verification(
        verifier=f"attest {__version__}",
        verified_at=case.now.astimezone(UTC).replace(microsecond=0),
        bundle_sha256=sha256_hex(case.bundle),
        statement_sha256=sha256_hex(found.payload) if is_verified else None,
        is_verified=is_verified,
        level=found.level if is_verified else None,
        outcome=outcome,
        claimed=_claimed(predicate, case.license) if predicate and found.level == 0 else None,
        steps=walk.all_steps(),
        warnings=tuple(walk.warnings),
        checkpoint=predicate.evaluation.manifest.digest() if predicate else None,
        license=predicate.evaluation.license if predicate else None,
        trust=trust_used(case.trust) if is_verified else None,
        key_hint=found.endorsements[0].public_key.hint if is_verified else None,
        signers=tuple(map(finding_of, found.endorsements)) if is_verified else (),
        believed_as=found.standing.role if is_verified and found.standing else None,
        assurance_level=predicate.assurance_level if predicate else None,
        issued=predicate.issued if predicate else None,
        expires=predicate.expires if predicate else None,
        findings=verdict.findings if verdict is not None else (),
        duties=found.duties if verdict is not None else (),
        replay=found.replay if is_verified else None,
    )


def _claimed(predicate: Predicate, license: License) -> Outcome | None:
    verdict, measured = predicate.verdict, predicate.evaluation.license
    is_about_it = measured.sha256 == verdict.license_sha256 == license.sha256
    return verdict.outcome if is_about_it else None
