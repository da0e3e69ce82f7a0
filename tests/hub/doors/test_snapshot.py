"""What every door gives, and the doors of this machine: a folder and a listing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.hub.doors.folder import open_folder
from attest.hub.doors.listing import open_listing
from attest.hub.doors.snapshot import Budget, Snapshot, is_bundle, is_read
from hub.uploaded import Uploaded


def test_a_folder_is_read_whole(uploaded: Uploaded) -> None:
    snapshot = open_folder(uploaded.folder)

    assert (snapshot.name, snapshot.revision, snapshot.checked) == ("model", None, "served-bytes")
    assert snapshot.base_models == ("example/base-model", "another/base")
    verdict = snapshot.check(uploaded.license, uploaded.trust, uploaded.now)
    assert (verdict.state, verdict.checked) == ("passed", "served-bytes")


def test_a_folder_that_loads_otherwise_is_no_pass(uploaded: Uploaded) -> None:
    (uploaded.folder / "attestations" / "model.safetensors").write_bytes(b"x")
    verdict = open_folder(uploaded.folder).check(uploaded.license, uploaded.trust, uploaded.now)
    assert verdict.state == "partly-covered"


def test_an_attestation_from_elsewhere_will_do(uploaded: Uploaded) -> None:
    (uploaded.folder / "attestations" / "one.sigstore.json").unlink()
    snapshot = open_folder(uploaded.folder)
    assert snapshot.bundles == {}
    assert snapshot.check(uploaded.license, uploaded.trust, uploaded.now).state == "no-attestation"
    verdict = snapshot.check(
        uploaded.license, uploaded.trust, uploaded.now, further=[uploaded.bundle]
    )
    assert verdict.state == "passed"


def test_a_listing_is_taken_at_its_word(uploaded: Uploaded, tmp_path: Path) -> None:
    listing = tmp_path / "SHA256SUMS"
    listing.write_text(
        "".join(f"{sha256_hex(data)}  {path}\n" for path, data in uploaded.files.items())
    )
    snapshot = open_listing(listing, {"one": uploaded.bundle})
    assert snapshot.base_models == ()
    verdict = snapshot.check(uploaded.license, uploaded.trust, uploaded.now)
    assert (verdict.state, verdict.checked) == ("passed", "listed-hash")


def of_readme(text: str) -> tuple[str, ...]:
    contents = {"README.md": text.encode()}
    return Snapshot("a/b", None, {}, "listed-hash", contents=contents).base_models


@pytest.mark.parametrize(
    ("front", "names"),
    [
        ("base_model: x/y\nlicense: other\n", ("x/y",)),
        ("license: other\nbase_model: 'x/y'\n", ("x/y",)),
        ("base_model:\n- x/y\n- z/w\ntags:\n- q/r\n", ("x/y", "z/w")),
        ("base_model:\n  - x/y\n  - z/w\ntags: [q/r]\n", ("x/y", "z/w")),
        ("base_model: [x/y, z/w]\n", ("x/y", "z/w")),
        ('"base_model" : x/y\n', ("x/y",)),
        ("base_model_relation: finetune\nbase_model: x/y\n", ("x/y",)),
        ("base_model: x/y\nbase_model: z/w\n", ("x/y", "z/w")),
        ("base_model: a/b\n", ()),
        ("base_model: ../../etc\n", ()),
        ("base_model: &x [*x]\n", ()),
        ("base_model:\n", ()),
        ("base_model: {x: y}\n", ()),
        ("model_base: x/y\n", ()),
        ("base_model: [" + "x/y," * 100 + "z/w]\n", ("x/y", "z/w")),
    ],
)
def test_base_models_are_what_the_front_matter_says(front: str, names: tuple[str, ...]) -> None:
    assert of_readme(f"---\n{front}---\n# Title\nbase_model: no/no\n") == names


def test_only_a_front_matter_counts() -> None:
    assert of_readme("base_model: x/y\n") == ()
    assert of_readme("---\nbase_model: x/y\n") == ()
    assert of_readme("---\r\nbase_model: x/y\r\n---\r\n") == ("x/y",)


def test_a_long_front_matter_is_read_in_no_time() -> None:
    results = "".join(f"- type: t\n  value: {number}\n" for number in range(30_000))
    assert of_readme(f"---\nmodel-index:\n{results}base_model: x/y\n---\n") == ("x/y",)
    assert of_readme("---\n" + "base_model:\n" + "- a\n" * 20_000 + "---\n") == ()
    assert of_readme("---\n" + "-" * 900_000) == ()
    assert of_readme("---\n" + "base_model:\n" * 50_000 + "---\n") == ()


def test_base_models_are_named_by_configurations_too() -> None:
    contents = {
        "adapter_config.json": json.dumps({"base_model_name_or_path": "x/y"}).encode(),
        "config.json": json.dumps({"_name_or_path": "z/w"}).encode(),
    }
    snapshot = Snapshot("a/b", None, {}, "listed-hash", contents=contents)
    assert snapshot.base_models == ("x/y", "z/w")
    broken = replace(snapshot, contents={"config.json": b"[]", "adapter_config.json": b"{"})
    assert broken.base_models == ()


def test_what_decides_is_read() -> None:
    for path in (
        "config.json",
        "chat_template.jinja",
        "sub/x_config.json",
        "tokenizer_config.json",
    ):
        assert is_read(path)
    for path in ("tokenizer.json", "model.safetensors", "attestations/config.json"):
        assert not is_read(path)
    assert is_bundle("attestations/a.sigstore.json")
    for path in ("attestations/a/b.sigstore.json", "a.sigstore.json", "attestations/a.json"):
        assert not is_bundle(path)


def test_reading_has_a_budget() -> None:
    budget = Budget()
    for number in range(12):
        budget.spend(f"{number}.json", 10 * 1024 * 1024)
    with pytest.raises(InputError, match="together"):
        budget.spend("one-more.json", 10 * 1024 * 1024)
