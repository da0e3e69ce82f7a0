"""Step 5: the time of a paper fits the license, the trust file, and the clock of the caller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from attest.attestation.trust.records import Requires
from attest.errors import InputError
from attest.license.terms import License

CLOCK_SKEW = timedelta(minutes=5)
"""How far in the future an attestation may claim to be issued."""


def check_time(
    *,
    issued: datetime,
    expires: datetime | None,
    license: License,
    requires: Requires,
    signed_at: datetime | None,
    now: datetime,
) -> None:
    """Ensure that the paper and the license are in force.

    Args:
        issued: when it was, by its own word.
        expires: until when it says that it holds; None as long as the license lets any hold.
        license: the caller's.
        requires: what the caller's rules ask for.
        signed_at: when it was signed at the latest, if somebody trusted says so.
        now: the caller's clock.

    Raises: InputError that says which time does not fit.
    """
    if issued.tzinfo is None or (expires is not None and expires.tzinfo is None):
        raise InputError("times without a time zone")
    if issued > now + CLOCK_SKEW:
        raise InputError(
            f"issued {issued.isoformat()}, which is in the future",
            hint="check the clock of this machine",
        )
    if signed_at is not None and issued > signed_at + CLOCK_SKEW:
        raise InputError(
            f"says that it was issued {issued.isoformat()}, and was signed by "
            f"{signed_at.isoformat()}"
        )
    longest = timedelta(days=license.terms.attestation_valid_days)
    if expires is None:
        expires = issued + longest
    if expires > issued + longest:
        raise InputError(
            f"claims to hold for {(expires - issued).days} days, the license allows {longest.days}"
        )
    if now > expires:
        raise InputError(
            f"expired on {expires:%Y-%m-%d}",
            hint="ask the publisher to evaluate again under the current license",
        )
    oldest = requires.max_age_days
    if oldest is not None and now > issued + timedelta(days=oldest):
        raise InputError(
            f"is {(now - issued).days} days old, the trust file allows {oldest}",
            hint="ask the publisher to evaluate again",
        )
    _check_license(license, now)


def _check_license(license: License, now: datetime) -> None:
    terms = license.terms
    today = now.astimezone(UTC).date()
    if terms.expires is not None and today > terms.expires:
        raise InputError(
            f"the license expired on {terms.expires}", hint="ask the licensor for current terms"
        )
    if today < terms.issued:
        raise InputError(f"the license holds from {terms.issued} only")
