"""Both ways against the released `model_signing`, and the places where we are stricter."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from attest.attestation.bundle import make_bundle
from attest.attestation.keys import Kind, PublicKey, generate
from attest.attestation.oms import sign_oms, state_oms
from attest.canonical import canonical_bytes
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.verification.oms import OmsVerification, Roots, examine_oms
from attest.verification.records import Step
from authorities import DAY, FOR_SIGNING, NOW, WEB_SERVER, Holder, House, issue, make_house

pytest.importorskip("model_signing", reason="pip install -e '.[peers]'")
# Its own imports warn; nothing here can mend that.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

CURVES: list[Kind] = ["p256", "p384", "p521"]
PATHS = ["README.md", "config.json", "model.safetensors", "onnx/model.txt", "zoo/a b+c.txt"]
KEY = generate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for path in PATHS:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    return folder


def pem_of(holder: Holder) -> bytes:
    return holder.signer.to_pem(None)


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder.parent / name
    path.write_bytes(data)
    return path


def statement(folder: Path) -> dict[str, Any]:
    manifest = digest(open_checkpoint(folder), strict=False)
    return state_oms(manifest, name=folder.name).to_dict()


def ours(
    folder: Path, data: bytes, trust: PublicKey | Roots, at: datetime = NOW
) -> OmsVerification:
    return examine_oms(data, trust=trust, checkpoint=open_checkpoint(folder), at=at)


def our_failure(folder: Path, data: bytes, trust: PublicKey | Roots = KEY.public_key) -> Step:
    failed = ours(folder, data, trust).failed_step
    assert failed is not None
    return failed


def theirs_with_key(folder: Path, signature: Path, key: PublicKey) -> None:
    """Raises what `model_signing` raises if it refuses."""
    from model_signing import verifying

    public = write(folder, "their.pub", key.pem)
    verifying.Config().use_elliptic_key_verifier(public_key=public).verify(folder, signature)


def theirs_with_roots(folder: Path, signature: Path, root: Holder) -> None:
    from model_signing import verifying

    roots = write(folder, "roots.pem", root.pem)
    verifying.Config().use_certificate_verifier(certificate_chain=[roots]).verify(folder, signature)


def their_key_signature(folder: Path, kind: Kind = "p256") -> tuple[bytes, PublicKey]:
    from model_signing import hashing, signing

    key = generate(kind)
    private, signature = write(folder, "their.key", key.to_pem(None)), folder / "model.sig"
    config = hashing.Config().set_ignored_paths(paths=["model.sig"])
    signer = signing.Config().use_elliptic_key_signer(private_key=private)
    signer.set_hashing_config(config).sign(folder, signature)
    return signature.read_bytes(), key.public_key


def their_certificate_signature(folder: Path, house: House) -> bytes:
    from model_signing import signing

    signature = folder.parent / "their.sig"
    signing.Config().use_certificate_signer(
        private_key=write(folder, "their.key", pem_of(house.signer)),
        signing_certificate=write(folder, "their.crt", house.signer.pem),
        certificate_chain=[write(folder, "chain.pem", house.authority.pem)],
    ).sign(folder, signature)
    return signature.read_bytes()


def their_command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "model_signing", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


# Both ways


@pytest.mark.parametrize("kind", CURVES)
def test_it_accepts_our_signature_with_a_key(kind: Kind, folder: Path) -> None:
    key = generate(kind)
    manifest = digest(open_checkpoint(folder), strict=False)
    signature = folder / "model.sig"
    signature.write_bytes(sign_oms(state_oms(manifest, name="model"), key))
    theirs_with_key(folder, signature, key.public_key)

    (folder / "attestations").mkdir()
    (folder / "attestations/a.sigstore.json").write_text("{}")
    theirs_with_key(folder, signature, key.public_key)

    (folder / "config.json").write_text("changed")
    with pytest.raises(ValueError, match=r"Hash mismatch for 'config\.json'"):
        theirs_with_key(folder, signature, key.public_key)


def test_its_command_accepts_our_signature(folder: Path) -> None:
    manifest = digest(open_checkpoint(folder), strict=False)
    (folder / "model.sig").write_bytes(sign_oms(state_oms(manifest, name="model"), KEY))
    done = their_command(
        *("verify", "key", folder, "--signature", folder / "model.sig"),
        *("--public_key", write(folder, "ours.pub", KEY.public_key.pem)),
    )
    assert (done.returncode, done.stdout) == (0, "Verification succeeded\n"), done.stderr


def test_it_accepts_our_signature_under_a_certificate(folder: Path) -> None:
    house = make_house()
    manifest = digest(open_checkpoint(folder), strict=False)
    data = sign_oms(state_oms(manifest, name="m"), house.signer.signer, chain=house.chain)
    theirs_with_roots(folder, write(folder, "ours.sig", data), house.root)


@pytest.mark.parametrize("kind", CURVES)
def test_we_accept_its_signature_with_a_key(kind: Kind, folder: Path) -> None:
    data, key = their_key_signature(folder, kind)
    result = ours(folder, data, key)
    assert result.failed_step is None
    assert result.n_files == len(PATHS)


def test_we_accept_the_signature_of_its_command(folder: Path) -> None:
    key = generate()
    done = their_command(
        *("sign", "key", folder, "--signature", folder / "model.sig"),
        *("--private_key", write(folder, "their.key", key.to_pem(None))),
    )
    assert done.returncode == 0, done.stderr
    result = ours(folder, (folder / "model.sig").read_bytes(), key.public_key)
    assert result.failed_step is None


def test_we_accept_its_signature_under_a_certificate(folder: Path) -> None:
    house = make_house()
    data = their_certificate_signature(folder, house)
    assert ours(folder, data, Roots(house.roots)).failed_step is None


# Where the specification and the tool differ, we follow the specification


def test_we_refuse_its_order_where_it_is_not_that_of_the_specification(folder: Path) -> None:
    (folder / "onnx-int8").mkdir()
    (folder / "onnx-int8/model.txt").write_text("-")
    data, key = their_key_signature(folder)
    failed = our_failure(folder, data, key)
    assert (failed.name, "order of path components" in failed.detail) == ("statement", True)

    # It recomputes the root over the order that is listed, so it accepts ours.
    (folder / "model.sig").unlink()
    manifest = digest(open_checkpoint(folder), strict=False)
    signature = write(folder, "ours.sig", sign_oms(state_oms(manifest, name="m"), KEY))
    theirs_with_key(folder, signature, KEY.public_key)


def test_we_refuse_its_shards_and_its_other_hashes(folder: Path) -> None:
    from model_signing import hashing, signing

    configs = {
        "whole files": hashing.Config().use_shard_serialization(shard_size=10),
        "by sha256": hashing.Config().use_file_serialization(hashing_algorithm="blake2"),
    }
    for words, config in configs.items():
        signer = signing.Config().use_elliptic_key_signer(
            private_key=write(folder, "their.key", KEY.to_pem(None))
        )
        signer.set_hashing_config(config).sign(folder, folder.parent / "their.sig")
        data = (folder.parent / "their.sig").read_bytes()
        failed = our_failure(folder, data)
        assert (failed.name, words in failed.detail) == ("statement", True)
        assert "ask the signer to sign" in str(failed.hint)


def test_we_refuse_its_signature_over_a_single_file(folder: Path) -> None:
    from model_signing import signing

    signer = signing.Config().use_elliptic_key_signer(
        private_key=write(folder, "their.key", KEY.to_pem(None))
    )
    signer.sign(folder / "model.safetensors", folder.parent / "their.sig")
    data = (folder.parent / "their.sig").read_bytes()
    failed = our_failure(folder, data)
    assert "without its name" in failed.detail


# What it accepts, and we refuse

Forgery = Callable[[dict[str, Any]], object]


def ignore_everything(value: dict[str, Any]) -> None:
    value["predicate"]["resources"] = []
    value["predicate"]["serialization"]["ignore_paths"] = ["."]
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    value["subject"][0]["digest"]["sha256"] = nothing


def list_a_file_twice(value: dict[str, Any]) -> None:
    from hashlib import sha256

    resources = value["predicate"]["resources"]
    resources.insert(0, resources[0])
    digests = b"".join(bytes.fromhex(one["digest"]) for one in resources)
    value["subject"][0]["digest"]["sha256"] = sha256(digests).hexdigest()


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(ignore_everything, id="everything is ignored"),
        pytest.param(list_a_file_twice, id="a file twice"),
        pytest.param(lambda value: value["predicate"].update(claims=[]), id="more claims"),
    ],
)
def test_we_refuse_statements_that_it_accepts(forge: Forgery, folder: Path) -> None:
    value = statement(folder)
    forge(value)
    data = make_bundle(canonical_bytes(value), KEY)
    theirs_with_key(folder, write(folder, "forged.sig", data), KEY.public_key)
    failed = our_failure(folder, data)
    assert failed.name == "statement"


def test_we_refuse_files_that_its_signer_left_out(folder: Path) -> None:
    value = statement(folder)
    value["predicate"]["serialization"]["ignore_paths"] = ["evil.py"]
    data = make_bundle(canonical_bytes(value), KEY)
    (folder / "evil.py").write_text("import os")
    theirs_with_key(folder, write(folder, "forged.sig", data), KEY.public_key)
    failed = our_failure(folder, data)
    assert (failed.name, "left out by the signer" in failed.detail) == ("coverage", True)


def second_signature(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"].append({"sig": "AAAA", "keyid": ""})


def no_hint(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["publicKey"] = {}


@pytest.mark.parametrize(
    ("forge", "step"),
    [(second_signature, "envelope"), (no_hint, "trust")],
)
def test_we_refuse_bundles_that_it_accepts(forge: Forgery, step: str, folder: Path) -> None:
    bundle = json.loads(make_bundle(canonical_bytes(statement(folder)), KEY))
    forge(bundle)
    data = json.dumps(bundle).encode()
    theirs_with_key(folder, write(folder, "forged.sig", data), KEY.public_key)
    failed = our_failure(folder, data)
    assert failed.name == step


def test_we_refuse_a_key_given_twice_that_it_accepts(folder: Path) -> None:
    text = canonical_bytes(statement(folder)).decode()
    twice = text.replace('"method":"files"', '"method":"shards","method":"files"').encode()
    data = make_bundle(twice, KEY)
    theirs_with_key(folder, write(folder, "forged.sig", data), KEY.public_key)
    failed = our_failure(folder, data)
    assert (failed.name, "appears twice" in failed.detail) == ("statement", True)


def test_it_refuses_the_base64_that_every_verifier_must_accept(folder: Path) -> None:
    value = statement(folder)
    value["subject"][0]["name"] = "~~~???"
    bundle = json.loads(make_bundle(canonical_bytes(value), KEY))
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    bundle["dsseEnvelope"]["payload"] = base64.urlsafe_b64encode(payload).decode()
    data = json.dumps(bundle).encode()
    assert ours(folder, data, KEY.public_key).is_verified
    with pytest.raises(ValueError, match="Incorrect padding"):
        theirs_with_key(folder, write(folder, "url.sig", data), KEY.public_key)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"first": NOW - 5 * DAY, "last": NOW - DAY}, id="expired"),
        pytest.param({"extensions": (FOR_SIGNING[0], WEB_SERVER)}, id="of a web server"),
    ],
)
def test_we_refuse_certificates_that_it_accepts(options: dict[str, Any], folder: Path) -> None:
    house = make_house()
    house = House(house.root, house.authority, issue("signer", house.authority, **options))
    manifest = digest(open_checkpoint(folder), strict=False)
    data = sign_oms(state_oms(manifest, name="m"), house.signer.signer, chain=house.chain)
    theirs_with_roots(folder, write(folder, "ours.sig", data), house.root)
    failed = our_failure(folder, data, Roots(house.roots))
    assert failed.name == "time"
