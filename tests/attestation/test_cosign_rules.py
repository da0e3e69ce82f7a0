"""What `cosign verify-blob-attestation --key` asks of a bundle, held against ours.

The rules are those of cosign and of sigstore-go below it, as read in their sources: one signature,
no key id, the payload type of in-toto, the predicate type to the letter, a subject with the SHA-256
of the file, at most 1024 subjects with at most 32 digests each.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from attest.attestation.keys import generate
from attest.attestation.statement import PREDICATE_TYPE, subjects
from attest.canonical import sha256_hex
from attest.checkpoint.manifest import File, Manifest, Role
from release import Release, make_release

MAX_SUBJECTS = 1024
MAX_DIGESTS = 32


class Refused(Exception):  # noqa: N818 - a tool that is played, not an error of ours
    """cosign would refuse, and why."""


@dataclass(frozen=True)
class Cosign:
    """`cosign verify-blob-attestation --insecure-ignore-tlog`, as its sources have it."""

    key: bytes
    """PEM."""
    type: str
    """Of `--type`."""

    def verify(self, data: bytes, blob_sha256: str) -> None:
        bundle = json.loads(data)
        envelope = bundle["dsseEnvelope"]
        if bundle["mediaType"] != "application/vnd.dev.sigstore.bundle.v0.3+json":
            raise Refused("media type")
        if "x509CertificateChain" in bundle["verificationMaterial"]:
            raise Refused("a chain in a bundle v0.3")
        if envelope["payloadType"] != "application/vnd.in-toto+json":
            raise Refused("payload type")
        if len(envelope["signatures"]) != 1:
            raise Refused("number of signatures")
        (signature,) = envelope["signatures"]
        if signature.get("keyid"):
            raise Refused("a key id that is not the fingerprint of the key")
        payload = base64.b64decode(envelope["payload"], validate=True)
        self._check(base64.b64decode(signature["sig"], validate=True), payload)
        self._check_statement(json.loads(payload), blob_sha256)

    def _check(self, signature: bytes, payload: bytes) -> None:
        key = load_pem_public_key(self.key)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        kind = b"application/vnd.in-toto+json"
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        try:
            key.verify(signature, signed, ec.ECDSA(SHA256()))
        except InvalidSignature as error:
            raise Refused("signature") from error

    def _check_statement(self, statement: dict[str, Any], blob_sha256: str) -> None:
        if statement["_type"] != "https://in-toto.io/Statement/v1":
            raise Refused("statement type")
        if statement["predicateType"] != self.type:
            raise Refused("predicate type")
        found = statement["subject"]
        if not 1 <= len(found) <= MAX_SUBJECTS:
            raise Refused("number of subjects")
        if any(not 1 <= len(subject["digest"]) <= MAX_DIGESTS for subject in found):
            raise Refused("number of digests")
        if all(subject["digest"].get("sha256") != blob_sha256 for subject in found):
            raise Refused("no such subject")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("release"))


def cosign(release: Release, predicate_type: str = PREDICATE_TYPE) -> Cosign:
    return Cosign(release.key.public_key.pem, predicate_type)


def test_cosign_takes_our_bundle_for_every_single_file(release: Release) -> None:
    data = release.bundle()
    n_files = 0
    for path in release.model.rglob("*"):
        if path.is_file():
            cosign(release).verify(data, sha256_hex(path.read_bytes()))
            n_files += 1
    assert n_files == len(release.evaluation.manifest.files) > 5


def test_cosign_takes_it_for_the_digest_of_the_whole_checkpoint(release: Release) -> None:
    cosign(release).verify(release.bundle(), release.evaluation.manifest.digest())


def test_cosign_refuses_other_files_types_and_keys(release: Release) -> None:
    data = release.bundle()
    weights = sha256_hex((release.model / "model.safetensors").read_bytes())
    with pytest.raises(Refused, match="no such subject"):
        cosign(release).verify(data, sha256_hex(b"other weights"))
    for other in (PREDICATE_TYPE + "/", PREDICATE_TYPE.upper(), "custom"):
        with pytest.raises(Refused, match="predicate type"):
            cosign(release, other).verify(data, weights)
    with pytest.raises(Refused, match="signature"):
        Cosign(generate().public_key.pem, PREDICATE_TYPE).verify(data, weights)


def test_sigstore_python_reads_our_statement(release: Release) -> None:
    """Its command line refuses subjects with digests that it does not know."""
    dsse = pytest.importorskip("sigstore.dsse", reason="needs the extra `sigstore`")
    dsse.Statement(release.statement().to_json())


# Checkpoints with more files than a statement has room for


def many_files(n_weights: int, n_others: int) -> Manifest:
    def file(path: str, role: Role) -> File:
        return File(path=path, size_bytes=1, sha256=sha256_hex(path.encode()), role=role)

    files = [file(f"model-{n:05}.safetensors", "weights") for n in range(n_weights)]
    files += [file(f"a/{n:05}.json", "other") for n in range(n_others)]
    files.append(file("model.safetensors.index.json", "index"))
    return Manifest(files=tuple(sorted(files, key=lambda one: one.path)))


@pytest.mark.parametrize(("n_weights", "n_others"), [(3, 1018), (3, 1019), (3, 1020), (3, 5000)])
def test_weights_and_index_are_subjects_however_many_files_there_are(
    n_weights: int, n_others: int
) -> None:
    manifest = many_files(n_weights, n_others)
    found = subjects(manifest)
    assert len(found) == min(MAX_SUBJECTS, 1 + len(manifest.files))
    assert found[0].digest == {"sha256": manifest.digest()}
    names = {subject.name for subject in found}
    assert {file.path for file in manifest.files if file.role in ("weights", "index")} <= names
    assert found == subjects(manifest)


def test_so_many_weights_that_some_find_no_room_are_still_in_the_checkpoint_digest() -> None:
    manifest = many_files(1500, 0)
    names = [subject.name for subject in subjects(manifest)]
    assert names == ["attest:checkpoint", *(f"model-{n:05}.safetensors" for n in range(1023))]
    assert manifest.digest() != many_files(1501, 0).digest()


def test_a_release_of_more_than_1023_files_is_signed_verified_and_read_by_cosign(
    tmp_path: Path,
) -> None:
    data_files = tmp_path / "model" / "voices"
    data_files.mkdir(parents=True)
    for number in range(1100):
        (data_files / f"{number:04}.json").write_text(f"{number}")
    release = make_release(tmp_path)
    data = release.bundle()
    assert release.examine(data).is_verified
    statement = json.loads(base64.b64decode(json.loads(data)["dsseEnvelope"]["payload"]))
    assert len(statement["subject"]) == MAX_SUBJECTS
    assert len(statement["predicate"]["evaluation"]["manifest"]["files"]) > 1100
    weights = sha256_hex((release.model / "model.safetensors").read_bytes())
    cosign(release).verify(data, weights)

    # A file that found no room among the subjects is held to the signature all the same.
    names = {subject["name"] for subject in statement["subject"]}
    left_out = max(data_files.iterdir())
    assert left_out.relative_to(release.model).as_posix() not in names
    left_out.write_text("changed")
    failed = release.examine(data).failed_step
    assert failed is not None
    assert failed.name == "files"
