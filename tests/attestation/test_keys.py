"""Keys, their files, and signatures that verify in exactly one encoding."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import stat
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, get_args

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from attest.attestation.keyfiles import (
    MAX_KEY_FILE_BYTES,
    load_private_key,
    load_public_key,
    parse_public_key,
    write_key_pair,
)
from attest.attestation.keys import Kind, PrivateKey, PublicKey, generate, verify_signature
from attest.errors import InputError, VerificationError

KINDS: tuple[Kind, ...] = get_args(Kind)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SPKI = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

# An RSA key of 1024 bits is quick to make; here it has only to be refused.
RSA_KEY = rsa.generate_private_key(65537, 1024)
BITCOIN_KEY = ec.generate_private_key(ec.SECP256K1())


def verifies(key: PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        verify_signature(key, signature, data)
    except VerificationError:
        return False
    return True


def says(passphrase: bytes) -> Callable[[], bytes]:
    return lambda: passphrase


def never_asked() -> NoReturn:
    pytest.fail("asked for a passphrase that is not needed")


# Signatures


@pytest.mark.parametrize("kind", KINDS)
def test_signs_what_verifies(kind: Kind) -> None:
    key = generate(kind)
    assert key.public_key.kind == kind
    signature = key.sign(b"statement")
    assert verifies(key.public_key, signature, b"statement")
    assert not verifies(key.public_key, signature, b"statement.")
    assert not verifies(generate(kind).public_key, signature, b"statement")


def test_p256_is_the_default() -> None:
    assert generate().public_key.kind == "p256"


@pytest.mark.parametrize("signer", KINDS)
def test_signature_of_one_kind_verifies_with_no_other(signer: Kind) -> None:
    signature = generate(signer).sign(b"statement")
    for kind in KINDS:
        assert not verifies(generate(kind).public_key, signature, b"statement")


def test_accepts_a_high_s_because_nothing_is_named_by_its_signature() -> None:
    key = generate()
    r, s = decode_dss_signature(key.sign(b"statement"))
    for either in (s, P256_ORDER - s):
        assert verifies(key.public_key, encode_dss_signature(r, either), b"statement")


def sequence(body: bytes) -> bytes:
    return b"\x30" + bytes([len(body)]) + body


def test_refuses_every_other_encoding_of_a_good_signature() -> None:
    key = generate()
    # A signature whose r and s need no sign octet, so that padding one is the only change.
    while True:
        good = key.sign(b"statement")
        r, s = decode_dss_signature(good)
        if (r.bit_length(), s.bit_length()) == (255, 255):
            break
    body = good[2:]
    padded_r = b"\x02\x21\x00" + body[2:]
    others = {
        "byte after the sequence": good + b"\x00",
        "byte inside the sequence": sequence(body + b"\x00"),
        "long form of a short length": b"\x30\x81" + good[1:],
        "indefinite length": b"\x30\x80" + body + b"\x00\x00",
        "padded integer": sequence(padded_r),
        "raw r and s": r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        "r beyond the order": encode_dss_signature(r + P256_ORDER, s),
        "cut short": good[:-1],
        "empty": b"",
    }
    assert verifies(key.public_key, good, b"statement")
    for flaw, signature in others.items():
        assert not verifies(key.public_key, signature, b"statement"), flaw


@pytest.mark.parametrize(("r", "s"), [(0, 0), (0, 1), (1, 0), (P256_ORDER, 1), (1, P256_ORDER)])
def test_refuses_r_and_s_out_of_range(r: int, s: int) -> None:
    assert not verifies(generate().public_key, encode_dss_signature(r, s), b"statement")


# Public keys


@pytest.mark.parametrize("kind", KINDS)
def test_hint_is_the_digest_of_the_public_key_file(kind: Kind, tmp_path: Path) -> None:
    public = write_key_pair(generate(kind), tmp_path / "key", passphrase=None)
    key = load_public_key(public)
    assert key.hint == hashlib.sha256(public.read_bytes()).hexdigest()
    assert key.kind == kind


def test_windows_line_ends_make_no_other_key() -> None:
    pem = generate().public_key.pem
    assert parse_public_key(pem.replace(b"\n", b"\r\n")) == parse_public_key(pem.rstrip())


def compressed(key: PublicKey) -> bytes:
    assert isinstance(key.key, ec.EllipticCurvePublicKey)
    # SubjectPublicKeyInfo of P-256 with the point in its compressed form (RFC 5480 §2.2).
    head = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    point = key.key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return pem_block("PUBLIC KEY", head + point)


def pem_block(label: str, der: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


PAIR = generate()
PUBLIC = PAIR.public_key.pem


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(PAIR.to_pem(None), "private-key", id="private key"),
        pytest.param(PAIR.to_pem(b"secret"), "private-key", id="encrypted private key"),
        pytest.param(pem_block("CERTIFICATE", b"\x30\x00"), "not-public-key", id="certificate"),
        pytest.param(RSA_KEY.public_key().public_bytes(*SPKI), "unsupported-key", id="RSA"),
        pytest.param(
            BITCOIN_KEY.public_key().public_bytes(*SPKI), "unsupported-key", id="secp256k1"
        ),
        pytest.param(pem_block("PUBLIC KEY", b"\x30\x00"), "unreadable-key", id="no key inside"),
        pytest.param(compressed(PAIR.public_key), "not-canonical", id="compressed point"),
        pytest.param(PUBLIC + PUBLIC, "not-pem", id="two keys"),
        pytest.param(PUBLIC + PAIR.to_pem(None), "not-pem", id="private key behind it"),
        pytest.param(b"my key:\n" + PUBLIC, "not-pem", id="text before"),
        pytest.param(PUBLIC + b"the end\n", "not-pem", id="text behind"),
        pytest.param(PUBLIC.replace(b"END PUBLIC", b"END RSA"), "not-pem", id="labels differ"),
        pytest.param(b"", "not-pem", id="empty"),
        pytest.param(b"\x30\x59\x30\x13", "not-pem", id="DER"),
    ],
)
def test_refuses_as_a_public_key(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=r"trusted\.pub") as refused:
        parse_public_key(data, what="trusted.pub")
    assert refused.value.reason == reason


def test_refuses_a_certificate_with_the_way_to_its_key() -> None:
    with pytest.raises(InputError) as refused:
        parse_public_key(pem_block("CERTIFICATE", b"\x30\x00"))
    assert "openssl x509" in str(refused.value.hint)


def test_holds_no_key_of_another_kind() -> None:
    with pytest.raises(InputError, match="secp256k1"):
        PublicKey(BITCOIN_KEY.public_key())
    with pytest.raises(InputError, match="secp256k1"):
        PrivateKey(BITCOIN_KEY)


def test_names_the_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.pub") as refused:
        load_public_key(tmp_path / "absent.pub")
    assert refused.value.reason == "unreadable"


def test_refuses_a_key_file_that_does_not_end(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_bytes(PUBLIC + b"\n" * MAX_KEY_FILE_BYTES)
    with pytest.raises(InputError) as refused:
        load_public_key(tmp_path / "key.pub")
    assert refused.value.reason == "too-large"


# Private keys


@pytest.mark.parametrize("kind", KINDS)
def test_private_key_comes_back_from_its_file(kind: Kind, tmp_path: Path) -> None:
    key = generate(kind)
    write_key_pair(key, tmp_path / "key", passphrase=None)
    assert load_private_key(tmp_path / "key", never_asked).public_key == key.public_key


@pytest.mark.parametrize("kind", KINDS)
def test_encrypted_key_opens_with_its_passphrase_alone(kind: Kind, tmp_path: Path) -> None:
    key = generate(kind)
    path = tmp_path / "key"
    write_key_pair(key, path, passphrase=b"correct horse")
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert load_private_key(path, says(b"correct horse")).public_key == key.public_key
    for wrong, reason in ((b"battery staple", "wrong-passphrase"), (b"", "empty-passphrase")):
        with pytest.raises(InputError) as refused:
            load_private_key(path, says(wrong))
        assert refused.value.reason == reason
    with pytest.raises(InputError) as refused:
        load_private_key(path)
    assert refused.value.reason == "passphrase-needed"


def test_reads_the_key_form_of_openssl_ecparam(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    sec1 = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (tmp_path / "key").write_bytes(sec1)
    assert load_private_key(tmp_path / "key").public_key.key == key.public_key()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
def test_reads_a_key_that_openssl_encrypted_with_scrypt(tmp_path: Path) -> None:
    write_key_pair(PAIR, tmp_path / "key", passphrase=None)
    command = "openssl pkcs8 -topk8 -scrypt -in key -out better -passout pass:secret"
    subprocess.run(command.split(), cwd=tmp_path, check=True, timeout=10)
    assert load_private_key(tmp_path / "better", says(b"secret")).public_key == PAIR.public_key


PLAIN = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(PUBLIC, "public-key", id="public key"),
        pytest.param(RSA_KEY.private_bytes(*PLAIN), "unsupported-key", id="RSA"),
        pytest.param(BITCOIN_KEY.private_bytes(*PLAIN), "unsupported-key", id="secp256k1"),
        pytest.param(pem_block("PRIVATE KEY", b"\x30\x00"), "unreadable-key", id="no key inside"),
        pytest.param(
            pem_block("OPENSSH PRIVATE KEY", b"openssh-key-v1"), "not-private-key", id="OpenSSH"
        ),
        pytest.param(PAIR.to_pem(None) * 2, "not-pem", id="two keys"),
    ],
)
def test_refuses_as_a_private_key(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(InputError, match="key") as refused:
        load_private_key(tmp_path / "key")
    assert refused.value.reason == reason


def test_refuses_an_empty_passphrase_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        write_key_pair(PAIR, tmp_path / "key", passphrase=b"")
    assert refused.value.reason == "empty-passphrase"
    assert list(tmp_path.iterdir()) == []


def test_private_key_does_not_show_itself() -> None:
    assert "object at" not in repr(PAIR)
    assert repr(PAIR) == "PrivateKey()"


# Key files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_reads_the_private_key(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        public = write_key_pair(PAIR, tmp_path / "release.key", passphrase=None)
    finally:
        os.umask(before)
    assert public == tmp_path / "release.key.pub"
    assert (mode(tmp_path / "release.key"), mode(public)) == (0o600, 0o644)


@pytest.mark.parametrize("taken", ["key", "key.pub"])
def test_never_writes_over_a_key(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).write_bytes(b"precious")
    with pytest.raises(InputError, match=taken) as refused:
        write_key_pair(PAIR, tmp_path / "key", passphrase=None)
    assert refused.value.reason == "exists"
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_bytes() == b"precious"


@pytest.mark.parametrize("taken", ["key", "key.pub"])
def test_never_writes_through_a_link(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError) as refused:
        write_key_pair(PAIR, tmp_path / "key", passphrase=None)
    assert refused.value.reason == "exists"
    assert not (tmp_path / "elsewhere").exists()


def test_names_the_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent") as refused:
        write_key_pair(PAIR, tmp_path / "absent" / "key", passphrase=None)
    assert refused.value.reason == "unwritable"
