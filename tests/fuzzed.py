"""What is fuzzed: valid documents, the doors they go through, and what may still be believed.

A door takes bytes and says whether it believes them; whatever it raises but our own errors is a
defect. Whatever is believed after a mutation must mean what the original means.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.documents import SignedDocument
from attest.attestation.oms import sign_oms, state_oms
from attest.attestation.revocation import parse_revocations
from attest.attestation.trust.ownership import check_trust, parse_trust
from attest.attestation.trust.signers import hear
from attest.canonical import sha256_hex
from attest.checkpoint.folder import open_checkpoint
from attest.checkpoint.manifest import Manifest
from attest.checkpoint.roles import role_of
from attest.evaluation.journal import SALT, TRANSCRIPTS, read_master, read_transcripts
from attest.license.read import parse_license
from attest.verification.evidence import check_evidence
from attest.verification.files import check_coverage, check_files
from attest.verification.listing import Listing, of_manifest
from attest.verification.oms import examine_oms
from attest.verification.verify import SignedTrust, Subjects, Trust, examine
from attest.verification.walk import Walk
from conftest import REPOSITORY
from mutations import Seed, seed
from release import NOW, Release
from world import NAME, World, sign

REVOKED = {
    "version": "attest-revocations/1",
    "trust": NAME,
    "number": 5,
    "expires": "2099-01-01",
    "keys": [{"key": "0" * 64, "since": "2026-05-01T00:00:00Z", "reason": "lost"}],
    "checkpoints": [{"sha256": "1" * 64}, {"sha256": "2" * 64, "reason": "withdrawn"}],
}


@dataclass(frozen=True)
class Target:
    """One kind of document, and the door that it goes through."""

    name: str
    seed: Seed
    believes: Callable[[bytes], bool]
    means_the_same: Callable[[bytes], bool]
    """Whether something that was believed means what the seed means."""
    weight: int
    """Its share of the mutations."""


def make_targets(release: Release, folder: Path) -> list[Target]:
    """Every kind of document of a release, in one world; `folder` is for evidence."""
    world = World()
    world.keys["publisher"] = release.key
    return [
        *_signed(release),
        _manifest(release),
        *_evidence(release, folder),
        *_documents(release, world),
    ]


def _signed(release: Release) -> list[Target]:
    license, key, present = release.license, release.key, release.subjects()
    listing = Subjects(Listing(present.listing.files, is_from_bytes=False))
    trust = Trust(key.public_key)

    def is_verified(data: bytes) -> bool:
        return examine(
            data, trust=trust, license=license, subjects_now=listing, now=NOW
        ).is_verified

    bundle = release.bundle()
    statement = open_bundle(bundle).dsse_envelope.payload

    checkpoint = open_checkpoint(release.model)
    manifest = release.evaluation.manifest
    oms = sign_oms(state_oms(manifest, name="model"), key)
    oms_statement = open_bundle(oms).dsse_envelope.payload

    def packs(data: bytes) -> bool:
        return examine_oms(data, trust=key.public_key, checkpoint=checkpoint, at=NOW).is_verified

    return [
        Target(
            "bundle",
            seed(bundle),
            is_verified,
            lambda data: open_bundle(data).dsse_envelope.payload == statement,
            weight=30,
        ),
        # The signer may say what he likes; what he says must be read without a stumble.
        Target(
            "statement, signed anew",
            seed(statement),
            lambda data: is_verified(make_bundle(data, key)),
            lambda data: True,
            weight=10,
        ),
        Target(
            "OMS signature",
            seed(oms),
            packs,
            lambda data: open_bundle(data).dsse_envelope.payload == oms_statement,
            weight=20,
        ),
    ]


def _manifest(release: Release) -> Target:
    attested = release.evaluation.manifest

    def deciding(manifest: Manifest) -> dict[str, str]:
        return {one.path: one.sha256 for one in manifest.files if _decides(one.path)}

    def is_attested(data: bytes) -> bool:
        listing = of_manifest(Manifest.from_json(data, what="manifest"))
        check_coverage(Walk(), of_manifest(attested), listing)
        check_files(Walk(), of_manifest(attested), listing)
        return True

    return Target(
        "manifest of hashes",
        seed(attested.to_json()),
        is_attested,
        lambda data: deciding(Manifest.from_json(data, what="")) == deciding(attested),
        weight=25,
    )


def _decides(path: str) -> bool:
    return role_of(path) != "documentation"


def _evidence(release: Release, folder: Path) -> list[Target]:
    judged, master = read_transcripts(release.evidence), read_master(release.evidence)

    def target(name: str, file: str, means_the_same: Callable[[Path], bool], weight: int) -> Target:
        place = folder / file.replace(".", "-")
        place.mkdir()
        for other in (TRANSCRIPTS, SALT):
            shutil.copy(release.evidence / other, place)

        def is_committed(data: bytes) -> bool:
            (place / file).write_bytes(data)
            check_evidence(release.evaluation, place)
            return True

        return Target(
            name,
            seed((release.evidence / file).read_bytes()),
            is_committed,
            lambda data: means_the_same(place),
            weight,
        )

    return [
        target("evidence", TRANSCRIPTS, lambda place: read_transcripts(place) == judged, 8),
        target("salt of the evidence", SALT, lambda place: read_master(place) == master, 1),
    ]


def _documents(release: Release, world: World) -> list[Target]:
    license = release.small.file.read_bytes()
    as_yaml = (REPOSITORY / "examples" / "tiny" / "license.yaml").read_bytes()
    trust = json.dumps(world.trust_values()).encode()
    revoked = json.dumps(REVOKED).encode()
    rules = parse_trust(trust)
    by_owner = sign(trust, "trust", world.keys["owner"])
    by_lab = sign(license, "license", world.keys["lab"])
    yaml_by_lab = sign(as_yaml, "license", world.keys["lab"])
    revoked_by_lab = sign(revoked, "revocations", world.keys["lab"])

    def is_licensed(data: bytes) -> bool:
        found = parse_license(data)
        document = SignedDocument(found, found.sha256, (by_lab, yaml_by_lab))
        return bool(hear(document, "license", rules, NOW).endorsements)

    def is_trusted(data: bytes) -> bool:
        document = SignedDocument(parse_trust(data), sha256_hex(data), (by_owner,))
        check_trust(document, remembered=None, now=NOW)
        return True

    def is_trusted_anew(data: bytes) -> bool:
        signature = sign(data, "trust", world.keys["owner"])
        document = SignedDocument(parse_trust(data), sha256_hex(data), (signature,))
        check_trust(document, remembered=None, now=NOW)
        bundle = release.bundle()
        return examine(
            bundle,
            trust=SignedTrust(document, (by_lab,)),
            license=release.license,
            up_to=1,
            now=NOW,
        ).is_verified

    def is_revoking(data: bytes) -> bool:
        document = SignedDocument(parse_revocations(data), sha256_hex(data), (revoked_by_lab,))
        return bool(hear(document, "revocations", rules, NOW).endorsements)

    return [
        Target("license", seed(license), is_licensed, lambda data: data == license, 2),
        Target("license in YAML", seed(as_yaml), is_licensed, lambda data: data == as_yaml, 1),
        Target("trust file", seed(trust), is_trusted, lambda data: data == trust, 2),
        # The owner's word is law; whatever it is, it must be read without a stumble.
        Target("trust file, signed anew", seed(trust), is_trusted_anew, lambda data: True, 1),
        Target("revocation list", seed(revoked), is_revoking, lambda data: data == revoked, 2),
    ]
