"""What is said: an in-toto Statement about every file of a checkpoint.

Every file is a subject, so a stock `cosign` can check a single shard against the attestation; one
more subject carries the checkpoint digest, which binds names and sizes too. Field names follow
the `eval-result` predicate proposed to in-toto where they mean the same.

Source: in-toto Attestation Framework, Statement v1; in-toto/attestation#575 (proposal).
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from attest.checkpoint.manifest import Manifest
from attest.errors import InputError
from attest.evaluation.records import Evaluation
from attest.license.terms import License
from attest.license.verdict import Verdict
from attest.record import Record, WireRecord

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://w3id.org/attest-weights/safety-evaluation/v1"

CHECKPOINT_SUBJECT = "attest:checkpoint"
"""Name of the first subject, which carries the checkpoint digest."""

MAX_SUBJECTS = 1024
"""sigstore-go refuses statements with more subjects."""

AssuranceLevel = Literal["self_attested", "third_party"]
"""Who says so by their own account; who signed is for the verifier's trust to tell."""


class Subject(Record):
    """One thing that the statement is about, known by its digests alone."""

    name: str
    digest: dict[Literal["sha256"], str]
    """SHA-256 alone. Whoever matches subjects takes any digest of them, so that a git blob id
    would let SHA-1 decide; and `sigstore` signs no statement with digests that it does not know."""


class Predicate(WireRecord):
    """The measurement and what the license says to it."""

    assurance_level: AssuranceLevel
    release_name: str | None = None
    """The name under which the checkpoint is released, where the license rules names."""
    issued: datetime
    expires: datetime
    evaluation: Evaluation
    verdict: Verdict


class Statement(WireRecord):
    """An in-toto Statement v1 with our predicate."""

    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=MAX_SUBJECTS)]
    predicate_type: Literal["https://w3id.org/attest-weights/safety-evaluation/v1"]
    predicate: Predicate


def subjects(manifest: Manifest) -> tuple[Subject, ...]:
    """The subjects of a manifest: the checkpoint digest, then every file in order.

    A statement has room for 1023 files. Of a checkpoint with more, the first are the weights in
    order of their paths, then the indexes of shards, then the rest as far as there is room. No
    file is left out of what is signed: the checkpoint digest covers the manifest in the predicate,
    which lists all of them, and `verify` holds every one of them against it. Only tools that know
    nothing but subjects cannot check the files that found no room.
    """
    files = list(manifest.files)
    if len(files) >= MAX_SUBJECTS:
        files.sort(key=lambda file: (file.role != "weights", file.role != "index", file.path))
        files = files[: MAX_SUBJECTS - 1]
    return (
        Subject(name=CHECKPOINT_SUBJECT, digest={"sha256": manifest.digest()}),
        *(Subject(name=file.path, digest={"sha256": file.sha256}) for file in files),
    )


def state(
    evaluation: Evaluation,
    verdict: Verdict,
    license: License,
    *,
    issued: datetime,
    assurance_level: AssuranceLevel = "self_attested",
    release_name: str | None = None,
) -> Statement:
    """The statement that is signed.

    Args:
        evaluation: the measurement.
        verdict: what `license` says to it.
        license: the license it was measured under.
        issued: the moment of signing, with a time zone.
        assurance_level: whether the publisher or another party measured.
        release_name: the name of the release, where the license rules names.

    Raises: InputError if the three do not belong together or the license has expired.
    """
    if not evaluation.license.sha256 == verdict.license_sha256 == license.sha256:
        raise InputError(
            "evaluation, verdict and license do not belong together", reason="another-license"
        )
    issued = issued.astimezone(UTC).replace(microsecond=0)
    expires = issued + timedelta(days=license.terms.attestation_valid_days)
    if license.terms.expires is not None:
        last = datetime.combine(license.terms.expires, time(23, 59, 59), tzinfo=UTC)
        if last < issued:
            raise InputError(
                f"the license expired on {license.terms.expires}",
                reason="license-expired",
                hint="ask the licensor for current terms",
            )
        expires = min(expires, last)
    return Statement(
        type=STATEMENT_TYPE,
        predicate_type=PREDICATE_TYPE,
        subject=subjects(evaluation.manifest),
        predicate=Predicate(
            assurance_level=assurance_level,
            release_name=release_name,
            issued=issued,
            expires=expires,
            evaluation=evaluation,
            verdict=verdict,
        ),
    )
