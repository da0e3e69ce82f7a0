"""OMS statements: what is written, and what is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.keys import Kind, generate
from attest.attestation.oms import (
    LEFT_OUT,
    OmsStatement,
    may_be_left_out,
    read_oms,
    root_digest,
    sign_oms,
    state_oms,
)
from attest.checkpoint.manifest import File, Manifest
from attest.checkpoint.roles import role_of
from attest.errors import InputError, VerificationError
from authorities import make_house
from conftest import REPOSITORY

OMS = REPOSITORY.parent / "shared/vectors/oms"
needs_oms = pytest.mark.skipif(not OMS.is_dir(), reason="the OMS vectors are not at hand")

PATHS = ["a-b/c.json", "a/b.json", "config.json", "model.safetensors", "é.txt"]


def sha256(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()


def manifest(*paths: str) -> Manifest:
    """A manifest of files that hold their own names."""
    files = [
        File(path=path, size_bytes=len(path.encode()), sha256=sha256(path), role=role_of(path))
        for path in sorted(paths or PATHS)
    ]
    return Manifest(files=tuple(files))


def statement(*paths: str) -> OmsStatement:
    return state_oms(manifest(*paths), name="tiny")


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The bytes of a good statement after `change`."""
    value = statement().to_dict()
    change(value)
    return json.dumps(value, ensure_ascii=False).encode()


