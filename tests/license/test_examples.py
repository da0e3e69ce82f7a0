"""The example licenses and the published schema are true today."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from attest.benchmark.registry import registry
from attest.canonical import sha256_hex
from attest.license.lint import allowances, lint
from attest.license.read import parse_license, read_license

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples" / "licenses").glob("*.yaml"))
SCHEMA = json.loads((ROOT / "schemas" / "license.schema.json").read_text("utf-8"))


def test_digests_and_counts_of_the_examples_are_current() -> None:
    script = ROOT / "examples" / "licenses" / "pin.py"
    run = subprocess.run(
        [sys.executable, str(script), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.stdout, run.returncode) == ("", 0), f"run python {script.relative_to(ROOT)}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_has_neither_errors_nor_warnings(path: Path) -> None:
    read = read_license(path)
    judges = {read.terms.judge.name: read.terms.judge.sha256}
    remarks = lint(read, benchmarks=registry(), judges=judges, today=date(2026, 12, 1))
    assert [remark for remark in remarks if remark.severity != "note"] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_names_the_text_beside_it(path: Path) -> None:
    text = path.with_suffix(".txt").read_bytes()
    terms = read_license(path).terms
    assert terms.text.sha256 == sha256_hex(text)
    if terms.duties.notice is not None:
        assert terms.duties.notice.contains in " ".join(text.decode().split())


def test_examples_differ_in_kind() -> None:
    kinds = {
        (
            frozenset(requirement.rule for requirement in terms.requirements[:2]),
            terms.evaluators,
            terms.duties.name_prefix is not None,
        )
        for terms in (read_license(path).terms for path in EXAMPLES)
    }
    assert len(kinds) == len(EXAMPLES) == 3


def test_readme_states_the_allowed_failures() -> None:
    readme = (ROOT / "examples" / "licenses" / "README.md").read_text("utf-8")
    stated = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in readme.splitlines()
        if line.startswith("| ") and line.count("|") == 5 and "prompts" not in line
    ]
    assert len(stated) == 6
    true = {
        (f"{path.stem}, {row.requirement}", row.n_items, row.allowed_failures, row.smallest_failing)
        for path in EXAMPLES
        for row in allowances(read_license(path), benchmarks=registry())
    }
    for what, *numbers in stated:
        assert (what.split(" (")[0], *map(int, numbers)) in true


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_fits_the_schema(path: Path) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(read_license(path).terms.to_dict())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_survives_a_round_trip(path: Path) -> None:
    terms = read_license(path).terms
    assert parse_license(terms.to_json()).terms == terms
