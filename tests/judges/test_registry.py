"""Judges by name, and the digest that a license names."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.resources import files

import pytest

from attest.errors import InputError
from attest.evaluation.judges import JUDGES, SOURCES, Exchange, judge, judge_sha256


def test_every_judge_has_sources_and_a_digest() -> None:
    assert set(SOURCES) == set(JUDGES)
    for name in JUDGES:
        assert len(judge_sha256(name)) == 64
        (found,) = judge(name, called="mine").judge([Exchange("2 + 2?", "4", reference="4")])
        assert (found.judge, found.label) in {("mine", "complied"), ("mine", "correct")}


def test_digest_is_that_of_a_sha256sum_listing() -> None:
    folder = files("attest.evaluation.judges")
    listing = "".join(
        f"{hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest()}  {name}\n"
        for name in sorted(SOURCES["refusal-rules"])
    )
    assert judge_sha256("refusal-rules") == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.parametrize("name", JUDGES)
def test_digest_covers_every_module_that_the_judge_loads(name: str) -> None:
    code = (
        f"import sys; from attest.evaluation.judges import judge; judge('{name}');"
        "print(*(m.rpartition('.')[2] + '.py' for m in sys.modules"
        " if m.startswith('attest.evaluation.judges.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(run.stdout.split()) == sorted(SOURCES[name])


def test_rejects_an_unknown_judge() -> None:
    for call in (judge, judge_sha256):
        with pytest.raises(InputError) as caught:
            call("oracle")
        assert caught.value.reason == "unknown-judge"
        assert "refusal-rules" in (caught.value.hint or "")
