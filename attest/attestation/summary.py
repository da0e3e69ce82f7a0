"""What a verifier says of what it has checked: an in-toto Simple Verification Result.

It is for those who trust the verifier and do not want to repeat its work. Only what was found to
hold is said: a property that is missing was not found.

Source: in-toto Attestation Framework, spec/predicates/svr.md, version 0.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from attest.attestation.statement import MAX_SUBJECTS, STATEMENT_TYPE, Subject
from attest.record import WireRecord

SUMMARY_TYPE: Final = "https://in-toto.io/attestation/svr/v0.2"


class PolicyRef(WireRecord):
    """A document that was gone by: an in-toto resource descriptor."""

    name: str
    uri: str | None = None
    digest: dict[Literal["sha256"], str]


class SummaryVerifier(WireRecord):
    """Who checked, and by which documents."""

    id: str
    """A URI that names the verifier and its version."""
    policies: tuple[PolicyRef, ...] = ()


class SummaryPredicate(WireRecord):
    """What holds, as of a moment."""

    verifier: SummaryVerifier
    time_created: datetime
    properties: Annotated[tuple[str, ...], Field(min_length=1)]
    """What was found to hold, such as `ATTEST_LICENSE_MET`."""


class SummaryStatement(WireRecord):
    """An in-toto Statement v1 with a Simple Verification Result."""

    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=MAX_SUBJECTS)]
    predicate_type: Literal["https://in-toto.io/attestation/svr/v0.2"]
    predicate: SummaryPredicate


def make_summary(
    subject: Sequence[Subject],
    *,
    verifier: str,
    policies: Sequence[PolicyRef],
    properties: Sequence[str],
    created: datetime,
) -> SummaryStatement:
    """The statement that a verifier signs.

    Args:
        subject: what was checked, at least one thing; beyond `MAX_SUBJECTS` the last are left out.
        verifier: URI of the verifier and its version.
        policies: the documents that were gone by: license, trust file.
        properties: what holds, at least one thing.
        created: when it was found, with a time zone.
    """
    return SummaryStatement(
        type=STATEMENT_TYPE,
        subject=tuple(subject[:MAX_SUBJECTS]),
        predicate_type=SUMMARY_TYPE,
        predicate=SummaryPredicate(
            verifier=SummaryVerifier(id=verifier, policies=tuple(policies)),
            time_created=created.astimezone(UTC).replace(microsecond=0),
            properties=tuple(properties),
        ),
    )
