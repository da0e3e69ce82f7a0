"""All attestations of a folder at once: which of them is the one to go by?

Bundles over one statement are its signatures, and count together. Of several statements the best
is taken: one that verifies, under the newest license, with the best outcome, the deepest, the
latest.
Signatures come first and cost milliseconds; files are hashed once, and only for papers that are
signed by somebody whom the caller believes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from attest.attestation.bundle import open_bundle
from attest.errors import InputError, VerificationError
from attest.license.terms import License
from attest.verification.case import Beside, Case, Evidence, Subjects
from attest.verification.look import Look, look_at
from attest.verification.records import Level, Verification
from attest.verification.trusting import SignedTrust, Trust
from attest.verification.verify import go_on

if TYPE_CHECKING:
    from attest.verification.replay import Replay

MAX_BUNDLES = 64
"""Most bundles of one folder that are looked at."""
MAX_FOLDER_BYTES = 32 * 1024 * 1024
"""Most bytes of them all."""

_OUTCOMES = {"pass": 3, "inconclusive": 2, "fail": 1, None: 0}


@dataclass(frozen=True)
class Examined:
    """What was found of one bundle of the folder."""

    name: str
    license: License
    result: Verification


def examine_folder(
    bundles: Mapping[str, bytes],
    *,
    trust: Trust | SignedTrust,
    licenses: Sequence[License],
    level: Level,
    subjects: Callable[[], Subjects],
    evidence: Evidence | None = None,
    replay: Replay | None = None,
    now: datetime,
) -> tuple[Examined, ...]:
    """How far what `bundles` say can be believed, the best one first.

    A statement is examined once, by the first of its bundles that stands by itself; the others are
    its further signatures. Those that came before and do not stand are told too.

    Args:
        bundles: at least one and at most `MAX_BUNDLES`, by the name of each.
        trust: the caller's.
        licenses: the versions of the license that the caller accepts, at least one. A bundle is
            examined under the one that it was measured under.
        level: how deep to go.
        subjects: lists the files as they are now; called once at most, from level 1 on.
        evidence: as for `examine`, from level 2 on.
        replay: as for `examine`, from level 3 on.
        now: the caller's clock, with a time zone.

    Raises: InputError with reason `too-many`, `too-large` or `usage`; whatever `subjects` raises.
    """
    _check_bounds(bundles)
    if not bundles or not licenses:
        raise InputError("expected at least one attestation and one license", reason="usage")
    first: dict[str, _Looked] = {}
    for names in _by_statement(bundles):
        for name in names:
            beside = Beside(tuple(bundles[other] for other in names if other != name))
            first[name] = max(
                (
                    _Looked.at(name, Case(bundles[name], trust, license, beside, level, now))
                    for license in licenses
                ),
                key=lambda one: (_fit(one.examined), _n_passed(one.examined.result)),
            )
            if not first[name].look.is_stopped:
                break
    examined = {name: one.examined for name, one in first.items()}
    believed = [one for one in examined.values() if one.result.is_verified]
    present = subjects() if believed and level >= 1 else None
    for one in believed:
        rivals = tuple(other.result for other in believed if other is not one and _fit(other) > 0)
        result = go_on(
            first[one.name].look,
            subjects_now=present,
            evidence=evidence,
            replay=replay,
            rivals=rivals,
        )
        examined[one.name] = replace(one, result=result)
    return tuple(sorted(examined.values(), key=_standing, reverse=True))


@dataclass(frozen=True)
class _Looked:
    """A first look at a bundle, and what it comes to by itself."""

    look: Look
    examined: Examined

    @classmethod
    def at(cls, name: str, case: Case) -> _Looked:
        look = look_at(case)
        return cls(look, Examined(name, case.license, go_on(look)))


def _check_bounds(bundles: Mapping[str, bytes]) -> None:
    if len(bundles) > MAX_BUNDLES:
        raise InputError(
            f"expected at most {MAX_BUNDLES} attestations, found {len(bundles)}",
            reason="too-many",
            hint="name the one that counts with --bundle",
        )
    size_bytes = sum(map(len, bundles.values()))
    if size_bytes > MAX_FOLDER_BYTES:
        raise InputError(
            f"expected attestations of at most {MAX_FOLDER_BYTES} bytes, found {size_bytes}",
            reason="too-large",
            hint="name the one that counts with --bundle",
        )


def _by_statement(bundles: Mapping[str, bytes]) -> list[list[str]]:
    """The names of the bundles over each statement; one that cannot be read is alone."""
    groups: dict[bytes, list[str]] = {}
    for name, data in bundles.items():
        try:
            statement = open_bundle(data).dsse_envelope.payload
        except (InputError, VerificationError):
            statement = name.encode("utf-8", "surrogateescape")
        groups.setdefault(statement, []).append(name)
    return list(groups.values())


def _fit(look: Examined) -> int:
    """2 under the license it was measured under, 1 under another version of it, otherwise 0.

    A signer who speaks for one license must not replace papers under another one, and name and
    version are what he wrote, so they must be those of the license where the digest is.
    """
    measured, license = look.result.license, look.license
    if measured is None or measured.name != license.terms.name:
        return 0
    if measured.sha256 != license.sha256:
        return 1
    return 2 if measured.license_version == license.terms.license_version else 0


def _standing(examined: Examined) -> tuple[bool, date, int, int, datetime]:
    """What makes one result better than another."""
    result = examined.result
    return (
        result.is_verified,
        examined.license.terms.issued,
        _OUTCOMES[result.outcome or result.claimed],
        _n_passed(result),
        result.issued or datetime.min.replace(tzinfo=UTC),
    )


def _n_passed(result: Verification) -> int:
    return sum(step.status == "passed" for step in result.steps)
