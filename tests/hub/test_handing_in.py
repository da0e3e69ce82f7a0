"""An attestation that comes after the upload that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from attest.canonical import sha256_hex
from attest.hub.hub import Hub
from attest.hub.recording import hand_in
from attest.hub.store import deliveries
from attest.hub.uploads import accept_upload, check_upload
from place import NOW, FixedDoor, Place, delivery, upload, with_door


def bring(hub: Hub, place: Place, bundle: bytes) -> bool:
    """Hand in a bundle as the service does once it has read it."""
    (rule,) = hub.policy.rules.values()
    load = {sha256_hex(bundle): partial(bytes, bundle)}
    judgement = hub.judge.listing(rule, place.files(), load)
    return hand_in(hub, judgement, bundle, place.files())


def n_checked_again(hub: Hub) -> int:
    """Work on what is due, as a worker does."""
    with hub.store.write() as connection:
        due = deliveries.due(connection, NOW)
        assert all(deliveries.requeue(connection, key, NOW) for key in due)
    for key in due:
        check_upload(hub, key)
    return len(due)


def checked(place: Place, opened: Hub, **bundles: bytes) -> Hub:
    """The hub, once it has looked at an upload to two repositories."""
    copies = {"1" * 40: place.snapshot(bundles), "2" * 40: place.snapshot(bundles)}
    hub = with_door(opened, FixedDoor(copies))
    for number, revision in enumerate(copies, start=1):
        one = upload(revision, number=number)
        accept_upload(hub, one)
        check_upload(hub, one.key)
    return hub


def test_uploads_that_lacked_an_attestation_are_checked_again(place: Place, database: str) -> None:
    bundle = place.release.bundle()
    with place.open(database) as opened:
        hub = checked(place, opened)
        copies = [upload("1" * 40, number=1), upload("2" * 40, number=2)]
        assert [delivery(hub, one).action for one in copies] == ["hold", "hold"]

        assert bring(hub, place, bundle)
        assert n_checked_again(hub) == 2
        assert [delivery(hub, one).action for one in copies] == ["allow", "allow"]
        assert delivery(hub, copies[0]).attempt == 2

        assert not bring(hub, place, bundle), "it was there already"
        assert n_checked_again(hub) == 0


def test_an_upload_that_passed_is_left_alone(place: Place, database: str) -> None:
    bundle, another = place.release.bundle(), place.release.bundle()
    with place.open(database) as opened:
        hub = checked(place, opened, **{"attestations/a.sigstore.json": bundle})

        assert bring(hub, place, another)
        assert n_checked_again(hub) == 0


def test_where_bytes_are_asked_for_the_deeper_check_follows(place: Place, sqlite: str) -> None:
    with place.open(sqlite, rule={"level": "served-bytes"}) as opened:
        hub = checked(place, opened)
        bring(hub, place, place.release.bundle())
        n_checked_again(hub)

        one = upload("1" * 40, number=1)
        deeper = replace(one, depth="served-bytes")
        assert (delivery(hub, one).action, delivery(hub, deeper).state) == ("hold", "queued")
        check_upload(hub, deeper.key)
        assert delivery(hub, deeper).action == "allow"


def test_an_attestation_that_comes_during_the_check_is_not_missed(
    place: Place, database: str
) -> None:
    meanwhile: list[Callable[[], object]] = []

    def clock() -> datetime:
        # The judge asks for the time once it was told which attestations there are.
        if meanwhile:
            meanwhile.pop()()
        return NOW

    with place.open(database) as opened:
        hub = replace(with_door(opened, FixedDoor({"1" * 40: place.snapshot({})})), clock=clock)
        accept_upload(hub, upload())
        meanwhile.append(lambda: bring(opened, place, place.release.bundle()))
        check_upload(hub, upload().key)

        assert delivery(hub, upload()).detail == "no-attestation"
        assert n_checked_again(hub) == 1
        assert delivery(hub, upload()).detail == "passed"
