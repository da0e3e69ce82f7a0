"""Timestamps: those of a real authority, and those that must not count."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from attest.attestation import timestamps
from attest.attestation.bundle import Bundle, make_bundle, open_bundle
from attest.attestation.keys import PublicKey, generate
from attest.attestation.material import MAX_TIMESTAMP_BYTES
from attest.attestation.timestamps import request_timestamp, trusted_time
from attest.errors import AttestError, HubError, InputError, VerificationError
from instance import (
    CODE_SIGNING,
    DAY,
    TIME_STAMPING,
    Answer,
    Timestamper,
    make_timestamper,
    needs_openssl,
    serving,
)

pytestmark = needs_openssl
pytest.importorskip("rfc3161_client", reason="needs the extra `timestamps`")

KEY = generate()
BUNDLE = open_bundle(make_bundle(b"{}", KEY))
OTHER_BUNDLE = open_bundle(make_bundle(b"{}", KEY))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Timestamper:
    return make_timestamper(tmp_path_factory.mktemp("tsa") / "first")


def now() -> datetime:
    return datetime.now(UTC)


def refused(bundle: Bundle, *authorities: bytes, at: datetime | None = None) -> bool:
    """Whether step 5 fails."""
    try:
        trusted_time(bundle, authorities, now=at or now())
    except VerificationError as error:
        return error.step == 5
    return False


# Checking


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_says_when_a_signature_existed(authority: Timestamper, digest: str) -> None:
    before = now() - timedelta(seconds=1)
    bundle = BUNDLE.with_timestamp(authority.stamp(BUNDLE.signature, digest=digest))
    stamped = trusted_time(bundle, [authority.root.der], now=now())
    assert stamped is not None
    assert before <= stamped <= now()
    assert trusted_time(open_bundle(bundle.to_json()), [authority.root.der], now=now()) == stamped


def test_without_a_timestamp_there_is_no_time() -> None:
    assert trusted_time(BUNDLE, [], now=now()) is None


def test_a_timestamp_without_certificates_needs_the_authority_s_own(
    authority: Timestamper,
) -> None:
    bare = BUNDLE.with_timestamp(authority.stamp(BUNDLE.signature, with_certificate=False))
    root, own = authority.root.der, authority.certificate
    assert trusted_time(bare, [root, own], now=now()) is not None
    assert refused(bare, root)


def test_the_earliest_of_several_times_counts(authority: Timestamper, tmp_path: Path) -> None:
    second = make_timestamper(tmp_path / "second")
    bundle = BUNDLE.with_timestamp(authority.stamp(BUNDLE.signature))
    (first,) = bundle.verification_material.timestamps
    # A stamp has a resolution of one second.
    time.sleep(1.1)
    both = BUNDLE.with_timestamp(second.stamp(BUNDLE.signature)).with_timestamp(first)
    roots = [authority.root.der, second.root.der]
    earliest = trusted_time(bundle, roots, now=now())
    assert trusted_time(both, roots, now=now()) == earliest
    assert refused(both, authority.root.der), "every timestamp has to verify"


def test_refuses_a_timestamp_over_something_else(authority: Timestamper) -> None:
    root = authority.root.der
    stamp = authority.stamp(OTHER_BUNDLE.signature)
    assert refused(BUNDLE.with_timestamp(stamp), root)
    over_the_statement = authority.stamp(BUNDLE.dsse_envelope.payload)
    assert refused(BUNDLE.with_timestamp(over_the_statement), root)
    over_the_digest = authority.stamp(hashlib.sha256(BUNDLE.signature).digest())
    assert refused(BUNDLE.with_timestamp(over_the_digest), root)


def test_refuses_a_timestamp_under_sha_1(authority: Timestamper) -> None:
    stamp = authority.stamp(BUNDLE.signature, digest="sha1")
    assert refused(BUNDLE.with_timestamp(stamp), authority.root.der)


def test_refuses_an_authority_that_the_caller_does_not_trust(
    authority: Timestamper, tmp_path: Path
) -> None:
    stranger = make_timestamper(tmp_path / "stranger")
    stamped = BUNDLE.with_timestamp(stranger.stamp(BUNDLE.signature))
    assert refused(stamped, authority.root.der)
    assert refused(stamped)
    assert refused(stamped, authority.root.der, authority.certificate)


def test_refuses_a_certificate_that_was_not_valid_then(tmp_path: Path) -> None:
    expired = make_timestamper(tmp_path / "expired", first=now() - 9 * DAY, last=now() - DAY)
    bundle = BUNDLE.with_timestamp(expired.stamp(BUNDLE.signature))
    assert refused(bundle, expired.root.der)


@pytest.mark.parametrize(
    ("purpose", "is_critical", "is_refused"),
    [(TIME_STAMPING, True, False), (TIME_STAMPING, False, True), (CODE_SIGNING, True, True)],
)
def test_only_a_certificate_for_nothing_but_time_stamping_stamps(
    authority: Timestamper, purpose: x509.ExtendedKeyUsage, is_critical: bool, is_refused: bool
) -> None:
    # openssl stamps with the right certificate only, so another of the same key, name and number
    # takes its place, as if the authority had been given that one.
    right = x509.load_der_x509_certificate(authority.certificate)
    builder = authority.root.builder(
        PublicKey(right.public_key()),  # type: ignore[arg-type]
        name="stamper",
        serial=right.serial_number,
    )
    other = authority.root.sign(builder.add_extension(purpose, critical=is_critical))
    stamp = authority.stamp(BUNDLE.signature, with_certificate=False)
    assert refused(BUNDLE.with_timestamp(stamp), authority.root.der, other) == is_refused


def test_refuses_a_time_in_the_future(authority: Timestamper) -> None:
    bundle = BUNDLE.with_timestamp(authority.stamp(BUNDLE.signature))
    assert not refused(bundle, authority.root.der, at=now() - timedelta(minutes=4))
    assert refused(bundle, authority.root.der, at=now() - timedelta(minutes=6))


def test_a_refusal_does_not_count_as_a_timestamp(authority: Timestamper) -> None:
    # An empty message imprint is malformed, and openssl answers with status "rejection".
    rejection = authority.answer(b"\x30\x00")
    assert refused(BUNDLE.with_timestamp(rejection), authority.root.der)


def test_no_changed_byte_changes_the_time(authority: Timestamper) -> None:
    root = authority.root.der
    good = authority.stamp(BUNDLE.signature)
    expected = trusted_time(BUNDLE.with_timestamp(good), [root], now=now())
    n_refused = 0
    for position in range(len(good)):
        changed = bytearray(good)
        changed[position] ^= 0x21
        bundle = BUNDLE.with_timestamp(bytes(changed))
        # The format leaves a few bytes unsigned, such as version numbers of wrappings.
        if refused(bundle, root):
            n_refused += 1
        else:
            assert trusted_time(bundle, [root], now=now()) == expected
    assert n_refused > 0.95 * len(good)


@pytest.mark.parametrize("stamp", [b"\x00", b"\x30\x80", b"-----BEGIN", b"\x30" * 1000])
def test_refuses_what_is_no_timestamp(authority: Timestamper, stamp: bytes) -> None:
    assert refused(BUNDLE.with_timestamp(stamp), authority.root.der)


def test_a_root_that_is_no_certificate_is_the_caller_s_mistake(authority: Timestamper) -> None:
    bundle = BUNDLE.with_timestamp(authority.stamp(BUNDLE.signature))
    with pytest.raises(InputError) as wrong:
        trusted_time(bundle, [b"root"], now=now())
    assert wrong.value.reason == "certificate"


# Asking


def test_asks_an_authority_for_a_timestamp(authority: Timestamper) -> None:
    with serving(lambda _, query: authority.answer(query)) as url:
        stamp = request_timestamp(BUNDLE.signature, url)
    assert trusted_time(BUNDLE.with_timestamp(stamp), [authority.root.der], now=now()) is not None


def test_takes_no_timestamp_but_the_one_that_it_asked_for(authority: Timestamper) -> None:
    old = authority.stamp(BUNDLE.signature)
    with serving(lambda _, _query: old) as url, pytest.raises(HubError, match="something else"):
        request_timestamp(BUNDLE.signature, url)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        pytest.param(lambda *_: b"<html>", 200, "something else than a timestamp", id="a page"),
        pytest.param(lambda *_: b"", 503, "status 503", id="out of order"),
        pytest.param(lambda *_: b"", 302, "status 302", id="redirection"),
        pytest.param(lambda *_: b"0" * (MAX_TIMESTAMP_BYTES + 1), 200, "too much", id="too much"),
    ],
)
def test_an_authority_that_does_not_answer_may_be_asked_again(
    answer: Answer, status: int, said: str
) -> None:
    with (
        serving(answer, status=status, Location="http://127.0.0.1:9/") as url,
        pytest.raises(HubError, match=said),
    ):
        request_timestamp(BUNDLE.signature, url)


def test_an_authority_that_refuses_says_so(authority: Timestamper) -> None:
    rejection = authority.answer(b"\x30\x00")
    with serving(lambda *_: rejection) as url, pytest.raises(HubError, match="refused"):
        request_timestamp(BUNDLE.signature, url)


def test_an_authority_that_dawdles_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamps, "REQUEST_TIMEOUT_S", 0.2)
    never = threading.Event()
    with (
        serving(lambda *_: b"x" if never.wait(1) else b"") as url,
        pytest.raises(HubError, match="cannot be reached"),
    ):
        request_timestamp(BUNDLE.signature, url)


def test_an_authority_that_is_not_there_may_be_asked_again() -> None:
    with pytest.raises(HubError, match="cannot be reached"):
        request_timestamp(BUNDLE.signature, "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    "url",
    [
        "http://timestamps.example/",
        "http://127.0.0.1.example/",
        "http://localhost@timestamps.example/",
        "file:///etc/passwd",
        "ftp://localhost/",
        "https:",
        "https://",
        "http://[::1",
        "timestamps.example",
        "",
    ],
)
def test_asks_nobody_over_an_open_line(url: str) -> None:
    with pytest.raises(InputError) as wrong:
        request_timestamp(BUNDLE.signature, url)
    assert wrong.value.reason == "url"


def test_names_the_extra_where_it_is_missing(
    authority: Timestamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = BUNDLE.with_timestamp(authority.stamp(BUNDLE.signature))
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    for use in (
        lambda: trusted_time(bundle, [authority.root.der], now=now()),
        lambda: request_timestamp(BUNDLE.signature, "https://timestamps.example/"),
    ):
        with pytest.raises(AttestError) as missing:
            use()
        assert missing.value.hint == "pip install 'attest-weights[timestamps]'"
