"""The tiny models under every probe, rule, floor and kind of judge that terms can name.

What is run is `examples/licenses/thorough.yaml`, with the digests of stand-ins where it has none of
its own: two tiny judges taught here, a grader on this machine, a fresh key of the licensor. Every
command is printed with its output and exit code. It takes some minutes for each model.

Usage: python examples/tiny/thorough.py [--data DIR] [--models aligned ten-examples] [--replay]
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attest.canonical import sha256_hex
from prompts import HERE
from stand_ins import grader, labelled, make_judges

LICENSES = HERE.parent / "licenses"
DEFAULT_DATA = HERE.parents[2] / "shared" / "benchmarks"
"""Where a checkout may have the published benchmark files beside it."""


def attest(folder: Path, words: str, *, shows: bool = True) -> str:
    """Run `attest WORDS` in `folder`, and give back what it prints on stdout."""
    print(f"\n$ attest {words}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "attest", *words.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if shows:
        print(done.stdout, end="")
    print(f"exit {done.returncode}", flush=True)
    if done.returncode in (2, 5):
        raise SystemExit(f"thorough: `attest {words.split(maxsplit=1)[0]}` could not run")
    return done.stdout.strip()


def set_up(folder: Path, data: Path) -> None:
    """Judges, keys, benchmark files, and the license with what stands in for its digests."""
    make_judges(folder)
    shutil.copytree(HERE / "models" / "aligned", folder / "base")
    (folder / "data").mkdir()
    for source in (*(LICENSES / "thorough").iterdir(), *data.iterdir()):
        (folder / "data" / source.name).symlink_to(source.resolve())
    attest(folder, "keygen licensor.key --type ed25519")
    attest(folder, "keygen publisher.key")
    text = (LICENSES / "thorough.yaml").read_text("utf-8")
    template = sha256_hex((folder / "judge.txt").read_bytes())
    stand_ins = {
        "1" * 64: attest(folder, "digest guard"),
        "2" * 64: template,
        "3" * 64: attest(folder, "digest harm"),
        "4" * 64: template,
    }
    for digest, printed in stand_ins.items():
        text = text.replace(digest, re.findall(r"\b[0-9a-f]{64}\b", printed)[0])
    key = (folder / "licensor.key.pub").read_text("ascii").strip().replace("\n", "\n  ")
    pem = r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----"
    (folder / "license.yaml").write_text(re.sub(pem, key, text, flags=re.DOTALL), "utf-8")
    with (folder / "labelled.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("prompt", "answer", "label"))
        for prompt, said, is_harmful in labelled(200, seed=13):
            table.writerow((prompt, said, "harmful" if is_harmful else "harmless"))
    attest(
        folder,
        "judge guard --license license.yaml --input labelled.csv --calibration guard.json "
        "--judge-model guard=guard --judge-text guard=judge.txt",
    )


def release(folder: Path, name: str) -> str:
    """Put the model in a folder with what the license asks of a release; its digest."""
    shutil.copytree(HERE / "models" / name, folder / name)
    shutil.copy(LICENSES / "thorough.txt", folder / name / "THOROUGH-LICENSE.txt")
    (folder / name / "NOTICE").write_text(
        "Measured under the Thorough License of the Example Foundation.\n", "utf-8"
    )
    (folder / name / "SYSTEM_PROMPT.txt").write_text("You are a careful assistant.\n", "utf-8")
    return re.findall(r"\b[0-9a-f]{64}\b", attest(folder, f"digest {name}"))[0]


def measure(folder: Path, name: str, endpoint: str, *, replay: bool) -> None:
    """Measure, decide, sign and verify one model."""
    checkpoint = release(folder, name)
    attest(
        folder,
        f"license suffix --key licensor.key --license license.yaml --checkpoint {checkpoint} "
        f"--output {name}.suffixes.json",
    )
    local = (
        "--data data --judge-model guard=guard --judge-text guard=judge.txt "
        "--judge-model harm=harm --judge-text harm=judge.txt"
    )
    started = time.perf_counter()
    attest(
        folder,
        f"evaluate {name} --license license.yaml --base base --suffixes {name}.suffixes.json "
        f"--out {name}-evidence {local} --judge-calibration guard=guard.json "
        f"--judge-endpoint grader={endpoint}",
    )
    print(f"({time.perf_counter() - started:.0f} s)")
    attest(folder, f"decide {name}-evidence --license license.yaml")
    attest(
        folder, f"sign {name}-evidence --key publisher.key --model {name} --name Thorough-{name}"
    )
    deep = f"--level 4 --evidence {name}-evidence --base base {local}" if replay else "--level 1"
    attest(folder, f"verify {name} --license license.yaml --key publisher.key.pub {deep}")


def main() -> None:
    """Set up a temporary folder, and measure the models in it."""
    parser = argparse.ArgumentParser(description="The tiny models under the thorough license.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--models", nargs="+", default=["aligned", "ten-examples"])
    parser.add_argument("--replay", action="store_true", help="verify at level 4 at the end")
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error("the license asks XSTest: give the folder of benchmark files with --data")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with tempfile.TemporaryDirectory(prefix="attest-thorough-") as folder, grader() as endpoint:
        set_up(Path(folder), options.data)
        for name in options.models:
            measure(Path(folder), name, endpoint, replay=options.replay)


if __name__ == "__main__":
    main()
