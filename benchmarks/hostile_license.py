"""How long can a license keep whoever reads it busy? The slowest that its bounds allow.

For each license of the tests that is built to be slow: its size, and the processor time to read it,
to lint it, to list what it allows, and to decide on counts that take as long as they can. A hub
does all of these for strangers, so nothing that is read may take much more than a second.

Usage: python benchmarks/hostile_license.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from attest.benchmark.registry import registry  # noqa: E402
from attest.license.allowance import allowances  # noqa: E402
from attest.license.decide import decide  # noqa: E402
from attest.license.lint import lint  # noqa: E402
from attest.license.read import parse_license  # noqa: E402
from hostile import hostile_licenses  # noqa: E402


def seconds(work: Callable[[], object]) -> float:
    """Processor time of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Print the table, the slowest first."""
    known, today = registry(), date(2026, 2, 1)
    parse_license(hostile_licenses()[0].data)  # What is imported lazily is imported now.
    rows = []
    for case in hostile_licenses():
        parse_s = seconds(lambda case=case: parse_license(case.data))
        license = parse_license(case.data)
        lint_s = seconds(
            lambda license=license: lint(license, benchmarks=known, judges={}, today=today)
        )
        show_s = seconds(lambda license=license: allowances(license, benchmarks=known))
        decide_s = seconds(
            lambda license=license, case=case: case.counts and decide(license, case.counts)
        )
        rows.append((case.name, len(case.data), parse_s, lint_s, show_s, decide_s))
    rows.sort(key=lambda row: max(row[2:]), reverse=True)
    print(f"{'license':42} {'bytes':>7} {'read':>6} {'lint':>6} {'list':>6} {'decide':>6}")
    for name, size, *times in rows:
        print(f"{name:42} {size:>7} " + " ".join(f"{one:6.2f}" for one in times))


if __name__ == "__main__":
    main()
