"""What is written down: verdicts, with the hub's word on them, and attestations that verified."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import sqlalchemy as sa

from attest.attestation.bundle import open_bundle
from attest.attestation.statement import Statement
from attest.canonical import sha256_hex
from attest.errors import HubError
from attest.hub.hub import Hub
from attest.hub.judgement import Judgement, weights_of
from attest.hub.policy import Rule
from attest.hub.store import attestations, deliveries, verdicts
from attest.hub.store.readings import Reading
from attest.hub.summaries import sign_summary
from attest.verification.folder import MAX_BUNDLES, MAX_FOLDER_BYTES
from attest.verification.listings import FileDigests


def stored_bundles(
    hub: Hub, files: Mapping[str, FileDigests], own: Collection[bytes]
) -> dict[str, Callable[[], bytes]]:
    """The attestations in the store to judge a listing by, beside its `own`; see `fitting`."""
    with hub.store.read() as connection:
        found = fitting(connection, weights_of(files), own)
    return {sha256: partial(_load, hub, sha256) for sha256 in found}


def fitting(
    connection: sa.Connection, weights: Collection[str], own: Collection[bytes]
) -> list[str]:
    """SHA-256 of stored attestations that cover any of these weights, as many as there is room for.

    What others have uploaded may never crowd out the attestations that a release came with.

    Args:
        connection: to read with.
        weights: SHA-256 of files that hold weights.
        own: the attestations that came with them.
    """
    size_bytes = {sha256_hex(data): len(data) for data in own}
    found: list[str] = []
    for sha256, n_bytes in attestations.attestations_of(connection, weights, MAX_BUNDLES).items():
        if sha256 in size_bytes or len(size_bytes) >= MAX_BUNDLES:
            continue
        if sum(size_bytes.values()) + n_bytes <= MAX_FOLDER_BYTES:
            size_bytes[sha256] = n_bytes
            found.append(sha256)
    return found


def measured_before(hub: Hub, rule: Rule, earlier: Sequence[Reading]) -> bytes | None:
    """The last attestation of the hub's own that one of these checks made under this license."""
    for one in earlier:
        is_it = one.checked == "replay" and one.license_sha256 == rule.license.sha256
        if is_it and one.attestation is not None:
            with hub.store.read() as connection:
                found = attestations.bundle_of(connection, one.attestation)
            if found is not None:
                return found
    return None


def record_judgement(
    hub: Hub, connection: sa.Connection, judgement: Judgement, bundle: bytes | None
) -> None:
    """Write a verdict down, with the hub's own statement about it, unless it is there.

    Args:
        hub: whose verdict it is.
        connection: of a transaction.
        judgement: what was found.
        bundle: the attestation that it went by; None if there was none.
    """
    verdict, rule = judgement.verdict, judgement.rule
    verdicts.add_verdict(
        connection,
        verdicts.NewVerdict(
            key=judgement.key,
            state=verdict.state,
            checked=verdict.checked,
            rule=rule.name,
            listing_sha256=judgement.listing_sha256,
            attestation=verdict.bundle_sha256,
            license_sha256=rule.license.sha256,
            trust=rule.trust_version,
            verifier=judgement.verifier,
            verified_at=judgement.verified_at,
            record=judgement.record,
        ),
        lambda: sign_summary(judgement, bundle, hub_url=hub.policy.file.url, signer=hub.signer),
    )


def is_verified(judgement: Judgement) -> bool:
    """True if an attestation verified, whatever it says."""
    verification = judgement.verdict.verification
    return verification is not None and verification.is_verified


def store_attestation(
    hub: Hub, connection: sa.Connection, judgement: Judgement, bundle: bytes
) -> bool:
    """Store the attestation that a judgement went by, if it verified; False if it was there."""
    verification = judgement.verdict.verification
    assert verification is not None, "only what verified is stored"
    assert verification.is_verified, "only what verified is stored"
    statement = Statement.from_json(open_bundle(bundle).dsse_envelope.payload, what="statement")
    measured = statement.predicate.evaluation.license
    names = dict.fromkeys(name for one in verification.signers for name in one.names)
    about = attestations.StoredAttestation(
        sha256=sha256_hex(bundle),
        statement_sha256=verification.statement_sha256 or "",
        checkpoint=statement.predicate.evaluation.manifest.digest(),
        license_name=measured.name,
        license_version=measured.license_version,
        license_sha256=measured.sha256,
        signers=tuple(names),
        issued=statement.predicate.issued,
        expires=statement.predicate.expires,
        rule=judgement.rule.name,
        trust=judgement.rule.trust_version,
        stored_at=hub.clock(),
    )
    return attestations.add_attestation(
        connection, attestations.NewAttestation(about, bundle, statement.subject)
    )


def hand_in(
    hub: Hub, judgement: Judgement, bundle: bytes, files: Mapping[str, FileDigests]
) -> bool:
    """Store an attestation that verified, and have those uploads checked again that lacked it.

    Args:
        hub: where it is stored.
        judgement: on the files that it is about.
        bundle: the attestation.
        files: that it is about.

    Returns: False if it was there already.
    """
    with hub.store.write() as connection:
        attestations.hold(connection, alone=True)
        is_new = store_attestation(hub, connection, judgement, bundle)
        if is_new:
            deliveries.look_again(connection, weights_of(files), hub.clock())
    return is_new


def _load(hub: Hub, sha256: str) -> bytes:
    with hub.store.read() as connection:
        found = attestations.bundle_of(connection, sha256)
    if found is None:
        raise HubError("an attestation is gone that is never removed")
    return found
