"""The pre-authentication encoding, strict base64, and the envelope."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from attest.attestation.dsse import Envelope, Signature, decode_base64, pae
from attest.attestation.keys import PublicKey, verify_signature
from attest.errors import InputError, VerificationError

# The example of DSSE v1, protocol.md, "Test Vectors"; its signature is r and s side by side.
EXAMPLE_TYPE = "http://example.com/HelloWorld"
EXAMPLE_BODY = b"hello world"
EXAMPLE_X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
EXAMPLE_Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
EXAMPLE_SIGNATURE = (
    "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
)


def test_pae_is_the_one_of_the_specification() -> None:
    assert (
        pae(EXAMPLE_TYPE, EXAMPLE_BODY) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_pae_counts_bytes_not_characters() -> None:
    assert pae("té", b"") == b"DSSEv1 3 t\xc3\xa9 0 "


def test_pae_tells_where_the_type_ends() -> None:
    assert pae("a", b"b 1 c") != pae("a 5 b", b"1 c")


def test_signature_of_the_specification_verifies() -> None:
    key = ec.EllipticCurvePublicNumbers(EXAMPLE_X, EXAMPLE_Y, ec.SECP256R1()).public_key()
    raw = base64.b64decode(EXAMPLE_SIGNATURE)
    r, s = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
    signature = encode_dss_signature(r, s)
    verify_signature(PublicKey(key), signature, pae(EXAMPLE_TYPE, EXAMPLE_BODY))
    with pytest.raises(VerificationError):
        verify_signature(PublicKey(key), signature, EXAMPLE_BODY)


@given(st.binary(max_size=40))
def test_both_alphabets_write_the_same_bytes(data: bytes) -> None:
    assert decode_base64(base64.b64encode(data).decode()) == data
    assert decode_base64(base64.urlsafe_b64encode(data).decode()) == data


@given(st.text("AQZaz059+/-_= \n", max_size=12))
def test_bytes_are_written_in_one_way_in_each_alphabet(text: str) -> None:
    try:
        data = decode_base64(text)
    except ValueError:
        return
    assert text in {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("QQ", id="no padding"),
        pytest.param("QQ=", id="half of the padding"),
        pytest.param("QQ===", id="too much padding"),
        pytest.param("QUJD====", id="padding where none is due"),
        pytest.param("QR==", id="unused bits set"),
        pytest.param("QQ==\n", id="newline at the end"),
        pytest.param("Q Q==", id="space inside"),
        pytest.param("+_+_", id="alphabets mixed"),
        pytest.param("QQ==QQ==", id="two texts in one"),
        pytest.param("QUJDé", id="not ASCII"),
        pytest.param("QUJD\x00", id="NUL at the end"),
    ],
)
def test_refuses_other_spellings_of_base64(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        decode_base64(text)


def envelope(**changes: Any) -> bytes:
    fields = {
        "payload": "-_-_",
        "payloadType": EXAMPLE_TYPE,
        "signatures": [{"keyid": "", "sig": EXAMPLE_SIGNATURE}],
    }
    return json.dumps({**fields, **changes}).encode()


def test_reads_url_safe_base64_and_writes_standard() -> None:
    read = Envelope.from_json(envelope(), what="envelope")
    assert read.payload == b"\xfb\xff\xbf"
    assert json.loads(read.to_json())["payload"] == "+/+/"


def test_signed_bytes_are_the_payload_type_and_payload_received() -> None:
    read = Envelope.from_json(envelope(payloadType="té"), what="envelope")
    assert read.signed_bytes() == b"DSSEv1 3 t\xc3\xa9 3 \xfb\xff\xbf"


def test_writes_no_key_id() -> None:
    assert json.loads(Signature(sig=b"A").to_json()) == {"sig": "QQ=="}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"note": "unsigned"}, id="unknown field"),
        pytest.param({"payload_type": EXAMPLE_TYPE}, id="second spelling of a field"),
        pytest.param({"payload": "+_+_"}, id="alphabets mixed"),
        pytest.param({"payload": None}, id="payload missing"),
        pytest.param({"payload": 1}, id="payload of another type"),
        pytest.param({"payloadType": "t" * 1025}, id="payload type too long"),
        pytest.param({"signatures": [{"sig": "AAAA" * 342}]}, id="signature too long"),
        pytest.param({"signatures": [{"keyid": ""}]}, id="signature missing"),
        pytest.param({"signatures": [{"sig": "QQ==", "cert": "QQ=="}]}, id="unknown in signature"),
    ],
)
def test_refuses_envelopes_of_another_shape(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="envelope") as refused:
        Envelope.from_json(envelope(**changes), what="envelope")
    assert refused.value.reason == "schema"
