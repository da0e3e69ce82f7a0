"""Walk through a world of examples/trust, and print each command with what it says.

    python examples/trust/walk.py small          prints the transcript
    python examples/trust/walk.py --write        runs both, and writes them into docs/trust.md

The commands stand in small.sh and large.sh, in parts that begin with a comment. The transcript of
part N of WORLD goes into the block of docs/trust.md that follows `<!-- WORLD N -->`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TINY = HERE.parent / "tiny"
DOCUMENT = HERE.parents[1] / "docs" / "trust.md"
WORLDS = ("small", "large")
BLOCK = r"(<!-- {world} {number} -->\n```console\n)(.*?)(\n```\n)"


def parts(world: str) -> list[list[str]]:
    """The commands of each part of a world; the first comment is about the whole."""
    text = (HERE / f"{world}.sh").read_text("utf-8")
    return [
        re.findall(r"^(?!#)(?:.+\\\n)*.+$", block, re.MULTILINE) for block in text.split("\n\n")[1:]
    ]


def prepare(folder: Path) -> None:
    """Put a model, its license and the edits of the large world into an empty folder."""
    shutil.copytree(TINY / "models" / "aligned", folder / "aligned")
    shutil.copy(TINY / "license.yaml", folder)
    shutil.copy(HERE / "rules.patch", folder)


def say(command: str, folder: Path) -> str:
    """A command, what it printed in all, and how it ended unless all was well."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"},
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    lines = [f"$ {command}", *(line.rstrip() for line in done.stdout.splitlines())]
    if done.returncode:
        lines.append(f"exit {done.returncode}")
    return "\n".join(line for line in lines if line)


def walk(world: str, folder: Path) -> list[str]:
    """The transcript of each part of a world, walked through in an empty folder."""
    prepare(folder)
    return ["\n".join(say(command, folder) for command in part) for part in parts(world)]


def written(world: str, number: int) -> str:
    """What the document says that part `number`, from 1, of a world prints."""
    pattern = BLOCK.format(world=world, number=number)
    found = re.search(pattern, DOCUMENT.read_text("utf-8"), re.DOTALL)
    return found.group(2) if found is not None else ""


def write(world: str, transcripts: list[str]) -> None:
    """Put transcripts into the document, each into its block."""
    text = DOCUMENT.read_text("utf-8")
    for number, transcript in enumerate(transcripts, start=1):
        pattern = re.compile(BLOCK.format(world=world, number=number), re.DOTALL)
        text, n_found = pattern.subn(lambda found: found[1] + transcript + found[3], text)  # noqa: B023
        if n_found != 1:
            raise SystemExit(f"docs/trust.md has {n_found} blocks for {world} {number}")
    DOCUMENT.write_text(text, encoding="utf-8")


def main() -> None:
    """Walk through one world, or write both down."""
    parser = argparse.ArgumentParser(description="Walk through a world of examples/trust.")
    parser.add_argument("world", choices=WORLDS, nargs="?")
    parser.add_argument("--write", action="store_true", help="write docs/trust.md")
    arguments = parser.parse_args()
    for world in [arguments.world] if arguments.world else WORLDS:
        with tempfile.TemporaryDirectory() as folder:
            transcripts = walk(world, Path(folder))
        print("\n\n".join(transcripts))
        if arguments.write:
            write(world, transcripts)


if __name__ == "__main__":
    main()
