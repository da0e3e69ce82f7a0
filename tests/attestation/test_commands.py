"""Signing by a program: what works, and every way in which a program can disappoint."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import NoReturn

import pytest

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.commands import MAX_OUTPUT_BYTES, load_signer, open_command
from attest.attestation.keyfiles import write_key_pair
from attest.attestation.keys import PrivateKey, generate, verify_signature
from attest.errors import InputError
from conftest import REPOSITORY
from instance import needs_openssl

SIGNERS = REPOSITORY / "examples" / "signers"


@pytest.fixture
def key(tmp_path: Path) -> PrivateKey:
    key = generate()
    write_key_pair(key, tmp_path / "attest.key", passphrase=None)
    return key


def program(folder: Path, text: str) -> str:
    """A shell script, as the words that start it."""
    path = folder / "signer with space.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return shlex.quote(str(path))


def holder_of_a_key(folder: Path, sign: str) -> str:
    """A script that has the public key of `key`, and signs as the text says."""
    public = shlex.quote(str(folder / "attest.key.pub"))
    return program(folder, f'if [ "$1" = public-key ]; then cat {public}; else {sign}; fi')


def reason(words: str, data: bytes = b"data", *, timeout_s: float = 10) -> str:
    with pytest.raises(InputError) as refused:
        open_command(words, timeout_s=timeout_s).sign(data)
    return refused.value.reason


# Programs that sign


@needs_openssl
def test_signs_with_openssl(tmp_path: Path, key: PrivateKey) -> None:
    words = f"{SIGNERS / 'openssl.sh'} {shlex.quote(str(tmp_path / 'attest.key'))}"
    signer = load_signer(f"exec:{words}")
    assert signer.public_key == key.public_key
    statement = b"{}" * 500_000
    data = make_bundle(statement, signer)
    assert open_bundle(data).verify(key.public_key) == statement
    assert open_bundle(data).hint == key.public_key.hint


def test_a_key_without_a_prefix_is_a_file(tmp_path: Path, key: PrivateKey) -> None:
    assert load_signer(str(tmp_path / "attest.key")).public_key == key.public_key


def test_the_environment_and_stderr_are_those_of_the_caller(
    tmp_path: Path, key: PrivateKey, capfd: pytest.CaptureFixture[str]
) -> None:
    words = holder_of_a_key(tmp_path, 'echo "key service of $HOME: no" >&2; exit 7')
    assert reason(words) == "signer-failed"
    assert capfd.readouterr().err == f"key service of {os.environ['HOME']}: no\n"


def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = program(tmp_path, f'printf "%s|" "$@" > {shlex.quote(str(out))}; exit 1')
    assert reason(f"{words} '$(touch x)' ';' a\\ b") == "signer-failed"
    assert out.read_text() == "$(touch x)|;|a b|public-key|"


# Programs that do not


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("exit 3", "signer-failed", id="fails"),
        pytest.param("kill -9 $$", "signer-failed", id="is killed"),
        pytest.param("true", "not-pem", id="says nothing"),
        pytest.param("echo hello", "not-pem", id="says something else"),
        pytest.param("while :; do echo hello; done", "signer-output", id="never stops talking"),
        pytest.param("sleep 60", "signer-timeout", id="never says anything"),
        pytest.param("sleep 60 & exit 0", "signer-timeout", id="leaves somebody behind"),
        pytest.param("exec >&-; sleep 60", "signer-timeout", id="never ends"),
    ],
)
def test_gives_up_on_a_program_that_tells_no_key(tmp_path: Path, text: str, expected: str) -> None:
    begun = time.monotonic()
    assert reason(program(tmp_path, text), timeout_s=0.3) == expected
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("words", ["", "  ", "'open", "#"])
def test_refuses_words_that_name_no_program(words: str) -> None:
    assert reason(words) in ("signer-command", "signer-missing")


def test_says_which_program_cannot_be_started(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match=str(path)) as refused:
            open_command(str(path))
        assert refused.value.reason == "signer-missing"


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param("true", id="nothing"),
        pytest.param("echo AAAA", id="no signature"),
        pytest.param("echo '%%%'", id="no base64"),
        pytest.param("printf '\\377\\376'", id="binary"),
        pytest.param("head -c 3000 /dev/zero | base64", id="too long for a signature"),
        pytest.param(f"head -c {2 * MAX_OUTPUT_BYTES} /dev/zero", id="too much"),
    ],
)
def test_writes_nothing_that_is_no_signature(tmp_path: Path, key: PrivateKey, sign: str) -> None:
    assert reason(holder_of_a_key(tmp_path, sign)) == "signer-output"


@needs_openssl
@pytest.mark.parametrize("flaw", ["another key", "another digest", "raw encoding"])
def test_writes_no_signature_that_does_not_verify(
    tmp_path: Path, key: PrivateKey, flaw: str
) -> None:
    write_key_pair(generate(), tmp_path / "other.key", passphrase=None)
    name = "other.key" if flaw == "another key" else "attest.key"
    hash_name = "sha384" if flaw == "another digest" else "sha256"
    file = shlex.quote(str(tmp_path / name))
    sign = f"openssl dgst -{hash_name} -sign {file} | openssl base64 -A"
    if flaw == "raw encoding":
        sign = "head -c 64 /dev/zero | base64"
    assert reason(holder_of_a_key(tmp_path, sign)) == "signer-output"


def test_a_private_key_for_a_public_one_is_never_repeated(tmp_path: Path, key: PrivateKey) -> None:
    words = program(tmp_path, f"cat {shlex.quote(str(tmp_path / 'attest.key'))}")
    with pytest.raises(InputError) as refused:
        open_command(words)
    assert refused.value.reason == "private-key"
    assert "BEGIN" not in str(refused.value)


def test_asks_for_no_passphrase_of_a_program(tmp_path: Path, key: PrivateKey) -> None:
    def never() -> NoReturn:
        pytest.fail("asked for a passphrase")

    signer = load_signer(f"exec:{holder_of_a_key(tmp_path, 'true')}", never)
    assert signer.public_key == key.public_key


# Tokens


def softhsm_module() -> Path | None:
    folders = [Path(one) for one in os.environ.get("LD_LIBRARY_PATH", "").split(":") if one]
    folders += [Path("/usr/lib/softhsm"), *Path("/usr/lib").glob("*/softhsm")]
    return next(
        (one / "libsofthsm2.so" for one in folders if (one / "libsofthsm2.so").exists()), None
    )


@needs_openssl
@pytest.mark.skipif(
    shutil.which("pkcs11-tool") is None or softhsm_module() is None,
    reason="needs pkcs11-tool (OpenSC) and SoftHSM",
)
def test_signs_with_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = softhsm_module()
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    monkeypatch.setenv("PKCS11_PIN", "1234")
    tool = ("pkcs11-tool", "--module", str(module))
    for words in (
        ("--init-token", "--slot-index", "0", "--label", "attest", "--so-pin", "12345678"),
        ("--token-label", "attest", "--init-pin", "--so-pin", "12345678", "--pin", "1234"),
        (
            *("--token-label", "attest", "--login", "--pin", "1234"),
            *("--keypairgen", "--key-type", "EC:prime256v1", "--label", "release"),
        ),
    ):
        subprocess.run([*tool, *words], check=True, capture_output=True)

    signer = load_signer(f"exec:{SIGNERS / 'pkcs11.sh'} {module} attest release")

    assert signer.public_key.kind == "p256"
    verify_signature(signer.public_key, signer.sign(b"statement"), b"statement")
    monkeypatch.setenv("PKCS11_PIN", "9999")
    with pytest.raises(InputError) as refused:
        signer.sign(b"statement")
    assert refused.value.reason == "signer-failed"
