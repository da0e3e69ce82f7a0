"""The example licenses and the published schema are true today."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from attest.benchmark.load import load
from attest.benchmark.probes import probes
from attest.benchmark.registry import registry
from attest.canonical import sha256_hex
from attest.evaluation.judges import JUDGES, judge_sha256
from attest.license.allowance import allowances
from attest.license.lint import lint
from attest.license.read import parse_license, read_license
from attest.license.terms import Metric, Rule, Unit

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
    judges = {name: judge_sha256(name) for name in JUDGES}
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
        if not terms.probes
    }
    assert len(kinds) == len(EXAMPLES) - 1 == 3


def test_the_thorough_license_uses_everything() -> None:
    terms = read_license(ROOT / "examples" / "licenses" / "thorough.yaml").terms
    used = terms.requirements
    assert {probe.name for probe in terms.probes} == set(probes())
    assert {one.probe for one in used} == {None, *probes()}
    assert {one.metric for one in used} == set(get_args(Metric))
    assert {one.rule for one in used} == set(get_args(Rule))
    assert {one.unit for one in used} == set(get_args(Unit))
    assert {spec.kind for spec in terms.judges} == {"built-in", "model", "rubric", "vote"}
    members = {name for spec in terms.judges for name in getattr(spec, "members", ())}
    assert {one.judge for one in used} | members == {None, *(spec.name for spec in terms.judges)}
    assert any(one.per_category for one in used)
    assert any(one.judge_correction for one in used)


def test_files_of_the_thorough_license_are_found_and_hold_no_repeated_prompt() -> None:
    folder = ROOT / "examples" / "licenses" / "thorough"
    terms = read_license(folder.with_suffix(".yaml")).terms
    own = [one.benchmark for one in terms.requirements if one.benchmark.layout is not None]
    assert {reference.name for reference in own} == {"house-behaviours", "house-questions"}
    for one in own:
        found = load(one.name, sha256=one.sha256, layout=one.layout, data=folder)
        assert len({item.prompt for item in found.items}) == len(found.items)
        assert not any(item.is_child_safety for item in found.items)


def test_readme_states_the_allowed_failures() -> None:
    readme = (ROOT / "examples" / "licenses" / "README.md").read_text("utf-8")
    stated = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in readme.splitlines()
        if line.startswith("| ") and line.count("|") == 5 and "prompts" not in line
    ]
    assert len(stated) == 9
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