def reason(payload: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_oms(payload)
    return caught.value.reason


# Made


def test_lists_every_file_in_code_point_order() -> None:
    # `-` comes before `/`: by path components, as model_signing sorts, a/b.json would be first.
    made = statement()
    assert [one.name for one in made.predicate.resources] == PATHS
    assert [one.digest for one in made.predicate.resources] == [sha256(path) for path in PATHS]


def test_root_covers_the_raw_digests_in_order() -> None:
    expected = hashlib.sha256(b"".join(bytes.fromhex(sha256(path)) for path in PATHS))
    assert statement().signed_root == expected.hexdigest()
    assert root_digest(statement().predicate.resources[::-1]) != expected.hexdigest()


def test_comes_back_as_it_was_written() -> None:
    made = statement()
    assert read_oms(made.to_json()) == made
    assert made.name == "tiny"


def test_leaves_out_what_a_verifier_allows_to_be_left_out() -> None:
    made = statement("model.safetensors", ".github/workflows/check.yml")
    assert [one.name for one in made.predicate.resources] == ["model.safetensors"]
    assert set(made.predicate.serialization.ignore_paths) == set(LEFT_OUT)
    assert all(may_be_left_out(path) or may_be_left_out(f"{path}/x.json") for path in LEFT_OUT)


@pytest.mark.parametrize("path", [".git/evil.py", "attestations/x.safetensors", ".github/a.so"])
def test_nothing_loadable_may_be_left_out(path: str) -> None:
    assert not may_be_left_out(path)


def test_refuses_to_state_a_folder_that_it_would_not_accept() -> None:
    with pytest.raises(InputError) as caught:
        statement("model.safetensors", ".github/setup.py")
    assert caught.value.reason == "loadable-in-excluded-folder"


# Signed


@pytest.mark.parametrize("kind", ["p256", "p384", "p521"])
def test_is_signed_with_every_curve_of_the_specification(kind: Kind) -> None:
    key = generate(kind)
    bundle = open_bundle(sign_oms(statement(), key))
    assert read_oms(bundle.verify(key.public_key)) == statement()
    assert bundle.hint == key.public_key.hint


def test_is_not_signed_with_ed25519() -> None:
    with pytest.raises(InputError, match="found an Ed25519 key") as caught:
        sign_oms(statement(), generate("ed25519"))
    assert caught.value.reason == "unsupported-key"


@pytest.mark.parametrize("n", [1, 2])
def test_a_certificate_goes_along_as_a_chain(n: int) -> None:
    house = make_house()
    bundle = open_bundle(sign_oms(statement(), house.signer.signer, chain=house.chain[:n]))
    material = json.loads(bundle.to_json())["verificationMaterial"]
    assert set(material) == {"x509CertificateChain"}
    assert bundle.chain == house.chain[:n]
    assert read_oms(bundle.verify(house.signer.signer.public_key)) == statement()


def test_refuses_a_certificate_of_another_key() -> None:
    with pytest.raises(InputError) as caught:
        sign_oms(statement(), generate(), chain=make_house().chain)
    assert caught.value.reason == "another-certificate"


# Read


def predicate(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda value: value["predicate"].update(fields)


def serialization(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda value: value["predicate"]["serialization"].update(fields)


def resource(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda value: value["predicate"]["resources"][0].update(fields)


def subject(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda value: value["subject"][0].update(fields)


def top(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda value: value.update(fields)


def without(*path: str) -> Callable[[dict[str, Any]], object]:
    def drop(value: Any) -> None:
        for name in path[:-1]:
            value = value[name] if name != "0" else value[0]
        del value[path[-1]]

    return drop


def second_subject(value: dict[str, Any]) -> None:
    value["subject"].append(value["subject"][0])


def by_components(value: dict[str, Any]) -> None:
    value["predicate"]["resources"].sort(key=lambda one: one["name"].split("/"))


def named(*names: str) -> Callable[[dict[str, Any]], object]:
    return predicate(
        resources=[{"name": name, "digest": sha256(name), "algorithm": "sha256"} for name in names]
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(top(_type="https://in-toto.io/Statement/v0.1"), "schema", id="old statement"),
        pytest.param(top(predicateType="https://example.org/x"), "oms-predicate", id="predicate"),
        pytest.param(
            top(predicateType="https://model_signing/Digests/v0.1"), "oms-predicate", id="v0.2"
        ),
        pytest.param(without("predicateType"), "oms-predicate", id="no predicate type"),
        pytest.param(top(note=1), "schema", id="more in the statement"),
        pytest.param(top(subject=[]), "schema", id="no subject"),
        pytest.param(second_subject, "schema", id="two subjects"),
        pytest.param(without("subject", "0", "name"), "schema", id="subject without name"),
        pytest.param(subject(name=""), "schema", id="subject with an empty name"),
        pytest.param(without("subject", "0", "digest"), "schema", id="subject without digest"),
        pytest.param(top(predicate=[]), "schema", id="predicate is a list"),
        pytest.param(predicate(claims=[]), "schema", id="more in the predicate"),
        pytest.param(without("predicate", "serialization"), "schema", id="no serialization"),
        pytest.param(without("predicate", "resources"), "schema", id="no resources"),
        pytest.param(predicate(resources=[]), "schema", id="empty resources"),
        pytest.param(without("predicate", "serialization", "method"), "oms-method", id="no method"),
        pytest.param(serialization(method="shards", shard_size=10), "oms-method", id="shards"),
        pytest.param(without("predicate", "serialization", "hash_type"), "oms-hash", id="no hash"),
        pytest.param(serialization(hash_type="blake3"), "oms-hash", id="blake3"),
        pytest.param(serialization(hash_type="blake2b"), "oms-hash", id="blake2b"),
        pytest.param(serialization(hash_type="SHA256"), "oms-hash", id="hash in capitals"),
        pytest.param(serialization(shard_size=10), "schema", id="shard size of whole files"),
        pytest.param(serialization(allow_symlinks="false"), "schema", id="symlinks as text"),
        pytest.param(
            without("predicate", "serialization", "allow_symlinks"), "schema", id="no symlinks"
        ),
        pytest.param(serialization(ignore_paths=[""]), "schema", id="empty ignored path"),
        pytest.param(serialization(ignore_paths=["x"] * 1001), "schema", id="many ignored paths"),
        pytest.param(resource(algorithm="sha256-sharded-10"), "schema", id="sharded algorithm"),
        pytest.param(resource(algorithm="blake3"), "schema", id="another algorithm"),
        pytest.param(resource(digest="AB" * 32), "schema", id="digest in capitals"),
        pytest.param(resource(digest="ab" * 16), "schema", id="short digest"),
        pytest.param(without("predicate", "resources", "0", "digest"), "schema", id="no digest"),
        pytest.param(resource(name="../config.json"), "schema", id="parent folder"),
        pytest.param(resource(name="/etc/passwd"), "schema", id="absolute path"),
        pytest.param(resource(name="./a"), "schema", id="dot"),
        pytest.param(resource(name="a//b"), "schema", id="empty part"),
        pytest.param(resource(name="a\\b"), "schema", id="backslash"),
        pytest.param(resource(name="a\x00"), "schema", id="NUL"),
        pytest.param(resource(name="config.json"), "oms-names", id="name twice"),
        pytest.param(named("A.json", "a.json"), "oms-names", id="names differ in case"),
        pytest.param(named("e\u0301.txt", "é.txt"), "oms-names", id="names differ in form"),
        pytest.param(named("."), "oms-single-file", id="single file of model_signing"),
        pytest.param(by_components, "oms-order", id="order of model_signing"),
        pytest.param(named("b", "a"), "oms-order", id="no order"),
    ],
)
def test_refuses_to_read(change: Callable[[dict[str, Any]], object], expected: str) -> None:
    assert reason(changed(change)) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"[]", "oms-predicate"),
        (b"{", "not-json"),
        (statement().to_json().replace(b'"method"', b'"method":"files","method"'), "duplicate-key"),
    ],
)
def test_refuses_what_is_no_statement(payload: bytes, expected: str) -> None:
    assert reason(payload) == expected


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(resource(size=3), id="more of a file"),
        pytest.param(subject(annotations={}), id="more of the subject"),
        pytest.param(subject(digest={"sha256": "ab" * 32, "blake3": "cd"}), id="more digests"),
        pytest.param(without("predicate", "serialization", "ignore_paths"), id="nothing ignored"),
        pytest.param(serialization(allow_symlinks=True), id="links followed"),
        pytest.param(named("weights.bin"), id="one file by its name"),
    ],
)
def test_reads_what_the_specification_leaves_open(
    change: Callable[[dict[str, Any]], object],
) -> None:
    assert read_oms(changed(change)).name == "tiny"


