"""What was found before a list was renewed is found again, until all stands by what is in force."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import sqlalchemy as sa

from attest.attestation.bundle import make_bundle
from attest.hub import renewal as renewal_module
from attest.hub.hub import Hub
from attest.hub.opening import open_hub
from attest.hub.pages.standing import show
from attest.hub.renewal import ASK_AGAIN_S, Renewal
from attest.hub.store import deliveries, queries_pages
from attest.hub.store.deliveries import Upload
from attest.hub.store.tables import Event
from attest.hub.uploads import accept_upload, check_upload
from place import BASE, NOW, FixedDoor, Place, delivery, upload, with_door
from processes import processes
from release import make_release
from stand_in import StandIn, served
from test_in_force import LIST, look, put, put_list, written
from test_kills import release_of_today
from test_measuring import place_with_evaluator, push
from world import NAME

GOOD, BAD = upload("1" * 40, number=1), upload("2" * 40, number=2)


@pytest.fixture(scope="module")
def bad_place(first_place: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same world with another model, which is to be revoked."""
    release = make_release(tmp_path_factory.mktemp("bad") / "release", seed=8)
    assert release.license.sha256 == first_place.release.license.sha256
    return replace(first_place, release=replace(release, key=first_place.release.key))


def attested(place: Place, **changes: Any) -> Any:
    bundle = make_bundle(place.release.statement().to_json(), place.release.key)
    return place.snapshot({"attestations/a.sigstore.json": bundle}, **changes)


@contextmanager
def opened(policy: Path, place: Place, database: str, door: FixedDoor, first: int) -> Iterator[Hub]:
    """A hub whose clock ticks on from millisecond `first`."""
    ticks = count(first)

    def clock() -> Any:
        return NOW + timedelta(milliseconds=next(ticks))

    hub = open_hub(policy, database, place.hub_key, clock=clock)
    try:
        yield with_door(hub, door)
    finally:
        hub.close()


def revoke(place: Place, bad: Place) -> None:
    values = {
        "version": "attest-revocations/1",
        "trust": NAME,
        "number": 6,
        "expires": "2099-01-01",
        "checkpoints": [{"sha256": bad.release.evaluation.manifest.digest()}],
    }
    put(place, LIST, values, by=["lab"], kind="revocations")


def tell(hub: Hub, *uploads: Upload) -> None:
    for one in uploads:
        accept_upload(hub, one)
        check_upload(hub, one.key)


def work(hub: Hub) -> int:
    """Do what is due, as workers do; returns how much that was."""
    with hub.store.write() as connection:
        keys = [
            key
            for key in deliveries.due(connection, hub.clock())
            if deliveries.requeue(connection, key, hub.clock())
        ]
    for key in keys:
        check_upload(hub, key)
    return len(keys)


def page(hub: Hub, one: Upload) -> dict[str, Any]:
    with hub.store.read() as connection:
        found = queries_pages.standing(connection, one.repository.host, one.repository.name)
    assert found is not None
    shown = show(found, hub.policy, NOW)
    return {"state": found.state, "checked": found.checked, "is_grey": bool(shown.stale_because)}


def stands(state: str, checked: str = "listed-hash", *, is_grey: bool = False) -> dict[str, Any]:
    return {"state": state, "checked": checked, "is_grey": is_grey}


def n_events(hub: Hub) -> int:
    with hub.store.read() as connection:
        found: int = connection.execute(sa.select(sa.func.count(Event.id))).scalar_one()
    return found


def test_a_renewed_list_withdraws_one_model_and_leaves_no_page_grey(
    place: Place, bad_place: Place, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal_module, "RENEWED_AT_ONCE", 1)
    policy = written(place)
    door = FixedDoor({GOOD.revision: attested(place), BAD.revision: attested(bad_place)})
    with opened(policy, place, database, door, 0) as hub:
        tell(hub, GOOD, BAD)
        renewal = Renewal(hub)
        renewal.look()
        assert work(hub) == 0, "all is up to date"
        revoke(place, bad_place)
        assert look(hub.in_force)
        assert [page(hub, one)["is_grey"] for one in (GOOD, BAD)] == [True, True]

        renewal.look()
        renewal.look()
        with hub.store.read() as connection:
            assert deliveries.count_by_state(connection)["deferred"] == 1, "no more than one is due"

    # The process died; what is due, and what is not yet, is in the database.
    with opened(policy, place, database, door, 10_000) as hub:
        workers = [Renewal(hub), Renewal(hub)]
        n_checks = 0
        for _ in range(4):
            for one in workers:
                one.look()
            n_checks += work(hub)

        assert n_checks == 2, "each once, and then there is nothing to do"
        assert page(hub, GOOD) == stands("passed")
        assert page(hub, BAD) == stands("withdrawn")
        assert delivery(hub, BAD).action == "reject"
        assert n_events(hub) == 4


