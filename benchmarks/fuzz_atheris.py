"""The doors of tests/fuzz under atheris, which finds its own way by coverage.

    pip install atheris
    python benchmarks/fuzz_atheris.py bundle -max_total_time=600

The first word names the document as the table of benchmarks/fuzz.py does; the rest is libFuzzer's.
It begins from the valid document, and stops at the first crash, or the first damaged document that
is believed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests")]

with atheris.instrument_imports(include=["attest"]):
    from attest.errors import AttestError
    from fuzzed import make_targets
    from release import make_release


def main() -> None:
    """Fuzz one kind of document until something is found, or the time is up."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        targets = {one.name: one for one in make_targets(make_release(folder / "release"), folder)}
        if len(sys.argv) < 2 or sys.argv[1] not in targets:
            raise SystemExit(f"expected one of: {', '.join(targets)}")
        target = targets[sys.argv.pop(1)]
        corpus = folder / "corpus"
        corpus.mkdir()
        (corpus / "valid").write_bytes(target.seed.data)

        def one_input(data: bytes) -> None:
            try:
                is_believed = target.believes(data)
            except AttestError:
                return
            assert not is_believed or target.means_the_same(data)

        atheris.Setup([*sys.argv, str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
