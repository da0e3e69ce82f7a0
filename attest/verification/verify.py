"""The verb `verify`: does this attestation hold for these files, under this license?

Trust comes from the caller alone: the key, the license, the clock, the level. Nothing inside a
bundle chooses any of them. The steps, in order:

 0. limits      sizes, depth, duplicate keys: the bundle can mean only one thing
 1. trust       a key and a license were given by the caller
 2. envelope    one DSSE envelope with exactly one signature
 3. signature   it verifies over the bytes received, with the caller's key
 4. statement   the verified bytes are an in-toto statement with our predicate
 5. time        issued, not expired, and within the life of the license
 6. log         transparency log entries: not asked for without a trust file
 7. subjects    the statement is about the manifest that it holds
 8. coverage    every file of the folder is attested, and every attested file is there
 9. files       every file is what was attested, and nothing else can be loaded
10. claim       judge, benchmarks, conditions and counts are what the license asks for; the
                verdict is recomputed
11. role        the license accepts a measurement by this signer
12. freshness   revocations: not asked for without a trust file
13. evidence    the transcripts are the ones that were committed to
14. judge       the answers, judged again here, get the verdicts that were signed
15. rendering   prompts and texts are what benchmark, template and tokenizer make them
16. replay      every token is what the released weights say, drawn or likeliest as the license
                asks, and every ending is real

Steps 0 to 6 are level 0, 7 to 12 level 1, 13 and 14 level 2, 15 and 16 level 3 for a sample and 4
for everything. Nothing before step 15 loads torch.

Source: the order of validation of the in-toto Attestation Framework (docs/validation.md) and the
Sigstore client specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from attest.attestation.bundle import open_bundle
from attest.attestation.keys import PublicKey
from attest.attestation.statement import Predicate, Statement, subjects
from attest.canonical import sha256_hex
from attest.checkpoint.folder import Checkpoint
from attest.checkpoint.loadable import check_loadable
from attest.errors import InputError, VerificationError
from attest.evaluation.materials import load_benchmarks
from attest.evaluation.plan import asked
from attest.evaluation.records import JudgedTranscript
from attest.license.duties import MAX_NOTICE_BYTES, DutyFinding, check_duties
from attest.license.terms import License
from attest.license.verdict import Verdict
from attest.verification.claim import check_claim, check_template
from attest.verification.evidence import check_evidence, judge_again
from attest.verification.files import check_coverage, check_files
from attest.verification.listing import Listing
from attest.verification.records import Level, ReplayReport, Verification
from attest.verification.replay import Replay, check_rendering, choose, run_replay
from attest.verification.replay import load as load_released
from attest.verification.walk import Stopped, Walk
from attest.version import __version__

CLOCK_SKEW = timedelta(minutes=5)
"""How far in the future an attestation may claim to be issued."""

SignerRole = Literal["publisher", "third-party"]


@dataclass(frozen=True)
class Trust:
    """Whom the caller believes, and in which role."""

    public_key: PublicKey
    role: SignerRole = "publisher"


@dataclass(frozen=True)
class Subjects:
    """What the attestation is held against: the files of now, by their hashes."""

    listing: Listing
    checkpoint: Checkpoint | None = None
    """The folder that the listing was computed from; None if somebody else listed the hashes."""


@dataclass(frozen=True)
class Evidence:
    """What level 2 needs: the folder of the run, and where benchmark files are."""

    folder: Path
    data: Path | None = None


@dataclass
class _Found:
    """What the steps have established, filled as they pass."""

    statement: Statement | None = None
    level: Level | None = None
    verdict: Verdict | None = None
    duties: tuple[DutyFinding, ...] = ()
    replay: ReplayReport | None = None


def examine(
    bundle: bytes,
    *,
    trust: Trust,
    license: License,
    subjects_now: Subjects | None = None,
    evidence: Evidence | None = None,
    replay: Replay | None = None,
    now: datetime,
) -> Verification:
    """How far `bundle` can be believed: a value, whatever was found.

    The level that is asked for follows from what is given: a bundle alone is level 0, with a
    folder or a listing level 1, with evidence as well level 2, and with a folder, evidence and a
    replay level 3 or 4.

    Args:
        bundle: bytes of a Sigstore bundle.
        trust: the caller's key and the role it speaks in.
        license: the caller's copy of the license.
        subjects_now: the files as they are now.
        evidence: the transcripts, to judge them again.
        replay: how to replay them through the weights.
        now: the caller's clock, with a time zone.
    """
    walk, found = Walk(), _Found()
    is_verified = True
    try:
        _signature(walk, found, bundle, trust, license, now)
        if subjects_now is not None:
            _files_and_arithmetic(walk, found, trust, license, subjects_now)
            if evidence is not None:
                judged = _judged_again(walk, found, license, evidence)
                if replay is not None and subjects_now.checkpoint is not None:
                    _replayed(
                        walk, found, license, subjects_now.checkpoint, evidence, judged, replay
                    )
    except Stopped:
        is_verified = False
    return _report(walk, found, bundle, trust, is_verified=is_verified, now=now)


def verify(
    bundle: bytes,
    *,
    trust: Trust,
    license: License,
    subjects_now: Subjects | None = None,
    evidence: Evidence | None = None,
    replay: Replay | None = None,
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


def _signature(
    walk: Walk, found: _Found, data: bytes, trust: Trust, license: License, now: datetime
) -> None:
    # 0. limits, and 2. envelope: both are the work of one strict parser.
    with walk.step("limits", f"{len(data)} bytes of strict JSON"):
        bundle = open_bundle(data)
    # 1. trust
    with walk.step("trust", f"key {trust.public_key.hint[:16]}… as {trust.role}"):
        pass
    # 2. envelope
    with walk.step("envelope", "one DSSE envelope, one signature"):
        pass
    # 3. signature
    with walk.step("signature", f"{trust.public_key.kind} signature over the bytes received"):
        payload = bundle.verify(trust.public_key)
    # 4. statement: the bytes that verified, and no others, are parsed.
    with walk.step("statement", "in-toto Statement v1, safety-evaluation v1"):
        statement = Statement.from_json(payload, what="statement")
        predicate = statement.predicate
    # 5. time
    with walk.step(
        "time", f"issued {predicate.issued:%Y-%m-%d}, until {predicate.expires:%Y-%m-%d}"
    ):
        _check_time(predicate, license, now)
    # 6. log
    walk.not_asked("log", "no transparency log was asked for")
    found.statement, found.level = statement, 0
    if bundle.hint is not None and bundle.hint != trust.public_key.hint:
        walk.warnings.append(
            "the bundle names another key than the one that verifies it; the name is only a hint"
        )


def _check_time(predicate: Predicate, license: License, now: datetime) -> None:
    if predicate.issued.tzinfo is None or predicate.expires.tzinfo is None:
        raise InputError("times without a time zone")
    if predicate.issued > now + CLOCK_SKEW:
        raise InputError(
            f"issued {predicate.issued.isoformat()}, which is in the future",
            hint="check the clock of this machine",
        )
    longest = timedelta(days=license.terms.attestation_valid_days)
    if predicate.expires > predicate.issued + longest:
        raise InputError(
            f"claims to hold for {(predicate.expires - predicate.issued).days} days, the license "
            f"allows {longest.days}"
        )
    if now > predicate.expires:
        raise InputError(
            f"expired on {predicate.expires:%Y-%m-%d}",
            hint="ask the publisher to evaluate again under the current license",
        )
    terms = license.terms
    today = now.astimezone(UTC).date()
    if terms.expires is not None and today > terms.expires:
        raise InputError(
            f"the license expired on {terms.expires}", hint="ask the licensor for current terms"
        )
    if today < terms.issued:
        raise InputError(f"the license holds from {terms.issued} only")


def _files_and_arithmetic(
    walk: Walk, found: _Found, trust: Trust, license: License, present: Subjects
) -> None:
    assert found.statement is not None
    predicate = found.statement.predicate
    manifest = predicate.evaluation.manifest
    listing, checkpoint = present.listing, present.checkpoint
    # 7. subjects
    n_files = len(manifest.files)
    with walk.step("subjects", f"checkpoint {manifest.digest()[:16]}…, {n_files} files"):
        if found.statement.subject != subjects(manifest):
            raise InputError("the subjects of the statement are not the files of its manifest")
    # 8. coverage, by the verifier's own rule of which files count
    with walk.step("coverage", f"the {len(listing.files)} files present are the files attested"):
        check_coverage(walk, manifest, listing)
    # 9. files
    how = "computed here" if listing.is_from_bytes else "as listed by the caller, bytes not read"
    with walk.step("files", f"SHA-256 of every file, {how}"):
        check_files(walk, manifest, listing)
        if checkpoint is not None:
            # Equal bytes are not enough: a publisher may have attested a second set of weights.
            check_loadable(checkpoint)
    # 10. claim
    with walk.step("claim", "license, judge, benchmarks and counts fit; verdict recomputed"):
        found.verdict = check_claim(predicate, license)
        if checkpoint is not None:
            check_template(predicate, license, checkpoint.folder)
    # 11. role
    with walk.step("role", f"license accepts {license.terms.evaluators}, signer is {trust.role}"):
        if license.terms.evaluators == "third-party" and trust.role != "third-party":
            raise InputError(
                "the license asks for a third party's measurement, and the key is trusted as "
                "the publisher's",
                hint="if it is an independent evaluator's key, say so with --role third-party",
            )
    # 12. freshness
    walk.not_asked("freshness", "no revocation list was given")
    found.duties = _duties(walk, predicate, license, checkpoint)
    found.level = 1


def _duties(
    walk: Walk, predicate: Predicate, license: License, checkpoint: Checkpoint | None
) -> tuple[DutyFinding, ...]:
    terms = license.terms
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


def _judged_again(
    walk: Walk, found: _Found, license: License, evidence: Evidence
) -> list[JudgedTranscript]:
    assert found.statement is not None
    evaluation = found.statement.predicate.evaluation
    # 13. evidence
    n_leaves = evaluation.evidence.n_leaves
    with walk.step("evidence", f"{n_leaves} transcripts hash to the signed root"):
        judged = check_evidence(evaluation, evidence.folder)
    # 14. judge
    with walk.step("judge", f"{n_leaves} answers judged again by {evaluation.judge.name}"):
        judge_again(evaluation, license, judged, evidence.data)
    found.level = 2
    return judged


def _replayed(
    walk: Walk,
    found: _Found,
    license: License,
    checkpoint: Checkpoint,
    evidence: Evidence,
    judged: list[JudgedTranscript],
    replay: Replay,
) -> None:
    assert found.statement is not None
    evaluation = found.statement.predicate.evaluation
    # 15. rendering
    with walk.step("rendering", "prompts, texts and endings made again here"):
        chosen = choose(evaluation, license, judged, replay, evidence.data)
        model = load_released(checkpoint.folder, license, evaluation, replay.machine)
        checkpoint.ensure_unchanged()
        items = asked(license.terms, load_benchmarks(license.terms, evidence.data))
        check_rendering(evaluation, license, model, checkpoint.folder, items, judged, chosen)
    # 16. replay
    with walk.step(
        "replay", f"{len(chosen.indices)} of {len(judged)} answers are the weights' own"
    ):
        found.replay, found.verdict = run_replay(
            evaluation, license, model, judged, chosen, replay, evidence.data
        )
    found.level = 4 if replay.spot_check is None else 3


def _report(
    walk: Walk, found: _Found, bundle: bytes, trust: Trust, *, is_verified: bool, now: datetime
) -> Verification:
    predicate = found.statement.predicate if is_verified and found.statement else None
    verdict = found.verdict if is_verified else None
    outcome = verdict.outcome if verdict is not None else None
    if outcome is not None and any(not duty.is_met for duty in found.duties):
        outcome = "fail"
    return Verification(
        verifier=f"attest {__version__}",
        verified_at=now.astimezone(UTC).replace(microsecond=0),
        bundle_sha256=sha256_hex(bundle),
        is_verified=is_verified,
        level=found.level if is_verified else None,
        outcome=outcome,
        steps=walk.all_steps(),
        warnings=tuple(walk.warnings),
        checkpoint=predicate.evaluation.manifest.digest() if predicate else None,
        license=predicate.evaluation.license if predicate else None,
        key_hint=trust.public_key.hint if is_verified else None,
        assurance_level=predicate.assurance_level if predicate else None,
        issued=predicate.issued if predicate else None,
        expires=predicate.expires if predicate else None,
        findings=verdict.findings if verdict is not None else (),
        duties=found.duties if verdict is not None else (),
        replay=found.replay if is_verified else None,
    )
