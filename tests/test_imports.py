"""Checking is quick and light; every command and every public name is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import attest
from attest.cli.main import app

HEAVY = {
    *("torch", "transformers", "scipy", "numpy", "safetensors", "fastapi", "uvicorn", "pooch"),
    *("requests", "rfc3161_client", "sigstore"),
}
COMMANDS = [str(command.name) for command in app.registered_commands]


def modules_of(*arguments: str) -> set[str]:
    """The modules that a fresh interpreter loads when it runs `attest ARGUMENTS`."""
    code = (
        "import sys\n"
        "try:\n"
        "    import attest\n"
        "    if sys.argv[1:]:\n"
        "        from attest.cli.main import main\n"
        "        main()\n"
        "finally:\n"
        "    print('loaded:', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    line = next(one for one in done.stdout.splitlines() if one.startswith("loaded:"))
    return set(line.split())


def loaded_by(*arguments: str) -> set[str]:
    """The heavy packages among them."""
    return modules_of(*arguments) & HEAVY


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

    loaded = modules_of(
        *("verify", str(release.model), "--license", str(release.small.file)),
        *("--key", str(tmp_path / "a.key.pub"), "--bundle", str(bundle)),
        *("--level", "2", "--evidence", str(release.evidence), "--data", str(release.small.data)),
    )

    assert "attest.verification.answers" in loaded
    assert loaded & HEAVY == set()


def test_commands_are_listed_without_importing_them() -> None:
    loaded = {name for name in modules_of("--help") if name.startswith("attest.cli.")}

    assert loaded == {"attest.cli.console", "attest.cli.later", "attest.cli.main"}


def test_the_list_of_commands_cuts_no_sentence_short() -> None:
    listed = CliRunner().invoke(app, ["--help"], terminal_width=80).output.split("Commands:")[1]

    assert "..." not in listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_is_there(name: str) -> None:
    done = CliRunner().invoke(app, [name, "--help"])

    assert done.exit_code == 0
    assert f" {name} [OPTIONS]" in done.output


@pytest.mark.parametrize("name", attest.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(attest, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'safe'"):
        _ = attest.safe
