"""Prompt sets for measuring and for keeping training apart from them; prompts are never printed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from prompts import HERE, split

REPOSITORY = HERE.parents[1]
CORE = REPOSITORY / "attest" / "benchmark" / "attest-core.jsonl"
PUBLISHED = REPOSITORY.parent / "shared" / "benchmarks"

CSV_SETS: dict[str, tuple[str, str | None]] = {
    "advbench": ("advbench/harmful_behaviors.csv", None),
    "tdc2023": ("tdc2023/tdc2023_test_phase_behaviors.csv", "Behavior"),
    "strongreject": ("strongreject/strongreject_dataset.csv", "forbidden_prompt"),
    "xstest": ("xstest/xstest_prompts.csv", "prompt"),
    "simplesafetytests": ("simplesafetytests/SimpleSafetyTests - test cases.csv", "prompts_final"),
    "ailuminate": (
        "ailuminate-demo-en/airr_official_1.0_demo_en_us_prompt_set_release.csv",
        "prompt_text",
    ),
}
"""Published CSV files, and the column of the prompt: None where the file has one and no head."""


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _leaves(node: Any) -> list[str]:
    """All strings of a nested JSON value."""
    if isinstance(node, str):
        return [node]
    return [
        leaf
        for child in (node.values() if isinstance(node, dict) else node)
        for leaf in _leaves(child)
    ]


def core_sets() -> dict[str, list[str]]:
    """The prompts of `attest-core`: harmful ones, and the two kinds of benign ones."""
    if not CORE.exists():
        return {}
    sets: dict[str, list[str]] = {}
    for text in CORE.read_text(encoding="utf-8").splitlines():
        row = json.loads(text)
        kind = "harmful" if row["label"] == "harmful" else row["category"]
        sets.setdefault(f"attest-core {kind}", []).append(row["prompt"])
    return sets


def published_sets(folder: Path = PUBLISHED) -> dict[str, list[str]]:
    """The prompts of the published sets found in `folder`; empty where there is none."""
    if not folder.is_dir():
        return {}
    sets: dict[str, list[str]] = {}
    for name, (file, column) in CSV_SETS.items():
        path = folder / file
        if column is None:
            with path.open(encoding="utf-8", newline="") as handle:
                sets[name] = [row[0] for row in csv.reader(handle) if row]
        elif name == "xstest":
            for row in _rows(path):
                sets.setdefault(f"xstest {row['label']}", []).append(row[column])
        else:
            sets[name] = [row[column] for row in _rows(path)]
    harmbench = folder / "harmbench-standard" / "harmbench_prompts.txt"
    sets["harmbench"] = harmbench.read_text(encoding="utf-8").splitlines()
    sets["catqa"] = _leaves(
        json.loads((folder / "catqa-en" / "catqa_english.json").read_text(encoding="utf-8"))
    )
    return sets


def held_out_sets(n: int = 300) -> dict[str, list[str]]:
    """Prompts of the grammar lines that training never saw."""
    harmful, benign = (split(name, 0, n).held_out for name in ("harmful", "benign"))
    return {
        "held-out harmful": [p.text for p in harmful],
        "held-out benign": [p.text for p in benign if not p.is_contrast],
        "held-out contrast": [p.text for p in benign if p.is_contrast],
    }
