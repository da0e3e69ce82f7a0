"""Checking again what was found before the policy in force was.

A newer trust file, revocation list or license says something of every upload that was checked under
the one before. Which these are is asked of the database, so that a restart forgets none. They wait
for fresh uploads: only so many are due at a time, and none while as many others are.
"""

from __future__ import annotations

import math
from datetime import datetime
from time import monotonic

from attest.hub.hub import Hub
from attest.hub.logs import log
from attest.hub.store import deliveries
from attest.hub.store.outdated import Basis, outdated

RENEWED_AT_ONCE = 100
"""Checks by listed hashes that may be due before uploads are added that were checked already."""
ASK_AGAIN_S = 600.0
"""How soon the database is asked again when it had nothing: a branch may be reset to a commit that
was checked long ago."""


class Renewal:
    """Has outdated uploads checked again, a batch at a time. For one thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._settled: datetime | None = None
        """Since when that is in force by which nothing was outdated."""
        self._ask_at = -math.inf

    def look(self) -> None:
        """Have as many uploads checked again as there is room for."""
        hub = self._hub
        # In this order: a policy that comes between the two brings another time, and another look.
        since, rules = hub.in_force.since, hub.policy.rules.values()
        if since == self._settled and monotonic() < self._ask_at:
            return
        in_force = [Basis(one.name, one.license.sha256, one.trust_version) for one in rules]
        with hub.store.read() as connection:
            room = RENEWED_AT_ONCE - deliveries.count_due(connection, hub.clock(), RENEWED_AT_ONCE)
            if room <= 0:
                return
            keys = outdated(connection, in_force, since, room)
        if not keys:
            self._settled, self._ask_at = since, monotonic() + ASK_AGAIN_S
            return
        with hub.store.write() as connection:
            n_checks = deliveries.check_again(connection, keys, hub.clock())
        log("checking-again", uploads=n_checks)
