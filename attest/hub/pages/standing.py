"""How a repository stands, as it is shown: what was found last, and whether that still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from attest.hub.pages.wording import WORDINGS, StandingName, Wording, standing_name
from attest.hub.policy import Policy
from attest.hub.store.queries_pages import Standing


@dataclass(frozen=True)
class Shown:
    """A standing with its words."""

    standing: Standing
    name: StandingName
    wording: Wording
    stale_because: tuple[str, ...]
    """Why what was found may not hold any more, each a sentence; empty while it does."""

    @property
    def revision(self) -> str | None:
        """The commit that was looked at."""
        return self.standing.revision

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint digest, where exactly these files are attested."""
        is_it = self.name in ("passed", "below-threshold", "outdated", "withdrawn")
        return self.standing.checkpoint if is_it else None


def show(standing: Standing, policy: Policy, now: datetime) -> Shown:
    """The standing as it is to be shown at `now`, under the policy in force."""
    name = standing_name(standing.kind, standing.state)
    return Shown(standing, name, WORDINGS[name], _stale_because(standing, policy, now))


def _stale_because(standing: Standing, policy: Policy, now: datetime) -> tuple[str, ...]:
    reasons = []
    if standing.event is not None and standing.newest_revision != standing.revision:
        reasons.append("A newer upload was not checked yet.")
    if standing.verdict is not None:
        rule = policy.rules.get(standing.rule or "")
        if rule is None:
            reasons.append("The policy of this hub has no such rule any more.")
        elif rule.license.sha256 != standing.license_sha256:
            reasons.append("The license has changed since.")
        elif rule.trust_version != standing.trust:
            reasons.append("Whom this hub believes has changed since.")
        elif rule.trust.file.content.expires < now.astimezone(UTC).date():
            reasons.append("The trust file of this hub has expired.")
        if standing.expires is not None and standing.state != "outdated" and standing.expires < now:
            reasons.append(f"The attestation ended on {standing.expires:%d %B %Y}.")
    return tuple(reasons)
