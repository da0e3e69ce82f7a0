"""A hub of one's own: a licensor's world, one release, a policy, a database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attest.attestation.keyfiles import write_key_pair
from attest.attestation.keys import PrivateKey, generate
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.errors import InputError
from attest.hub.doors.snapshot import Snapshot
from attest.hub.hub import Hub
from attest.hub.opening import open_hub
from attest.hub.store import deliveries
from attest.hub.store.deliveries import StoredDelivery, Upload
from attest.hub.store.repositories import RepositoryName
from attest.verification.listings import FileDigests
from release import Release, make_release
from world import World

BASE = "example/base"
TOKEN = "a-token-that-nobody-guesses"
READ_ONLY_TOKEN = "another-token-without-much"
WEBHOOK_SECRET = "a-secret-of-the-webhook"


@dataclass(frozen=True)
class Place:
    """Where a hub is set up; what is made here is honest until a test changes it."""

    folder: Path
    release: Release
    world: World
    hub_key: PrivateKey = field(default_factory=generate)

    @property
    def key_file(self) -> Path:
        path = self.folder / "hub.key"
        if not path.exists():
            write_key_pair(self.hub_key, path, passphrase=None)
        return path

    def policy_values(self, **changes: Any) -> dict[str, Any]:
        rule = {
            "name": "small",
            "base_models": [BASE],
            "license": "license.yaml",
            "trust": "trust.json",
            "unattested": "hold",
            "failed": "reject",
            **changes.pop("rule", {}),
        }
        return {
            "version": "attest-hub/1",
            "name": "Test Hub",
            "url": "https://hub.example",
            "rules": [rule],
            "huggingface": {
                "origin": "http://127.0.0.1:1",
                "downloads": [],
                "unsafe_may_be_private": "true",
                "webhook_secret": {"file": "webhook.secret"},
            },
            "tokens": [
                {
                    "name": "publisher",
                    "scopes": ["attestations", "verdicts"],
                    "secret": {"file": "token.secret"},
                },
                {
                    "name": "reader",
                    "scopes": ["verdicts"],
                    "secret": {"file": "reader.secret"},
                },
            ],
            **changes,
        }

    def write_policy(self, **changes: Any) -> Path:
        """Policy, license, trust file, signatures and secrets on disk."""
        world, folder = self.world, self.folder
        license = self.release.small.file.read_bytes()
        trust = json.dumps(world.trust_values()).encode()
        for name, data, signature in (
            ("license.yaml", license, world.sign_license(license)[0]),
            ("trust.json", trust, world.trust_file().signatures[0]),
        ):
            (folder / name).write_bytes(data)
            (folder / f"{name}.signed.sigstore.json").write_bytes(signature)
        (folder / "webhook.secret").write_text(WEBHOOK_SECRET + "\n")
        (folder / "token.secret").write_text(TOKEN)
        (folder / "reader.secret").write_text(READ_ONLY_TOKEN)
        path = folder / "policy.yaml"
        path.write_text(json.dumps(self.policy_values(**changes)))
        return path

    @contextmanager
    def open(self, database: str, **changes: Any) -> Iterator[Hub]:
        hub = open_hub(self.write_policy(**changes), database, self.hub_key, clock=lambda: NOW)
        try:
            yield hub
        finally:
            hub.close()

    def files(self) -> dict[str, FileDigests]:
        manifest = digest(open_checkpoint(self.release.model), strict=False)
        return {
            file.path: FileDigests(
                sha256=file.sha256, git_blob=file.git_blob, size_bytes=file.size_bytes
            )
            for file in manifest.files
        }

    def snapshot(self, bundles: Mapping[str, bytes], **changes: Any) -> Snapshot:
        contents = {
            file.name: file.read_bytes()
            for file in self.release.model.iterdir()
            if file.suffix in (".json", ".jinja")
        }
        contents["README.md"] = f"---\nbase_model: {BASE}\n---\n".encode()
        return replace(
            Snapshot(
                name="someone/model",
                revision=COMMIT,
                files=self.files(),
                checked="listed-hash",
                bundles=bundles,
                contents=contents,
            ),
            **changes,
        )


NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)
COMMIT = "1" * 40


def upload(revision: str = COMMIT, *, owner: str = "someone", number: int = 1) -> Upload:
    """An upload to `someone/model`."""
    repository = RepositoryName("huggingface", f"id-{number}", f"{owner}/model-{number}", owner)
    return Upload(repository, "refs/heads/main", revision)


@dataclass
class FixedDoor:
    """A door to snapshots that a test laid down."""

    snapshots: dict[str, Snapshot]
    n_opened: int = 0

    def __call__(self, name: str, revision: str, *, reads_bytes: bool = False) -> Snapshot:
        self.n_opened += 1
        if revision not in self.snapshots:
            raise InputError("there is no such thing", reason="not-found", where=name)
        snapshot = self.snapshots[revision]
        return replace(snapshot, checked="served-bytes") if reads_bytes else snapshot


def with_door(hub: Hub, door: FixedDoor) -> Hub:
    """The same hub, whose door leads to what a test laid down."""
    return replace(hub, doors={"huggingface": door})


def delivery(hub: Hub, one: Upload) -> StoredDelivery:
    """What came of an upload that the hub was told of."""
    with hub.store.read() as connection:
        found = deliveries.delivery(connection, one.key)
    assert found is not None
    return found


def make_place(folder: Path) -> Place:
    """A world whose publisher measured one release."""
    release = make_release(folder / "release")
    keys = World().keys | {"publisher": release.key}
    home = folder / "hub"
    home.mkdir()
    return Place(home, release, World(keys))
