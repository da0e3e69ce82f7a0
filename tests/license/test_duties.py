"""Duties are met by bytes and names, not by claims."""

from __future__ import annotations

import pytest

from attest.canonical import sha256_hex
from attest.checkpoint.manifest import File, Manifest
from attest.license.duties import check_duties
from attest.license.read import parse_license
from attest.license.terms import Duties, Notice, Terms

TEXT = b"These are the terms.\n"
NOTICE = b"Ours is licensed under\nthe  Test License, all rights reserved.\n"
FILES = {"LICENSE.txt": TEXT, "Notice": NOTICE}


@pytest.fixture
def terms(license_text: str) -> Terms:
    text = license_text.replace("a" * 64, sha256_hex(TEXT))
    return parse_license(text.encode()).terms


def manifest(files: dict[str, bytes]) -> Manifest:
    return Manifest(
        files=tuple(
            File(path=path, size_bytes=len(data), sha256=sha256_hex(data), role="other")
            for path, data in sorted(files.items())
        )
    )


def outcome(terms: Terms, duties: Duties, name: str | None = None, **changes: bytes) -> list[bool]:
    changed = {path: changes.get(path, data) for path, data in FILES.items()}
    findings = check_duties(
        terms.model_copy(update={"duties": duties}),
        manifest=manifest(FILES),
        read=changed.get,
        release_name=name,
    )
    return [finding.is_met for finding in findings]


def test_no_duty_gives_no_finding(terms: Terms) -> None:
    assert outcome(terms, Duties()) == []


def test_license_copy_is_found_by_its_bytes_under_any_name(terms: Terms) -> None:
    asked = terms.model_copy(update={"duties": Duties(license_copy=True)})
    for files, is_met in (
        ({"docs/terms.md": TEXT}, True),
        ({"LICENSE.txt": TEXT + b"\n"}, False),
    ):
        found = check_duties(asked, manifest=manifest(files), read=files.get, release_name=None)
        assert [finding.is_met for finding in found] == [is_met]


@pytest.mark.parametrize(
    ("path", "sentence", "is_met"),
    [
        ("Notice", "licensed under the Test License", True),
        ("Notice", "Ours is\n  licensed", True),
        ("Notice", "Theirs is licensed", False),
        ("NOTICE", "licensed under the Test License", False),
    ],
)
def test_notice_holds_the_sentence_however_its_lines_break(
    terms: Terms, path: str, sentence: str, *, is_met: bool
) -> None:
    assert outcome(terms, Duties(notice=Notice(path=path, contains=sentence))) == [is_met]


def test_notice_is_read_only_as_the_manifest_lists_it(terms: Terms) -> None:
    duties = Duties(notice=Notice(path="Notice", contains="Test License"))
    assert outcome(terms, duties, Notice=NOTICE + b"more") == [False]


@pytest.mark.parametrize(
    ("name", "is_met"),
    [
        ("Llama-Tuned", True),
        ("someone/Llama-Tuned", True),
        ("Llama/Tuned", False),
        ("My-Llama", False),
        ("llama-tuned", False),
        (None, False),
    ],
)
def test_name_begins_with_the_prefix(terms: Terms, name: str | None, *, is_met: bool) -> None:
    assert outcome(terms, Duties(name_prefix="Llama"), name) == [is_met]
