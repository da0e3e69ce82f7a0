"""Steps 0 to 6: has somebody whom the caller believes signed this, in time?

They need no file and cost milliseconds, so each paper of a folder is looked at first, and only what
holds is gone on with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from attest.attestation.bundle import Bundle, open_bundle
from attest.attestation.statement import Statement
from attest.attestation.trust.records import Rules
from attest.attestation.trust.signers import (
    Endorsement,
    endorse,
    identify,
    names_of,
    require_log,
    require_time,
)
from attest.evaluation.judging import endpoint_judges
from attest.verification.case import Case, Found
from attest.verification.records import Level
from attest.verification.trusting import (
    SignedTrust,
    check_basis,
    countersigned,
    over_same_statement,
)
from attest.verification.validity import check_time
from attest.verification.walk import Stopped, Walk


@dataclass(frozen=True)
class Look:
    """What the first steps found of a bundle; several walks may start from it."""

    case: Case
    walk: Walk
    found: Found
    is_stopped: bool
    """Whether one of the steps failed."""

    def resumed(self) -> tuple[Walk, Found]:
        """Steps and findings of one's own, to go on with."""
        return Walk([*self.walk.steps], [*self.walk.warnings]), replace(self.found)


def look_at(case: Case) -> Look:
    """Steps 0 to 6, whatever they find."""
    walk, found = Walk(), Found()
    try:
        _take_steps(walk, found, case)
    except Stopped:
        return Look(case, walk, found, is_stopped=True)
    return Look(case, walk, found, is_stopped=False)


def _take_steps(walk: Walk, found: Found, case: Case) -> None:
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
