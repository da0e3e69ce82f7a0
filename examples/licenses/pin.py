"""Bring the digests and item counts of the example licenses up to date, here and in ../tiny.

`attest-core` and the judges move with the package, and a text moves when it is edited; the digest
in a license then has to follow, and the license becomes another one. Run it from anywhere:

    python examples/licenses/pin.py            rewrite what is stale
    python examples/licenses/pin.py --check    only say so, exit 1 if anything is

It changes single lines and leaves comments alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from attest.benchmark.registry import registry
from attest.canonical import sha256_hex
from attest.evaluation.judges import judge_sha256
from attest.license.document import Document, FieldPath, parse_document

HERE = Path(__file__).resolve().parent
FOLDERS = (HERE, HERE.parent / "tiny")


def pinned(path: Path) -> str:
    """The license at `path` with every digest and item count as it should be today."""
    text = path.read_text("utf-8")
    document = parse_document(text.encode(), what=path.name)
    lines = text.splitlines(keepends=True)
    for field, value in todays_values(path, document).items():
        line, column = (int(number) - 1 for number in document.places[field].split(":"))
        lines[line] = f"{lines[line][:column]}{field[-1]}: {value}\n"
    return "".join(lines)


def todays_values(path: Path, document: Document) -> dict[FieldPath, str | int]:
    """What the fields that move should hold, by their place in the document."""
    terms = document.root
    values: dict[FieldPath, str | int] = {
        ("text", "sha256"): sha256_hex(path.with_suffix(".txt").read_bytes()),
        ("judge", "sha256"): judge_sha256(terms["judge"]["name"]),
    }
    for index, requirement in enumerate(terms["requirements"]):
        source = registry()[requirement["benchmark"]["name"]]
        categories = requirement.get("categories")
        values["requirements", index, "benchmark", "sha256"] = source.sha256
        values["requirements", index, "n_items"] = source.n_items(
            requirement.get("expected"), tuple(categories) if categories else None
        )
    return values


def main() -> int:
    """Rewrite or check the licenses; the exit status is 1 if a checked one is stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    stale = [
        path
        for folder in FOLDERS
        for path in sorted(folder.glob("*.yaml"))
        if pinned(path) != path.read_text("utf-8")
    ]
    for path in stale:
        print(f"{path.name}: {'stale' if check else 'rewritten'}")
        if not check:
            path.write_text(pinned(path), "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
