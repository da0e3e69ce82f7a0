"""Bring the digests and item counts of the example licenses up to date, here and in ../tiny.

`attest-core`, the probes and the judges move with the package, and a text or a benchmark file of
the licensor's own moves when it is edited; the digest in a license then has to follow, and the
license becomes another one. Files of a license's own are in the folder of its name. Run it from
anywhere:

    python examples/licenses/pin.py            rewrite what is stale
    python examples/licenses/pin.py --check    only say so, exit 1 if anything is

It changes single lines and leaves comments alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from attest.benchmark.items import Layout
from attest.benchmark.parse import parse
from attest.benchmark.probes import probes
from attest.benchmark.registry import registry
from attest.canonical import sha256_hex
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.evaluation.judges import judge_sha256
from attest.evaluation.judges.rubric_judge import built_in_rubrics, rubric_sha256
from attest.license.document import Document, FieldPath, parse_document

HERE = Path(__file__).resolve().parent
FOLDERS = (HERE, HERE.parent / "tiny")
BASES = {"attest-example/tiny-aligned": HERE.parent / "tiny" / "models" / "aligned"}
"""Base models of the examples that are in this repository."""


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
    for index, base in enumerate(terms.get("base_models", [])):
        if "checkpoint" in base:
            manifest = digest(open_checkpoint(BASES[base["name"]]), strict=False)
            values["base_models", index, "checkpoint"] = manifest.digest()
    for index, named in enumerate(terms.get("probes", [])):
        values["probes", index, "sha256"] = probes()[named["name"]].sha256
    for index, judge in enumerate(terms.get("judges", [])):
        if judge["kind"] == "built-in":
            values["judges", index, "sha256"] = judge_sha256(judge["rules"])
        if judge["kind"] == "rubric":
            rubric = built_in_rubrics()[judge["scale"]]
            values["judges", index, "rubric_sha256"] = rubric_sha256(rubric)
    for index, requirement in enumerate(terms["requirements"]):
        for field, value in todays_selection(path, requirement).items():
            values["requirements", index, *field] = value
    return values


def todays_selection(path: Path, requirement: dict[str, Any]) -> dict[FieldPath, str | int]:
    """Which bytes a requirement names, and how many items it takes from them."""
    named = requirement["benchmark"]
    expected = requirement.get("expected")
    categories = tuple(requirement["categories"]) if "categories" in requirement else None
    source = registry().get(named["name"])
    if source is not None:
        n_items = source.n_items(expected, categories)
        return {("benchmark", "sha256"): source.sha256, ("n_items",): n_items}
    # A file of the licensor's own: `house-NAME` is NAME.jsonl in the folder of the license.
    file = path.with_suffix("") / f"{named['name'].removeprefix('house-')}.jsonl"
    data = file.read_bytes()
    layout = Layout.model_validate(named["layout"])
    own = parse(data, layout, name=named["name"], sha256=sha256_hex(data))
    items = own.select(expected, categories)
    values: dict[FieldPath, str | int] = {
        ("benchmark", "sha256"): own.sha256,
        ("n_items",): len(items),
    }
    if "n_behaviours" in requirement:
        values["n_behaviours",] = len({item.behaviour for item in items})
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