def test_what_left_its_ref_or_has_no_rule_stays_as_it_was(place: Place, database: str) -> None:
    other = upload("3" * 40, number=3)
    contents = dict(place.snapshot({}).contents or {}) | {"README.md": b"---\n---\n"}
    newer, proposed = upload("2" * 40), replace(GOOD, ref="refs/pr/1", revision="4" * 40)
    snapshot = attested(place)
    door = FixedDoor(dict.fromkeys((one.revision for one in (GOOD, newer, proposed)), snapshot))
    door.snapshots[other.revision] = place.snapshot({}, contents=contents)
    with opened(written(place), place, database, door, 0) as hub:
        tell(hub, GOOD, newer, proposed, other)
        put_list(place, number=6)
        assert look(hub.in_force)
        Renewal(hub).look()

        found = {delivery(hub, one).state for one in (newer, proposed)}
        assert found == {"deferred"}, "the newest commit of each ref"
        assert {delivery(hub, one).state for one in (GOOD, other)} == {"done"}


def test_fresh_uploads_come_first(
    place: Place, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal_module, "RENEWED_AT_ONCE", 1)
    door = FixedDoor({GOOD.revision: attested(place), BAD.revision: attested(place)})
    with opened(written(place), place, sqlite, door, 0) as hub:
        tell(hub, GOOD)
        put_list(place, number=6)
        assert look(hub.in_force)
        accept_upload(hub, BAD)
        renewal = Renewal(hub)
        renewal.look()
        assert delivery(hub, GOOD).state == "done"

        check_upload(hub, BAD.key)
        renewal.look()
        assert delivery(hub, GOOD).state == "deferred"


def test_processes_with_different_files_do_not_undo_each_other(place: Place, sqlite: str) -> None:
    door = FixedDoor({GOOD.revision: attested(place)})
    policy = written(place)
    with opened(policy, place, sqlite, door, 0) as old:
        tell(old, GOOD)
        put_list(place, number=6)
        with opened(policy, place, sqlite, door, 10_000) as new:
            Renewal(new).look()
            assert work(new) == 1
            Renewal(old).look()
            assert work(old) == 0
            assert page(new, GOOD) == stands("passed")


