"""OMS signatures of anybody, held against a folder: each forgery fails at exactly its step."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from attest.attestation.bundle import make_bundle
from attest.attestation.keys import Kind, PrivateKey, PublicKey, generate
from attest.attestation.oms import sign_oms, state_oms
from attest.canonical import canonical_bytes, sha256_hex
from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint
from attest.verification.oms import OmsVerification, Roots, examine_oms
from attest.verification.records import StepName
from authorities import DAY, FOR_SIGNING, NOW, WEB_SERVER, House, issue, make_house
from conftest import REPOSITORY

OMS = REPOSITORY.parent / "shared/vectors/oms/test-vectors/v1.0"
KEY = generate()
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "onnx-int8/notes.txt": b"-",
    "onnx/notes.txt": b"/",
    "README.md": b"# A model\n",
}

Forgery = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def statement(folder: Path) -> dict[str, Any]:
    manifest = digest(open_checkpoint(folder), strict=False)
    return state_oms(manifest, name=folder.name).to_dict()


def sign(folder: Path, key: PrivateKey = KEY, *, chain: tuple[bytes, ...] = ()) -> bytes:
    manifest = digest(open_checkpoint(folder), strict=False)
    return sign_oms(state_oms(manifest, name=folder.name), key, chain=chain)


def signed(folder: Path, *changes: Forgery) -> bytes:
    """A signature by KEY over a statement after `changes`."""
    value = statement(folder)
    for change in changes:
        change(value)
    return make_bundle(canonical_bytes(value), KEY)


def rewritten(data: bytes, change: Forgery) -> bytes:
    """A bundle after a change that nobody signed."""
    value = json.loads(data)
    change(value)
    return json.dumps(value).encode()


def examine(
    folder: Path,
    data: bytes,
    trust: PublicKey | Roots = KEY.public_key,
    *,
    at: datetime = NOW,
    signature_path: str | None = None,
) -> OmsVerification:
    return examine_oms(
        data,
        trust=trust,
        checkpoint=open_checkpoint(folder),
        at=at,
        signature_path=signature_path,
    )


def assert_fails_at(result: OmsVerification, name: StepName, words: str) -> None:
    assert result.failed_step is not None
    assert (result.failed_step.name, result.is_verified) == (name, False)
    assert words in result.failed_step.detail
    assert (result.signer, result.root, result.n_files, result.left_out) == (None, None, None, ())


def set_root(root: str) -> Forgery:
    return lambda value: value["subject"][0]["digest"].update(sha256=root)


def ignore(*paths: str) -> Forgery:
    return lambda value: value["predicate"]["serialization"].update(ignore_paths=list(paths))


# Signatures that hold


@pytest.mark.parametrize("kind", ["p256", "p384", "p521"])
def test_an_honest_signature_verifies(kind: Kind, folder: Path) -> None:
    key = generate(kind)
    result = examine(folder, sign(folder, key), key.public_key)
    assert result.failed_step is None
    assert result.is_verified
    assert [step.number for step in result.steps] == list(range(10))
    assert (result.n_files, result.model_name) == (5, "model")
    assert result.signer is not None
    assert (result.signer.key_hint, result.signer.identities) == (key.public_key.hint, ())
    assert OmsVerification.from_json(result.to_json(), what="result") == result


def test_a_certificate_verifies_and_says_who_signed(folder: Path) -> None:
    house = make_house(x509.SubjectAlternativeName([x509.RFC822Name("release@example.org")]))
    result = examine(
        folder, sign(folder, house.signer.signer, chain=house.chain), Roots(house.roots)
    )
    assert result.failed_step is None
    assert result.signer is not None
    assert result.signer.identities == ("release@example.org",)


def test_layout_key_id_and_alphabet_are_no_matter(folder: Path) -> None:
    def change(bundle: dict[str, Any]) -> None:
        (signature,) = bundle["dsseEnvelope"]["signatures"]
        standard = base64.b64decode(signature["sig"])
        signature["sig"] = base64.urlsafe_b64encode(standard).decode()
        signature["keyid"] = "whatever"
        bundle["verificationMaterial"]["tlogEntries"] = []

    assert examine(folder, rewritten(sign(folder), change)).is_verified


@pytest.mark.parametrize(
    "path",
    [
        ".git/HEAD",
        ".gitattributes",
        ".github/workflows/check.yml",
        ".cache/huggingface/x.json",
        "attestations/a.sigstore.json",
        "model.sig",
        "signatures/theirs.json",
    ],
)
def test_version_control_and_signatures_may_be_there_unsigned(path: str, folder: Path) -> None:
    data = sign(folder)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(b"{}")
    assert examine(folder, data, signature_path="signatures/theirs.json").is_verified


def test_files_that_we_leave_out_are_checked_when_they_are_signed(folder: Path) -> None:
    (folder / ".gitattributes").write_bytes(b"* text\n")

    def list_it(value: dict[str, Any]) -> None:
        resources = value["predicate"]["resources"]
        digest = sha256_hex(b"* text\n")
        resources.insert(0, {"name": ".gitattributes", "algorithm": "sha256", "digest": digest})
        digests = b"".join(bytes.fromhex(one["digest"]) for one in resources)
        set_root(sha256_hex(digests))(value)

    data = signed(folder, list_it)
    assert examine(folder, data).is_verified
    (folder / ".gitattributes").write_bytes(b"* -text\n")
    assert_fails_at(examine(folder, data), "files", ".gitattributes: expected SHA-256")


def test_what_the_signer_left_out_is_reported(folder: Path) -> None:
    assert examine(folder, signed(folder, ignore("notes", "../x"))).left_out == ("notes", "../x")


# Steps 0 to 2: the bundle


def top(**fields: Any) -> Forgery:
    return lambda bundle: bundle.update(fields)


def material(**fields: Any) -> Forgery:
    return lambda bundle: bundle["verificationMaterial"].update(fields)


def envelope(**fields: Any) -> Forgery:
    return lambda bundle: bundle["dsseEnvelope"].update(fields)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(top(note=1), id="more in the bundle"),
        pytest.param(material(note=1), id="more in the material"),
        pytest.param(
            top(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"), id="bundle v0.2"
        ),
        pytest.param(lambda bundle: bundle.pop("verificationMaterial"), id="no material"),
        pytest.param(lambda bundle: bundle.pop("dsseEnvelope"), id="no envelope"),
        pytest.param(material(publicKey={"rawBytes": "QQ=="}), id="key of old versions"),
    ],
)
def test_another_form_of_bundle_fails_at_the_limits(change: Forgery, folder: Path) -> None:
    assert_fails_at(examine(folder, rewritten(sign(folder), change)), "limits", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(material(publicKey={"hint": "ab" * 32}), "names the key", id="another hint"),
        pytest.param(material(publicKey={}), "names the key", id="no hint"),
    ],
)
def test_a_hint_at_another_key_fails_at_the_trust(
    change: Forgery, words: str, folder: Path
) -> None:
    assert_fails_at(examine(folder, rewritten(sign(folder), change)), "trust", words)


def test_a_signature_by_another_means_than_the_caller_trusts_fails_at_the_trust(
    folder: Path,
) -> None:
    house = make_house()
    by_key, roots = sign(folder, house.signer.signer), Roots(house.roots)
    by_certificate = sign(folder, house.signer.signer, chain=house.chain)
    key = house.signer.signer.public_key
    assert_fails_at(examine(folder, by_key, roots), "trust", "with a bare key")
    assert_fails_at(examine(folder, by_certificate, key), "trust", "under a certificate")


@pytest.mark.skipif(not OMS.is_dir(), reason="the OMS vectors are not at hand")
@pytest.mark.parametrize("name", ["valid/sigstore", "invalid/missing-tlog-entries"])
def test_a_keyless_signature_is_left_to_others(name: str, folder: Path) -> None:
    data = (OMS / f"{name}.bundle.json").read_bytes()
    result = examine(folder, data, Roots(make_house().roots))
    assert result.failed_step is not None
    assert result.failed_step.name in ("limits", "trust")


def test_two_signatures_fail_at_the_envelope(folder: Path) -> None:
    def twice(bundle: dict[str, Any]) -> None:
        bundle["dsseEnvelope"]["signatures"] *= 2

    assert_fails_at(examine(folder, rewritten(sign(folder), twice)), "envelope", "exactly one")


# Step 3: the signature


def flipped(text: str) -> str:
    data = bytearray(base64.b64decode(text))
    data[len(data) // 2] ^= 1
    return base64.b64encode(data).decode()


def flip_payload(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["payload"] = flipped(bundle["dsseEnvelope"]["payload"])


def flip_signature(bundle: dict[str, Any]) -> None:
    (signature,) = bundle["dsseEnvelope"]["signatures"]
    signature["sig"] = flipped(signature["sig"])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(flip_payload, id="payload"),
        pytest.param(flip_signature, id="signature"),
        pytest.param(envelope(payloadType="application/vnd.in-tóto+json"), id="payload type"),
    ],
)
def test_a_change_that_nobody_signed_fails_at_the_signature(change: Forgery, folder: Path) -> None:
    assert_fails_at(examine(folder, rewritten(sign(folder), change)), "signature", "not verify")


def test_another_key_behind_the_right_hint_fails_at_the_signature(folder: Path) -> None:
    data = sign(folder, generate())
    hint = material(publicKey={"hint": KEY.public_key.hint})
    assert_fails_at(examine(folder, rewritten(data, hint)), "signature", "not verify")


def test_an_ed25519_key_fails_at_the_signature(folder: Path) -> None:
    key = generate("ed25519")
    data = make_bundle(canonical_bytes(statement(folder)), key)
    assert_fails_at(examine(folder, data, key.public_key), "signature", "ECDSA keys only")


def test_the_chain_of_somebody_else_fails_at_the_signature(folder: Path) -> None:
    honest, forger = make_house(), make_house()
    data = sign(folder, forger.signer.signer, chain=forger.chain)

    def borrow(bundle: dict[str, Any]) -> None:
        chain = [{"rawBytes": base64.b64encode(der).decode()} for der in honest.chain]
        bundle["verificationMaterial"] = {"x509CertificateChain": {"certificates": chain}}

    assert_fails_at(
        examine(folder, rewritten(data, borrow), Roots(honest.roots)), "signature", "not verify"
    )


# Step 4: the statement. Every flaw of a statement is in tests/attestation/test_oms.py.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda value: value.update(predicateType="x"), "predicateType", id="other"),
        pytest.param(
            lambda value: value["predicate"]["resources"].clear(), "at least 1", id="no files"
        ),
        pytest.param(
            lambda value: value["predicate"]["resources"].reverse(), "code point", id="order"
        ),
        pytest.param(
            lambda value: value["predicate"]["resources"][0].update(name="../x"),
            "relative path",
            id="out of the folder",
        ),
    ],
)
def test_a_signed_statement_of_another_shape_fails_at_the_statement(
    change: Forgery, words: str, folder: Path
) -> None:
    assert_fails_at(examine(folder, signed(folder, change)), "statement", words)


def test_ignoring_everything_and_listing_nothing_fails_at_the_statement(folder: Path) -> None:
    # The released model_signing accepts this over any folder.
    data = signed(folder, ignore("."), lambda value: value["predicate"]["resources"].clear())
    assert_fails_at(examine(folder, data), "statement", "at least 1")


# Step 5: the certificates


def house_with(**options: Any) -> House:
    house = make_house()
    return House(house.root, house.authority, issue("signer", house.authority, **options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"last": NOW - DAY}, "is valid from", id="expired"),
        pytest.param({"first": NOW + DAY}, "is valid from", id="not yet valid"),
        pytest.param({"extensions": (FOR_SIGNING[0], WEB_SERVER)}, "not for signing", id="server"),
    ],
)
def test_a_certificate_that_does_not_hold_fails_at_the_time(
    options: dict[str, Any], words: str, folder: Path
) -> None:
    house = house_with(**options)
    data = sign(folder, house.signer.signer, chain=house.chain)
    assert_fails_at(examine(folder, data, Roots(house.roots)), "time", words)


def test_another_authority_fails_at_the_time(folder: Path) -> None:
    house = make_house()
    data = sign(folder, house.signer.signer, chain=(*house.chain, house.root.der))
    result = examine(folder, data, Roots(make_house().roots))
    assert_fails_at(result, "time", "does not lead to a trusted root")


def test_the_caller_chooses_the_time(folder: Path) -> None:
    house = house_with(last=NOW - DAY)
    data = sign(folder, house.signer.signer, chain=house.chain)
    assert examine(folder, data, Roots(house.roots), at=NOW - 2 * DAY).is_verified


# Steps 7 to 9: root, coverage, files


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(set_root("ab" * 32), id="another root"),
        pytest.param(
            lambda value: value["subject"][0].update(digest={"blake3": "ab" * 32}), id="no root"
        ),
    ],
)
def test_a_root_that_is_not_that_of_the_list_fails_at_the_subjects(
    change: Forgery, folder: Path
) -> None:
    assert_fails_at(examine(folder, signed(folder, change)), "subjects", "gives the root")


@pytest.mark.parametrize(
    "path",
    [
        "evil.py",
        ".git/evil.py",
        ".github/evil.py",
        "attestations/model.safetensors",
        "chat_template.jinja",
        "notes.txt",
        "other.sig",
    ],
)
def test_an_added_file_fails_at_the_coverage(path: str, folder: Path) -> None:
    data = sign(folder)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(b"x")
    assert_fails_at(examine(folder, data), "coverage", f"{path} (")


@pytest.mark.parametrize("ignored", [".", "evil", "evil/run.py", "ev*", ""])
def test_what_the_signer_ignores_is_not_accepted(ignored: str, folder: Path) -> None:
    data = signed(folder, ignore(ignored) if ignored else lambda _: None)
    (folder / "evil").mkdir()
    (folder / "evil/run.py").write_bytes(b"x")
    assert_fails_at(examine(folder, data), "coverage", "evil/run.py (code) is ")


@pytest.mark.parametrize("name", ["sig.py", "sig.safetensors", "tokenizer.json"])
def test_a_signature_file_that_can_be_loaded_is_not_accepted(name: str, folder: Path) -> None:
    data = sign(folder)
    (folder / name).write_bytes(data)
    assert_fails_at(examine(folder, data, signature_path=name), "coverage", f"{name} (")


def test_a_missing_file_fails_at_the_coverage(folder: Path) -> None:
    data = sign(folder)
    (folder / "README.md").unlink()
    assert_fails_at(examine(folder, data), "coverage", "README.md is signed and not there")


@pytest.mark.parametrize("path", sorted(FILES))
def test_any_changed_file_fails_at_the_files(path: str, folder: Path) -> None:
    data = sign(folder)
    (folder / path).write_bytes(FILES[path] + b" ")
    assert_fails_at(examine(folder, data), "files", f"{path}: expected SHA-256")


def test_swapped_file_names_fail_at_the_files(folder: Path) -> None:
    # The root covers no names, so the list has to be compared name by name.
    data = sign(folder)
    (folder / "onnx").rename(folder / "between")
    (folder / "onnx-int8").rename(folder / "onnx")
    (folder / "between").rename(folder / "onnx-int8")
    assert_fails_at(examine(folder, data), "files", "onnx-int8/notes.txt: expected")


# Cost


def test_loads_nothing_heavy(folder: Path) -> None:
    (folder / "model.sig").write_bytes(sign(folder))
    (folder.parent / "key.pub").write_bytes(KEY.public_key.pem)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from attest.cli.oms import verify_oms\n"
        "model = Path(sys.argv[1])\n"
        "code = verify_oms(model, model / 'model.sig', key=model.parent / 'key.pub', roots=None,"
        " as_json=True)\n"
        "assert code == 0\n"
        "heavy = 'torch transformers scipy numpy sigstore pooch yaml rich safetensors'.split()\n"
        "assert not set(heavy) & set(sys.modules), set(heavy) & set(sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
