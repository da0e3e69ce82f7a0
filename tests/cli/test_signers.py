"""Everything that `--key` can name, and what goes with a key, as a person types it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from attest.attestation.bundle import open_bundle
from attest.attestation.keyfiles import write_key_pair
from attest.attestation.keyless import verify_keyless
from attest.attestation.timestamps import trusted_time
from conftest import REPOSITORY
from instance import (
    CODE_SIGNING,
    IDENTITY,
    ISSUER,
    be_a_ci_job,
    be_nobody,
    make_instance,
    make_root,
    make_timestamper,
    needs_openssl,
    services,
    serving,
    trust_config,
)
from release import Release, make_release

OPENSSL_SIGNER = REPOSITORY / "examples" / "signers" / "openssl.sh"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    release = make_release(tmp_path_factory.mktemp("signers"))
    write_key_pair(release.key, release.evidence.parent / "attest.key", passphrase=None)
    return release


@pytest.fixture
def key_file(release: Release) -> Path:
    return release.evidence.parent / "attest.key"


@needs_openssl
def test_a_program_signs_and_a_stranger_verifies(attest, release: Release, key_file: Path) -> None:
    # A process of its own, because what the program says goes to the terminal itself.
    words = f"exec:{OPENSSL_SIGNER} {shlex.quote(str(key_file))}"
    done = subprocess.run(
        [sys.executable, "-m", "attest", "sign", release.evidence, "--output", ".", "--key", words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = attest(
        *("verify", release.model, "--license", release.small.file),
        *("--key", f"{key_file}.pub", "--bundle", done.stdout.strip(), "--level", "0"),
    )
    assert seen.code == 0, seen.out


def test_a_program_that_fails_signs_nothing(attest, release: Release) -> None:
    done = attest("sign", release.evidence, "--output", ".", "--key", "exec:false")
    assert done.code == 2
    assert "false: ended public-key with exit status 1" in done.err
    assert not list(Path().glob("*.sigstore.json"))


def test_the_certificates_of_a_key_go_with_its_signature(
    attest, release: Release, key_file: Path
) -> None:
    root = make_root("root")
    builder = root.builder(release.key.public_key).add_extension(CODE_SIGNING, critical=False)
    leaf = root.sign(builder)
    chain = [x509.load_der_x509_certificate(leaf), root.certificate]
    Path("chain.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chain))
    Path("root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))

    sign = ("sign", release.evidence, "--output", ".", "--key", key_file)
    done = attest(*sign, "--chain", "chain.pem")
    assert done.code == 0, done.err
    assert open_bundle(Path(done.out.strip()).read_bytes()).chain == (leaf, root.der)

    wrong = attest(*sign, "--chain", "root.pem")
    assert wrong.code == 2
    assert "the first certificate is not of the key that signs" in wrong.err


@needs_openssl
def test_a_signature_is_stamped_where_that_is_asked(
    attest, release: Release, key_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("rfc3161_client", reason="needs the extra `timestamps`")
    stamper = make_timestamper(tmp_path / "stamper")
    sign = ("sign", release.evidence, "--output", ".", "--key", key_file)
    with serving(lambda _, query: stamper.answer(query)) as url:
        done = attest(*sign, "--timestamp", url)
    assert done.code == 0, done.err
    bundle = open_bundle(Path(done.out.strip()).read_bytes())
    assert trusted_time(bundle, [stamper.root.der], now=datetime.now(UTC)) is not None

    assert attest(*sign, "--timestamp", "http://timestamps.example").code == 2
    unreachable = attest(*sign, "--timestamp", "http://127.0.0.1:1")
    assert unreachable.code == 5
    assert len(list(Path().glob("*.sigstore.json"))) == 1


@needs_openssl
def test_a_ci_job_needs_no_key(
    attest, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sigstore", reason="needs the extra `sigstore`")
    be_nobody(monkeypatch)
    be_a_ci_job(monkeypatch)
    instance = make_instance(tmp_path / "instance")
    root = instance.write_trusted_root(tmp_path / "root.json")
    sign = ("sign", release.evidence, "--output", ".")
    with serving(services(instance)) as url:
        Path("config.json").write_text(json.dumps(trust_config(instance, url)))
        done = attest(*sign, "--key", "sigstore:config.json")
    assert done.code == 0, done.err
    data = Path(done.out.strip()).read_bytes()
    statement = verify_keyless(data, identity=IDENTITY, issuer=ISSUER, trusted_root=root)
    assert json.loads(statement)["predicate"]["evaluation"]

    both = attest(*sign, "--key", "sigstore:", "--timestamp", "https://timestamps.example")
    assert (both.code, "do not go with" in both.err) == (2, True)
    alone = attest(
        *("sign", release.evidence, "--model", release.model, "--key", "sigstore:", "--oms")
    )
    assert (alone.code, "needs a key" in alone.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("hub", "serve", "--policy", "p.yaml"), "knows it by its public key"),
        (("hub", "worker", "--policy", "p.yaml"), "knows it by its public key"),
        (("license", "suffix", "--checkpoint", "ab" * 32), "follow from the `suffix_key`"),
    ],
    ids=["serve", "worker", "suffix"],
)
def test_where_a_key_must_stay_no_identity_is_offered_or_taken(
    attest, release: Release, words: tuple[str, ...], why: str
) -> None:
    assert "sigstore:" not in attest(*words[:2], "--help").out

    license = ("--license", release.small.file) if words[1] == "suffix" else ()
    done = attest(*words, *license, "--key", "sigstore:")

    assert done.code == 2
    assert f"{why} of the license" in done.err or f"{why};" in done.err
    assert "expected a key that stays" in done.err
    assert "hint: name a key file or 'exec:PROGRAM ARGUMENT...'" in done.err


def test_nobody_signs_without_an_identity(
    attest, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sigstore", reason="needs the extra `sigstore`")
    be_nobody(monkeypatch)
    done = attest("sign", release.evidence, "--output", ".", "--key", "sigstore:")
    assert done.code == 2
    assert "expected an identity" in done.err
