"""Opening a hub: the policy, the database and the key become one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from attest.attestation.keys import Signer
from attest.hub.doors.huggingface import open_huggingface
from attest.hub.fetch import Fetcher, Host
from attest.hub.hub import Hub
from attest.hub.in_force import LOOK_S, PolicyInForce
from attest.hub.jobs import open_queue, prepare_jobs
from attest.hub.loops import Loops
from attest.hub.measuring import download_huggingface
from attest.hub.policy import HuggingFace
from attest.hub.reconcile import HUGGING_FACE, newest
from attest.hub.store.database import open_store


def utc_now() -> datetime:
    """The clock of this machine, in UTC."""
    return datetime.now(UTC)


def open_hub(
    policy_file: Path, database: str, signer: Signer, *, clock: Callable[[], datetime] = utc_now
) -> Hub:
    """The hub of a policy file, with its database made or brought up to date.

    Args:
        policy_file: see `attest.hub.policy`.
        database: URL; see `attest.hub.store.database`.
        signer: of the hub's own statements.
        clock: the time, with its zone.

    Raises: InputError if the policy or what it names cannot be used; HubError if the database
        does not answer.
    """
    in_force = PolicyInForce(policy_file, clock)
    store = open_store(database)
    prepare_jobs(store)
    hub = Hub(in_force, store, signer, clock, doors={}, enqueue=open_queue(store))
    policy = in_force.policy
    other = policy.file.huggingface
    if other is None:
        return hub
    fetcher = _fetcher(other, policy.read_token)
    hub.connections.callback(fetcher.close)
    return replace(
        hub,
        doors={HUGGING_FACE: partial(open_huggingface, fetcher, origin=other.origin)},
        download=partial(download_huggingface, fetcher, origin=other.origin),
        watch=partial(newest, fetcher, origin=other.origin),
    )


def keep_renewing(hub: Hub) -> None:
    """Take up newer licenses, trust files, revocation lists and policies until it is closed."""
    loops = Loops()
    loops.start("policy", hub.in_force.renew, LOOK_S)
    hub.connections.callback(loops.stop)


def _fetcher(other: HuggingFace, token: str | None) -> Fetcher:
    is_private = other.unsafe_may_be_private
    return Fetcher(
        [
            Host(other.origin, is_private, other.downloads, token),
            *(Host(origin, is_private) for origin in other.downloads),
        ]
    )
