"""Probes at the terminal: the licensor signs suffixes, the publisher measures, anyone replays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from attest.attestation.keyfiles import load_private_key
from attest.attestation.keys import generate
from attest.benchmark.probes import probes
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from probed import make_probed_license, signed_suffixes


def test_lists_the_probes_with_their_digests(attest) -> None:
    listed = attest("benchmark", "probes")
    assert listed.code == 0
    assert all(f"{name} " in listed.out for name in probes())
    assert probes()["multi-turn-1"].sha256[:16] in listed.out

    found = attest("benchmark", "probes", "--json").json()
    assert {name: one["sha256"] for name, one in found.items()} == {
        name: one.sha256 for name, one in probes().items()
    }


def test_the_tiny_model_runs_under_every_probe(attest, tiny_models: Path, tmp_path: Path) -> None:
    """The main job with everything on: suffixes, thirteen probes, the base, a full replay."""
    model, base = tmp_path / "aligned", tiny_models / "ten-examples"
    shutil.copytree(tiny_models / "aligned", model)
    attest("keygen", "licensor.key", "--type", "ed25519")
    attest("keygen", "publisher.key")
    small = make_probed_license(
        tmp_path,
        base=digest(open_checkpoint(base)).digest(),
        licensor=load_private_key(Path("licensor.key")),
    )
    checkpoint = digest(open_checkpoint(model)).digest()
    assert checkpoint in attest("digest", model).out
    words = ("--license", small.file, "--data", small.data)
    run = ("run", model, *words, "--key", "publisher.key", "--base", base, "--out", "evidence")

    without = attest(*run)
    assert without.code == 2
    assert "needs the licensor's suffixes" in without.err
    assert "attest digest MODEL" in without.err

    suffix = ("license", "suffix", "--key", "licensor.key", "--license", small.file)
    signed = attest(*suffix, "--checkpoint", checkpoint)
    assert (signed.code, signed.out) == (0, "suffixes.json\n")

    ran = attest(*run, "--suffixes", "suffixes.json")
    assert ran.code == 0, ran.err
    for number, name in enumerate(probes(), start=2):
        assert f"  r{number}: asked under {name}\n" in ran.out

    (bundle,) = (model / "attestations").iterdir()
    shown = attest("show", bundle)
    assert "compared" in shown.out
    assert "own-1" in shown.out

    verify = ("verify", model, *words, "--key", "publisher.key.pub", "--evidence", "evidence")
    seen = attest(*verify, "--level", "4", "--base", base)
    assert seen.code == 0, seen.out
    assert "24 of them are the base's" in seen.out
    assert "verified at level 4" in seen.out

    alone = attest(*verify, "--level", "4")
    assert "the base was not given" in alone.out
    assert "verified at level 2" in alone.out

    told = attest("license", "show", small.file).out
    assert (
        f"Where a requirement says `multi-turn-1`: {probes()['multi-turn-1'].description}" in told
    )


def test_suffixes_are_signed_by_the_key_of_the_license_alone(attest, tmp_path: Path) -> None:
    for name in ("licensor", "stranger"):
        attest("keygen", f"{name}.key", "--type", "ed25519")
    small = make_probed_license(
        tmp_path, base="00" * 32, licensor=load_private_key(Path("licensor.key"))
    )
    words = ("license", "suffix", "--license", small.file)

    stranger = attest(*words, "--key", "stranger.key", "--checkpoint", "ab" * 32)
    assert stranger.code == 2
    assert "not the `suffix_key`" in stranger.err
    wrong = attest(*words, "--key", "licensor.key", "--checkpoint", "abc")
    assert wrong.code == 2
    assert "64 hexadecimal characters" in wrong.err
    copied = ("--checkpoint", f"sha256:{'ab' * 32}")
    assert attest(*words, "--key", "licensor.key", *copied).code == 0
    again = attest(*words, "--key", "licensor.key", "--checkpoint", "ab" * 32)
    assert again.code == 2
    assert "expected a new file, found one that exists" in again.err
    written = json.loads(Path("suffixes.json").read_text())
    assert written["checkpoint"] == "ab" * 32


def test_suffixes_that_somebody_else_signed_are_asked_by_nobody(
    attest, tiny_models: Path, tmp_path: Path
) -> None:
    licensor, forger = generate("ed25519"), generate("ed25519")
    small = make_probed_license(tmp_path, base="00" * 32, licensor=licensor)
    model = tiny_models / "aligned"
    forged = signed_suffixes(forger, small.license, digest(open_checkpoint(model)).digest())
    Path("forged.json").write_bytes(forged.to_json())

    ran = attest(
        *("evaluate", model, "--license", small.file, "--data", small.data, "--out", "evidence"),
        *("--base", model, "--suffixes", "forged.json"),
    )

    assert ran.code == 2
    assert "not signed by the licensor for this license and this checkpoint" in ran.err
    assert not Path("evidence").exists()


@pytest.mark.parametrize("level", ["1", "2"])
def test_a_base_without_a_replay_is_wrong_usage(attest, level: str, tmp_path: Path) -> None:
    words = ("verify", tmp_path, "--license", "l.yaml", "--key", "k.pub", "--base", tmp_path)
    evidence = ("--evidence", tmp_path) if level == "2" else ()

    seen = attest(*words, "--level", level, *evidence)

    assert seen.code == 2
