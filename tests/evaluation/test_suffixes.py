"""Suffixes follow from the signature of the licensor on license and checkpoint alone."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from attest.attestation.keys import generate
from attest.errors import InputError
from attest.evaluation.suffixes import Suffixes, check_suffixes, message, suffix
from attest.license.terms import License
from small import make_license

CHECKPOINT = "ab" * 32
LICENSOR = generate("ed25519")


def licensed(folder: Path, key: str = LICENSOR.public_key.pem.decode()) -> License:
    return make_license(folder, suffix_key=key).license


def test_a_suffix_is_what_the_specification_says() -> None:
    signature = "0f" * 64
    parts = [b"secret-suffix-1", b"private", "räuber".encode()]
    lengthy = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    seed = hashlib.sha256(bytes.fromhex(signature)).digest()
    letters = base64.b32encode(
        hashlib.sha256(b"attest-suffix-draw-v1\x00" + seed + lengthy).digest()
    )

    found = suffix(signature, probe="secret-suffix-1", benchmark="private", item="räuber")

    assert found.replace(" ", "") == letters[:40].decode().lower()
    assert [len(group) for group in found.split(" ")] == [4] * 10


def test_no_two_places_share_a_suffix() -> None:
    places = [("p", "b", "i"), ("p", "b", "j"), ("p", "c", "i"), ("q", "b", "i"), ("pb", "", "i")]
    found = {
        suffix(signature * 64, probe=probe, benchmark=benchmark, item=item)
        for signature in ("00", "01")
        for probe, benchmark, item in places
    }

    assert len(found) == 10


def test_the_licensors_signature_is_accepted_and_always_the_same(tmp_path: Path) -> None:
    license = licensed(tmp_path)
    signatures = {LICENSOR.sign(message(license.sha256, CHECKPOINT)).hex() for _ in range(3)}

    (signature,) = signatures
    check_suffixes(signature, license, CHECKPOINT)


def test_another_key_license_or_checkpoint_is_refused(tmp_path: Path) -> None:
    license = licensed(tmp_path)
    stranger = generate("ed25519")
    for key, license_sha256, checkpoint in (
        (stranger, license.sha256, CHECKPOINT),
        (LICENSOR, "00" * 32, CHECKPOINT),
        (LICENSOR, license.sha256, "00" * 32),
    ):
        signature = key.sign(message(license_sha256, checkpoint)).hex()
        with pytest.raises(InputError, match="not signed by the licensor") as caught:
            check_suffixes(signature, license, CHECKPOINT)
        assert caught.value.reason == "suffix-signature"


@pytest.mark.parametrize("key", ["nonsense", generate("p256").public_key.pem.decode()])
def test_terms_without_an_ed25519_key_have_no_suffixes(key: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        check_suffixes("00" * 64, licensed(tmp_path, key), CHECKPOINT)
    assert caught.value.reason == "suffix-key"


def test_a_file_for_something_else_is_refused_by_what_it_states(tmp_path: Path) -> None:
    license = licensed(tmp_path)
    signature = LICENSOR.sign(message(license.sha256, CHECKPOINT)).hex()
    Suffixes(license=license.sha256, checkpoint=CHECKPOINT, signature=signature).ensure_of(
        license, CHECKPOINT
    )

    for stated in ({"license": "00" * 32}, {"checkpoint": "00" * 32}):
        file = Suffixes.model_validate(
            {"license": license.sha256, "checkpoint": CHECKPOINT, "signature": signature} | stated
        )
        with pytest.raises(InputError, match=f"for {next(iter(stated))} 0000") as caught:
            file.ensure_of(license, CHECKPOINT)
        assert caught.value.reason == "other-suffixes"
