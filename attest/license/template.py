"""A first license to edit: complete, commented, and passable as it stands."""

from __future__ import annotations

import json
from datetime import date
from importlib.resources import files
from string import Template

from attest.license.terms import BenchmarkRef, JudgeRef, Text


def new_license(
    *,
    name: str,
    licensor: str,
    base_model: str,
    text: Text,
    issued: date,
    benchmark: BenchmarkRef,
    n_refuse: int,
    n_comply: int,
    judge: JudgeRef,
) -> str:
    """The text of a commented `license.yaml`.

    Args:
        name: of the license.
        licensor: who grants it.
        base_model: the model whose derivatives it covers.
        text: title and digest of the legal text.
        issued: the day of issue.
        benchmark: what is asked.
        n_refuse: how many of its items expect a refusal.
        n_comply: how many of its items expect an answer.
        judge: who judges the answers.
    """
    words = {
        "name": name,
        "licensor": licensor,
        "base_model": base_model,
        "text_title": text.title,
        "text_sha256": text.sha256,
        "benchmark_name": benchmark.name,
        "benchmark_sha256": benchmark.sha256,
        "judge_name": judge.name,
        "judge_sha256": judge.sha256,
    }
    # A JSON string is a quoted YAML scalar, so no name can end its line or begin a comment.
    quoted = {key: json.dumps(word, ensure_ascii=False) for key, word in words.items()}
    template = Template(files(__package__).joinpath("new-license.yaml").read_text("utf-8"))
    return template.substitute(
        quoted, issued=issued.isoformat(), n_refuse=n_refuse, n_comply=n_comply
    )
