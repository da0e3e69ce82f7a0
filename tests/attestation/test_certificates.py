"""Certificates: what they say, and the chains that are believed at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from attest.attestation.bundle import open_bundle
from attest.attestation.certificates import (
    TIME_STEP,
    SigningCertificate,
    load_roots,
    read_certificate,
    verify_chain,
)
from attest.attestation.material import MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES
from attest.canonical import sha256_hex
from attest.errors import InputError, VerificationError
from authorities import (
    CA,
    CODE_SIGNING,
    DAY,
    FOR_ISSUING,
    FOR_SIGNING,
    NOW,
    WEB_SERVER,
    Holder,
    issue,
    key_usage,
    make_house,
)
from conftest import REPOSITORY

OMS = REPOSITORY.parent / "shared/vectors/oms/test-vectors/v1.0"
HOUSE = make_house()
OLD = {"first": NOW - 9 * DAY, "last": NOW - DAY}
NEW = {"first": NOW + DAY, "last": NOW + 9 * DAY}


def names(*values: x509.GeneralName) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(values)


def extension(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(ObjectIdentifier(oid), value)


def verify(
    chain: Sequence[Holder], root: Holder = HOUSE.root, at: datetime = NOW
) -> SigningCertificate:
    return verify_chain([holder.der for holder in chain], [root.der], at)


def refused(chain: Sequence[Holder], root: Holder = HOUSE.root, at: datetime = NOW) -> str:
    with pytest.raises(VerificationError) as caught:
        verify(chain, root, at)
    assert caught.value.step == TIME_STEP
    return str(caught.value)


# What a certificate says


def test_says_key_identities_issuer_and_dates() -> None:
    holder = issue(
        "signer",
        HOUSE.authority,
        (
            *FOR_SIGNING,
            names(
                x509.RFC822Name("release@example.org"),
                x509.UniformResourceIdentifier("https://example.org/ci@refs/heads/main"),
                x509.DNSName("models.example.org"),
                x509.DirectoryName(x509.Name([])),
            ),
            x509.UnrecognizedExtension(
                ObjectIdentifier("1.3.6.1.4.1.57264.1.8"), b"\x0c\x13https://id.example/"
            ),
        ),
    )
    found = read_certificate(holder.der)
    assert found == SigningCertificate(
        public_key=holder.signer.public_key,
        identities=(
            "release@example.org",
            "https://example.org/ci@refs/heads/main",
            "models.example.org",
        ),
        issuer="https://id.example/",
        not_before=NOW - 10 * DAY,
        not_after=NOW + 10 * DAY,
        sha256=sha256_hex(holder.der),
    )


def test_reads_the_issuer_of_old_fulcio_certificates() -> None:
    holder = issue("", HOUSE.authority, [extension("1.3.6.1.4.1.57264.1.1", b"https://id.example")])
    assert read_certificate(holder.der).issuer == "https://id.example"
    assert read_certificate(HOUSE.signer.der).issuer is None


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param([names(x509.DNSName("release@example.org"))], id="e-mail as a host"),
        pytest.param([names(x509.RFC822Name("https://x@example.org"))], id="URI as an e-mail"),
        pytest.param([names(x509.UniformResourceIdentifier("example.org"))], id="host as a URI"),
        pytest.param([names(x509.RFC822Name("a@b\n.org"))], id="line end in an e-mail"),
        pytest.param([names(x509.RFC822Name("\x1b[2Ja@b.org"))], id="e-mail clears the screen"),
        pytest.param([extension("1.3.6.1.4.1.57264.1.8", b"\x0c\x05abc")], id="issuer cut short"),
        pytest.param([extension("1.3.6.1.4.1.57264.1.8", b"\x0c\x01\x1b")], id="issuer with ESC"),
        pytest.param([extension("1.3.6.1.4.1.57264.1.8", b"\x0c\x01ab")], id="byte after issuer"),
        pytest.param([extension("1.3.6.1.4.1.57264.1.1", b"\xff")], id="issuer not UTF-8"),
    ],
)
def test_refuses_names_that_are_not_what_they_claim(broken: list[x509.ExtensionType]) -> None:
    holder = issue("signer", HOUSE.authority, broken)
    with pytest.raises(InputError) as caught:
        read_certificate(holder.der)
    assert caught.value.reason == "certificate"


@pytest.mark.parametrize(
    ("der", "reason"),
    [
        pytest.param(b"", "certificate", id="empty"),
        pytest.param(b"\x30\x00", "certificate", id="empty sequence"),
        pytest.param(HOUSE.signer.der + b"\x00", "certificate", id="byte behind it"),
        pytest.param(HOUSE.signer.der[:-1], "certificate", id="cut short"),
        pytest.param(HOUSE.signer.pem, "certificate", id="PEM"),
        pytest.param(b"\x30" * (MAX_CERTIFICATE_BYTES + 1), "certificate", id="too long"),
        pytest.param(
            issue("rsa", key=rsa.generate_private_key(65537, 2048)).der,
            "unsupported-key",
            id="RSA key",
        ),
        pytest.param(
            issue("bitcoin", key=ec.generate_private_key(ec.SECP256K1())).der,
            "unsupported-key",
            id="secp256k1 key",
        ),
    ],
)
def test_refuses_to_read(der: bytes, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        read_certificate(der)
    assert caught.value.reason == reason


# Chains that hold


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_believes_a_chain_to_a_root_of_the_caller(curve: ec.EllipticCurve) -> None:
    signer = issue("signer", HOUSE.authority, key=ec.generate_private_key(curve))
    assert verify([signer, HOUSE.authority]).public_key == signer.signer.public_key


def test_the_root_may_be_in_the_chain_and_the_order_of_authorities_is_no_matter() -> None:
    second = issue("second", HOUSE.authority, FOR_ISSUING)
    signer = issue("signer", second)
    for others in ([second, HOUSE.authority], [HOUSE.root, HOUSE.authority, second]):
        assert verify([signer, *others]).sha256 == sha256_hex(signer.der)


def test_a_root_with_an_rsa_key_is_believed() -> None:
    root = issue("rsa", None, FOR_ISSUING, key=rsa.generate_private_key(65537, 2048))
    verify([issue("signer", root)], root)


def test_an_authority_or_the_signer_may_be_the_root_of_trust_itself() -> None:
    verify([HOUSE.signer], HOUSE.authority)
    verify([HOUSE.signer], HOUSE.signer)


@pytest.mark.parametrize("purpose", FOR_SIGNING, ids=["key usage", "extended key usage"])
def test_one_of_the_two_usages_is_enough(purpose: x509.ExtensionType) -> None:
    verify([issue("signer", HOUSE.authority, [purpose]), HOUSE.authority])


@pytest.mark.parametrize(
    "last", [NOW - 10 * DAY, NOW + 10 * DAY], ids=["first moment", "last moment"]
)
def test_holds_to_the_second_in_any_time_zone(last: datetime) -> None:
    chain = [HOUSE.signer, HOUSE.authority]
    verify(chain, at=last.astimezone(timezone(timedelta(hours=9))))
    beyond = last + timedelta(seconds=1) if last > NOW else last - timedelta(seconds=1)
    assert "is valid from" in refused(chain, at=beyond)


@pytest.mark.skipif(not OMS.is_dir(), reason="the OMS vectors are not at hand")
def test_believes_the_chain_of_the_oms_vector_at_its_time_only() -> None:
    signer, authority = open_bundle((OMS / "valid/certificate.bundle.json").read_bytes()).chain
    found = verify_chain([signer, authority], [authority], datetime(2026, 1, 1, tzinfo=UTC))
    assert found.public_key.kind == "p384"
    with pytest.raises(VerificationError, match="is valid from 2025-05-02"):
        verify_chain([signer, authority], [authority], datetime(2036, 1, 1, tzinfo=UTC))


# Chains that do not


@pytest.mark.parametrize("dates", [OLD, NEW], ids=["expired", "not yet valid"])
def test_every_certificate_must_be_valid_at_the_time(dates: dict[str, datetime]) -> None:
    root = issue("root", None, FOR_ISSUING, key=HOUSE.root.key, **dates)
    authority = issue("authority", HOUSE.root, FOR_ISSUING, key=HOUSE.authority.key, **dates)
    signer = issue("signer", HOUSE.authority, **dates)
    assert "of 'CN=signer' is valid from" in refused([signer, HOUSE.authority])
    assert "of 'CN=authority' is valid from" in refused([HOUSE.signer, authority])
    assert "not valid at validation time" in refused([HOUSE.signer, HOUSE.authority], root)
    assert "of 'CN=root' is valid from" in refused([HOUSE.signer, HOUSE.authority, root])


def test_the_dates_of_the_signers_certificate_choose_no_time() -> None:
    # The released model_signing judges a chain at the first day of the signer's certificate.
    signer = issue("signer", HOUSE.authority, **OLD)
    verify([signer, HOUSE.authority], at=NOW - 2 * DAY)
    assert "not at 2026-06-01T12:00+00:00" in refused([signer, HOUSE.authority])


STRANGER = make_house()
OTHER_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other")])


@pytest.mark.parametrize(
    ("authority", "words"),
    [
        pytest.param([], "missing required extension", id="no basic constraints"),
        pytest.param([key_usage("key_cert_sign")], "missing required", id="key usage alone"),
        pytest.param([x509.BasicConstraints(False, None)], "cA must be", id="no authority"),
        pytest.param([CA, key_usage("digital_signature")], "keyCertSign", id="may not issue"),
        pytest.param([*FOR_ISSUING, WEB_SERVER], "other purposes", id="issues for web servers"),
        pytest.param(
            [*FOR_ISSUING, extension("1.2.3.4", b"\x05\x00")], "critical", id="unknown and critical"
        ),
        pytest.param(
            [*FOR_ISSUING, x509.NameConstraints([x509.DirectoryName(OTHER_NAME)], None)],
            "directoryName",
            id="a constraint that cannot be checked",
        ),
    ],
)
def test_refuses_an_authority_that_is_none(authority: list[x509.ExtensionType], words: str) -> None:
    between = issue("between", HOUSE.authority, authority)
    assert words in refused([issue("signer", between), between, HOUSE.authority])


def test_refuses_a_name_constraint_that_is_not_critical() -> None:
    constraint = x509.NameConstraints([x509.DirectoryName(OTHER_NAME)], None)
    between = issue(
        "between", HOUSE.root, [*FOR_ISSUING, constraint], uncritical=[x509.NameConstraints]
    )
    assert "critical" in refused([issue("signer", between), between])


@pytest.mark.parametrize(
    ("permitted", "name", "is_allowed"),
    [
        (x509.RFC822Name("example.org"), x509.RFC822Name("a@example.org"), True),
        (x509.RFC822Name("example.org"), x509.RFC822Name("a@example.com"), False),
        (x509.DNSName("example.org"), x509.DNSName("models.example.org"), True),
        (x509.DNSName("example.org"), x509.DNSName("example.com"), False),
        # The library compares no URIs, so it refuses where it would have to.
        (
            x509.UniformResourceIdentifier("example.org"),
            x509.UniformResourceIdentifier("https://example.org/a"),
            False,
        ),
    ],
)
def test_name_constraints_hold(
    permitted: x509.GeneralName, name: x509.GeneralName, is_allowed: bool
) -> None:
    constraint = x509.NameConstraints([permitted], None)
    between = issue("between", HOUSE.root, [*FOR_ISSUING, constraint])
    chain = [issue("signer", between, [*FOR_SIGNING, names(name)]), between]
    if is_allowed:
        verify(chain)
    else:
        assert "name constraint" in refused(chain)


def test_refuses_a_longer_path_than_an_authority_allows() -> None:
    last = issue("last", HOUSE.root, [x509.BasicConstraints(True, 0), key_usage("key_cert_sign")])
    between = issue("between", last, FOR_ISSUING)
    verify([issue("signer", last), last])
    assert "path length" in refused([issue("signer", between), between, last])


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param([], id="none"),
        pytest.param([key_usage("key_agreement"), CODE_SIGNING], id="key agreement"),
        pytest.param([key_usage("digital_signature"), WEB_SERVER], id="web server"),
        pytest.param([WEB_SERVER], id="web server alone"),
        pytest.param(
            [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])], id="any purpose"
        ),
        pytest.param(FOR_ISSUING, id="authority"),
    ],
)
def test_refuses_a_certificate_that_is_not_for_signing(usage: list[x509.ExtensionType]) -> None:
    chain = [issue("signer", HOUSE.authority, usage), HOUSE.authority]
    assert "is not for signing" in refused(chain)


def test_refuses_an_unknown_critical_extension_of_the_signer() -> None:
    strange = issue("signer", HOUSE.authority, [*FOR_SIGNING, extension("1.2.3.4", b"\x05\x00")])
    assert "critical" in refused([strange, HOUSE.authority])


@pytest.mark.parametrize(
    "chain",
    [
        pytest.param([STRANGER.signer, STRANGER.authority], id="another house"),
        pytest.param([STRANGER.signer, STRANGER.authority, STRANGER.root], id="brings its root"),
        pytest.param([STRANGER.signer, HOUSE.authority], id="same names, other keys"),
        pytest.param([HOUSE.signer], id="authority missing"),
        pytest.param([HOUSE.authority, HOUSE.signer], id="signer not first"),
        pytest.param([issue("signer")], id="signed by itself"),
        pytest.param([issue("under", HOUSE.signer), *([HOUSE.signer] * 2)], id="by a signer"),
    ],
)
def test_refuses_a_chain_that_leads_elsewhere(chain: list[Holder]) -> None:
    refused(chain)


def test_refuses_a_chain_whose_signature_was_altered() -> None:
    der = bytearray(HOUSE.signer.der)
    der[-1] ^= 1
    with pytest.raises(VerificationError, match="does not lead to a trusted root"):
        verify_chain([bytes(der), HOUSE.authority.der], HOUSE.roots, NOW)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("place", [0, 1], ids=["signer", "authority"])
def test_no_altered_byte_verifies_or_comes_through_as_another_error(place: int) -> None:
    for position in range(len(HOUSE.chain[place])):
        for flip in (0x01, 0x0F, 0x80):
            chain = list(HOUSE.chain)
            altered = bytearray(chain[place])
            altered[position] ^= flip
            chain[place] = bytes(altered)
            with pytest.raises((InputError, VerificationError)):
                verify_chain(chain, HOUSE.roots, NOW)


def test_refuses_authorities_whose_keys_are_not_ecdsa_or_rsa() -> None:
    root = issue("root", None, FOR_ISSUING, key=ed25519.Ed25519PrivateKey.generate())
    assert "Ed25519" in refused([issue("signer", root)], root)


@pytest.mark.parametrize("n", [0, MAX_CERTIFICATES + 1])
def test_refuses_no_certificate_and_too_many(n: int) -> None:
    assert f"found {n}" in refused([HOUSE.signer] * n)


def test_the_caller_must_bring_roots_and_a_time_with_a_zone() -> None:
    for roots, at, reason in (
        ((), NOW, "no-roots"),
        (HOUSE.roots, NOW.replace(tzinfo=None), "time-zone"),
    ):
        with pytest.raises(InputError) as caught:
            verify_chain(HOUSE.chain, roots, at)
        assert caught.value.reason == reason


# Files of roots


def test_reads_every_root_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_bytes(b"# ours\n" + HOUSE.root.pem + STRANGER.root.pem)
    assert load_roots(tmp_path / "roots.pem") == (HOUSE.root.der, STRANGER.root.der)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "unreadable"),
        (b"", "certificate"),
        (HOUSE.root.der, "certificate"),
        (HOUSE.signer.signer.public_key.pem, "certificate"),
        (b"\n" * (1024 * 1024 + 1), "too-large"),
    ],
)
def test_refuses_a_file_without_roots(data: bytes | None, reason: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "roots.pem").write_bytes(data)
    with pytest.raises(InputError, match=r"roots\.pem") as caught:
        load_roots(tmp_path / "roots.pem")
    assert caught.value.reason == reason


@pytest.mark.skipif(not OMS.is_dir(), reason="the OMS vectors are not at hand")
def test_reads_a_certificate_of_sigstore() -> None:
    (der,) = open_bundle((OMS / "valid/sigstore.bundle.json").read_bytes()).chain
    found = read_certificate(der)
    assert found.issuer == "https://sigstore.verify.ibm.com/oauth2"
    assert len(found.identities) == 1
    assert found.not_after - found.not_before == timedelta(minutes=10)
