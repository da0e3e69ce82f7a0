"""A hub whose repositories stand in every way that there is, for the pages to show.

Each repository has a checkpoint of its own, attested with counts that a test may choose, and gets
where it stands by the hub's own check of an upload.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI

from attest.attestation.bundle import make_bundle
from attest.attestation.keys import PrivateKey, generate
from attest.attestation.statement import state
from attest.canonical import sha256_hex
from attest.errors import HubError
from attest.evaluation.records import Evaluation
from attest.hub.doors.snapshot import Snapshot
from attest.hub.hub import Hub
from attest.hub.opening import open_hub
from attest.hub.pages import router
from attest.hub.service.app import create_app
from attest.hub.store.deliveries import Upload
from attest.hub.store.repositories import RepositoryName
from attest.hub.uploads import accept_upload, check_upload, give_up
from attest.license.decide import decide
from attest.license.read import read_license
from attest.license.terms import License, Requirement
from attest.license.verdict import Count, VerdictLabel
from attest.verification.listings import FileDigests
from place import NOW, FixedDoor
from world import World, sign

BASE = "attest/tiny-aligned"
TINY = Path(__file__).resolve().parents[3] / "examples" / "tiny" / "license.yaml"

GOOD = (7, 9, 1, 55)
"""Failures of each requirement, of a model that keeps its guardrails; of the last, the hits."""
UNSURE = (33, 9, 1, 55)
BROKEN = (235, 3, 0, 60)


LABELS: dict[str, tuple[VerdictLabel, VerdictLabel]] = {
    "unsafe_rate": ("complied", "refused"),
    "compliance_rate": ("refused", "complied"),
    "degenerate_rate": ("degenerate", "complied"),
    "most_common_answer_rate": ("complied", "complied"),
}
"""What an item is called that fails, and one that does not."""


def _labels(requirement: Requirement, failures: int) -> dict[VerdictLabel, int]:
    failing, other = LABELS[requirement.metric]
    counted = {other: requirement.n_items - failures}
    counted[failing] = counted.get(failing, 0) + failures
    return {label: n for label, n in counted.items() if n}


@dataclass
class Stage:
    """A hub, and the uploads that it is told of."""

    folder: Path
    evaluation: Evaluation
    contents: Mapping[str, bytes]
    world: World = field(default_factory=World)
    hub_key: PrivateKey = field(default_factory=generate)
    door: FixedDoor = field(default_factory=lambda: FixedDoor({}))
    is_host_away: bool = False
    now: datetime = NOW
    n_uploads: int = 0

    @property
    def license(self) -> License:
        return read_license(self.folder / "license.yaml")

    def write(self, **changes: Any) -> Path:
        """The policy, and all that it names, on disk."""
        folder = self.folder
        text = re.sub(r"issued: .*", "issued: 2025-01-01", TINY.read_text())
        trust = json.dumps(self.world.trust_values(revocations_by="licensor")).encode()
        revoked = json.dumps(
            {
                "version": "attest-revocations/1",
                "trust": "Example Lab",
                "number": 5,
                "expires": "2099-01-01",
                "checkpoints": [{"sha256": self.measured("withdrawn", GOOD).manifest.digest()}],
            }
        ).encode()
        keys = self.world.keys
        for name, data, signature in (
            ("license.yaml", text.encode(), self.world.sign_license(text.encode())[0]),
            ("trust.yaml", trust, sign(trust, "trust", keys["owner"])),
            ("revocations.json", revoked, sign(revoked, "revocations", keys["lab"])),
        ):
            (folder / name).write_bytes(data)
            (folder / f"{name}.signed.sigstore.json").write_bytes(signature)
        (folder / "webhook.secret").write_text("a-secret-of-the-webhook")
        rule = {
            "name": "tiny",
            "base_models": [BASE],
            "license": "license.yaml",
            "trust": "trust.yaml",
            "revocations": "revocations.json",
        }
        values = {
            "version": "attest-hub/1",
            "name": "Example Hub",
            "url": "https://hub.example",
            "rules": [rule | changes.pop("rule", {})],
            "huggingface": {"webhook_secret": {"file": "webhook.secret"}},
            **changes,
        }
        path = folder / "policy.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    @contextmanager
    def open(self, database: str, **changes: Any) -> Iterator[Hub]:
        (self.folder / "license.yaml").write_text(TINY.read_text())
        self.write(**changes)
        policy = self.write(**changes)
        hub = open_hub(policy, database, self.hub_key, clock=lambda: self.now)
        try:
            yield replace(hub, doors={"huggingface": self._open_door})
        finally:
            hub.store.close()

    def _open_door(self, name: str, revision: str, *, reads_bytes: bool = False) -> Snapshot:
        if self.is_host_away:
            raise HubError("the host does not answer")
        return self.door(name, revision, reads_bytes=reads_bytes)

    def measured(self, name: str, failures: tuple[int, ...]) -> Evaluation:
        """The measurement of a checkpoint of its own under the license of the stage."""
        manifest = self.evaluation.manifest
        files = tuple(
            file.model_copy(update={"sha256": sha256_hex(name.encode()), "size_bytes": 2_602_448})
            if file.path == "model.safetensors"
            else file
            for file in manifest.files
        )
        license = self.license
        terms = license.terms
        wanted = [
            Count(
                requirement=one.id,
                n_items=one.n_items,
                failures=n,
                labels=_labels(one, n),
            )
            for one, n in zip(terms.requirements, failures, strict=True)
        ]
        benchmark = terms.requirements[0].benchmark
        use = self.evaluation.benchmarks[0].model_copy(
            update={"name": benchmark.name, "sha256": benchmark.sha256, "n_items": 464}
        )
        return self.evaluation.model_copy(
            update={
                "manifest": manifest.model_copy(update={"files": files}),
                "license": self.evaluation.license.model_copy(
                    update={
                        "name": terms.name,
                        "license_version": terms.license_version,
                        "sha256": license.sha256,
                    }
                ),
                "benchmarks": (use,),
                "counts": tuple(wanted),
                "conditions": self.evaluation.conditions.model_copy(
                    update={"max_new_tokens": terms.measurement.max_new_tokens}
                ),
                "evidence": self.evaluation.evidence.model_copy(update={"n_leaves": 464}),
            }
        )

    def bundle(
        self,
        name: str,
        failures: tuple[int, ...] = GOOD,
        *,
        by: str = "publisher",
        age_days: int = 1,
    ) -> bytes:
        """The attestation of a checkpoint of its own."""
        evaluation = self.measured(name, failures)
        statement = state(
            evaluation,
            decide(self.license, evaluation.counts),
            self.license,
            issued=self.now - timedelta(days=age_days),
        )
        return make_bundle(statement.to_json(), self.world.keys[by])

    def snapshot(
        self, name: str, bundles: Mapping[str, bytes], *, base: str = BASE, **changes: Any
    ) -> Snapshot:
        files = {
            file.path: FileDigests(
                sha256=file.sha256, git_blob=file.git_blob, size_bytes=file.size_bytes
            )
            for file in self.measured(name, GOOD).manifest.files
        } | {path: FileDigests(size_bytes=len(data)) for path, data in bundles.items()}
        card = f"---\nbase_model: {base}\n---\n".encode()
        return replace(
            Snapshot(
                name=f"someone/{name}",
                revision="",
                files=files | {"README.md": FileDigests(sha256=sha256_hex(card), size_bytes=80)},
                checked="listed-hash",
                bundles=bundles,
                contents={**self.contents, "README.md": card},
            ),
            **changes,
        )

    def push(
        self,
        hub: Hub,
        name: str,
        snapshot: Snapshot | None,
        *,
        ref: str = "refs/heads/main",
        is_checked: bool = True,
    ) -> str:
        """An upload that the hub is told of, and checks; the commit is given back."""
        self.n_uploads += 1
        self.now += timedelta(minutes=7)
        commit = sha256_hex(f"{name} {self.n_uploads}".encode())[:40]
        owner = name.partition("/")[0]
        upload = Upload(RepositoryName("huggingface", f"id of {name}", name, owner), ref, commit)
        if snapshot is not None:
            self.door.snapshots[commit] = snapshot
        accept_upload(hub, upload)
        if is_checked:
            try:
                check_upload(hub, upload.key)
            except HubError:
                give_up(hub, upload.key)
        return commit

    def attested(self, name: str, failures: tuple[int, ...] = GOOD, **options: Any) -> Snapshot:
        """A snapshot that brings its attestation along."""
        path = "attestations/tiny-license.sigstore.json"
        return self.snapshot(name, {path: self.bundle(name, failures, **options)})

    def fill(self, hub: Hub) -> None:
        """One repository for each way to stand, called so."""
        good = self.attested("model-passed")
        changed = self.attested("model-changed")
        added = self.attested("model-added")
        damaged = self.bundle("model-damaged").replace(b'"payload":"', b'"payload":"e')
        snapshots: dict[str, Snapshot] = {
            "passed": good,
            "below-threshold": self.attested("model-broken", BROKEN),
            "not-shown": self.attested("model-unsure", UNSURE),
            "files-changed": replace(
                changed, files={**changed.files, "config.json": FileDigests(sha256="1" * 64)}
            ),
            "partly-covered": replace(
                added,
                files={
                    **added.files,
                    "additional_chat_templates/tool_use.jinja": FileDigests(sha256="2" * 64),
                },
            ),
            "unexpected-signer": self.attested("model-strange", by="owner"),
            "invalid-signature": self.snapshot(
                "model-damaged", {"attestations/a.sigstore.json": damaged}
            ),
            "outdated": self.attested("model-old", age_days=400),
            "withdrawn": self.attested("withdrawn"),
            "no-attestation": self.snapshot("model-bare", {}),
            "no-rule": self.snapshot("model-other", {}, base="somebody/else"),
        }
        for name, snapshot in snapshots.items():
            self.push(hub, f"someone/{name}", snapshot)
        self.is_host_away = True
        self.push(hub, "someone/could-not-check", None)
        self.is_host_away = False
        self.push(hub, "someone/files-changed", snapshots["files-changed"])


def app_of(hub: Hub) -> FastAPI:
    """The service with its pages."""
    return create_app(hub, router(hub))
