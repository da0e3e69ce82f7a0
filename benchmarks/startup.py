"""How long commands take to start, in CPU seconds, beside `model_signing` in the same run.

Usage: python benchmarks/startup.py [--peer PATH-OF-model_signing] [--runs 11]
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print medians, and the ratio to the peer where it is installed."""
    parser = argparse.ArgumentParser(description="Time the start-up of commands.")
    parser.add_argument("--peer", default=shutil.which("model_signing"))
    parser.add_argument("--runs", type=int, default=11)
    arguments = parser.parse_args()
    attest = str(Path(sys.executable).with_name("attest"))
    commands = {
        "python -c 'import attest'": [sys.executable, "-c", "import attest"],
        "attest --help": [attest, "--help"],
    }
    if arguments.peer:
        commands["model_signing --help"] = [arguments.peer, "--help"]
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.runs + 1):
        for name, command in commands.items():
            times[name].append(cpu_seconds(command))
    medians = {name: statistics.median(found[1:]) for name, found in times.items()}
    for name, median in medians.items():
        print(f"{name:<28} {median:.3f} CPU seconds")
    if arguments.peer:
        ratio = medians["attest --help"] / medians["model_signing --help"]
        print(f"attest --help / model_signing --help: {ratio:.2f}")


if __name__ == "__main__":
    main()
