"""Project Wycheproof's vectors through our own `verify_signature`.

Policy, which is also what the vectors say: one pair (r, s) has one encoding, so BER forms, padded
or missing octets and bytes behind a signature are refused, and so is an Ed25519 scalar beyond the
group order. A high s of ECDSA is a signature like another: FIPS 186-5 asks for no low s, and
nothing here is named by its signature. None of these vectors is labelled "acceptable", so there is
none to choose about; a later one would fail here and has to be decided then.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from attest.attestation.keyfiles import parse_public_key
from attest.attestation.keys import PublicKey, verify_signature
from attest.errors import VerificationError
from conftest import REPOSITORY

FOLDER = REPOSITORY.parent / "shared/vectors/wycheproof"
SUITES = {
    "ecdsa_secp256r1_sha256": "p256",
    "ecdsa_secp384r1_sha384": "p384",
    "ecdsa_secp521r1_sha512": "p521",
    "ed25519": "ed25519",
}
MALLEABLE = {
    "BerEncodedSignature",
    "InvalidEncoding",
    "MissingZero",
    "SignatureMalleability",
    "SignatureWithGarbage",
}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="needs ../shared/vectors/wycheproof: outside test vectors"
)


def suite(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}_test.json").read_bytes())
    return found


def verifies(key: PublicKey, test: dict[str, Any]) -> bool:
    try:
        verify_signature(key, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
    except VerificationError:
        return False
    return True


@pytest.mark.parametrize("name", SUITES)
def test_agrees_with_every_vector(name: str) -> None:
    vectors = suite(name)
    n_tests, wrong = 0, []
    for group in vectors["testGroups"]:
        key = parse_public_key(group["publicKeyPem"].encode())
        assert key.kind == SUITES[name]
        for test in group["tests"]:
            n_tests += 1
            assert test["result"] in {"valid", "invalid"}
            if verifies(key, test) != (test["result"] == "valid"):
                wrong.append(test["tcId"])
    assert (wrong, n_tests) == ([], vectors["numberOfTests"])


@pytest.mark.parametrize("name", SUITES)
def test_refuses_every_other_encoding(name: str) -> None:
    refused = 0
    for group in suite(name)["testGroups"]:
        key = parse_public_key(group["publicKeyPem"].encode())
        for test in group["tests"]:
            if MALLEABLE & set(test["flags"]):
                assert not verifies(key, test), test["comment"]
                refused += 1
    assert refused > 30


@pytest.mark.parametrize("name", [name for name in SUITES if name.startswith("ecdsa")])
def test_accepts_a_high_s(name: str) -> None:
    n_high = 0
    for group in suite(name)["testGroups"]:
        key = parse_public_key(group["publicKeyPem"].encode())
        for test in group["tests"]:
            if test["result"] == "valid":
                _, s = decode_dss_signature(bytes.fromhex(test["sig"]))
                # Above a half of 2**bits is above a half of the order, which is close to it.
                if s >> (group["publicKey"]["keySize"] - 1):
                    assert verifies(key, test)
                    n_high += 1
    assert n_high > 10
