"""False passes, false fails and coverage of every rule and interval, by simulation or exactly.

    python benchmarks/statistics

Rows give a truth at the very edge of what a rule allows, where a wrong verdict is likeliest; no
column called `pass` or `fail` may then be above 5%. Early stopping may
add as much again. What is called `power` has a truth inside. Seeded: two runs print the same.

A folder and not a file, because a `statistics.py` here would hide the module of the standard
library from every script beside it.
"""

from __future__ import annotations

import time

import early_stopping
import fixed
import paired

SEED = 20260131


def main() -> None:
    start = time.perf_counter()
    for section in (
        fixed.rates,
        fixed.scores,
        fixed.clusters,
        fixed.judges,
        fixed.allegations,
        fixed.audits,
        paired.size,
        paired.coverage,
        early_stopping.lengths,
        early_stopping.confidence_rule,
    ):
        section(SEED)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
