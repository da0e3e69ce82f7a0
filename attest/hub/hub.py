"""The hub: what service, workers and commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from attest.attestation.keys import Signer
from attest.hub.doors.snapshot import Snapshot
from attest.hub.in_force import PolicyInForce
from attest.hub.judgement import Judge
from attest.hub.policy import Policy
from attest.hub.store.database import Store
from attest.hub.store.deliveries import Upload
from attest.verification.listings import FileDigests


class Door(Protocol):
    """A way to see what a repository holds."""

    def __call__(self, name: str, revision: str, *, reads_bytes: bool = False) -> Snapshot:
        """The repository `name` at the commit `revision`.

        Args:
            name: as its hub calls it.
            revision: a commit.
            reads_bytes: hash what is served instead of believing what is listed.

        Raises: InputError if it cannot be taken as it is; HubError if its hub does not answer.
        """


class Download(Protocol):
    """A way to get all files of a repository."""

    def __call__(
        self, name: str, revision: str, files: Mapping[str, FileDigests], folder: Path
    ) -> None:
        """Write the files of the repository `name` at the commit `revision` into `folder`.

        Raises: InputError or HubError as a door does; HubError if a file is not the listed one.
        """


class Watch(Protocol):
    """A way to ask a host for the newest commit of a repository."""

    def __call__(self, name: str) -> Upload:
        """What the main branch of the repository `name` points to.

        Raises: InputError if there is no such repository; HubError if its hub does not answer.
        """


class Enqueue(Protocol):
    """Whoever sees to it that a delivery is worked on."""

    def __call__(self, connection: sa.Connection, upload: Upload, attempt: int) -> None:
        """Have the job done once the transaction of `connection` is committed, and only then."""


@dataclass(frozen=True)
class Hub:
    """A hub that is open."""

    in_force: PolicyInForce
    store: Store
    signer: Signer
    """Of the hub's own statements."""
    clock: Callable[[], datetime]
    """The time, with its zone."""
    doors: Mapping[str, Door]
    """By the short name of the host that they lead to."""
    enqueue: Enqueue
    download: Download | None = None
    """For measuring again; None measures nothing."""
    watch: Watch | None = None
    """For the reconcile poll; None polls nobody."""
    connections: ExitStack = field(default_factory=ExitStack)
    """What is closed with the hub, or stopped."""

    @property
    def policy(self) -> Policy:
        """The policy in force now; the next call may give a newer one."""
        return self.in_force.policy

    @cached_property
    def judge(self) -> Judge:
        """Judges listings."""
        return Judge(self.clock)

    def close(self) -> None:
        """Close the database, and the connections to other hubs."""
        self.connections.close()
        self.store.close()
