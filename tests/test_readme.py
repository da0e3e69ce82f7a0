"""The commands of the README run, and print what it prints."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY

TINY = REPOSITORY / "examples" / "tiny"


def normal(text: str) -> str:
    """Words and marks of an output, without digits, digests, rulers and runs of blanks."""
    text = re.sub(r"\b[0-9a-f]{8,64}\b…?", "#", text)
    text = re.sub(r"[0-9][0-9TZ.,]*", "#", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip(" ─\n"))


def transcript() -> list[tuple[str, str]]:
    """Each command of the first screen with the output printed below it."""
    text = (REPOSITORY / "README.md").read_text("utf-8")
    block = text.split("<!-- transcript: begin -->")[1].split("<!-- transcript: end -->")[0]
    body = block.strip().removeprefix("```console").removesuffix("```")
    parts = re.split(r"^\$ (.+)$", body, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    for model in (TINY / "models").iterdir():
        shutil.copytree(model, folder / model.name)
    shutil.copy(TINY / "license.yaml", folder)
    return folder


def test_the_first_screen_is_what_the_commands_print(stage: Path) -> None:
    for command, printed in transcript():
        words = shlex.split(command.partition("#")[0])
        if words[0] == "attest":
            words = [sys.executable, "-m", *words]
        done = subprocess.run(
            words, cwd=stage, check=False, text=True, stdout=subprocess.PIPE, stderr=sys.stderr
        )
        found = done.stdout + (f"exit {done.returncode}\n" if "exit " in printed else "")
        assert normal(found) == normal(printed), command


def test_the_library_example_runs(stage: Path) -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    code = text.split("```python")[1].split("```")[0]
    if not list(stage.glob("aligned/attestations/*")):
        pytest.skip("needs the attestation that the first screen makes")

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=stage, check=True, text=True, stdout=subprocess.PIPE
    )

    assert done.stdout == "pass 1\n"


def test_every_command_is_in_the_readme() -> None:
    from attest.cli.main import app

    text = (REPOSITORY / "README.md").read_text("utf-8")
    names = [command.name for command in app.registered_commands]
    names += [group.name for group in app.registered_groups]

    assert [name for name in names if f"`attest {name}" not in text] == []
