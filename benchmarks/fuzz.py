"""Damage valid documents a million times: does anything damaged verify, crash, or take long?

For each kind of document: how many mutations, how many were believed and meant the same (the same
document in another spelling), how many were believed and did not, how many raised anything but our
own errors, and the longest time of one. Beside that, how much the process grew. The mutations and
the doors are those of the tests. What goes wrong is written to a file that can be tried again.

Usage: python benchmarks/fuzz.py [--mutations 1000000] [--seed 1] [--failures DIR]
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from attest.errors import AttestError  # noqa: E402
from fuzzed import Target, make_targets  # noqa: E402
from mutations import mutate  # noqa: E402 - the tests' own mutations
from release import make_release  # noqa: E402

MAX_SECONDS = 1.0
MAX_GROWTH_BYTES = 200 * 10**6


@dataclass
class Tally:
    """What the mutations of one kind of document came to."""

    n: int = 0
    n_unchanged: int = 0
    same: Counter[str] = field(default_factory=Counter)
    """Believed, and meaning the same, by what was done."""
    wrong: int = 0
    crashes: int = 0
    seconds: float = 0.0
    longest: float = 0.0


def peak_bytes() -> int:
    """The largest memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def attack(target: Target, tally: Tally, random: Random, failures: Path) -> None:
    """Try one mutation."""
    mutant = mutate(random, target.seed)
    if mutant.data == target.seed.data:
        tally.n_unchanged += 1
        return
    tally.n += 1
    before = time.process_time()
    problem = None
    try:
        is_believed = target.believes(mutant.data)
    except AttestError:
        is_believed = False
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        is_believed = False
        tally.crashes += 1
        problem = f"crash-{type(error).__name__}"
    took = time.process_time() - before
    tally.seconds += took
    tally.longest = max(tally.longest, took)
    if took > MAX_SECONDS:
        problem = "slow"
    if is_believed and target.means_the_same(mutant.data):
        tally.same[mutant.how] += 1
    elif is_believed:
        tally.wrong += 1
        problem = "believed"
    if problem is not None:
        failures.mkdir(parents=True, exist_ok=True)
        name = f"{target.name.replace(' ', '-')}-{problem}-{mutant.how.replace(' ', '-')}"
        (failures / f"{name}-{tally.n}").write_bytes(mutant.data)


def main() -> None:
    """Fuzz every kind of document, and print a table."""
    parser = argparse.ArgumentParser(description="Damage valid documents.")
    parser.add_argument("--mutations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    arguments = parser.parse_args()
    random = Random(arguments.seed)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        targets = make_targets(make_release(folder / "release"), folder)
        tallies = {target.name: Tally() for target in targets}
        chosen = [target for target in targets for _ in range(target.weight)]
        # What was imported and made so far is not what a mutation costs.
        gc.freeze()
        peak, began = peak_bytes(), time.process_time()
        for number in range(1, arguments.mutations + 1):
            target = random.choice(chosen)
            attack(target, tallies[target.name], random, arguments.failures)
            if number % 100_000 == 0:
                rate = number / (time.process_time() - began)
                print(f"{number} mutations, {rate:.0f} a CPU second", file=sys.stderr, flush=True)
        growth, took = peak_bytes() - peak, time.process_time() - began
    print(f"{'document':<26}{'mutations':>10}{'same':>7}{'wrong':>7}{'crashes':>9}", end="")
    print(f"{'mean ms':>9}{'longest ms':>12}")
    for name, tally in tallies.items():
        mean = 1000 * tally.seconds / max(1, tally.n)
        print(f"{name:<26}{tally.n:>10}{tally.same.total():>7}{tally.wrong:>7}", end="")
        print(f"{tally.crashes:>9}{mean:>9.2f}{1000 * tally.longest:>12.0f}")
    for name, tally in tallies.items():
        if tally.same:
            said = ", ".join(f"{how} {n}" for how, n in tally.same.most_common())
            print(f"believed of {name}, each meaning the same: {said}")
    n_all = sum(tally.n for tally in tallies.values())
    n_unchanged = sum(tally.n_unchanged for tally in tallies.values())
    print(f"{n_all} mutations, and {n_unchanged} that changed nothing, ", end="")
    print(f"{arguments.mutations / took:.0f} a CPU second; grew by {growth / 1e6:.0f} MB")
    is_bad = growth > MAX_GROWTH_BYTES or any(
        tally.wrong or tally.crashes or tally.longest > MAX_SECONDS for tally in tallies.values()
    )
    sys.exit(1 if is_bad else 0)


if __name__ == "__main__":
    main()
