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

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from attest.attestation.bundle import Bundle, open_bundle
from attest.attestation.statement import Predicate, Statement
from attest.attestation.trust.records import Rules
from attest.attestation.trust.signers import (
    Endorsement,
    endorse,
    identify,
    names_of,
    require_log,
    require_time,
)
from attest.canonical import sha256_hex
from attest.errors import VerificationError
from attest.evaluation.judging import endpoint_judges
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
from attest.verification.records import Level, Verification
from attest.verification.trusting import (
    SignedTrust,
    SignerRole,
    Trust,
    check_basis,
    check_role,
    countersigned,
    finding_of,
    over_same_statement,
    trust_used,
)
from attest.verification.validity import check_time
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
    walk, found = Walk(), Found()
    case = Case(bundle, trust, license, beside, asked, now)
    is_verified = True
    try:
        _signature(walk, found, case)
        if subjects_now is not None:
            check_content(walk, found, case, subjects_now)
            _role_and_freshness(walk, found, case, subjects_now.listing)
            found.duties = find_duties(walk, found, license, subjects_now.checkpoint)
            found.level = 1
            if evidence is not None:
                from attest.verification.answers import check_answers, check_replay

                judged = check_answers(walk, found, license, evidence)
                if replay is not None and subjects_now.checkpoint is not None:
                    check_replay(
                        walk, found, license, subjects_now.checkpoint, evidence, judged, replay
                    )
        elif isinstance(trust, SignedTrust):
            why = "needs the files" if asked else "only the signature was asked for"
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


def _signature(walk: Walk, found: Found, case: Case) -> None:
    trust, rules, now = case.trust, case.trust.rules, case.now
    # 0. limits, and 2. envelope: both are the work of one strict parser.
    with walk.step("limits", f"{len(case.bundle)} bytes of strict JSON"):
        bundle = open_bundle(case.bundle)
    # 1. trust
    with walk.step("trust", trust.describe()) as note:
        if isinstance(trust, SignedTrust):
            # Where a judge runs behind an endpoint, no verdict can be made again: see step 14.
            deepest: Level = 1 if endpoint_judges(case.license.terms) else 4
            basis = check_basis(trust, case.license, min(case.asked, deepest), now)
            found.licensors = basis.endorsements
            note.detail += f"; license signed by {names_of(basis.endorsements)}"
    # 2. envelope
    with walk.step("envelope", "one DSSE envelope, one signature"):
        pass
    # 3. signature
    with walk.step("signature", "") as note:
        signed = identify(bundle, rules)
        note.detail = f"{signed.public_key.kind} signature over the bytes received"
        payload = found.payload = signed.payload
    # 4. statement: the bytes that verified, and no others, are parsed.
    with walk.step("statement", "in-toto Statement v1, safety-evaluation v1"):
        statement = Statement.from_json(payload, what="statement")
        predicate = statement.predicate
    # 5. time
    with walk.step(
        "time", f"issued {predicate.issued:%Y-%m-%d}, until {predicate.expires:%Y-%m-%d}"
    ) as note:
        endorsement = endorse(signed, bundle, rules, now)
        require_time(endorsement, rules)
        if endorsement.signed_at is not None:
            note.detail += f", signed by {endorsement.signed_at:%Y-%m-%d %H:%M} UTC"
        check_time(
            issued=predicate.issued,
            expires=predicate.expires,
            license=case.license,
            requires=rules.requires,
            signed_at=endorsement.signed_at,
            now=now,
        )
    # 6. log
    if rules.requires.log:
        with walk.step("log", "") as note:
            note.detail = require_log(endorsement, bundle, rules) or ""
    else:
        walk.not_asked("log", "no transparency log was asked for")
    further = over_same_statement(case.beside.bundles, payload)
    found.statement, found.level = statement, 0
    found.bundles = (case.bundle, *further)
    found.endorsements = (endorsement, *countersigned(walk, further, rules, now))
    walk.warnings += _unchecked(bundle, endorsement, rules)
    if bundle.hint is not None and bundle.hint != endorsement.public_key.hint:
        walk.warnings.append(
            "the bundle names another key than the one that verifies it; the name is only a hint"
        )


def _unchecked(bundle: Bundle, endorsement: Endorsement, rules: Rules) -> list[str]:
    """What the bundle carries and nobody was named to check it by, in sentences."""
    material = bundle.verification_material
    found = []
    if material.timestamps and not rules.timestamp_authorities:
        found.append("a timestamp, and no authority to check it by was named")
    if material.tlog_entries and not rules.requires.log:
        found.append("a log entry, and no log was asked for")
    if bundle.chain and all(rules.signers[name].key for name in endorsement.signers):
        found.append("a certificate, and its key was trusted by itself")
    return [f"the bundle carries {what}: it was not checked" for what in found]


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
                if listing is not None:
                    weights = predicate.evaluation.manifest.weights
                    check_weights(walk, revocations, listing, weights)
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
