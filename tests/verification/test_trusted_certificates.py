"""Signers known by a certificate, and signatures that must be stamped or logged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from test_forgeries import assert_fails_at

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.documents import SignedDocument
from attest.attestation.keys import PrivateKey, generate
from attest.attestation.revocation import RevocationList
from attest.canonical import canonical_bytes
from attest.verification.records import Verification
from attest.verification.verify import Beside, examine
from authorities import FOR_ISSUING, FOR_SIGNING, House, issue, make_house
from instance import IDENTITY as INSTANCE_IDENTITY
from instance import (
    ISSUER,
    SmallLog,
    Timestamper,
    log_body,
    make_instance,
    make_timestamper,
    needs_openssl,
)
from release import NOW, Release
from world import World

IDENTITY = "https://ci.example/lab/release"
NAMES = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(IDENTITY)])


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def house() -> House:
    return make_house(NAMES)


def certified(house: House, **changes: Any) -> dict[str, Any]:
    """A trust file in which the publisher is whoever is certified."""
    certificate = {"roots": house.root.pem.decode(), "identity": IDENTITY, **changes}
    return {"publisher": {"certificate": certificate}}


def held(
    release: Release,
    world: World,
    bundle: bytes,
    *,
    signers: dict[str, Any] | None = None,
    further: tuple[bytes, ...] = (),
    dress: Callable[[bytes], bytes] = lambda bundle: bundle,
    now: datetime = NOW,
    **changes: Any,
) -> Verification:
    """The attestation under a trust file of `changes`, and a license whose signature is dressed."""
    known = world.trust_values()["signers"] | (signers or {})
    trust = world.trust(release.small.file.read_bytes(), signers=known, **changes)
    return examine(
        bundle,
        trust=replace(trust, license_signatures=tuple(map(dress, trust.license_signatures))),
        license=release.license,
        subjects_now=release.subjects(),
        beside=Beside(further),
        now=now,
    )


def bundle_with(
    release: Release, key: PrivateKey, chain: tuple[bytes, ...] = (), **options: Any
) -> bytes:
    statement = canonical_bytes(release.statement(**options).to_dict())
    return make_bundle(statement, key, chain=chain)


def test_a_certified_publisher_verifies(release: Release, world: World, house: House) -> None:
    bundle = bundle_with(release, house.signer.signer, house.chain)
    result = held(release, world, bundle, signers=certified(house))

    assert result.failed_step is None
    assert result.signers[0].names == ("publisher",)
    assert result.key_hint == house.signer.signer.public_key.hint


@pytest.mark.parametrize(
    "changes", [{"identity": "https://ci.example/lab/other"}, {"issuer": "https://issuer.example"}]
)
def test_another_identity_fails_at_the_signature(
    release: Release, world: World, house: House, changes: dict[str, str]
) -> None:
    bundle = bundle_with(release, house.signer.signer, house.chain)

    result = held(release, world, bundle, signers=certified(house, **changes))
    assert_fails_at(result, "signature", "none of the 5 signers")


def test_the_identity_under_another_root_fails_at_the_time(
    release: Release, world: World, house: House
) -> None:
    other = make_house(NAMES)
    bundle = bundle_with(release, other.signer.signer, other.chain)

    assert_fails_at(held(release, world, bundle, signers=certified(house)), "time", "trusted root")


def test_an_expired_certificate_fails_at_the_time(
    release: Release, world: World, house: House
) -> None:
    later = NOW + timedelta(days=11)
    bundle = bundle_with(release, house.signer.signer, house.chain)

    result = held(release, world, bundle, signers=certified(house), now=later)
    assert_fails_at(result, "time", "is valid from")


def test_a_strangers_key_beside_a_borrowed_certificate_fails_at_the_signature(
    release: Release, world: World, house: House
) -> None:
    honest = json.loads(bundle_with(release, house.signer.signer, house.chain))
    stranger = json.loads(bundle_with(release, world.keys["hub"]))
    honest["dsseEnvelope"] = stranger["dsseEnvelope"]
    signers = certified(house) | {"hub": {"key": world.pem("second-owner")}}

    result = held(release, world, json.dumps(honest).encode(), signers=signers)
    assert_fails_at(result, "signature", "")


def test_one_key_certified_for_two_people_is_one_signer(
    release: Release, world: World, house: House
) -> None:
    second = "https://ci.example/lab/audit"
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(second)])
    key = house.signer.key
    again = issue("second", house.authority, (*FOR_SIGNING, names), key=key)
    signers = {
        "auditor": certified(house)["publisher"],
        "second-auditor": certified(house, identity=second)["publisher"],
    }
    one = bundle_with(release, house.signer.signer, house.chain)
    two = bundle_with(release, house.signer.signer, (again.der, house.authority.der))

    result = held(release, world, one, further=(two,), signers=signers)
    assert_fails_at(result, "role", "signed by 1 of the evaluators")

    other = issue("third", house.authority, (*FOR_SIGNING, names))
    three = bundle_with(release, other.signer, (other.der, house.authority.der))
    assert held(release, world, one, further=(three,), signers=signers).believed_as == "evaluator"


# Timestamps, by the clock of this machine, because a real authority stamps


@dataclass(frozen=True)
class Stamped:
    """Now, and an authority that stamps it."""

    timestamper: Timestamper

    @property
    def changes(self) -> dict[str, Any]:
        return {"timestamp_authorities": [pem(self.timestamper.root.der)]}

    @property
    def required(self) -> dict[str, Any]:
        return self.changes | {"requires": {"timestamp": True}}

    def stamp(self, bundle: bytes) -> bytes:
        opened = open_bundle(bundle)
        return opened.with_timestamp(self.timestamper.stamp(opened.signature)).to_json()


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def today() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Stamped:
    pytest.importorskip("rfc3161_client", reason="needs the extra `timestamps`")
    return Stamped(make_timestamper(tmp_path_factory.mktemp("authority") / "stamper"))


@needs_openssl
def test_a_missing_timestamp_fails_at_the_time(
    release: Release, world: World, stamped: Stamped
) -> None:
    bundle = bundle_with(release, world.keys["publisher"], issued=today())

    result = held(release, world, bundle, dress=stamped.stamp, now=today(), **stamped.required)
    assert_fails_at(result, "time", "requires a timestamp, and the signature has none")


@needs_openssl
def test_a_license_without_the_required_timestamp_fails_at_the_trust(
    release: Release, world: World, stamped: Stamped
) -> None:
    bundle = stamped.stamp(bundle_with(release, world.keys["publisher"], issued=today()))

    result = held(release, world, bundle, now=today(), **stamped.required)
    assert_fails_at(result, "trust", "requires a timestamp, and the signature has none")


@needs_openssl
def test_a_revocation_list_without_the_required_timestamp_fails_at_the_freshness(
    release: Release, world: World, stamped: Stamped
) -> None:
    bundle = stamped.stamp(bundle_with(release, world.keys["publisher"], issued=today()))
    plain = world.revocations()
    dressed = replace(plain, signatures=tuple(map(stamped.stamp, plain.signatures)))

    def under(document: SignedDocument[RevocationList]) -> Verification:
        changes = stamped.required | {"revocations": document, "revocations_by": "licensor"}
        return held(release, world, bundle, dress=stamped.stamp, now=today(), **changes)

    assert_fails_at(under(plain), "freshness", "signed by 0 of the licensors")
    assert under(dressed).is_verified


@needs_openssl
def test_a_required_timestamp_is_reported(release: Release, world: World, stamped: Stamped) -> None:
    bundle = stamped.stamp(bundle_with(release, world.keys["publisher"], issued=today()))

    result = held(release, world, bundle, dress=stamped.stamp, now=today(), **stamped.required)
    assert result.failed_step is None
    signed_at = result.signers[0].signed_at
    assert signed_at is not None
    assert today() - signed_at < timedelta(minutes=5)


@needs_openssl
def test_a_countersignature_without_the_required_timestamp_does_not_count(
    release: Release, world: World, stamped: Stamped
) -> None:
    issued = today()
    first, second = (
        bundle_with(release, world.keys[name], issued=issued)
        for name in ("auditor", "second-auditor")
    )

    def both(further: bytes) -> Verification:
        return held(
            release,
            world,
            stamped.stamp(first),
            further=(further,),
            dress=stamped.stamp,
            now=today(),
            **stamped.required,
        )

    assert_fails_at(both(second), "role", "signed by 1 of the evaluators")
    assert both(stamped.stamp(second)).is_verified


@needs_openssl
def test_a_timestamp_of_another_authority_fails_at_the_time(
    release: Release, world: World, stamped: Stamped, house: House
) -> None:
    bundle = stamped.stamp(bundle_with(release, world.keys["publisher"], issued=today()))
    changes: dict[str, Any] = {"timestamp_authorities": [house.root.pem.decode()]}

    result = held(release, world, bundle, now=today(), **changes)
    assert_fails_at(result, "time", "a timestamp of the bundle does not verify")


@needs_openssl
def test_an_attestation_dated_after_its_signature_fails_at_the_time(
    release: Release, world: World, stamped: Stamped
) -> None:
    issued = today() + timedelta(days=2)
    bundle = stamped.stamp(bundle_with(release, world.keys["publisher"], issued=issued))

    result = held(release, world, bundle, now=issued, **stamped.changes)
    assert_fails_at(result, "time", "and was signed by")


@needs_openssl
def test_only_what_was_stamped_before_outlives_a_revoked_key(
    release: Release, world: World, stamped: Stamped
) -> None:
    bundle = stamped.stamp(bundle_with(release, world.keys["publisher"], issued=today()))

    def under(since: datetime, signed: bytes = bundle) -> Verification:
        keys = [{"key": world.hint("publisher"), "since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}]
        changes = stamped.changes | {
            "revocations": world.revocations(keys=keys),
            "revocations_by": "licensor",
        }
        return held(release, world, signed, now=today(), **changes)

    hour = timedelta(hours=1)
    assert under(today() + hour).is_verified
    assert_fails_at(under(today() - hour), "freshness", "signed with a revoked key")
    unstamped = bundle_with(release, world.keys["publisher"], issued=today())
    assert_fails_at(under(today() + hour, unstamped), "freshness", "signed with a revoked key")


@needs_openssl
def test_a_certificate_need_only_have_been_valid_when_it_was_stamped(
    release: Release, world: World, stamped: Stamped
) -> None:
    day, year = timedelta(days=1), timedelta(days=365)
    first, last = today() - year, today() + year
    root = issue("root", None, FOR_ISSUING, first=first, last=last)
    holder = issue("today", root, (*FOR_SIGNING, NAMES), first=today() - day, last=today() + day)
    signers = certified(House(root, root, holder))
    plain = bundle_with(release, holder.signer, (holder.der,), issued=today())
    later = today() + 10 * day

    result = held(
        release, world, stamped.stamp(plain), signers=signers, now=later, **stamped.changes
    )
    assert result.failed_step is None
    unstamped = held(release, world, plain, signers=signers, now=later, **stamped.changes)
    assert_fails_at(unstamped, "time", "is valid from")


# 6. log


def with_log(log: SmallLog) -> dict[str, Any]:
    known = {"origin": log.origin, "key": log.key.public_key.pem.decode()}
    return {"logs": [known], "requires": {"log": True}}


def logged(bundle: bytes, key: PrivateKey, log: SmallLog) -> bytes:
    value = json.loads(bundle)
    body = log_body(open_bundle(bundle), key.public_key)
    value["verificationMaterial"]["tlogEntries"] = [log.add(body)]
    return json.dumps(value).encode()


def test_a_signature_that_must_be_logged_fails_at_the_log(release: Release, world: World) -> None:
    log, key = SmallLog(), world.keys["publisher"]
    bundle = bundle_with(release, key)

    def under(bundle: bytes, *, licensed: bool = True) -> Verification:
        def dress(signature: bytes) -> bytes:
            return logged(signature, world.keys["lab"], log) if licensed else signature

        return held(release, world, bundle, dress=dress, **with_log(log))

    assert_fails_at(under(bundle), "log", "found 0")
    unknown = logged(bundle, key, SmallLog())
    assert_fails_at(under(unknown), "log", "")
    known = logged(bundle, key, log)
    assert_fails_at(under(known, licensed=False), "trust", "the license is not its licensor's")
    result = under(known)
    assert result.failed_step is None
    assert "of log.example/2026" in next(step.detail for step in result.steps if step.name == "log")


def test_a_log_entry_that_nobody_asked_for_is_left_alone(release: Release, world: World) -> None:
    bundle = logged(
        bundle_with(release, world.keys["publisher"]), world.keys["publisher"], SmallLog()
    )

    result = held(release, world, bundle)
    assert result.is_verified
    assert next(step.status for step in result.steps if step.name == "log") == "not-asked"


@needs_openssl
def test_a_sigstore_identity_is_believed_with_its_timestamp_and_log_entry(
    release: Release, world: World, tmp_path: Path
) -> None:
    pytest.importorskip("rfc3161_client", reason="needs the extra `timestamps`")
    instance, key = make_instance(tmp_path), generate()
    leaf = instance.certify(key.public_key)
    bundle = open_bundle(bundle_with(release, key, (leaf,), issued=today()))
    stamps = instance.timestamper.stamp(bundle.signature)
    value = json.loads(bundle.with_timestamp(stamps).to_json())
    body = log_body(bundle, key.public_key, leaf)
    value["verificationMaterial"]["tlogEntries"] = [instance.log.add(body)]
    certificate = {
        "roots": pem(instance.identities.der),
        "identity": INSTANCE_IDENTITY,
        "issuer": ISSUER,
    }
    known = {"origin": instance.log.origin, "key": instance.log.key.public_key.pem.decode()}

    def dress(signature: bytes) -> bytes:
        opened = open_bundle(signature)
        stamp = instance.timestamper.stamp(opened.signature)
        return logged(opened.with_timestamp(stamp).to_json(), world.keys["lab"], instance.log)

    changes: dict[str, Any] = {
        "timestamp_authorities": [pem(instance.timestamper.root.der)],
        "logs": [known],
        "requires": {"timestamp": True, "log": True},
    }

    def under(**identity: str | None) -> Verification:
        signers = {"publisher": {"certificate": certificate | identity}}
        data = json.dumps(value).encode()
        later = today() + timedelta(days=30)
        return held(release, world, data, signers=signers, dress=dress, now=later, **changes)

    assert under().failed_step is None
    assert_fails_at(under(issuer="https://other.example"), "signature", "")
    # Anybody's issuer could have vouched: without its name, nobody's is believed.
    assert_fails_at(under(issuer=None), "signature", "")
    assert_fails_at(under(identity="https://ci.example/other"), "signature", "")
