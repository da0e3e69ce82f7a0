"""The revocation list: what is no longer believed, and from when.

Keys are revoked from a time, because what was signed before may still hold. That a signature is
older than that is believed only of a verified timestamp; without one, nobody knows, so it falls.

A checkpoint digest changes with every file, documentation too. Weights are taken back by the
weights digest, which no other README and no other sharding changes.

A certificate of a day has a new key each time: an identity is taken back with a new trust file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from attest.attestation.trust.records import Number
from attest.errors import InputError
from attest.license.document import parse_document
from attest.license.fit import fit
from attest.record import Record, Sha256, invalid

MAX_REVOCATIONS = 1000
"""Most entries of each kind; more are a reason for a new license or trust file."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def _utc(text: str) -> str:
    try:
        is_plain = _moment(text).strftime(_TIME) == text
    except ValueError:
        is_plain = False
    if not is_plain:
        raise ValueError("expected a time in UTC such as 2026-05-01T00:00:00Z")
    return text


UtcTime = Annotated[str, AfterValidator(_utc)]
"""A moment, written as 2026-05-01T00:00:00Z."""
Reason = Annotated[str, Field(max_length=1000)]


class RevokedKey(Record):
    """A key whose signatures count no more from a time on."""

    key: Sha256
    """SHA-256 of the public key file, as `sha256sum` says it."""
    since: UtcTime
    reason: Reason | None = None


class Revoked(Record):
    """Something that is not believed, whenever it was signed."""

    sha256: Sha256
    reason: Reason | None = None


class RevokedWeights(Record):
    """Tensors that are not believed, in whatever files they lie."""

    digest: Sha256
    """The weights digest (`blake3-tensors-v1`), as `attest digest --tensors` says it."""
    reason: Reason | None = None


Kind = Literal["attestations", "licenses", "checkpoints"]
"""What is revoked by the SHA-256 of its bytes."""
Entries = Annotated[tuple[Revoked, ...], Field(max_length=MAX_REVOCATIONS)]


class RevocationList(Record):
    """What the signers of one world have taken back."""

    version: Literal["attest-revocations/1"]
    trust: str
    """The name of the trust file that the list belongs to."""
    number: Number
    expires: date
    """Last day, in UTC, on which the list may be taken for the newest."""
    keys: Annotated[tuple[RevokedKey, ...], Field(max_length=MAX_REVOCATIONS)] = ()
    attestations: Entries = ()
    """By the SHA-256 of the signed statement, or of the bundle. The statement is the better name:
    a bundle can be written anew around the same signature, and then has other bytes."""
    licenses: Entries = ()
    """By the SHA-256 of the license file."""
    checkpoints: Entries = ()
    """By checkpoint digest."""
    weights: Annotated[tuple[RevokedWeights, ...], Field(max_length=MAX_REVOCATIONS)] = ()
    """By weights digest. Where this names any, nothing verifies whose weights nobody can tell."""

    def revoked_key(self, hint: str, signed_at: datetime | None) -> RevokedKey | None:
        """The entry by which a signature of the key `hint` does not count, or None.

        Args:
            hint: SHA-256 of the public key in PEM.
            signed_at: the verified time of the signature; None if there is none.
        """
        for entry in self.keys:
            if entry.key == hint and (signed_at is None or signed_at >= _moment(entry.since)):
                return entry
        return None


def parse_revocations(data: bytes, *, what: str = "revocations") -> RevocationList:
    """The revocation list that the YAML or JSON `data` writes.

    Raises: InputError with the reasons of `parse_document`, or with `schema`.
    """
    return fit(parse_document(data, what=what), RevocationList)


def renewed(
    before: RevocationList | None,
    *,
    trust: str,
    expires: date,
    keys: Mapping[str, str] = MappingProxyType({}),
    digests: Mapping[Kind, str] = MappingProxyType({}),
    weights: str | None = None,
    reason: str | None = None,
) -> RevocationList:
    """The next version of a list, or its first.

    Args:
        before: what was taken back until now.
        trust: name of the trust file.
        expires: last day of the new version.
        keys: for keys to take back, by their SHA-256, the time from which.
        digests: what else to take back.
        weights: a weights digest to take back.
        reason: why, for all of these.

    Raises: InputError with reason `another-trust` if the list belongs to another trust file, or
        with `schema` if a digest or a time is none, or the list would be too long.
    """
    if before is not None and before.trust != trust:
        raise InputError(
            f"the list belongs to {before.trust!r}, the trust file is {trust!r}",
            reason="another-trust",
        )
    values: dict[str, Any] = {"version": "attest-revocations/1"}
    values |= before.to_dict() if before is not None else {}
    number = before.number + 1 if before is not None else 1
    values |= {"trust": trust, "number": number, "expires": expires}
    added = [{"key": key, "since": since, "reason": reason} for key, since in keys.items()]
    values["keys"] = [*values.get("keys", ()), *added]
    for kind, sha256 in digests.items():
        values[kind] = [*values.get(kind, ()), {"sha256": sha256, "reason": reason}]
    if weights is not None:
        values["weights"] = [*values.get("weights", ()), {"digest": weights, "reason": reason}]
    try:
        return RevocationList.model_validate(values)
    except ValidationError as error:
        raise invalid(error, "revocation list") from error


def find(entries: tuple[Revoked, ...], *digests: str | None) -> Revoked | None:
    """The first entry that names one of `digests`, or None."""
    return next((entry for entry in entries if entry.sha256 in digests), None)