def test_says_what_to_do_with_the_order_of_model_signing() -> None:
    with pytest.raises(InputError) as caught:
        read_oms(changed(by_components))
    assert "attest sign --oms" in str(caught.value.hint)


# Outside schemas and vectors


def schema_validator(title: str) -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    schemas = [json.loads(path.read_bytes()) for path in OMS.glob("schemas/v1.0/*.json")]
    registry = referencing.Registry().with_resources(
        (schema["$id"], referencing.Resource.from_contents(schema)) for schema in schemas
    )
    (found,) = (schema for schema in schemas if schema["title"] == title)
    return jsonschema.Draft202012Validator(found, registry=registry)


@needs_oms
@pytest.mark.parametrize("n", [0, 1, 2])
def test_what_we_write_fits_the_schemas_of_oms(n: int) -> None:
    house = make_house()
    data = json.loads(sign_oms(statement(), house.signer.signer, chain=house.chain[:n]))
    schema_validator("OMS Bundle").validate(data)
    schema_validator("OMS in-toto Statement").validate(statement().to_dict())


@needs_oms
@pytest.mark.parametrize("name", ["key", "certificate", "sigstore"])
def test_reads_the_payload_of_every_valid_vector(name: str) -> None:
    payload = open_bundle(vector(f"valid/{name}")).dsse_envelope.payload
    found = read_oms(payload)
    schema_validator("OMS in-toto Statement").validate(json.loads(payload))
    assert found.signed_root == root_digest(found.predicate.resources)


@needs_oms
def test_refuses_the_vector_of_another_predicate() -> None:
    payload = open_bundle(vector("invalid-payload/wrong-predicate")).dsse_envelope.payload
    assert reason(payload) == "oms-predicate"


@needs_oms
@pytest.mark.parametrize("name", ["empty", "missing-envelope", "missing-verification-material"])
def test_refuses_every_invalid_vector(name: str) -> None:
    with pytest.raises(InputError):
        open_bundle(vector(f"invalid/{name}"))


def vector(name: str) -> bytes:
    path: Path = OMS / "test-vectors/v1.0" / f"{name}.bundle.json"
    return path.read_bytes()


def test_an_attestation_is_no_oms_statement() -> None:
    key = generate()
    data = make_bundle(changed(top(predicateType="https://example.org/x")), key)
    assert reason(open_bundle(data).verify(key.public_key)) == "oms-predicate"
    with pytest.raises(VerificationError):
        open_bundle(data).verify(generate().public_key)
