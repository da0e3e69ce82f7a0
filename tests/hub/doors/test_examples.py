"""The examples for hooks, containers, CI and policy engines, run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from attest.canonical import sha256_hex
from attest.hub.doors.pointer import Pointer
from attest.verification.listings import ListingVerdict
from attest.verification.records import Verification
from hub.uploaded import Uploaded
from world import sign

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLES = REPOSITORY / "examples"
SHELL = shutil.which("bash")


@pytest.fixture
def place(uploaded: Uploaded, tmp_path: Path) -> Path:
    """A folder with the terms in `attest/` and an `attest` to call."""
    terms = tmp_path / "attest"
    terms.mkdir()
    license = uploaded.release.small.file.read_bytes()
    (terms / "license.yaml").write_bytes(license)
    (signature,) = uploaded.world.sign_license(license)
    (terms / "license.yaml.lab.sigstore.json").write_bytes(signature)
    trust = json.dumps(uploaded.world.trust_values()).encode()
    (terms / "trust.yaml").write_bytes(trust)
    owner = sign(trust, "trust", uploaded.world.keys["owner"])
    (terms / "trust.yaml.owner.sigstore.json").write_bytes(owner)
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "attest"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m attest "$@"\n')
    command.chmod(0o755)
    return tmp_path


def environment(place: Path, **more: str) -> dict[str, str]:
    who = {"NAME": "Somebody", "EMAIL": "somebody@example.org"}
    return (
        {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        | {f"GIT_{one}_{key}": who[key] for one in ("AUTHOR", "COMMITTER") for key in who}
        | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        | {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}
        | more
    )


def run(place: Path, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        env=environment(place, **more),
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hook_lets_a_covered_model_in_and_no_other(place: Path) -> None:
    bare, work = place / "hub.git", place / "model"
    run(place, "git", "init", "--quiet", "--bare", bare)
    shutil.copy(EXAMPLES / "pre-receive" / "pre-receive", bare / "hooks")
    shutil.copytree(place / "attest", bare / "attest")
    weights = work / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(Pointer(sha256_hex(data), len(data)).to_bytes())

    def push(message: str) -> subprocess.CompletedProcess[str]:
        run(place, "git", "-C", work, "add", "--all", "--force")
        run(place, "git", "-C", work, "commit", "--quiet", "--message", message)
        return run(place, "git", "-C", work, "push", bare, "HEAD:refs/heads/main")

    run(place, "git", "init", "--quiet", work)
    first = push("as it was measured")
    assert first.returncode == 0, first.stderr
    assert "PASSED" in first.stderr

    config = json.loads((work / "config.json").read_text()) | {"rope_theta": 1.0}
    (work / "config.json").write_text(json.dumps(config))
    second = push("changed a little")
    assert second.returncode != 0
    assert "pre-receive hook declined" in second.stderr
    assert "config.json: not as attested" in second.stderr
    heads = run(place, "git", "-C", bare, "log", "--format=%s", "main").stdout.split("\n")
    assert heads[0] == "as it was measured"

    gone = run(place, "git", "-C", work, "push", bare, ":refs/heads/main")
    assert gone.returncode == 0, gone.stderr


def test_the_server_starts_only_if_the_model_holds(place: Path) -> None:
    names = {
        "ATTEST_MODEL": str(place / "model"),
        "ATTEST_LICENSE": "attest/license.yaml",
        "ATTEST_TRUST": "attest/trust.yaml",
    }
    wrapper = EXAMPLES / "init-container" / "verify-then-exec"
    good = run(place, wrapper, "echo", "serving", **names)
    assert (good.returncode, good.stdout) == (0, "serving\n"), good.stderr

    (place / "model" / "chat_template.json").write_text("{}")
    bad = run(place, wrapper, "echo", "serving", **names)
    assert (bad.returncode, bad.stdout) == (3, "")
    unset = run(place, wrapper, "echo", "serving")
    assert (unset.returncode != 0, unset.stdout) == (True, "")


@pytest.mark.skipif(SHELL is None, reason="needs bash, the shell of GitHub's runners")
def test_the_action_sets_its_outputs_and_its_exit_code(place: Path) -> None:
    action = yaml.safe_load((EXAMPLES / "github-action" / "action.yml").read_text())
    step = action["runs"]["steps"][1]
    assert set(step["env"]) == {"SOURCE", "LICENSE", "TRUST"}
    # Text of a caller in a script would be run as one.
    assert not any("${{" in one["run"] for one in action["runs"]["steps"])

    def outcome(source: str) -> Any:
        for name in ("output", "summary"):
            (place / name).write_text("")
        done = run(
            place,
            *(SHELL or "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]),
            SOURCE=source,
            LICENSE="attest/license.yaml",
            TRUST="attest/trust.yaml",
            RUNNER_TEMP=str(place),
            GITHUB_OUTPUT=str(place / "output"),
            GITHUB_STEP_SUMMARY=str(place / "summary"),
        )
        lines = (place / "output").read_text().splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines)

    code, outputs = outcome("model")
    assert (code, outputs["state"]) == (0, "passed")
    verdict = json.loads(Path(outputs["verdict"]).read_text())
    assert verdict["version"] == "attest-listing-verdict/1"
    assert outcome("nowhere")[0] == 2
    assert outcome("--hf someone/model@main")[1]["state"] == "could-not-check"


def test_policies_ask_for_fields_that_verdicts_have() -> None:
    rego = (EXAMPLES / "policy-engines" / "verdict.rego").read_text()
    cel = (EXAMPLES / "policy-engines" / "kyverno.yaml").read_text()
    assert yaml.safe_load(cel)["kind"] == "ValidatingPolicy"
    asked = set(re.findall(r"\bobject\.((?:[a-z]\w*\.?)+)", cel)) - {"get"}
    for path in re.findall(r"object\.get\(input, (?:\[([^]]+)\]|(\"\w+\"))", rego):
        asked.add(".".join(re.findall(r"\w+", "".join(path))))
    verdict = {field.alias or name for name, field in ListingVerdict.model_fields.items()}
    verification = {field.alias or name for name, field in Verification.model_fields.items()}
    known = verdict | {f"verification.{name}" for name in verification}
    assert asked <= known, asked - known
    assert {"state", "checked", "verification.believedAs"} <= asked


def test_the_image_holds_what_its_file_copies() -> None:
    text = (EXAMPLES / "dockerfile" / "Dockerfile").read_text()
    for line in text.splitlines():
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (REPOSITORY / source).exists(), source
