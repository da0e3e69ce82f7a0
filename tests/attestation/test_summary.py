"""What a verifier says of what it checked: only what holds, of what it checked."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from pydantic import ValidationError

from attest.attestation.statement import MAX_SUBJECTS, Subject
from attest.attestation.summary import PolicyRef, SummaryStatement, make_summary
from attest.errors import InputError
from attest.verification.records import Level, Verification
from attest.verification.summarizing import properties_of, summarize

NOW = datetime(2026, 6, 1, 12, 30, 15, 999, tzinfo=UTC)
SUBJECT = Subject(name="model.safetensors", digest={"sha256": "0" * 64})


def summary(*subjects: Subject, properties: tuple[str, ...] = ("ATTEST_LEVEL_0",)) -> object:
    return make_summary(
        subjects,
        verifier="https://example.org/verifier/v1",
        policies=[PolicyRef(name="terms", digest={"sha256": "1" * 64})],
        properties=properties,
        created=NOW,
    )


def found(level: Level | None, **changes: object) -> Verification:
    values: dict[str, object] = {
        "verifier": "attest",
        "verified_at": NOW,
        "bundle_sha256": "0" * 64,
        "is_verified": level is not None,
        "level": level,
        "steps": (),
    }
    return Verification.model_validate(values | changes)


def test_a_summary_is_read_as_it_was_written() -> None:
    written = summary(SUBJECT)
    assert isinstance(written, SummaryStatement)

    assert SummaryStatement.from_json(written.to_json(), what="summary") == written
    assert written.to_dict()["predicate"] == {
        "verifier": {
            "id": "https://example.org/verifier/v1",
            "policies": [{"name": "terms", "digest": {"sha256": "1" * 64}}],
        },
        "timeCreated": "2026-06-01T12:30:15Z",
        "properties": ["ATTEST_LEVEL_0"],
    }


def test_a_summary_speaks_of_something_and_says_something() -> None:
    with pytest.raises(ValidationError):
        summary()
    with pytest.raises(ValidationError):
        summary(SUBJECT, properties=())
    many = summary(*[SUBJECT] * (MAX_SUBJECTS + 1))
    assert isinstance(many, SummaryStatement)
    assert len(many.subject) == MAX_SUBJECTS


def test_a_deeper_summary_says_all_that_a_shallow_one_says() -> None:
    levels: tuple[Level, ...] = (0, 1, 2, 3, 4)
    said = [set(properties_of(found(level), is_from_bytes=True)) for level in levels]

    assert all(one < other for one, other in pairwise(said))
    assert properties_of(found(None), is_from_bytes=True) == ()


def test_what_did_not_hold_is_not_said() -> None:
    def said(**changes: object) -> tuple[str, ...]:
        return properties_of(found(1, **changes), is_from_bytes=False)

    assert said() == ("ATTEST_LEVEL_0", "ATTEST_LEVEL_1", "ATTEST_FILES_AS_LISTED")
    assert said(outcome="fail") == said(outcome="inconclusive") == said()
    assert said(outcome="pass", believed_as="publisher") == (*said(), "ATTEST_LICENSE_MET")
    both = (*said(), "ATTEST_THIRD_PARTY", "ATTEST_LICENSE_MET")
    assert said(outcome="pass", believed_as="evaluator") == both


def test_nothing_is_summed_up_of_a_signature_alone_or_of_another_statement() -> None:
    license = {"name": "L", "license_version": "1", "sha256": "2" * 64}
    for level, reason in ((None, "not-verified"), (0, "not-verified"), (1, "another-statement")):
        result = found(level, license=license, statement_sha256="3" * 64)  # type: ignore[arg-type]
        with pytest.raises(InputError) as caught:
            summarize(result, b"{}", verifier="https://example.org", is_from_bytes=True)
        assert caught.value.reason == reason
