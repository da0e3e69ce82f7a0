"""The policy in force, and how a newer one takes its place while the hub runs.

The policy file and all that it names are looked at every few seconds. What has changed is read and
checked before any of it counts, and it counts whole or not at all: until it holds, what was in
force stays. Somebody may be writing while we look, so nothing counts that changed between the last
two looks.

The new files must be a step forward: a trust file of the owner of the one before, a revocation list
of those who may sign one, neither older than what was believed before, a license of its licensor.
What has not changed is not held against this: once it has expired no check passes, and a newer
trust file is not to wait for it.

Connections to the other hub are made at the start, and stay as they were made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from attest.attestation.documents import SIGNATURE_SUFFIX
from attest.attestation.trust.ownership import check_trust
from attest.errors import InputError, VerificationError
from attest.hub.logs import log, warn
from attest.hub.policy import Policy, Rule
from attest.hub.policy_files import (
    files_named,
    read_named,
    read_policy_file,
)
from attest.verification.freshness import current_revocations, learn
from attest.verification.records import Level
from attest.verification.trusting import check_basis

LOOK_S = 2.0
"""How often the files are looked at."""
RETRY_S = 60.0
"""How soon files that were refused are read again, if nothing about them changes."""

_DEEPEST: Level = 4


@dataclass(frozen=True)
class _Sight:
    """A file as it looks from outside: whatever is written to it changes this."""

    inode: int
    size_bytes: int
    written_ns: int
    changed_ns: int


class PolicyInForce:
    """The policy that a hub goes by. Threads may share it; one of them renews it."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        """Put the policy file at `path` in force.

        Raises: InputError if the policy or what it names cannot be used.
        """
        self._path = path
        self._clock = clock
        self._file = read_policy_file(path)
        """As it could be read last; what it names is what is looked at."""
        policy = read_named(self._file, path.parent)
        rules = {name: _remembering(rule, clock()) for name, rule in policy.rules.items()}
        self.policy = replace(policy, rules=rules)
        """Never changed, only replaced: whoever takes it once has parts that belong together."""
        self.since = clock()
        """When it came into force here. It is set after the policy: a check under the one before
        that saw no other when it was written down is earlier than this."""
        self.is_current = True
        """False while files lie there that are newer and not in force."""
        self._seen: Mapping[Path, _Sight] = {}
        self._tried: Mapping[Path, _Sight] = {}
        self._again_at = math.inf

    def renew(self) -> None:
        """Take up what lies there, if it has changed, holds, and is a step forward."""
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            return
        if seen == self._tried and monotonic() < self._again_at:
            return
        self._tried, self._again_at = seen, monotonic() + RETRY_S
        is_current = False
        try:
            self._file = read_policy_file(self._path)
            self._take(read_named(self._file, self._path.parent))
            is_current = True
            self._again_at = math.inf
        except InputError as error:
            warn("policy-refused", reason=error.reason, where=error.where)
        finally:
            self.is_current = is_current

    def _look(self) -> dict[Path, _Sight]:
        named = [self._path, *files_named(self._file, self._path.parent)]
        folders = {path.parent for path in named}
        beside = [path for folder in folders for path in folder.glob(f"*{SIGNATURE_SUFFIX}")]
        found = {}
        for path in (*named, *beside):
            try:
                now = path.stat()
            except OSError:
                continue
            found[path] = _Sight(now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        return found

    def _take(self, found: Policy) -> None:
        before, now = self.policy, self._clock()
        rules = {
            name: _accepted(rule, before.rules.get(name), now) for name, rule in found.rules.items()
        }
        policy = replace(found, rules=rules)
        if policy == before:
            return
        self.policy = policy
        self.since = self._clock()
        log("policy-renewed")
        if (found.file.huggingface, found.read_token) != (
            before.file.huggingface,
            before.read_token,
        ):
            warn("restart-needed", where="huggingface")


def _accepted(found: Rule, before: Rule | None, now: datetime) -> Rule:
    """The rule `found`, once all that changed in it since `before` was checked.

    Raises: InputError with reason `trust-refused`, `revocations-refused` or `license-refused`.
    """
    was = None if before is None else before.trust
    trust = replace(found.trust, remembered=None if was is None else was.remembered)
    if was is None or trust.file != was.file:
        with _refusing("trust", found.name):
            check_trust(trust.file, remembered=trust.remembered, now=now)
    if trust.revocations is not None and (was is None or trust.revocations != was.revocations):
        with _refusing("revocations", found.name):
            current_revocations(trust, found.license, now)
    if (
        before is None
        or found.license_bytes != before.license_bytes
        or trust.license_signatures != before.trust.license_signatures
    ):
        with _refusing("license", found.name):
            # How deep a check has to be is for the check to say.
            check_basis(trust, found.license, _DEEPEST, now)
    return _remembering(replace(found, trust=trust), now)


def _remembering(rule: Rule, now: datetime) -> Rule:
    """The rule, with what is to be remembered of it when another one comes."""
    known = learn(rule.trust, rule.license, now)
    return replace(rule, trust=replace(rule.trust, remembered=known))


@contextmanager
def _refusing(what: str, rule: str) -> Iterator[None]:
    try:
        yield
    except (InputError, VerificationError) as error:
        raise InputError(str(error), reason=f"{what}-refused", where=rule) from error
