"""Durable jobs: what was taken in is worked on until it is done, whoever dies on the way.

The engine is DBOS on the hub's own database. A job is written in the same transaction as the
delivery that it is for, so neither is there without the other. Its id is fixed, so it is queued
once. Checks that take milliseconds and those that read or compute for hours have separate queues.

A job that is interrupted begins again: by itself, when the worker that held it has said nothing for
a while and another one takes over. Every job writes its findings in one transaction that closes the
delivery, so that beginning again changes nothing but the time.

Source: DBOS Transact 3.4.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSConfiguredInstance,
    DBOSPortableJSONSerializer,
    EnqueueOptions,
    run_dbos_database_migrations,
)

from attest.errors import HubError
from attest.hub.hub import Enqueue, Hub
from attest.hub.logs import log, log_defect, warn
from attest.hub.loops import Loops
from attest.hub.reconcile import look_up_watched
from attest.hub.renewal import Renewal
from attest.hub.store import deliveries, workers
from attest.hub.store.database import Store
from attest.hub.store.deliveries import Upload
from attest.hub.uploads import check_upload, give_up

QueueName = Literal["verification", "evaluation"]
QUEUES: tuple[QueueName, ...] = QueueName.__args__  # type: ignore[attr-defined]  # of a Literal

APPLICATION = "attest-hub"
JOBS_VERSION = "1"
"""Changes when jobs of an earlier version of this file could not go on in this one."""

VERIFICATIONS_AT_ONCE = 8
"""Jobs of one worker that mostly wait for another hub."""
EVALUATIONS_AT_ONCE = 1
"""Jobs of one worker that have the machine to themselves."""
POLLING_S = 0.1
PULSE_S = 3.0
"""How often a worker says that it lives, and looks for what is due."""
RECONCILE_S = 600.0
"""How often the watched repositories are looked up."""
FORGET_S = 600.0
"""How often a worker looks for jobs to forget."""
KEPT_FOR = timedelta(days=7)
"""How long the engine's own account of a job is kept, for whoever looks into a defect."""
FORGOTTEN_AT_ONCE = 500
"""Jobs that are forgotten in one transaction, so that others need not wait long."""


def queue_of(upload: Upload) -> QueueName:
    """The queue that an upload is checked in."""
    return "verification" if upload.depth == "listed-hash" else "evaluation"


def prepare_jobs(store: Store) -> None:
    """Make or bring up to date the tables of the engine."""
    url = store.engine.url.render_as_string(hide_password=False)
    run_dbos_database_migrations(url)


def open_queue(store: Store) -> Enqueue:
    """Writes jobs into the tables of the engine, within the caller's transaction."""
    client = DBOSClient(
        system_database_engine=store.engine,
        serializer=DBOSPortableJSONSerializer(),
        application_name=APPLICATION,
    )

    def enqueue(connection: sa.Connection, upload: Upload, attempt: int) -> None:
        options: EnqueueOptions = {
            "workflow_name": "check",
            "class_name": "Jobs",
            "instance_name": "hub",
            "queue_name": queue_of(upload),
            "workflow_id": f"{upload.key}:{attempt}",
        }
        client.enqueue_in_transaction(connection, options, upload.key)

    return enqueue


@DBOS.dbos_class("Jobs")
class Jobs(DBOSConfiguredInstance):
    """The jobs of a hub."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(config_name="hub")
        self._hub = hub

    @DBOS.workflow(name="check")
    def check(self, key: str) -> str:
        """Work on the delivery `key` until it is done or waits."""
        result = self.look(key)
        if result != "done":
            self.postpone(key)
        return result

    @DBOS.step()
    def look(self, key: str) -> str:
        """Check it; says `done`, `unavailable` or `defect`."""
        try:
            check_upload(self._hub, key)
        except HubError:
            warn("unavailable", delivery=key)
            return "unavailable"
        except Exception:  # noqa: BLE001 - the door: one upload must not stop the others
            log_defect("defect", delivery=key)
            return "defect"
        log("checked", delivery=key)
        return "done"

    @DBOS.step(retries_allowed=True, max_attempts=50)
    def postpone(self, key: str) -> None:
        """Have it tried again later."""
        give_up(self._hub, key)


@dataclass
class Worker:
    """A process that runs jobs, until it is stopped."""

    hub: Hub
    executor: str
    loops: Loops

    def stop(self) -> None:
        """Take no more jobs, and leave those that run to the next worker."""
        self.loops.stop()
        DBOS.destroy()
        with self.hub.store.write() as connection:
            workers.beat(connection, self.executor, self.hub.clock() - 2 * workers.DEAD_AFTER)


def start_worker(hub: Hub, queues: tuple[QueueName, ...] = QUEUES) -> Worker:
    """Run the jobs of `queues` in threads of this process."""
    executor = uuid.uuid4().hex
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_engine": hub.store.engine,
        "application_version": JOBS_VERSION,
        "executor_id": executor,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "ERROR",
        "use_listen_notify": False,
    }
    with hub.store.write() as connection:
        workers.beat(connection, executor, hub.clock())
    DBOS(config=config)
    Jobs(hub)
    DBOS.listen_queues(queues)
    DBOS.launch()
    DBOS.register_queue(
        "verification", worker_concurrency=VERIFICATIONS_AT_ONCE, polling_interval_sec=POLLING_S
    )
    DBOS.register_queue(
        "evaluation", worker_concurrency=EVALUATIONS_AT_ONCE, polling_interval_sec=1.0
    )
    loops = Loops()
    loops.start("pulse", lambda: _pulse(hub, executor), PULSE_S)
    loops.start("renewal", Renewal(hub).look, PULSE_S)
    loops.start("reconcile", lambda: look_up_watched(hub), RECONCILE_S)
    loops.start("forget", lambda: forget_jobs(hub.clock() - KEPT_FOR), FORGET_S)
    log("worker", executor=executor, queues=",".join(queues))
    return Worker(hub, executor, loops)


def forget_jobs(before: datetime) -> None:
    """Remove what the engine keeps of jobs that ended before that time.

    Their ids are not used again, and what they found is in the history.
    """
    while ended := DBOS.list_workflows(
        name="check",
        completed_before=before.isoformat(),
        limit=FORGOTTEN_AT_ONCE,
        load_input=False,
        load_output=False,
    ):
        DBOS.delete_workflows([one.workflow_id for one in ended])


def _pulse(hub: Hub, executor: str) -> None:
    with hub.store.write() as connection:
        workers.beat(connection, executor, hub.clock())
        dead = workers.claim_dead(connection, hub.clock())
    for one in dead:
        _take_over(hub, one)
    _queue_due(hub)


def _take_over(hub: Hub, executor: str) -> None:
    left = DBOS.list_workflows(
        status="PENDING", executor_id=executor, load_input=False, load_output=False
    )
    for queue in QUEUES:
        ids = [one.workflow_id for one in left if one.queue_name == queue]
        if ids:
            DBOS.resume_workflows(ids, queue_name=queue)
    with hub.store.write() as connection:
        workers.bury(connection, executor)
    warn("took-over", executor=executor, jobs=len(left))


def _queue_due(hub: Hub) -> None:
    with hub.store.read() as connection:
        keys = deliveries.due(connection, hub.clock())
    for key in keys:
        with hub.store.write() as connection:
            if deliveries.requeue(connection, key, hub.clock()):
                delivery = deliveries.delivery(connection, key)
                assert delivery is not None, "it was there a moment ago"
                hub.enqueue(connection, delivery.upload, delivery.attempt)
