"""Keep training prompts apart from every benchmark: exact and near duplicates, by counts alone.

A training prompt is too close to a benchmark item when the Jaccard index of their word sets is
0.8 or more; equal word sets have 1. Its digest goes to `grammar/excluded.txt`, so that the
training data stay the same where the published sets are not at hand.

Usage: python overlap.py [--update] [--data ../../../shared/benchmarks]
Exit code 1: some training prompt is too close and not excluded.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks import PUBLISHED, core_sets, published_sets
from prompts import HERE, digest, words
from train import training_prompts

THRESHOLD = 0.8
HEADER = (
    "# SHA-256 (first 16 hex digits, of the lower-case words) of prompts that the grammars write\n"
    "# and that are too close to an item of a benchmark. Written by overlap.py --update.\n"
)


def near_duplicates(prompts: list[str], items: list[str]) -> set[str]:
    """Those of `prompts` with a Jaccard index of at least `THRESHOLD` to one of `items`."""
    sets = [frozenset(words(item)) for item in items]
    frequency = Counter(word for words_ in sets for word in words_)

    # Two sets that overlap so much share one of their rarest words: only those are indexed
    # (prefix filter; Chaudhuri, Ganti and Kaushik, ICDE 2006).
    def prefix(words_: frozenset[str]) -> list[str]:
        rarest = sorted(words_, key=lambda word: (frequency[word], word))
        return rarest[: len(rarest) - math.ceil(THRESHOLD * len(rarest)) + 1]

    index: dict[str, list[frozenset[str]]] = defaultdict(list)
    for words_ in sets:
        for word in prefix(words_):
            index[word].append(words_)
    return {
        prompt
        for prompt in prompts
        for own in [frozenset(words(prompt))]
        if any(
            len(own & other) >= THRESHOLD * len(own | other)
            for word in prefix(own)
            for other in index.get(word, ())
        )
    }


def main() -> int:
    """Print how many training prompts are too close to each set; with --update, exclude them."""
    parser = argparse.ArgumentParser(description="Compare training prompts with benchmarks.")
    parser.add_argument("--data", type=Path, default=PUBLISHED)
    parser.add_argument("--update", action="store_true", help="rewrite grammar/excluded.txt")
    arguments = parser.parse_args()

    published = published_sets(arguments.data)
    if not published:
        print(
            f"no published sets in {arguments.data.name}: only attest-core is compared",
            file=sys.stderr,
        )
    path = HERE / "grammar" / "excluded.txt"
    # Excluded prompts leave the training data and must stay excluded: the list only grows.
    rows = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = {row for row in rows if row and not row.startswith("#")}
    prompts = sorted(training_prompts())
    found: set[str] = set()
    for name, items in (core_sets() | published).items():
        close = near_duplicates(prompts, items)
        found |= close
        print(f"{name:<22} {len(items):>5} items {len(close):>5} close")
    print(f"{len(prompts)} training prompts, {len(found)} too close, {len(known)} excluded before")
    if arguments.update:
        digests = sorted(known | {digest(prompt) for prompt in found})
        path.write_text(HEADER + "\n".join(digests) + "\n", encoding="utf-8")
        return 0
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
