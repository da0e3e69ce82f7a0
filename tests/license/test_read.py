"""A license is read in one way, or refused with the place of its fault."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from attest.errors import InputError
from attest.license.document import MAX_DOCUMENT_BYTES, parse_document
from attest.license.read import parse_license, read_license


def refusal(text: str | bytes) -> InputError:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(InputError) as caught:
        parse_license(data, what="l.yaml")
    return caught.value


def test_scalars_stay_the_text_that_was_written(license_text: str) -> None:
    terms = parse_license(license_text.encode()).terms
    assert terms.license_version == "1.0"
    assert terms.duties.name_prefix == "3"
    assert terms.requirements[0].threshold == "0.05"
    assert terms.issued == date(2026, 1, 31)
    assert terms.requirements[0].n_items == 520
    assert terms.duties.license_copy is True


def test_digest_is_that_of_the_bytes(tmp_path: Path, license_text: str) -> None:
    path = tmp_path / "license.yaml"
    path.write_bytes(license_text.encode())
    assert read_license(path).sha256 == hashlib.sha256(license_text.encode()).hexdigest()
    path.write_bytes(license_text.encode() + b"\n# a comment\n")
    assert read_license(path).sha256 != hashlib.sha256(license_text.encode()).hexdigest()


def test_json_is_read_as_the_yaml_it_is(license_text: str) -> None:
    terms = parse_license(license_text.encode()).terms
    for indent in (None, 2):
        data = json.dumps(terms.to_dict(), indent=indent).encode()
        assert parse_license(data).terms == terms


@pytest.mark.parametrize("nothing", ["", " ~", " null"])
def test_an_open_value_is_an_absent_one(license_text: str, nothing: str) -> None:
    text = license_text + f"expires:{nothing}\n"
    assert parse_license(text.encode()).terms.expires is None


def test_a_quoted_null_is_a_word(license_text: str) -> None:
    text = license_text.replace('name_prefix: "3"', 'name_prefix: "null"')
    assert parse_license(text.encode()).terms.duties.name_prefix == "null"


@pytest.mark.parametrize(
    ("line", "reason", "message"),
    [
        ("name: again", "duplicate-key", "l.yaml:32:1: key 'name' appears twice"),
        ("expires: &day 2027-01-01", "not-plain-yaml", "l.yaml:32:10: an anchor, &day"),
        ("expires: *day", "not-plain-yaml", "l.yaml:32:10: an alias"),
        ("expires: !!timestamp 2027-01-01", "not-plain-yaml", "l.yaml:32:10: a tag"),
        ("expires: ! 2027-01-01", "not-plain-yaml", "l.yaml:32:10: a tag"),
        ("<<: {expires: 2027-01-01}", "not-plain-yaml", "l.yaml:32:1: a merge key"),
        ("? [a]\n: b", "not-plain-yaml", "expected a word as key"),
        ("~: b", "not-plain-yaml", "expected a word as key"),
        ("--- {}", "not-plain-yaml", "a second document"),
        ("*day : b", "not-plain-yaml", "an alias"),
        ("expires: [", "not-yaml", "l.yaml:33:1: not YAML"),
        ("expires: a: b", "not-yaml", "l.yaml:32:11: not YAML"),
        ("expires: \x07", "not-yaml", "not YAML"),
        ('expires: "\\ud800"', "not-utf8", "a surrogate escape"),
        ('expires: "2027-01-01\\e[2K"', "not-plain-yaml", "an escaped control character"),
        ('"expires\\r": 2027-01-01', "not-plain-yaml", "an escaped control character"),
        ("expires: " + "[" * 20 + "]" * 20, "too-deep", "deeper than 16"),
    ],
)
def test_refuses_yaml_with_two_meanings(
    license_text: str, line: str, reason: str, message: str
) -> None:
    error = refusal(license_text + line + "\n")
    assert error.reason == reason
    assert message in error.message


@pytest.mark.parametrize("text", ["", "# nothing\n", "[a, b]", "words", "~"])
def test_refuses_a_document_without_a_mapping(text: str) -> None:
    assert refusal(text).reason == "schema"


def test_refuses_what_is_not_utf8(license_text: str) -> None:
    assert refusal(b"\xff" + license_text.encode()).reason == "not-utf8"


def test_refuses_a_document_beyond_the_bound() -> None:
    assert refusal(b"#" * (MAX_DOCUMENT_BYTES + 1)).reason == "too-large"


def test_a_hostile_nesting_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="deeper"):
        parse_document(b"[" * 200_000, what="l.yaml")


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_license(tmp_path / "absent.yaml")
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    ("old", "new", "where", "field"),
    [
        ("n_items: 520", "n_items: 5_20", "l.yaml:15:5", "requirements.0.n_items"),
        ("n_items: 520", "n_items: 520.0", "l.yaml:15:5", "requirements.0.n_items"),
        ("n_items: 520", "n_items: '+520'", "l.yaml:15:5", "requirements.0.n_items"),
        ("n_items: 520", "n_items: 200000", "l.yaml:15:5", "requirements.0.n_items"),
        ("license_copy: true", "license_copy: yes", "l.yaml:30:3", "duties.license_copy"),
        ("license_copy: true", "license_copy: True", "l.yaml:30:3", "duties.license_copy"),
        ("2026-01-31", "2026-01-31T00:00:00", "l.yaml:6:1", "issued"),
        ("2026-01-31", "1769817600", "l.yaml:6:1", "issued"),
        ("threshold: 0.05", "threshold: 5e-2", "l.yaml:18:5", "requirements.0.threshold"),
        ("threshold: 0.05", "threshold: 5%", "l.yaml:18:5", "requirements.0.threshold"),
        ("name: Test License", "nane: Test License", "l.yaml", "name"),
        ("confidence: 0.95", "confidense: 0.95", "l.yaml:20:5", "requirements.0"),
        ("name: refusal-rules", "name: [a]", "l.yaml:10:9", "judge.name"),
    ],
)
def test_names_the_field_and_its_place(
    license_text: str, old: str, new: str, where: str, field: str
) -> None:
    error = refusal(license_text.replace(old, new, 1))
    assert error.reason == "schema"
    assert error.where == where
    assert field in error.message


def test_refuses_a_threshold_that_so_few_items_cannot_show(license_text: str) -> None:
    error = refusal(license_text.replace("n_items: 520", "n_items: 58"))
    assert error.reason == "cannot-be-passed"
    assert error.where == "l.yaml:12:5"
    assert "0.050340, above 0.05" in error.message
    assert error.hint == (
        "take at least 59 items, or take a threshold of at least 0.050340, or use rule `count`, "
        "which allows 2 of 58 items"
    )
    parse_license(license_text.replace("n_items: 520", "n_items: 59").encode())


def test_refuses_a_floor_of_one_with_a_confidence(license_text: str) -> None:
    text = license_text.replace(
        "threshold: 0.71\n    rule: count",
        "threshold: 1\n    rule: confidence\n    confidence: 0.9",
    )
    error = refusal(text)
    assert error.reason == "cannot-be-passed"
    assert "below 1" in error.message
    assert error.hint == (
        "take a threshold of at most 0.977237, or use rule `count`, which allows 0 of 100 items"
    )


def test_refuses_a_constant_answer_floor_below_one_item(license_text: str) -> None:
    text = license_text.replace("compliance_rate", "most_common_answer_rate")
    text = text.replace("at_least", "at_most").replace("0.71", "0.009")
    error = refusal(text)
    assert error.reason == "cannot-be-passed"
    assert error.hint == "take at least 112 items"
    parse_license(text.replace("0.009", "0.01").encode())
    assert refusal(text.replace("0.009", "0")).hint == "relax the threshold"