def test_a_branch_that_is_reset_to_an_outdated_commit_is_found_later(
    place: Place, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = upload("2" * 40)
    door = FixedDoor(dict.fromkeys((GOOD.revision, newer.revision), attested(place)))
    with opened(written(place), place, sqlite, door, 0) as hub:
        tell(hub, GOOD, newer)
        put_list(place, number=6)
        assert look(hub.in_force)
        renewal = Renewal(hub)
        for n_expected in (1, 0):
            renewal.look()
            assert work(hub) == n_expected
        accept_upload(hub, replace(GOOD, moved_from=newer.revision))
        assert page(hub, GOOD)["is_grey"]

        later = monotonic() + ASK_AGAIN_S
        monkeypatch.setattr(renewal_module, "monotonic", lambda: later)
        renewal.look()
        assert work(hub) == 1
        assert page(hub, GOOD) == stands("passed")


def test_a_policy_that_changed_during_a_check_has_it_made_again(
    place: Place, database: str
) -> None:
    door = FixedDoor({GOOD.revision: attested(place)})
    with opened(written(place), place, database, door, 0) as hub:

        class Signer:
            public_key = place.hub_key.public_key

            def sign(self, data: bytes) -> bytes:
                put_list(place, number=6)
                assert look(hub.in_force)
                return place.hub_key.sign(data)

        tell(replace(hub, signer=Signer()), GOOD)
        assert page(hub, GOOD)["is_grey"]
        assert work(hub) == 1
        assert page(hub, GOOD) == stands("passed")
        assert work(hub) == 0


def test_bytes_that_were_read_are_not_read_again(place: Place, database: str) -> None:
    door = FixedDoor({GOOD.revision: attested(place)})
    policy = written(place)
    values = json.loads(policy.read_text())
    values["rules"][0]["level"] = "served-bytes"
    policy.write_text(json.dumps(values))
    with opened(policy, place, database, door, 0) as hub:
        tell(hub, GOOD)
        check_upload(hub, replace(GOOD, depth="served-bytes").key)
        assert page(hub, GOOD) == stands("passed", "served-bytes")
        put_list(place, number=6)
        assert look(hub.in_force)
        Renewal(hub).look()

        assert work(hub) == 1
        assert page(hub, GOOD) == stands("passed", "served-bytes")
        assert delivery(hub, GOOD).action == "allow"
        assert delivery(hub, replace(GOOD, depth="served-bytes")).state == "done"
        assert work(hub) == 0


def test_other_bytes_than_were_read_are_read_again(place: Place, sqlite: str) -> None:
    door = FixedDoor({GOOD.revision: attested(place)})
    policy = written(place)
    values = json.loads(policy.read_text())
    values["rules"][0]["level"] = "served-bytes"
    policy.write_text(json.dumps(values))
    deeper = replace(GOOD, depth="served-bytes")
    with opened(policy, place, sqlite, door, 0) as hub:
        tell(hub, GOOD)
        check_upload(hub, deeper.key)
        assert page(hub, GOOD) == stands("passed", "served-bytes")
        with hub.store.write() as connection:
            assert deliveries.check_again(connection, [deeper.key], hub.clock()) == 1
            assert deliveries.requeue(connection, deeper.key, hub.clock())
        files = place.files()
        changed = files | {"model.safetensors": files["config.json"]}
        served_others = FixedDoor({GOOD.revision: attested(place, files=changed)})
        check_upload(with_door(hub, served_others), deeper.key)
        assert page(hub, GOOD) == stands("files-changed", "served-bytes")
        put_list(place, number=6)
        assert look(hub.in_force)
        Renewal(hub).look()

        assert work(hub) == 1
        assert delivery(hub, GOOD).action == "hold", "nobody read what is listed"
        assert delivery(hub, deeper).state == "deferred"
        assert work(with_door(hub, served_others)) == 1
        assert page(hub, GOOD) == stands("files-changed", "served-bytes")


def test_the_hubs_own_measurement_is_made_once(place: Place, sqlite: str) -> None:
    place = place_with_evaluator(place)
    stand_in = StandIn()
    with served(stand_in.app()) as origin:
        policy = written(place)
        values = place.policy_values(
            rule={"revocations": LIST, "level": "replay"},
            huggingface=place.policy_values()["huggingface"] | {"origin": origin},
            measuring={"evidence": "evidence", "data": str(place.release.small.data)},
        )
        policy.write_text(json.dumps(values))
        one = upload(push(place, stand_in))
        one = replace(one, repository=replace(one.repository, name="someone/model"))
        ticks = count()
        hub = open_hub(
            policy,
            sqlite,
            place.hub_key,
            clock=lambda: NOW + timedelta(milliseconds=next(ticks)),
        )
        with hub.connections:
            tell(hub, one)
            for depth in ("served-bytes", "replay"):
                check_upload(hub, replace(one, depth=depth).key)
            before = delivery(hub, replace(one, depth="replay"))
            assert before.detail == "passed"
            put_list(place, number=6)
            assert look(hub.in_force)
            Renewal(hub).look()

            assert work(hub) == 1
            assert page(hub, one) == stands("passed", "replay")
            assert work(hub) == 0
        hub.close()


def test_a_merge_falls_with_either_of_its_licenses(place: Place, database: str) -> None:
    other = "example/other"
    policy = written(place)
    values = place.policy_values(rule={"revocations": LIST})
    license = place.release.small.file.read_bytes().replace(b"Small License", b"Other License")
    (place.folder / "other.yaml").write_bytes(license)
    (signature,) = place.world.sign_license(license)
    (place.folder / "other.yaml.signed.sigstore.json").write_bytes(signature)
    second = {"name": "other", "base_models": [other], "license": "other.yaml"}
    values["rules"] += place.policy_values(rule=second)["rules"]
    # It has no list, and comes last: the upload stands by it.
    put(place, "free.json", place.world.trust_values(), by=["owner"])
    values["rules"][1]["trust"] = "free.json"
    policy.write_text(json.dumps(values))
    readme = f"---\nbase_model: [{BASE}, {other}]\n---\n".encode()
    contents = dict(place.snapshot({}).contents or {}) | {"README.md": readme}
    door = FixedDoor({GOOD.revision: attested(place, contents=contents)})
    with opened(policy, place, database, door, 0) as hub:
        tell(hub, GOOD)
        assert page(hub, GOOD) == stands("no-attestation")
        put_list(place, number=6, revoked=[place.release.license.sha256])
        assert look(hub.in_force)
        renewal = Renewal(hub)
        renewal.look()

        assert work(hub) == 1
        assert page(hub, GOOD) == stands("withdrawn")
        renewal.look()
        assert work(hub) == 0


def test_killed_processes_leave_no_page_grey(
    place: Place, bad_place: Place, sqlite: str, tmp_path: Path
) -> None:
    stand_in = StandIn()
    names = {"someone/good": place, "someone/bad": bad_place}
    with served(stand_in.app()) as origin:
        other = place.policy_values()["huggingface"] | {"origin": origin}
        policy = written(place, huggingface=other)
        with processes(policy, place.key_file, sqlite, tmp_path / "log") as hub:
            server = hub.serve()
            for name, one in names.items():
                commit = stand_in.repository(name).push(release_of_today(one))
                assert hub.hook(stand_in.webhook(name, None, commit)) is not None

            def badges() -> list[str]:
                found = [hub.get(f"/badge/huggingface/{name}.json") for name in names]
                return [one["message"].split(" \u00b7")[0] for one in found if one is not None]

            hub.wait_until(lambda: badges() == ["passed", "passed"])
            revoke(place, bad_place)
            hub.wait_until(lambda: "out of date" in "".join(badges()))
            hub.kill(server)
            hub.serve()
            hub.wait_until(lambda: badges() == ["passed", "withdrawn"])
