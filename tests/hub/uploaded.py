"""A release as its publisher uploads it, and what a hub holds it against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from attest.attestation.bundle import make_bundle
from attest.license.terms import License
from attest.verification.verify import SignedTrust
from release import Release, make_release
from world import World


@dataclass(frozen=True)
class Uploaded:
    """A folder, what was measured of it, and everybody's keys."""

    folder: Path
    release: Release
    world: World
    bundle: bytes
    now: datetime

    @property
    def license(self) -> License:
        return self.release.license

    @property
    def trust(self) -> SignedTrust:
        return self.world.trust(self.release.small.file.read_bytes())

    @property
    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


README = """---
license: other
base_model:
- example/base-model
- "another/base"
tags: [a, b]
---
# A model
"""


def make_uploaded(folder: Path) -> Uploaded:
    """Measure and attest a release, lately enough that commands find it in force."""
    release, world = make_release(folder), World()
    issued = datetime.now(UTC).replace(microsecond=0)
    bundle = make_bundle(release.statement(issued=issued).to_json(), world.keys["publisher"])
    attestations = release.model / "attestations"
    attestations.mkdir()
    (attestations / "one.sigstore.json").write_bytes(bundle)
    (release.model / "README.md").write_text(README)
    return Uploaded(release.model, release, world, bundle, issued)
