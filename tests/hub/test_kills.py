"""Servers and workers are killed at any moment: nothing is lost, and nothing is signed twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from attest.attestation.bundle import make_bundle
from attest.hub.store.database import Store, open_store
from attest.hub.store.tables import Delivery, Event, Summary, Table, Verdict
from place import BASE, Place
from processes import Processes, processes
from stand_in import Repository, StandIn, served


def release_of_today(place: Place) -> dict[str, bytes]:
    """The release as a repository holds it, attested just now: these processes have real clocks."""
    statement = place.release.statement(issued=datetime.now(UTC)).to_json()
    model = place.release.model
    return {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()} | {
        "README.md": f"---\nbase_model: {BASE}\n---\n# A model\n".encode(),
        "attestations/a.sigstore.json": make_bundle(statement, place.release.key),
    }


@contextmanager
def run(place: Place, database: str, tmp_path: Path) -> Iterator[tuple[Processes, StandIn]]:
    stand_in = StandIn()
    with served(stand_in.app()) as origin:
        hub = place.policy_values()["huggingface"] | {"origin": origin}
        policy = place.write_policy(huggingface=hub, limits={"uploads_per_hour": "1000000"})
        with processes(policy, place.key_file, database, tmp_path / "log") as found:
            yield found, stand_in


def n_rows(store: Store, table: type[Table], *where: sa.ColumnElement[bool]) -> int:
    with store.read() as connection:
        statement = sa.select(sa.func.count()).select_from(table).where(*where)
        found: int = connection.execute(statement).scalar_one()
    return found


def n_done(store: Store) -> Callable[[int], bool]:
    return lambda n: n_rows(store, Delivery, Delivery.state == "done") >= n


def commits(repository: Repository, files: dict[str, bytes], n: int) -> list[str]:
    return [repository.push(files) for _ in range(n)]


def test_killed_workers_and_servers_lose_nothing_and_sign_nothing_twice(
    place: Place, database: str, tmp_path: Path
) -> None:
    n_uploads = 36
    files = release_of_today(place)
    with run(place, database, tmp_path) as (hub, stand_in):
        repository = stand_in.repository("someone/model")
        todo = commits(repository, files, n_uploads)
        server = hub.serve("--no-jobs")
        workers = [hub.worker(), hub.worker()]
        store = open_store(database)
        done = n_done(store)
        taken: set[str] = set()

        def push(commit: str) -> None:
            # As the real hub does: told again until it was taken in.
            nonlocal server
            while (key := hub.hook(stand_in.webhook("someone/model", None, commit))) is None:
                if server.poll() is not None:
                    server = hub.serve("--no-jobs")
            taken.add(key)

        for number, commit in enumerate(todo):
            push(commit)
            if number == n_uploads // 3:
                hub.wait_until(lambda: done(1))
                hub.kill(workers.pop())
            elif number == n_uploads // 2:
                hub.kill(server)
            elif number == 2 * n_uploads // 3:
                hub.kill(workers.pop())
                workers.append(hub.worker())
        hub.wait_until(lambda: done(n_uploads))

        assert len(taken) == n_uploads
        assert n_rows(store, Delivery) == n_uploads
        assert n_rows(store, Event, Event.action == "allow") == n_uploads, "each exactly once"
        assert n_rows(store, Verdict) == n_rows(store, Summary) == 1
        store.close()
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {one["event"] for one in events} >= {"worker", "serving", "checked"}
    assert not [one for one in events if one["event"] == "defect"]


def test_one_process_alone_serves_and_works(place: Place, sqlite: str, tmp_path: Path) -> None:
    with run(place, sqlite, tmp_path) as (hub, stand_in):
        repository = stand_in.repository("someone/model")
        commit = repository.push(release_of_today(place))
        hub.serve()
        key = hub.hook(stand_in.webhook("someone/model", None, commit))
        hub.wait_until(lambda: hub.get(f"/v1/deliveries/{key}")["state"] == "done")

        found = hub.get(f"/v1/deliveries/{key}")
        assert (found["detail"], found["action"]) == ("passed", "allow")
        verdict = hub.get(f"/v1/verdicts/{found['verdict']}")["verdict"]
        assert (verdict["checked"], verdict["covered"]) == ("listed-hash", verdict["total"])


def test_what_no_webhook_told_is_found_by_the_poll(
    place: Place, sqlite: str, tmp_path: Path
) -> None:
    stand_in = StandIn()
    stand_in.repository("someone/model").push(release_of_today(place))
    with served(stand_in.app()) as origin:
        other = place.policy_values()["huggingface"] | {"origin": origin}
        policy = place.write_policy(huggingface=other, watch=["someone/model", "someone/gone"])
        with processes(policy, place.key_file, sqlite, tmp_path / "log") as hub:
            hub.worker()
            store = open_store(sqlite)
            hub.wait_until(lambda: n_done(store)(1))
            assert n_rows(store, Event, Event.detail == "passed") == 1
            store.close()
