"""How long commands take to start, in CPU seconds, beside `model_signing` in the same run.

A machine with other work on it takes more CPU time for the same work, so the least is told too.

Usage: python benchmarks/startup.py [--peer PATH-OF-model_signing] [--runs 21]
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run_compiled(folder: Path) -> None:
    """From now on run commands as where the package is installed: compiled once, in `folder`."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def medians(commands: Mapping[str, Sequence[str]], n_runs: int) -> dict[str, float]:
    """Print the median and the least CPU time of each command, and return the medians."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    # The first round compiles, and does not count; the rounds take turns on a changing machine.
    for _ in range(n_runs + 1):
        for name, command in commands.items():
            times[name].append(1000 * cpu_seconds(list(command)))
    found = {name: statistics.median(each[1:]) for name, each in times.items()}
    for name, median in found.items():
        print(f"{name:<30} {median:8.0f} ms of CPU, least {min(times[name][1:]):.0f}")
    return found


def main() -> None:
    """Print medians, and the ratio to the peer where it is installed."""
    parser = argparse.ArgumentParser(description="Time the start-up of commands.")
    parser.add_argument("--peer", default=shutil.which("model_signing"))
    parser.add_argument("--runs", type=int, default=21)
    arguments = parser.parse_args()
    attest = str(Path(sys.executable).with_name("attest"))
    commands = {
        "import typer, pydantic": [sys.executable, "-c", "import typer, pydantic"],
        "import attest": [sys.executable, "-c", "import attest"],
        "attest --help": [attest, "--help"],
        "attest verify --help": [attest, "verify", "--help"],
    }
    if arguments.peer:
        commands["model_signing --help"] = [arguments.peer, "--help"]
    with tempfile.TemporaryDirectory() as folder:
        run_compiled(Path(folder))
        found = medians(commands, arguments.runs)
    if arguments.peer:
        ratio = found["attest --help"] / found["model_signing --help"]
        print(f"attest --help / model_signing --help: {ratio:.2f}")


if __name__ == "__main__":
    main()
