"""The engine's own account of the jobs."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dbos import DBOS

from attest.hub.jobs import KEPT_FOR, forget_jobs, start_worker
from attest.hub.uploads import accept_upload
from place import COMMIT, FixedDoor, Place, delivery, upload, with_door


def n_kept() -> int:
    return len(DBOS.list_workflows(name="check"))


def test_jobs_that_ended_long_ago_are_forgotten(place: Place, sqlite: str) -> None:
    # One database, for the engine knows one worker in a process.
    with place.open(sqlite) as opened:
        door = FixedDoor({COMMIT: place.snapshot({})})
        hub = replace(with_door(opened, door), clock=lambda: datetime.now(UTC))
        worker = start_worker(hub)
        try:
            accept_upload(hub, upload())
            end = time.monotonic() + 30
            while not DBOS.list_workflows(status="SUCCESS"):
                assert time.monotonic() < end
                time.sleep(0.05)

            forget_jobs(hub.clock() - KEPT_FOR)
            assert n_kept() == 1, "it ended just now"
            forget_jobs(hub.clock() + timedelta(seconds=5))
            assert n_kept() == 0
            assert delivery(hub, upload()).state == "done", "what it found is the hub's own"
            assert not accept_upload(hub, upload())
        finally:
            worker.stop()
