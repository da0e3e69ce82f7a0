"""`attest hub serve` and `attest hub worker`: how they refuse to start, and how they end."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from attest.cli.main import main
from attest.errors import ExitCode
from place import COMMIT, Place
from processes import processes


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


@pytest.mark.parametrize(
    ("words", "module"),
    [
        (["serve"], "uvicorn"),
        (["serve"], "sqlalchemy"),
        (["worker"], "dbos"),
        (["check", "--hf", f"someone/model@{COMMIT}"], "httpcore2"),
        (["check", "--oci", f"registry.example/model@sha256:{'0' * 64}"], "httpcore2"),
    ],
)
def test_names_the_extra_where_it_is_missing(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    module: str,
) -> None:
    policy = place.write_policy()
    given: dict[str, Path | str] = {"--policy": policy, "--key": place.key_file}
    if words[0] == "check":
        given = {
            "--license": place.folder / "license.yaml",
            "--key": f"{place.key_file}.pub",
        }
    for name in [name for name in sys.modules if name.startswith("attest.hub")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    options = [str(word) for pair in given.items() for word in pair]
    code, err = run([*words, *options], monkeypatch, capsys)

    assert code == ExitCode.INPUT, err
    assert f"attest: a hub needs {module}" in err
    assert "attest: hint: pip install 'attest-weights[hub]'" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_ends_in_order(
    place: Place, sqlite: str, tmp_path: Path, number: signal.Signals
) -> None:
    with processes(place.write_policy(), place.key_file, sqlite, tmp_path / "log") as hub:
        server = hub.serve()
        assert (tmp_path / "hub.db-wal").exists()
        server.send_signal(number)

        assert server.wait(timeout=30) == ExitCode.MET, (tmp_path / "log").read_text()
        assert not list(tmp_path.glob("hub.db-*")), "the last one to leave cleans up"
        assert "Traceback" not in (tmp_path / "log").read_text()
