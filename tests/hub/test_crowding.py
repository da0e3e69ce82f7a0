"""A bundle can be written anew by anybody, as often as he likes: that crowds out no other one."""

from __future__ import annotations

import json
from datetime import timedelta

from attest.attestation.bundle import make_bundle
from attest.canonical import sha256_hex
from attest.hub.hub import Hub
from attest.hub.judgement import weights_of
from attest.hub.recording import fitting
from attest.hub.uploads import accept_upload, check_upload
from attest.verification.folder import MAX_BUNDLES, MAX_FOLDER_BYTES
from place import FixedDoor, Place, delivery, upload, with_door
from release import NOW
from test_handing_in import bring


def written_anew(bundle: bytes, number: int) -> bytes:
    """The same signature in other bytes: the hint decides nothing."""
    value = json.loads(bundle)
    value["verificationMaterial"]["publicKey"]["hint"] = f"{number:064x}"
    return json.dumps(value).encode()


def fill(hub: Hub, place: Place, bundle: bytes) -> None:
    """Store as many copies of a bundle as are looked at."""
    assert all(bring(hub, place, written_anew(bundle, number)) for number in range(MAX_BUNDLES))


def test_an_upload_is_judged_by_its_own_attestation(place: Place, sqlite: str) -> None:
    bundle = place.release.bundle()
    with place.open(sqlite) as opened:
        fill(opened, place, bundle)
        door = FixedDoor({"1" * 40: place.snapshot({"attestations/a.sigstore.json": bundle})})
        hub = with_door(opened, door)
        accept_upload(hub, upload())
        check_upload(hub, upload().key)

        assert delivery(hub, upload()).detail == "passed"


def test_every_statement_comes_before_copies_of_another(place: Place, database: str) -> None:
    later = place.release.statement(issued=NOW + timedelta(hours=1)).to_json()
    another = make_bundle(later, place.release.key)
    with place.open(database) as hub:
        fill(hub, place, place.release.bundle())
        bring(hub, place, another)

        with hub.store.read() as connection:
            found = fitting(connection, weights_of(place.files()), ())
    assert len(found) == MAX_BUNDLES
    assert sha256_hex(another) in found


def test_no_more_bytes_are_gone_by_than_are_looked_at(place: Place, sqlite: str) -> None:
    bundle = place.release.bundle()
    long = bundle + b" " * (MAX_FOLDER_BYTES // 2 - len(bundle))
    with place.open(sqlite) as hub:
        for data in (bundle, long):
            bring(hub, place, data)
        with hub.store.read() as connection:
            weights = weights_of(place.files())
            assert set(fitting(connection, weights, ())) == {sha256_hex(bundle), sha256_hex(long)}
            assert fitting(connection, weights, [bundle, long[:-1]]) == []
