"""What a verification may be summed up to, for those who believe the verifier.

A summary names what was found to hold and nothing else, so leaving a property out never makes it
say more. Each level that was reached is a property of its own: whoever asks for level 2 finds it in
a summary of level 4 as well.
"""

from __future__ import annotations

from attest.attestation.statement import CHECKPOINT_SUBJECT, Statement, Subject, subjects
from attest.attestation.summary import PolicyRef, SummaryStatement, make_summary
from attest.canonical import sha256_hex
from attest.checkpoint.roles import role_of
from attest.errors import InputError
from attest.verification.records import LEVELS, Level, Verification

ATTESTATION_SUBJECT = "attest:statement"
"""Name of the subject that carries the digest of the signed statement that was verified."""


THIRD_PARTY = "ATTEST_THIRD_PARTY"
"""Believed as a third party's measurement."""
LICENSE_MET = "ATTEST_LICENSE_MET"
"""The license is met; without it, the check found that it is not, or not surely."""


def level_property(level: Level) -> str:
    """What says that a verification reached `level`."""
    return f"ATTEST_LEVEL_{level}"


def properties_of(result: Verification, *, is_from_bytes: bool) -> tuple[str, ...]:
    """What `result` found to hold; nothing if it is not verified.

    Args:
        result: of a verification.
        is_from_bytes: whether the files themselves were hashed, or somebody listed their digests.
    """
    if not result.is_verified or result.level is None:
        return ()
    found = [level_property(level) for level in LEVELS if level <= result.level]
    if result.level >= 1:
        found.append("ATTEST_FILES_AS_READ" if is_from_bytes else "ATTEST_FILES_AS_LISTED")
    if result.believed_as == "evaluator":
        found.append(THIRD_PARTY)
    if result.outcome == "pass":
        found.append(LICENSE_MET)
    return tuple(found)


def summarize(
    result: Verification, statement: bytes, *, verifier: str, is_from_bytes: bool
) -> SummaryStatement:
    """The statement of a verifier about what he verified, to be signed by him.

    Its subjects are the checkpoint, the files that decide its behavior, and the statement that was
    verified. Documentation may change under an attestation, so a summary does not vouch for it. Of
    more files than there is room for, the first are named: see `attest.attestation.statement`.

    Args:
        result: of a verification of level 1 or deeper.
        statement: the bytes that were verified.
        verifier: URI of the verifier.
        is_from_bytes: as for `properties_of`.

    Raises: InputError with reason `not-verified` if nothing was found to hold of files, or
        `another-statement` if `statement` is not what `result` is about.
    """
    if not result.is_verified or not result.level or result.license is None:
        raise InputError(
            "expected a verification of level 1 or deeper that came to a good end",
            reason="not-verified",
            hint="a summary says what holds of files; here nothing was found to",
        )
    if sha256_hex(statement) != result.statement_sha256:
        raise InputError("this is not the statement that verified", reason="another-statement")
    manifest = Statement.from_json(statement, what="statement").predicate.evaluation.manifest
    deciding = tuple(file for file in manifest.files if role_of(file.path) != "documentation")
    _, *files = subjects(manifest.model_copy(update={"files": deciding}))
    license = result.license
    policies = [
        PolicyRef(
            name=f"{license.name} {license.license_version}", digest={"sha256": license.sha256}
        )
    ]
    if result.trust is not None:
        policies.append(
            PolicyRef(
                name=f"{result.trust.name} {result.trust.number}",
                digest={"sha256": result.trust.sha256},
            )
        )
    return make_summary(
        [
            Subject(name=CHECKPOINT_SUBJECT, digest={"sha256": manifest.digest()}),
            Subject(name=ATTESTATION_SUBJECT, digest={"sha256": result.statement_sha256}),
            *files,
        ],
        verifier=verifier,
        policies=policies,
        properties=properties_of(result, is_from_bytes=is_from_bytes),
        created=result.verified_at,
    )
