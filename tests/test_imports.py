"""Checking is quick and light; the public names are all there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import attest

HEAVY = ("torch", "transformers", "scipy", "numpy", "safetensors", "fastapi", "uvicorn", "pooch")


def loaded_by(*arguments: str) -> set[str]:
    """The heavy packages that a fresh interpreter loads when it runs `attest ARGUMENTS`."""
    code = (
        "import sys\n"
        "try:\n"
        "    import attest\n"
        "    if sys.argv[1:]:\n"
        "        from attest.cli.main import main\n"
        "        main()\n"
        "finally:\n"
        "    print('loaded:', *(name for name in sys.modules if '.' not in name))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    line = next(one for one in done.stdout.splitlines() if one.startswith("loaded:"))
    return set(line.split()) & set(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["verify", "--help"],
        ["benchmark", "show", "attest-core"],
        ["verify", ".", "--license", "none.yaml", "--key", "none.pub"],
    ],
)
def test_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_by(*arguments) == set()


def test_verify_loads_nothing_heavy_while_it_verifies(tmp_path: Path) -> None:
    from attest.attestation.keyfiles import write_key_pair
    from release import make_release

    release = make_release(tmp_path)
    bundle = tmp_path / "bundle.sigstore.json"
    bundle.write_bytes(release.bundle())
    write_key_pair(release.key, tmp_path / "a.key", passphrase=None)

    loaded = loaded_by(
        *("verify", str(release.model), "--license", str(release.small.file)),
        *("--key", str(tmp_path / "a.key.pub"), "--bundle", str(bundle)),
        *("--level", "2", "--evidence", str(release.evidence), "--data", str(release.small.data)),
    )

    assert loaded == set()


@pytest.mark.parametrize("name", attest.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(attest, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'safe'"):
        _ = attest.safe  # type: ignore[attr-defined]
