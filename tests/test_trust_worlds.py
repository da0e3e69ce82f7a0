"""The worlds of examples/trust are what docs/trust.md says of them."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from conftest import REPOSITORY
from test_readme import normal

WALK = runpy.run_path(str(REPOSITORY / "examples" / "trust" / "walk.py"))


@pytest.mark.parametrize("world", WALK["WORLDS"])
def test_a_walk_prints_what_the_document_says(world: str, tmp_path: Path) -> None:
    for program in ("bash", "patch", "sed"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")

    transcripts = WALK["walk"](world, tmp_path)

    for number, transcript in enumerate(transcripts, start=1):
        assert normal(transcript) == normal(WALK["written"](world, number)), number
