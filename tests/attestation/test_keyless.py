"""Sigstore without the network: an instance of our own, its real library, and forgeries."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from attest.attestation.bundle import PAYLOAD_TYPE, make_bundle, open_bundle
from attest.attestation.certificates import read_certificate, verify_chain
from attest.attestation.dsse import pae
from attest.attestation.keyless import ambient_identity, sign_keyless, verify_keyless
from attest.attestation.keys import generate
from attest.attestation.timestamps import trusted_time
from attest.attestation.transparency import Log, check_inclusion
from attest.errors import HubError, InputError, VerificationError
from instance import (
    IDENTITY,
    ISSUER,
    Instance,
    b64,
    be_a_ci_job,
    be_nobody,
    log_body,
    make_instance,
    make_timestamper,
    needs_openssl,
    services,
    serving,
    trust_config,
)

pytestmark = needs_openssl
pytest.importorskip("sigstore", reason="needs the extra `sigstore`")

KEY = generate()
STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model.safetensors", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.com/predicate/v1",
        "predicate": {},
    },
    indent=1,
).encode()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    return make_instance(tmp_path_factory.mktemp("instance"))


@pytest.fixture
def trusted(instance: Instance, tmp_path: Path) -> Path:
    return instance.write_trusted_root(tmp_path / "trusted_root.json")


@pytest.fixture(autouse=True)
def nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    be_nobody(monkeypatch)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_arguments: object) -> NoReturn:
        pytest.fail("the network was used")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)


def signed(instance: Instance, *, stamped: bool = True, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """A bundle as the instance would have it made."""
    leaf = instance.certify(KEY.public_key)
    fields = json.loads(make_bundle(STATEMENT, KEY, chain=[leaf]))
    signature = KEY.sign(pae(payload_type, STATEMENT))
    fields["dsseEnvelope"].update(payloadType=payload_type, signatures=[{"sig": b64(signature)}])
    bundle = open_bundle(json.dumps(fields).encode())
    if stamped:
        bundle = bundle.with_timestamp(instance.timestamper.stamp(signature))
    entry = instance.log.add(log_body(bundle, KEY.public_key, leaf))
    fields = json.loads(bundle.to_json())
    fields["verificationMaterial"]["tlogEntries"] = [entry]
    return json.dumps(fields).encode()


def verified(
    data: bytes, trusted: Path, *, identity: str = IDENTITY, issuer: str = ISSUER
) -> bytes:
    return verify_keyless(data, identity=identity, issuer=issuer, trusted_root=trusted)


def failing_step(data: bytes, trusted: Path, **expected: str) -> int | None:
    try:
        verified(data, trusted, **expected)
    except VerificationError as error:
        return error.step
    return None


# Verifying


@pytest.mark.usefixtures("offline")
def test_verifies_identity_and_issuer_without_the_network(
    instance: Instance, trusted: Path
) -> None:
    assert verified(signed(instance), trusted) == STATEMENT


def test_our_own_checks_find_the_same(instance: Instance) -> None:
    bundle = open_bundle(signed(instance))
    stamper, log, now = instance.timestamper, instance.log, datetime.now(UTC)
    at = trusted_time(bundle, [stamper.root.der], now=now)
    assert at is not None
    leaf = verify_chain(bundle.chain, [instance.identities.der], at)
    assert (leaf.identities, leaf.issuer) == ((IDENTITY,), ISSUER)
    inclusion = check_inclusion(bundle, leaf.public_key, [Log(log.origin, log.key.public_key)])
    assert inclusion.origin == log.origin
    assert bundle.verify(leaf.public_key) == STATEMENT


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    "expected",
    [
        {"identity": IDENTITY + "/"},
        {"identity": IDENTITY.upper()},
        {"identity": "lab@ci.example"},
        {"issuer": ISSUER + "/"},
        {"issuer": "https://another.example"},
    ],
)
def test_refuses_somebody_else(instance: Instance, trusted: Path, expected: dict[str, str]) -> None:
    assert failing_step(signed(instance), trusted, **expected) == 3


def test_an_empty_expectation_is_no_expectation(instance: Instance, trusted: Path) -> None:
    for expected in ({"identity": ""}, {"issuer": ""}):
        with pytest.raises(InputError):
            verified(signed(instance), trusted, **expected)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda f: f["verificationMaterial"].pop("tlogEntries"), id="no log entry"),
        pytest.param(
            lambda f: f["verificationMaterial"].pop("timestampVerificationData"), id="no timestamp"
        ),
        pytest.param(
            lambda f: f["verificationMaterial"]["tlogEntries"][0]["inclusionProof"].update(
                logIndex="0"
            ),
            id="another place in the log",
        ),
        pytest.param(
            lambda f: f["verificationMaterial"]["tlogEntries"][0]["inclusionProof"].update(
                hashes=[]
            ),
            id="no proof",
        ),
        pytest.param(lambda f: f["dsseEnvelope"].update(payload="e30="), id="another statement"),
        pytest.param(
            lambda f: f["dsseEnvelope"].update(payloadType="application/json"), id="another type"
        ),
    ],
)
def test_refuses_forged_bundles(instance: Instance, trusted: Path, change: Change) -> None:
    fields = json.loads(signed(instance))
    change(fields)
    assert failing_step(json.dumps(fields).encode(), trusted) == 3


def test_refuses_another_payload_type_even_if_it_is_signed_and_logged(
    instance: Instance, trusted: Path
) -> None:
    assert failing_step(signed(instance, payload_type="application/json"), trusted) == 3


def test_refuses_a_timestamp_of_an_unknown_authority(
    instance: Instance, trusted: Path, tmp_path: Path
) -> None:
    stranger = make_timestamper(tmp_path / "stranger")
    bundle = open_bundle(signed(instance, stamped=False))
    data = bundle.with_timestamp(stranger.stamp(bundle.signature)).to_json()
    assert failing_step(data, trusted) == 3


def test_refuses_the_certificate_of_another_instance(
    instance: Instance, trusted: Path, tmp_path: Path
) -> None:
    other = make_instance(tmp_path / "other")
    mixed = Instance(other.identities, instance.certificate_log, instance.timestamper, instance.log)
    unpromised = Instance(
        instance.identities, other.certificate_log, instance.timestamper, instance.log
    )
    for forger in (other, mixed, unpromised):
        assert failing_step(signed(forger), trusted) == 3


def test_a_key_is_verified_as_a_key(trusted: Path) -> None:
    with pytest.raises(InputError) as refused:
        verified(make_bundle(STATEMENT, KEY), trusted)
    assert refused.value.reason == "no-certificate"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mediaType": "x"}'])
def test_refuses_what_is_no_trusted_root(instance: Instance, tmp_path: Path, text: str) -> None:
    path = tmp_path / "root.json"
    path.write_text(text)
    for root in (path, tmp_path / "missing.json"):
        with pytest.raises(InputError) as refused:
            verified(signed(instance), root)
        assert refused.value.reason == "trusted-root"


def test_a_trusted_root_without_logs_trusts_nothing(instance: Instance, tmp_path: Path) -> None:
    for field in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"):
        path = tmp_path / f"{field}.json"
        path.write_text(json.dumps({**instance.trusted_root(), field: []}))
        assert failing_step(signed(instance), path) == 3, field


# Signing


def config_file(instance: Instance, url: str, folder: Path) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(trust_config(instance, url)))
    return path


def test_a_ci_job_signs_as_itself(
    instance: Instance, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_a_ci_job(monkeypatch)
    with serving(services(instance)) as url:
        data = sign_keyless(STATEMENT, trust_config=config_file(instance, url, tmp_path))
    assert verified(data, trusted) == STATEMENT
    assert read_certificate(open_bundle(data).chain[0]).identities == (IDENTITY,)


def test_writes_nothing_that_is_signed_as_somebody_else(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_a_ci_job(monkeypatch)
    with (
        serving(services(instance, "https://ci.example/mallory")) as url,
        pytest.raises(VerificationError),
    ):
        sign_keyless(STATEMENT, trust_config=config_file(instance, url, tmp_path))


def test_services_that_fail_may_be_asked_again(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = be_a_ci_job(monkeypatch)
    with serving(lambda *_: b"{}", status=500) as url:
        config = config_file(instance, url, tmp_path)
        with pytest.raises(HubError) as failed:
            sign_keyless(STATEMENT, trust_config=config)
    assert token not in str(failed.value)
    with pytest.raises(HubError):
        sign_keyless(STATEMENT, trust_config=config)


def test_an_expired_token_signs_nothing(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_a_ci_job(monkeypatch, exp=datetime.now(UTC) - timedelta(hours=1))
    config = config_file(instance, "http://127.0.0.1:9", tmp_path)
    with pytest.raises(HubError, match="did not sign"):
        sign_keyless(STATEMENT, trust_config=config)


def test_without_an_identity_there_is_nobody_to_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as nobody:
        ambient_identity()
    assert nobody.value.reason == "no-identity"
    # A job of GitHub that was not permitted to ask for a token.
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", raising=False)
    with pytest.raises(InputError, match="expected an identity") as refused:
        ambient_identity()
    assert "id-token: write" in (refused.value.hint or "")


def test_names_the_extra_where_it_is_missing(
    instance: Instance, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = signed(instance)
    monkeypatch.setitem(sys.modules, "sigstore", None)
    uses: list[Callable[[], bytes]] = [
        lambda: verified(data, trusted),
        lambda: sign_keyless(STATEMENT),
    ]
    for use in uses:
        with pytest.raises(InputError) as missing:
            use()
        assert missing.value.hint == "pip install 'attest-weights[sigstore]'"
