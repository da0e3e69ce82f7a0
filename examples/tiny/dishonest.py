"""What a dishonest publisher does: one model's answers, another model's weights, a valid signature.

He measures HONEST, copies the transcripts, and states them of the files of SHIPPED, which he hashes
afresh. Counts, commitment and signature are all in order. Only the weights can contradict him.

Usage, in the folder of the demonstration: python dishonest.py HONEST SHIPPED
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import attest


def main(honest: str, shipped: str) -> None:
    """Write `dishonest.sigstore.json` and `dishonest-evidence/`."""
    license = attest.read_license(Path("license.yaml"))
    (run,) = Path("attest-evidence").glob(f"{honest}-*")
    evaluation = attest.Evaluation.from_json(
        (run / "evaluation.json").read_bytes(), what="evaluation"
    )
    lie = evaluation.model_copy(update={"manifest": attest.digest(Path(shipped))})
    verdict = attest.decide(license, lie.counts)
    statement = attest.state(lie, verdict, license, issued=datetime.now(UTC))
    key = attest.load_private_key(Path("publisher.key"))
    Path("dishonest.sigstore.json").write_bytes(attest.make_bundle(statement.to_json(), key))
    shutil.copytree(run, "dishonest-evidence")


if __name__ == "__main__":
    main(*sys.argv[1:])
