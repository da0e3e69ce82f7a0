"""What the terms name, found here and held against its digest: benchmarks and judge."""

from __future__ import annotations

from pathlib import Path

from attest.benchmark.items import Benchmark
from attest.benchmark.load import load
from attest.errors import InputError
from attest.evaluation.judges import Judge, judge, judge_sha256
from attest.license.terms import Terms


def load_benchmarks(terms: Terms, data: Path | None) -> dict[str, Benchmark]:
    """The benchmarks that the terms name, by name, each checked against its digest."""
    found: dict[str, Benchmark] = {}
    for requirement in terms.requirements:
        wanted = requirement.benchmark
        if wanted.name not in found:
            found[wanted.name] = load(
                wanted.name, sha256=wanted.sha256, layout=wanted.layout, data=data
            )
    return found


def load_judge(terms: Terms) -> Judge:
    """The judge that the terms name.

    Raises: InputError with reason `another-judge` if this version of the package has another one
        under that name.
    """
    wanted = terms.judge
    found = judge_sha256(wanted.name)
    if found != wanted.sha256:
        raise InputError(
            f"the terms name judge {wanted.name} with digest {wanted.sha256[:12]}…, this version "
            f"of attest has {found[:12]}…",
            reason="another-judge",
            where="judge",
            hint="install the version of attest whose judge the license names, or ask the "
            "licensor for terms that name this one",
        )
    return judge(wanted.name)
