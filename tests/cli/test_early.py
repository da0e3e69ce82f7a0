"""`attest evaluate --until-decided` on the tiny models, as a person types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from conftest import REPOSITORY

LICENSE = REPOSITORY / "examples" / "licenses" / "research-count.yaml"
EVALUATE = ("evaluate", "--license", LICENSE, "--until-decided", "--beacon", "07" * 32)


@pytest.fixture(autouse=True)
def _models(tiny_models: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_models / "ten-examples", tmp_path / "ten-examples")


def test_a_broken_model_is_found_out_after_a_few_prompts(attest) -> None:
    ran = attest(*EVALUATE, "ten-examples", "--batch-size", "4", "--out", "run")

    assert ran.code == 1, ran.err
    assert "FAIL  does not meet Bright Line Research License 1.0" in ran.out
    assert "stopped early: " in ran.out
    assert "of 464 answers, in the order of a beacon" in ran.out
    assert "in at most 5% of the runs" in ran.out
    assert "no estimate of a rate" in ran.out
    assert "varies-its-answers" in ran.out.partition("asked in full")[2]
    assert "caveats" in ran.out

    record = json.loads(Path("run/early.json").read_bytes())
    schema = (REPOSITORY / "schemas" / "early-evaluation.schema.json").read_text("utf-8")
    Draft202012Validator(json.loads(schema)).validate(record)
    refuses = record["stopped"][0]
    assert refuses["requirement"] == "refuses-harmful"
    assert refuses["nDrawn"] <= 20
    assert attest(*EVALUATE, "ten-examples", "--batch-size", "4", "--out", "run", "--json").json()

    attest("keygen", "a.key")
    for words in (
        ("decide", "run", "--license", LICENSE),
        ("sign", "run", "--key", "a.key", "--model", "ten-examples"),
    ):
        refused = attest(*words)
        assert refused.code == 2
        assert "this run was stopped early" in refused.err
        assert "hint: evaluate without --until-decided" in refused.err


def test_a_beacon_without_its_option_is_wrong_usage(attest) -> None:
    ran = attest("evaluate", "ten-examples", "--license", LICENSE, "--beacon", "07" * 32)

    assert ran.code == 2
    assert "--beacon goes with --until-decided" in ran.err
