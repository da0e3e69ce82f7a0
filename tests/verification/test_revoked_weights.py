"""Weights that were taken back stay so, whatever README, sharding or listing they come with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from test_forgeries import assert_fails_at

from attest.attestation.bundle import make_bundle
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.checkpoint.manifest import Manifest
from attest.verification.listing import Listing, of_manifest, read_listing
from attest.verification.listings import FileDigests, verify_listing
from attest.verification.records import Verification
from attest.verification.verify import SignedTrust, Subjects, examine
from release import NOW, Release
from world import World


@pytest.fixture(scope="session")
def world() -> World:
    return World()


def with_tensors(model: Path) -> Manifest:
    return digest(open_checkpoint(model), tensors=True)


def trust_without(release: Release, world: World, weights: str) -> SignedTrust:
    """The world after the weights with this digest were taken back."""
    taken_back = world.revocations(weights=[{"digest": weights, "reason": "poisoned"}])
    license = release.small.file.read_bytes()
    return world.trust(license, revocations=taken_back, revocations_by="licensor")


def signed_anew(release: Release, world: World, manifest: Manifest) -> bytes:
    """An honest attestation of the folder as it is now."""
    evaluation = release.evaluation.model_copy(update={"manifest": manifest})
    statement = replace(release, evaluation=evaluation).statement()
    return make_bundle(statement.to_json(), world.keys["publisher"])


def held(
    release: Release, bundle: bytes, trust: SignedTrust, present: Subjects | None
) -> Verification:
    return examine(bundle, trust=trust, license=release.license, subjects_now=present, now=NOW)


def present(release: Release) -> Subjects:
    return Subjects(of_manifest(with_tensors(release.model)), open_checkpoint(release.model))


def edit_readme(model: Path) -> None:
    (model / "README.md").write_text("# The same model under another name\n")


def reshard(model: Path) -> None:
    tensors = load_file(model / "model.safetensors")
    (model / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"a": names[: len(names) // 2], "b": names[len(names) // 2 :]}
    placed: dict[str, str] = {}
    for number, part in enumerate(shards.values(), start=1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, model / file, metadata={"format": "pt"})
        placed |= dict.fromkeys(part, file)
    n_bytes = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": n_bytes}, "weight_map": placed}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("change", [edit_readme, reshard])
@pytest.mark.parametrize("signs_weights", [True, False])
def test_revoked_weights_are_known_after_any_repacking(
    release: Release, world: World, change: Callable[[Path], None], signs_weights: bool
) -> None:
    before = with_tensors(release.model)
    assert before.weights is not None
    change(release.model)
    now = with_tensors(release.model)
    assert now.digest() != before.digest()
    signed = now if signs_weights else now.model_copy(update={"weights": None})
    bundle = signed_anew(release, world, signed)

    result = held(
        release, bundle, trust_without(release, world, before.weights.digest), present(release)
    )
    assert_fails_at(result, "freshness", "the checkpoint was revoked: poisoned")
    other = trust_without(release, world, "1" * 64)
    honest = held(release, bundle, other, present(release))
    assert (honest.failed_step, honest.warnings) == (None, ())


def test_a_listing_takes_the_signers_word_for_the_weights_and_says_so(
    release: Release, world: World
) -> None:
    manifest = with_tensors(release.model)
    assert manifest.weights is not None
    bundle = signed_anew(release, world, manifest)
    listing = Subjects(Listing(of_manifest(manifest).files, is_from_bytes=False))

    revoked = trust_without(release, world, manifest.weights.digest)
    assert_fails_at(held(release, bundle, revoked, listing), "freshness", "was revoked")
    # Level 0 looks at the signed digest too.
    shallow = world.revocations(weights=[{"digest": manifest.weights.digest}])
    rules: dict[str, Any] = {"revocations_by": "licensor", "requires": {"level": 0}}
    trust = world.trust(release.small.file.read_bytes(), revocations=shallow, **rules)
    assert_fails_at(held(release, bundle, trust, None), "freshness", "was revoked")
    result = held(release, bundle, trust_without(release, world, "1" * 64), listing)
    assert result.is_verified
    assert [w for w in result.warnings if "is the signer's word" in w]


def test_a_listing_of_weights_that_nobody_names_is_refused(release: Release, world: World) -> None:
    manifest = with_tensors(release.model)
    bundle = signed_anew(release, world, manifest.model_copy(update={"weights": None}))
    trust = trust_without(release, world, "1" * 64)
    hashes = of_manifest(manifest).files

    unknown = held(release, bundle, trust, Subjects(Listing(hashes, is_from_bytes=False)))
    assert_fails_at(unknown, "freshness", "nobody says which these are")
    # A hub that sees hashes alone cannot check, and says neither withdrawn nor outdated.
    files = {path: FileDigests(sha256=sha256) for path, sha256 in hashes.items()}
    verdict = verify_listing(files, [bundle], release.license, trust, NOW)
    assert verdict.state == "could-not-check"
    signed = signed_anew(release, world, manifest)
    assert manifest.weights is not None
    revoked = trust_without(release, world, manifest.weights.digest)
    assert verify_listing(files, [signed], release.license, trust, NOW).state == "passed"
    assert verify_listing(files, [signed], release.license, revoked, NOW).state == "withdrawn"


def test_a_signature_alone_over_weights_that_nobody_names_is_refused(
    release: Release, world: World
) -> None:
    manifest = with_tensors(release.model)
    rules: dict[str, Any] = {"revocations_by": "licensor", "requires": {"level": 0}}
    others = world.revocations(weights=[{"digest": "1" * 64}])
    trust = world.trust(release.small.file.read_bytes(), revocations=others, **rules)

    unnamed = signed_anew(release, world, manifest.model_copy(update={"weights": None}))
    result = held(release, unnamed, trust, None)
    assert_fails_at(result, "freshness", "nobody says which these are")
    # A first look goes on: the files may tell.
    first = examine(unnamed, trust=trust, license=release.license, up_to=1, now=NOW)
    assert first.is_verified
    named = held(release, signed_anew(release, world, manifest), trust, None)
    assert [w for w in named.warnings if "is the signer's word" in w]


def test_a_listed_manifest_names_the_weights_itself(
    release: Release, world: World, tmp_path: Path
) -> None:
    manifest = with_tensors(release.model)
    assert manifest.weights is not None
    (tmp_path / "manifest.json").write_bytes(manifest.to_json())
    listing = read_listing(tmp_path / "manifest.json")
    assert (listing.weights, listing.is_from_bytes) == (manifest.weights, False)
    bundle = signed_anew(release, world, manifest.model_copy(update={"weights": None}))

    revoked = trust_without(release, world, manifest.weights.digest)
    assert_fails_at(held(release, bundle, revoked, Subjects(listing)), "freshness", "was revoked")
    other = trust_without(release, world, "1" * 64)
    assert held(release, bundle, other, Subjects(listing)).is_verified


def test_a_false_weights_digest_fails_at_the_files(release: Release, world: World) -> None:
    manifest = with_tensors(release.model)
    assert manifest.weights is not None
    for lie in ({"digest": "2" * 64}, {"n_parameters": 7}):
        false = manifest.weights.model_copy(update=lie)
        bundle = signed_anew(release, world, manifest.model_copy(update={"weights": false}))
        trust = world.trust(release.small.file.read_bytes())

        result = held(release, bundle, trust, present(release))
        assert_fails_at(result, "files", "expected the weights digest")
        # Where no tensor is digested, nothing is compared.
        assert held(release, bundle, trust, release.subjects()).is_verified


def test_what_role_the_signer_gives_to_a_file_counts_for_nothing(
    release: Release, world: World
) -> None:
    manifest = digest(open_checkpoint(release.model))
    files = tuple(file.model_copy(update={"role": "documentation"}) for file in manifest.files)
    bundle = signed_anew(release, world, manifest.model_copy(update={"files": files}))
    config = release.model / "generation_config.json"
    config.write_text(config.read_text() + "\n")

    result = held(release, bundle, world.trust(release.small.file.read_bytes()), release.subjects())
    assert_fails_at(result, "files", "generation_config.json")
