"""`attest hub serve` and `attest hub worker`, as far as they refuse to start."""

from __future__ import annotations

import sys

import pytest

from attest.cli.main import main
from attest.errors import ExitCode
from place import Place


def run(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["attest", "hub", *words])
    with pytest.raises(SystemExit) as left:
        main()
    assert isinstance(left.value.code, int)
    return left.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["worker", "--queue", "nonsense"], "expected the queues verification or evaluation"),
        (["worker", "--database", "mysql://hub:a-password@x/y"], "expected the URL of a database"),
        (["serve", "--database", "sqlite://"], "expected the URL of a database"),
        (["serve", "--policy", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
    ],
)
def test_wrong_usage_is_said_in_a_line(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(place.folder)
    policy = ["--policy", str(place.write_policy())] if "--policy" not in words else []
    code, err = run([*words, *policy, "--key", str(place.key_file)], monkeypatch, capsys)

    assert (code, message in err) == (ExitCode.INPUT, True), err
    assert "a-password" not in err
    assert "Traceback" not in err
