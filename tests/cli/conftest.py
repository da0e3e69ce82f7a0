"""The command line, run in this process as a person types it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from attest.cli.main import main
from checkpoints import make_checkpoint
from release import lenient
from small import Small, make_license


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Attest = Callable[..., Done]


@pytest.fixture
def attest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Attest:
    """Run `attest` with the given words, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ATTEST_KEY_PASSPHRASE", raising=False)

    def run(*words: str | Path) -> Done:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["attest", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return Done(int(caught.value.code or 0), out, err)

    return run


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights; copy it before changing it."""
    return make_checkpoint(tmp_path_factory.mktemp("cli") / "model")


@pytest.fixture
def lenient_license(tmp_path: Path) -> Small:
    """A license that random weights meet."""
    strict = json.loads(make_license(tmp_path).file.read_text())["requirements"]
    return make_license(tmp_path, requirements=lenient(strict))
