"""From an upload to a verdict that is written down once."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from attest.attestation.bundle import open_bundle
from attest.attestation.summary import SummaryStatement
from attest.canonical import sha256_hex
from attest.errors import HubError
from attest.hub.hub import Hub
from attest.hub.store import attestations, deliveries, verdicts
from attest.hub.store.database import open_store
from attest.hub.store.tables import APPEND_ONLY, Event, Repository, Summary, Table, Verdict
from attest.hub.uploads import accept_upload, check_upload, give_up
from place import BASE, COMMIT, NOW, FixedDoor, Place, delivery, upload, with_door


def count(hub: Hub, table: type[Table]) -> int:
    with hub.store.read() as connection:
        found: int = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return found


def test_an_attested_upload_passes_and_the_hub_signs_what_it_found(
    place: Place, database: str
) -> None:
    bundle = place.release.bundle()
    door = FixedDoor({COMMIT: place.snapshot({"attestations/a.sigstore.json": bundle})})
    with place.open(database) as opened:
        hub = with_door(opened, door)
        assert accept_upload(hub, upload())
        check_upload(hub, upload().key)

        found = delivery(hub, upload())
        assert (found.state, found.action, found.detail) == ("done", "allow", "passed")
        assert found.verdict is not None
        with hub.store.read() as connection:
            stored = verdicts.verdict(connection, found.verdict)
            summary = verdicts.summary_of(connection, found.verdict)
            weights = place.files()["model.safetensors"].sha256
            page = attestations.covering(connection, weights or "")
        assert stored is not None
        assert '"state":"passed"' in stored.record
        assert [one.attestation.sha256 for one in page.covered_by] == [sha256_hex(bundle)]
        assert page.covered_by[0].attestation.signers == ("publisher",)
    assert summary is not None
    payload = open_bundle(summary).verify(place.hub_key.public_key)
    statement = SummaryStatement.from_json(payload, what="summary")
    assert statement.predicate.time_created == NOW
    assert {"ATTEST_LEVEL_1", "ATTEST_FILES_AS_LISTED", "ATTEST_LICENSE_MET"} == set(
        statement.predicate.properties
    ) - {"ATTEST_LEVEL_0"}
    assert {one.digest["sha256"] for one in statement.subject} >= {weights}


@pytest.mark.parametrize(
    ("rule", "action"), [({}, "hold"), ({"unattested": "allow-with-notice"}, "allow-with-notice")]
)
def test_the_policy_says_what_happens_to_an_unattested_upload(
    place: Place, sqlite: str, rule: dict[str, str], action: str
) -> None:
    with place.open(sqlite, rule=rule) as opened:
        hub = with_door(opened, FixedDoor({COMMIT: place.snapshot({})}))
        accept_upload(hub, upload())
        check_upload(hub, upload().key)

        found = delivery(hub, upload())
        assert (found.action, found.detail) == (action, "no-attestation")
        assert count(hub, Summary) == 0, "nothing holds, so there is nothing to sign"


def test_the_attestation_of_one_repository_serves_a_copy_in_another(
    place: Place, database: str
) -> None:
    bundle = place.release.bundle()
    door = FixedDoor(
        {
            COMMIT: place.snapshot({"attestations/a.sigstore.json": bundle}),
            "2" * 40: place.snapshot({}, name="other/copy"),
        }
    )
    copy = upload("2" * 40, number=2)
    with place.open(database) as opened:
        hub = with_door(opened, door)
        for one in (upload(), copy):
            accept_upload(hub, one)
            check_upload(hub, one.key)

        assert delivery(hub, copy).detail == "passed"
        assert count(hub, Event) == 2
        assert count(hub, Verdict) == count(hub, Summary) == 1, "the same files, the same verdict"


def test_a_check_that_runs_twice_is_written_down_once(place: Place, database: str) -> None:
    door = FixedDoor(
        {COMMIT: place.snapshot({"attestations/a.sigstore.json": place.release.bundle()})}
    )
    with place.open(database) as opened:
        hub = with_door(opened, door)
        assert accept_upload(hub, upload())
        assert not accept_upload(hub, upload()), "told twice is told once"
        threads = [Thread(target=check_upload, args=(hub, upload().key)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check_upload(hub, upload().key)

        assert [count(hub, table) for table in (Event, Verdict, Summary)] == [1, 1, 1]


def test_a_signature_that_fails_leaves_nothing_behind(place: Place, database: str) -> None:
    class Broken:
        public_key = place.hub_key.public_key

        def sign(self, data: bytes) -> bytes:
            raise HubError("the key service does not answer")

    door = FixedDoor(
        {COMMIT: place.snapshot({"attestations/a.sigstore.json": place.release.bundle()})}
    )
    with place.open(database) as opened:
        hub = with_door(opened, door)
        accept_upload(hub, upload())
        with pytest.raises(HubError, match="key service"):
            check_upload(replace(hub, signer=Broken()), upload().key)

        assert [count(hub, table) for table in (Event, Verdict, Summary)] == [0, 0, 0]
        assert delivery(hub, upload()).state == "queued"
        check_upload(hub, upload().key)
        assert [count(hub, table) for table in (Event, Verdict, Summary)] == [1, 1, 1]


def test_an_upload_of_no_known_base_model_is_none_of_this_hubs_business(
    place: Place, sqlite: str
) -> None:
    contents = dict(place.snapshot({}).contents or {}) | {"README.md": b"---\n---\n"}
    with place.open(sqlite) as opened:
        hub = with_door(opened, FixedDoor({COMMIT: place.snapshot({}, contents=contents)}))
        accept_upload(hub, upload())
        check_upload(hub, upload().key)

        assert delivery(hub, upload()).action == "allow"


def test_an_upload_that_cannot_be_read_is_held(place: Place, sqlite: str) -> None:
    with place.open(sqlite) as opened:
        hub = with_door(opened, FixedDoor({}))
        accept_upload(hub, upload())
        check_upload(hub, upload().key)

        found = delivery(hub, upload())
        assert (found.action, found.detail) == ("hold", "cannot be read: not-found")


def test_an_upload_is_held_that_is_larger_than_allowed(place: Place, sqlite: str) -> None:
    with place.open(sqlite, limits={"max_files": "3"}) as opened:
        hub = with_door(opened, FixedDoor({COMMIT: place.snapshot({})}))
        accept_upload(hub, upload())
        check_upload(hub, upload().key)

        assert delivery(hub, upload()).detail == "cannot be read: too-many"


def test_where_the_policy_asks_for_bytes_a_listed_hash_does_not_do(
    place: Place, database: str
) -> None:
    door = FixedDoor(
        {COMMIT: place.snapshot({"attestations/a.sigstore.json": place.release.bundle()})}
    )
    with place.open(database, rule={"level": "served-bytes"}) as opened:
        hub = with_door(opened, door)
        accept_upload(hub, upload())
        check_upload(hub, upload().key)
        assert delivery(hub, upload()).action == "hold"

        deeper = replace(upload(), depth="served-bytes")
        check_upload(hub, deeper.key)
        assert delivery(hub, deeper).action == "allow"
        assert count(hub, Verdict) == 2


def test_more_uploads_than_allowed_wait_and_none_is_dropped(place: Place, database: str) -> None:
    with place.open(database, limits={"uploads_per_hour": "2"}) as hub:
        for number in range(1, 5):
            accept_upload(hub, upload(number=number))
        accept_upload(hub, upload(owner="another", number=9))

        states = [delivery(hub, upload(number=number)).state for number in range(1, 5)]
        assert states == ["queued", "queued", "deferred", "deferred"]
        assert delivery(hub, upload(owner="another", number=9)).state == "queued"
        later = NOW.replace(hour=13)
        with hub.store.write() as connection:
            due = deliveries.due(connection, later)
            assert [deliveries.requeue(connection, key, later) for key in due] == [True, True]
            assert not deliveries.requeue(connection, due[0], later), "somebody else did"


def test_an_upload_whose_hub_does_not_answer_is_tried_again_ever_later(
    place: Place, sqlite: str
) -> None:
    with place.open(sqlite) as hub:
        accept_upload(hub, upload())
        give_up(hub, upload().key)

        found = delivery(hub, upload())
        assert (found.state, found.action) == ("waiting", "hold")
        assert found.retry_at is not None
        with hub.store.write() as connection:
            assert deliveries.requeue(connection, upload().key, found.retry_at)
        give_up(hub, upload().key)
        again = delivery(hub, upload())
        assert again.attempt == 2
        assert again.retry_at is not None
        assert again.retry_at - NOW == 2 * (found.retry_at - NOW)


def test_the_database_refuses_to_rewrite_what_was_found(place: Place, database: str) -> None:
    door = FixedDoor(
        {COMMIT: place.snapshot({"attestations/a.sigstore.json": place.release.bundle()})}
    )
    with place.open(database) as opened:
        hub = with_door(opened, door)
        accept_upload(hub, upload())
        check_upload(hub, upload().key)

        for name in APPEND_ONLY:
            table = Table.metadata.tables[name]
            column = next(iter(table.columns))
            for statement in (sa.update(table).values({column: column}), sa.delete(table)):
                with pytest.raises(DBAPIError, match="never rewritten"), hub.store.write() as one:
                    one.execute(statement)


def test_the_migrations_make_the_tables_that_the_code_expects(database: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    open_store(database).close()
    store = open_store(database)
    with store.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Table.metadata)
    store.close()

    assert differences == []


def test_a_merge_of_two_base_models_has_two_licenses_to_meet(place: Place, database: str) -> None:
    other = "example/other"
    rules = [place.policy_values()["rules"][0], place.policy_values(rule=SECOND)["rules"][0]]
    readme = f"---\nbase_model: [{BASE}, {other}]\n---\n".encode()
    contents = dict(place.snapshot({}).contents or {}) | {"README.md": readme}
    bundles = {"attestations/a.sigstore.json": place.release.bundle()}
    door = FixedDoor({COMMIT: place.snapshot(bundles, contents=contents)})
    license = place.release.small.file.read_bytes().replace(b"Small License", b"Other License")
    (place.folder / "other.yaml").write_bytes(license)
    (signature,) = place.world.sign_license(license)
    (place.folder / "other.yaml.signed.sigstore.json").write_bytes(signature)
    with place.open(database, rules=rules) as opened:
        hub = with_door(opened, door)
        accept_upload(hub, upload())
        check_upload(hub, upload().key)

        found = delivery(hub, upload())
        assert (found.detail, found.action) == ("no-attestation", "hold"), "the strictest counts"
        assert count(hub, Event) == count(hub, Verdict) == 2
        assert count(hub, Summary) == 1


SECOND = {"name": "other", "base_models": ["example/other"], "license": "other.yaml"}


def test_a_pull_request_does_not_say_what_a_repository_is_derived_from(
    place: Place, sqlite: str
) -> None:
    bundles = {"attestations/a.sigstore.json": place.release.bundle()}
    proposed = replace(upload(), ref="refs/pr/1")
    with place.open(sqlite) as opened:
        hub = with_door(opened, FixedDoor({COMMIT: place.snapshot(bundles)}))
        for one, expected in ((proposed, None), (upload(), "small")):
            accept_upload(hub, one)
            check_upload(hub, one.key)
            assert delivery(hub, one).detail == "passed"
            with hub.store.read() as connection:
                assert connection.execute(sa.select(Repository.rule)).scalar_one() == expected
