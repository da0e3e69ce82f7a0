"""Bundles: what they hold, and the forgeries that must not verify."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from attest.attestation.bundle import (
    MAX_BUNDLE_BYTES,
    MEDIA_TYPE,
    PAYLOAD_TYPE,
    make_bundle,
    open_bundle,
)
from attest.attestation.certificates import read_certificate
from attest.attestation.dsse import pae
from attest.attestation.keys import Kind, PrivateKey, PublicKey, Signer, generate
from attest.attestation.material import MAX_CERTIFICATES
from attest.errors import InputError, VerificationError
from instance import CODE_SIGNING, Root, SmallLog, log_body, make_root

OMS = Path(__file__).resolve().parents[2].parent / "shared/vectors/oms"
needs_oms = pytest.mark.skipif(not OMS.exists(), reason="the OMS vectors are not at hand")

KEY = generate()
OTHER_KEY = generate()
# Spaces and key order are the signer's own: whatever came is what has to come back.
STATEMENT = b'{ "_type": "https://in-toto.io/Statement/v1",\n  "subject": []}'
OTHER_STATEMENT = STATEMENT.replace(b"[]", b"[{}]")

Forgery = Callable[[dict[str, Any]], None]


def forged(*changes: Forgery, statement: bytes = STATEMENT, key: Signer = KEY) -> bytes:
    """A good bundle with something changed afterwards."""
    fields = json.loads(make_bundle(statement, key))
    for change in changes:
        change(fields)
    return json.dumps(fields).encode()


def set_payload(text: str) -> Forgery:
    return lambda fields: fields["dsseEnvelope"].update(payload=text)


def set_type(text: str) -> Forgery:
    return lambda fields: fields["dsseEnvelope"].update(payloadType=text)


def set_signatures(*signatures: dict[str, Any]) -> Forgery:
    return lambda fields: fields["dsseEnvelope"].update(signatures=list(signatures))


def set_signature(signature: bytes) -> Forgery:
    return set_signatures({"sig": base64.b64encode(signature).decode()})


def set_keyid(keyid: str | None) -> Forgery:
    return lambda fields: fields["dsseEnvelope"]["signatures"][0].update(keyid=keyid)


def set_hint(hint: str | None) -> Forgery:
    return lambda fields: fields["verificationMaterial"]["publicKey"].update(hint=hint)


def set_material(**material: Any) -> Forgery:
    return lambda fields: fields["verificationMaterial"].update(material)


def signed(payload_type: str, payload: bytes, key: PrivateKey = KEY) -> bytes:
    """A bundle whose signature is good, whatever it says."""
    return forged(
        set_type(payload_type),
        set_payload(base64.b64encode(payload).decode()),
        set_signature(key.sign(pae(payload_type, payload))),
    )


def failing_step(data: bytes, key: PublicKey = KEY.public_key) -> int | None:
    try:
        open_bundle(data).verify(key)
    except VerificationError as error:
        return error.step
    return None


# Good bundles


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "ed25519"])
def test_returns_the_bytes_that_were_signed(kind: Kind) -> None:
    key = generate(kind)
    bundle = open_bundle(make_bundle(STATEMENT, key))
    assert bundle.verify(key.public_key) == STATEMENT
    assert bundle.hint == key.public_key.hint
    assert bundle.chain == ()


@dataclass(frozen=True)
class Replaying:
    """A signer that gives one signature again and again."""

    public_key: PublicKey
    signature: bytes

    def sign(self, data: bytes) -> bytes:
        return self.signature


def test_same_statement_and_signature_make_the_same_bytes() -> None:
    signer = Replaying(KEY.public_key, KEY.sign(pae(PAYLOAD_TYPE, STATEMENT)))
    first, second = make_bundle(STATEMENT, signer), make_bundle(STATEMENT, signer)
    assert first == second
    assert b" " not in first
    assert open_bundle(first).to_json() == first


def test_holds_three_things_and_no_key_id() -> None:
    fields = json.loads(make_bundle(STATEMENT, KEY))
    assert fields["mediaType"] == MEDIA_TYPE
    assert fields["verificationMaterial"] == {"publicKey": {"hint": KEY.public_key.hint}}
    assert fields["dsseEnvelope"].keys() == {"payload", "payloadType", "signatures"}
    assert [signature.keys() for signature in fields["dsseEnvelope"]["signatures"]] == [{"sig"}]


def test_layout_of_the_json_is_no_matter() -> None:
    pretty = json.dumps(json.loads(make_bundle(STATEMENT, KEY)), indent=4).encode()
    assert open_bundle(pretty).verify(KEY.public_key) == STATEMENT


def test_url_safe_base64_verifies_too() -> None:
    statement = b"\xfb\xff\xbf" * 4
    data = forged(set_payload("-_-_" * 4), statement=statement)
    assert open_bundle(data).verify(KEY.public_key) == statement


@pytest.mark.parametrize("keyid", [None, "", "SHA256:another", "../../etc/passwd"])
def test_key_id_decides_nothing(keyid: str | None) -> None:
    data = forged(set_keyid(keyid))
    assert open_bundle(data).verify(KEY.public_key) == STATEMENT
    assert failing_step(data, OTHER_KEY.public_key) == 3


@pytest.mark.parametrize(
    "hint", [None, "", OTHER_KEY.public_key.hint], ids=["absent", "empty", "other"]
)
def test_hint_decides_nothing(hint: str | None) -> None:
    data = forged(set_hint(hint))
    assert open_bundle(data).hint == (hint or None)
    assert open_bundle(data).verify(KEY.public_key) == STATEMENT
    assert failing_step(data, OTHER_KEY.public_key) == 3


def test_empty_log_of_model_signing_tools_is_read() -> None:
    data = forged(set_material(tlogEntries=[]))
    assert open_bundle(data).verify(KEY.public_key) == STATEMENT


def test_makes_no_bundle_that_its_signer_could_not_verify() -> None:
    mistaken = Replaying(OTHER_KEY.public_key, KEY.sign(pae(PAYLOAD_TYPE, STATEMENT)))
    with pytest.raises(VerificationError):
        make_bundle(STATEMENT, mistaken)


def test_makes_no_bundle_that_is_too_large_to_read() -> None:
    with pytest.raises(InputError) as refused:
        make_bundle(b" " * MAX_BUNDLE_BYTES, KEY)
    assert refused.value.reason == "too-large"


# Forgeries that can be read, and fail at their step


SIGNATURE = KEY.sign(pae(PAYLOAD_TYPE, STATEMENT))
GOOD = {"sig": base64.b64encode(SIGNATURE).decode()}


@pytest.mark.parametrize(
    "signatures",
    [
        pytest.param([], id="none"),
        pytest.param([GOOD, GOOD], id="the same twice"),
        pytest.param([GOOD, {"sig": "AAAA"}], id="a bad one behind a good one"),
    ],
)
def test_refuses_any_number_of_signatures_but_one(signatures: list[dict[str, Any]]) -> None:
    assert failing_step(forged(set_signatures(*signatures))) == 2


def encoded(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(set_payload(encoded(OTHER_STATEMENT)), id="another statement"),
        pytest.param(set_payload(encoded(STATEMENT[:-1])), id="statement cut short"),
        pytest.param(set_payload(encoded(STATEMENT + b" ")), id="space behind the statement"),
        pytest.param(set_payload(encoded(STATEMENT.replace(b" ", b""))), id="same JSON, respelled"),
        pytest.param(set_payload(""), id="no statement"),
        pytest.param(
            set_signature(KEY.sign(pae(PAYLOAD_TYPE, OTHER_STATEMENT))),
            id="signature over another statement",
        ),
        pytest.param(set_signature(KEY.sign(STATEMENT)), id="signature without PAE"),
        pytest.param(
            set_signature(KEY.sign(pae("application/json", STATEMENT))),
            id="signature over another payload type",
        ),
        pytest.param(set_type("application/json"), id="payload type changed"),
        pytest.param(set_type(PAYLOAD_TYPE.upper()), id="payload type in capitals"),
        pytest.param(set_signature(SIGNATURE + b"\x00"), id="byte behind the signature"),
        pytest.param(set_signature(b""), id="empty signature"),
        pytest.param(
            set_signature(generate("ed25519").sign(pae(PAYLOAD_TYPE, STATEMENT))),
            id="Ed25519 signature for a P-256 key",
        ),
    ],
)
def test_refuses_what_the_key_did_not_sign(change: Forgery) -> None:
    assert failing_step(forged(change)) == 3


@pytest.mark.parametrize("kind", ["p256", "p384", "ed25519"])
def test_refuses_the_signature_of_another_key(kind: Kind) -> None:
    assert failing_step(make_bundle(STATEMENT, KEY), generate(kind).public_key) == 3


def test_refuses_another_payload_type_even_if_it_is_signed() -> None:
    assert failing_step(signed(PAYLOAD_TYPE, STATEMENT)) is None
    for payload_type in ("application/vnd.in-toto.eval+json", f"{PAYLOAD_TYPE} ", "", "té"):
        with pytest.raises(VerificationError, match="expected a signed payload") as refused:
            open_bundle(signed(payload_type, STATEMENT)).verify(KEY.public_key)
        assert refused.value.step == 3


def test_signature_is_checked_before_the_payload_type() -> None:
    data = signed("application/json", STATEMENT, OTHER_KEY)
    with pytest.raises(VerificationError, match="does not verify"):
        open_bundle(data).verify(KEY.public_key)


def test_no_flipped_bit_brings_out_other_bytes() -> None:
    good = bytearray(make_bundle(STATEMENT, KEY))
    n_refused = 0
    for position in range(len(good)):
        for bit in (0, 5):
            good[position] ^= 1 << bit
            try:
                # A flip in the hint alone is no forgery: the hint is nobody's word.
                assert open_bundle(bytes(good)).verify(KEY.public_key) == STATEMENT
            except (InputError, VerificationError):
                n_refused += 1
            good[position] ^= 1 << bit
    assert n_refused >= 2 * (len(good) - len(KEY.public_key.hint))


# Bundles that cannot be read


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            lambda f: f.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"),
            "media-type",
            id="version 0.2",
        ),
        pytest.param(lambda f: f.update(mediaType=MEDIA_TYPE + " "), "media-type", id="space"),
        pytest.param(lambda f: f.pop("mediaType"), "media-type", id="no media type"),
        pytest.param(
            lambda f: f.update(messageSignature={}), "unsupported-content", id="message signature"
        ),
        pytest.param(set_material(publicKey={"rawBytes": "AAAA"}), "schema", id="embedded key"),
        pytest.param(set_material(publicKey=None), "schema", id="no signer"),
        pytest.param(lambda f: f.update(verificationMaterial=[]), "schema", id="no material"),
        pytest.param(lambda f: f.pop("dsseEnvelope"), "schema", id="no envelope"),
        pytest.param(lambda f: f.update(trusted=True), "schema", id="unknown field"),
        pytest.param(lambda f: f.update(media_type=MEDIA_TYPE), "schema", id="second spelling"),
        pytest.param(set_hint("a" * 1025), "schema", id="endless hint"),
        pytest.param(set_keyid("a" * 1025), "schema", id="endless key id"),
        pytest.param(set_payload(encoded(STATEMENT) + "\n"), "schema", id="newline in base64"),
        pytest.param(set_payload(encoded(STATEMENT).rstrip("=")), "schema", id="no padding"),
        pytest.param(set_payload("+_+_"), "schema", id="two alphabets"),
        pytest.param(set_payload("QR=="), "schema", id="unused bits set"),
        pytest.param(set_type("\ud800"), "not-utf8", id="lone surrogate"),
    ],
)
def test_refuses_to_read(change: Forgery, reason: str) -> None:
    # The statement is of a length that needs padding, so that its removal is a change.
    assert len(STATEMENT) % 3 != 0
    with pytest.raises(InputError, match="bundle") as refused:
        open_bundle(forged(change))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "not-json", id="empty file"),
        pytest.param(b"[]", "schema", id="a list"),
        pytest.param(make_bundle(STATEMENT, KEY)[:-1], "not-json", id="cut short"),
        pytest.param(make_bundle(STATEMENT, KEY) + b"{}", "not-json", id="two bundles"),
        pytest.param(b"[" * 100_000, "too-deep", id="too deep"),
        pytest.param(b" " * (MAX_BUNDLE_BYTES + 1), "too-large", id="too large"),
    ],
)
def test_refuses_what_is_no_bundle(data: bytes, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        open_bundle(data)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "field", ["mediaType", "dsseEnvelope", "payload", "payloadType", "signatures", "sig", "hint"]
)
def test_refuses_a_field_given_twice(field: str) -> None:
    name = f'"{field}":'.encode()
    data = make_bundle(STATEMENT, KEY).replace(name, name + b"null," + name, 1)
    with pytest.raises(InputError, match=f"'{field}' appears twice") as refused:
        open_bundle(data)
    assert refused.value.reason == "duplicate-key"


# Certificates, timestamps and log entries


@pytest.fixture(scope="module")
def root() -> Root:
    return make_root("identities")


def certified(root: Root, key: PrivateKey = KEY) -> bytes:
    return root.sign(root.builder(key.public_key).add_extension(CODE_SIGNING, critical=False))


def full(root: Root) -> dict[str, Any]:
    """A bundle with everything that the format has, as JSON."""
    bundle = open_bundle(make_bundle(STATEMENT, KEY, chain=[certified(root), root.der]))
    bundle = bundle.with_timestamp(b"first").with_timestamp(b"second")
    fields: dict[str, Any] = json.loads(bundle.to_json())
    entry = SmallLog().add(log_body(bundle, KEY.public_key))
    fields["verificationMaterial"]["tlogEntries"] = [entry]
    return fields


def test_a_single_certificate_stands_alone_and_several_are_a_chain(root: Root) -> None:
    leaf = certified(root)
    for chain, field in (([leaf], "certificate"), ([leaf, root.der], "x509CertificateChain")):
        data = make_bundle(STATEMENT, KEY, chain=chain)
        assert json.loads(data)["verificationMaterial"].keys() == {field}
        assert open_bundle(data).chain == tuple(chain)
        assert open_bundle(data).hint is None
        assert open_bundle(data).verify(KEY.public_key) == STATEMENT


def test_makes_no_bundle_with_the_certificate_of_another_key(root: Root) -> None:
    for chain in ([certified(root, OTHER_KEY)], [root.der, certified(root)]):
        with pytest.raises(InputError) as refused:
            make_bundle(STATEMENT, KEY, chain=chain)
        assert refused.value.reason == "another-certificate"


def test_makes_no_bundle_with_a_chain_that_is_too_long_to_read(root: Root) -> None:
    with pytest.raises(InputError, match="certificate chain") as refused:
        make_bundle(STATEMENT, KEY, chain=[certified(root), *[root.der] * MAX_CERTIFICATES])
    assert refused.value.reason == "schema"


def test_everything_that_the_format_has_is_read_and_written_again(root: Root) -> None:
    fields = full(root)
    bundle = open_bundle(json.dumps(fields).encode())
    assert bundle.verification_material.timestamps == (b"first", b"second")
    assert bundle.signature == base64.b64decode(fields["dsseEnvelope"]["signatures"][0]["sig"])
    assert json.loads(bundle.to_json()) == fields


def test_zeros_that_protobuf_leaves_out_are_zeros(root: Root) -> None:
    fields = full(root)
    (entry,) = fields["verificationMaterial"]["tlogEntries"]
    del entry["logIndex"], entry["inclusionProof"]["logIndex"], entry["inclusionProof"]["hashes"]
    material = open_bundle(json.dumps(fields).encode()).verification_material
    (read,) = material.tlog_entries or ()
    assert (read.log_index, read.inclusion_proof.log_index) == (0, 0)
    assert read.inclusion_proof.hashes == ()


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda m: m.update(publicKey={"hint": ""}), id="two signers"),
        pytest.param(lambda m: m.pop("x509CertificateChain"), id="no signer"),
        pytest.param(lambda m: m["x509CertificateChain"].update(certificates=[]), id="empty chain"),
        pytest.param(
            lambda m: m["x509CertificateChain"]["certificates"].extend([{"rawBytes": "AAAA"}] * 9),
            id="endless chain",
        ),
        pytest.param(
            lambda m: m["x509CertificateChain"]["certificates"][0].update(rawBytes="AAAA" * 5462),
            id="endless certificate",
        ),
        pytest.param(
            lambda m: m["x509CertificateChain"]["certificates"][0].update(rawBytes=""),
            id="empty certificate",
        ),
        pytest.param(
            lambda m: m["x509CertificateChain"]["certificates"][0].update(issuer="me"),
            id="unknown field of a certificate",
        ),
        pytest.param(
            lambda m: m["timestampVerificationData"]["rfc3161Timestamps"].extend(
                [{"signedTimestamp": "AAAA"}] * 7
            ),
            id="endless timestamps",
        ),
        pytest.param(
            lambda m: m["timestampVerificationData"].update(rfc3161Timestamps=[{}]),
            id="empty timestamp",
        ),
        pytest.param(lambda m: m["timestampVerificationData"].update(rfc9999=[]), id="other time"),
        pytest.param(lambda m: m["tlogEntries"].extend(m["tlogEntries"] * 8), id="endless entries"),
        pytest.param(lambda m: m["tlogEntries"][0].update(size=1), id="unknown field of an entry"),
        pytest.param(lambda m: m["tlogEntries"][0].pop("inclusionProof"), id="no proof"),
        pytest.param(lambda m: m["tlogEntries"][0].update(logIndex="05"), id="leading zero"),
        pytest.param(lambda m: m["tlogEntries"][0].update(logIndex="-1"), id="negative"),
        pytest.param(lambda m: m["tlogEntries"][0].update(logIndex="\u0665"), id="arabic digit"),
        pytest.param(lambda m: m["tlogEntries"][0].update(logIndex=str(2**63)), id="beyond int64"),
        pytest.param(lambda m: m["tlogEntries"][0].update(logIndex="9" * 100), id="long number"),
        pytest.param(lambda m: m["tlogEntries"][0].update(logIndex=1.5), id="fraction"),
        pytest.param(
            lambda m: m["tlogEntries"][0]["inclusionProof"].update(hashes=["AAAA"]),
            id="short hash",
        ),
        pytest.param(
            lambda m: m["tlogEntries"][0]["inclusionProof"].update(hashes=["A" * 43 + "="] * 64),
            id="endless proof",
        ),
    ],
)
def test_refuses_material_that_it_could_only_overlook(root: Root, change: Change) -> None:
    fields = full(root)
    change(fields["verificationMaterial"])
    with pytest.raises(InputError, match="bundle") as refused:
        open_bundle(json.dumps(fields).encode())
    assert refused.value.reason == "schema"


# Outside vectors


@needs_oms
def test_has_the_form_of_an_openssf_model_signing_bundle() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    schemas = [json.loads(path.read_bytes()) for path in OMS.glob("schemas/v1.0/*.json")]
    registry = referencing.Registry().with_resources(
        (schema["$id"], referencing.Resource.from_contents(schema)) for schema in schemas
    )
    (bundle_schema,) = (schema for schema in schemas if schema["title"] == "OMS Bundle")
    validator = jsonschema.Draft202012Validator(bundle_schema, registry=registry)
    for kind in ("p256", "ed25519"):
        validator.validate(json.loads(make_bundle(STATEMENT, generate(kind))))
    assert not validator.is_valid({**json.loads(make_bundle(STATEMENT, KEY)), "extra": 1})


@needs_oms
def test_reads_the_key_bundle_of_openssf_model_signing() -> None:
    bundle = open_bundle((OMS / "test-vectors/v1.0/valid/key.bundle.json").read_bytes())
    assert json.loads(bundle.dsse_envelope.payload)["_type"] == "https://in-toto.io/Statement/v1"


@needs_oms
def test_reads_the_certificate_bundle_of_openssf_model_signing() -> None:
    bundle = open_bundle((OMS / "test-vectors/v1.0/valid/certificate.bundle.json").read_bytes())
    leaf = read_certificate(bundle.chain[0])
    assert len(bundle.chain) == 2
    assert bundle.hint is None
    assert b"https://model_signing/signature/v1.0" in bundle.verify(leaf.public_key)


@needs_oms
def test_reads_the_sigstore_bundle_of_openssf_model_signing() -> None:
    bundle = open_bundle((OMS / "test-vectors/v1.0/valid/sigstore.bundle.json").read_bytes())
    (entry,) = bundle.verification_material.tlog_entries or ()
    assert (entry.kind_version.kind, entry.kind_version.version) == ("dsse", "0.0.1")
    assert entry.log_index == 598151086
    assert len(bundle.verification_material.timestamps) == 1
    bundle.verify(read_certificate(bundle.chain[0]).public_key)


@needs_oms
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("empty", "not-json"),
        ("missing-envelope", "schema"),
        ("missing-verification-material", "schema"),
    ],
)
def test_refuses_the_invalid_vectors_of_openssf_model_signing(name: str, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        open_bundle((OMS / f"test-vectors/v1.0/invalid/{name}.bundle.json").read_bytes())
    assert refused.value.reason == reason
