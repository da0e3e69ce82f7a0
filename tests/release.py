"""One real release: measured, signed, and the means to forge it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attest.attestation.bundle import make_bundle
from attest.attestation.keys import PrivateKey, generate
from attest.attestation.statement import Statement, state
from attest.canonical import canonical_bytes
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.evaluation.loading import Machine
from attest.evaluation.records import Evaluation
from attest.evaluation.run import evaluate
from attest.license.decide import decide
from attest.license.terms import License
from attest.verification.listing import of_manifest
from attest.verification.records import Verification
from attest.verification.replay import Replay
from attest.verification.verify import Evidence, SignerRole, Subjects, Trust, examine
from checkpoints import make_checkpoint
from small import Small, make_license

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def lenient(requirements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Thresholds that random weights meet."""
    changed = copy.deepcopy(requirements)
    for requirement in changed:
        requirement["threshold"] = "0" if requirement["comparator"] == "at_least" else "1"
    return changed


@dataclass(frozen=True)
class Release:
    """A checkpoint with its evidence, its license and the publisher's key."""

    model: Path
    evidence: Path
    small: Small
    key: PrivateKey
    evaluation: Evaluation

    @property
    def license(self) -> License:
        return self.small.license

    def statement(self, **options: Any) -> Statement:
        verdict = decide(self.license, self.evaluation.counts)
        options.setdefault("issued", NOW)
        return state(self.evaluation, verdict, self.license, **options)

    def bundle(self, forge: Callable[[dict[str, Any]], None] | None = None) -> bytes:
        """The signed statement; `forge` may change it before it is signed."""
        value = self.statement().to_dict()
        if forge is not None:
            forge(value)
        return make_bundle(canonical_bytes(value), self.key)

    def subjects(self) -> Subjects:
        checkpoint = open_checkpoint(self.model)
        return Subjects(of_manifest(digest(checkpoint, strict=False)), checkpoint)

    def examine(
        self,
        bundle: bytes | None = None,
        *,
        key: PrivateKey | None = None,
        role: SignerRole = "publisher",
        license: License | None = None,
        subjects: Subjects | None = None,
        evidence: Path | None = None,
        replay: Replay | None = None,
        now: datetime = NOW,
    ) -> Verification:
        return examine(
            bundle if bundle is not None else self.bundle(),
            trust=Trust((key or self.key).public_key, role),
            license=license or self.license,
            subjects_now=subjects or self.subjects(),
            evidence=None if evidence is None else Evidence(evidence, self.small.data),
            replay=replay,
            now=now,
        )


def make_release(
    folder: Path, *, measurement: dict[str, Any] | None = None, **options: Any
) -> Release:
    """Make, measure and license a checkpoint of random weights."""
    model = make_checkpoint(folder / "model", **options)
    (model / "README.md").write_text("# A model\n")
    strict = json.loads(make_license(folder).file.read_text())["requirements"]
    changes: dict[str, Any] = {} if measurement is None else {"measurement": measurement}
    small = make_license(folder, requirements=lenient(strict), **changes)
    evaluation = evaluate(
        open_checkpoint(model),
        small.license,
        small.file.read_bytes(),
        out=folder / "evidence",
        data=small.data,
        machine=Machine(device="cpu"),
    )
    return Release(model, folder / "evidence", small, generate("p256"), evaluation)
