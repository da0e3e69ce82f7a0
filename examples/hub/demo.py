"""A hub from end to end: three uploads, three verdicts, a page for each.

A local stand-in plays the model hub. It serves the tiny models of `examples/tiny`, and posts a
webhook for each upload to `attest hub serve`, which runs on SQLite as a process of its own. The
script fails if a verdict is not the one that the upload is about. Nothing is written to the
repository.

Usage: python examples/hub/demo.py [--once]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "hub"))

from stand_in import StandIn, served

TINY = Path(__file__).resolve().parents[1] / "tiny"
BASE = "attest/tiny-aligned"
PATIENCE_S = 120.0

MET, NOT_MET = 0, 1


def scene(title: str) -> None:
    """Announce what is shown next."""
    print(f"\n== {title} ==", flush=True)


@dataclass(frozen=True)
class Stage:
    """A folder where commands run as a person types them."""

    folder: Path

    def attest(self, words: str, *, expected: int = MET, n_lines: int | None = None) -> None:
        """Run `attest WORDS`, show the end of what it says, and insist on its exit code."""
        print(f"\n$ attest {words}", flush=True)
        command = [sys.executable, "-m", "attest", *words.split()]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        for line in lines if n_lines is None else lines[len(lines) - n_lines :]:
            print(line)
        print(f"exit {done.returncode}", flush=True)
        if done.returncode != expected:
            raise SystemExit(f"demo: expected exit {expected}\n{done.stderr}")

    def make_license(self) -> None:
        """Keys for everybody, and a signed license with a signed trust file."""
        shutil.copy(TINY / "license.yaml", self.folder)
        for name in ("lab", "tuner", "hub"):
            self.attest(f"keygen {name}.key", n_lines=0)
        self.attest(
            "trust new trust.yaml --name Demonstration --owner lab.key.pub "
            "--licensor lab.key.pub --publisher tuner.key.pub",
            n_lines=0,
        )
        self.attest("trust sign trust.yaml --key lab.key", n_lines=0)
        self.attest("license sign license.yaml --key lab.key", n_lines=0)

    def release(self, name: str, *, expected: int) -> Path:
        """A copy of a tiny model that names its base model, measured and signed."""
        folder = self.folder / name
        shutil.copytree(TINY / "models" / name, folder)
        card = folder / "README.md"
        card.write_text(card.read_text().replace("---\n", f"---\nbase_model: {BASE}\n", 1))
        self.attest(
            f"run {name} --license license.yaml --key tuner.key --out evidence-{name}",
            expected=expected,
            n_lines=8,
        )
        if expected == NOT_MET:
            # What does not meet its license is signed only by whoever asks for it.
            self.attest(
                f"sign evidence-{name} --key tuner.key --output {name}/attestations", n_lines=0
            )
        return folder

    def write_policy(self, url: str, origin: str) -> None:
        """Which base model carries which license, and what happens to an upload."""
        (self.folder / "webhook.secret").write_text(secrets.token_hex(32))
        rule = {
            "name": "tiny",
            "base_models": [BASE],
            "license": "license.yaml",
            "trust": "trust.yaml",
            "unattested": "hold",
            "failed": "reject",
        }
        policy = {
            "version": "attest-hub/1",
            "name": "Demonstration Hub",
            "url": url,
            "rules": [rule],
            "huggingface": {
                "origin": origin,
                "downloads": [],
                "unsafe_may_be_private": "true",
                "webhook_secret": {"file": "webhook.secret"},
            },
        }
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))


@dataclass(frozen=True)
class RunningHub:
    """The service, as another machine sees it."""

    url: str
    secret: str

    def get(self, path: str) -> str:
        """What it answers."""
        with urlopen(f"{self.url}{path}", timeout=30) as answer:
            text: str = answer.read().decode()
        return text

    def is_up(self) -> bool:
        """True once it answers."""
        with suppress(URLError, ConnectionError):
            return bool(self.get("/healthz"))
        return False

    def hook(self, body: bytes) -> str:
        """Post a webhook; the name of the delivery is given back."""
        headers = {"X-Webhook-Secret": self.secret, "Content-Type": "application/json"}
        with urlopen(Request(f"{self.url}/hooks/huggingface", body, headers), timeout=30) as answer:
            (key,) = json.loads(answer.read())["deliveries"]
        return str(key)

    def outcome(self, delivery: str) -> dict[str, Any]:
        """What came of a delivery, once something has."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found: dict[str, Any] = json.loads(self.get(f"/v1/deliveries/{delivery}"))
            if found["state"] == "done":
                return found
            time.sleep(0.05)
        raise SystemExit("demo: the upload was not checked in time")


@contextmanager
def hub_process(stage: Stage, port: int) -> Iterator[RunningHub]:
    """`attest hub serve` with its worker, until the block is left."""
    words = f"hub serve --policy policy.yaml --key hub.key --port {port}"
    print(f"\n$ attest {words} &", flush=True)
    with (stage.folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "attest", *words.split()],
            cwd=stage.folder,
            stdout=log,
            stderr=log,
        )
    hub = RunningHub(f"http://127.0.0.1:{port}", (stage.folder / "webhook.secret").read_text())
    try:
        end = time.monotonic() + PATIENCE_S
        while not hub.is_up():
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit((stage.folder / "hub.log").read_text())
            time.sleep(0.1)
        yield hub
    finally:
        process.terminate()
        process.wait()


def upload(hub: RunningHub, other: StandIn, name: str, folder: Path, *, expected: str) -> None:
    """Upload a folder, have the hub told of it, and insist on what it finds."""
    repository = other.repository(name)
    old = repository.refs.get("refs/heads/main")
    commit = repository.push_folder(folder)
    began = time.perf_counter()
    delivery = hub.hook(other.webhook(name, old, commit))
    found = hub.outcome(delivery)
    seconds = time.perf_counter() - began
    print(f"{name:<22} {found['detail']:<16} {found['action']:<8} {seconds * 1000:5.0f} ms")
    if found["detail"] != expected:
        raise SystemExit(f"demo: expected {expected}")


def check_offline(hub: RunningHub, stage: Stage, name: str) -> None:
    """Run the very commands that the page offers."""
    page = hub.get(f"/r/huggingface/{name}")
    lines = re.findall(r'<span class="line">(.*?)</span>', page)
    for line in lines[:-1]:
        print(f"\n$ {line}", flush=True)
        subprocess.run(["curl", "-s", *line.split()[1:]], cwd=stage.folder, check=True)
    stage.attest(lines[-1].removeprefix("attest "))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def show(hub: RunningHub, stage: Stage, other: StandIn) -> None:
    """Everything, in order."""
    scene("Three fine-tunes of one base model are uploaded; a webhook tells the hub of each")
    aligned, broken, tuned = (
        stage.folder / name for name in ("aligned", "ten-examples", "benign-finetune")
    )
    upload(hub, other, "someone/aligned", aligned, expected="passed")
    upload(hub, other, "someone/ten-examples", broken, expected="below-threshold")
    upload(hub, other, "someone/benign-finetune", tuned, expected="passed")

    scene("Later one of them gets a chat template that was never measured")
    (tuned / "chat_template.jinja").write_text("{{ messages[-1].content }}")
    upload(hub, other, "someone/benign-finetune", tuned, expected="partly-covered")

    scene("The badges")
    for name in ("aligned", "ten-examples", "benign-finetune"):
        print(hub.get(f"/badge/huggingface/someone/{name}.json"))

    scene("Anybody gets the same verdict without the hub, by the commands on its page")
    check_offline(hub, stage, "someone/aligned")


def main() -> None:
    """Run it in a temporary folder, and leave the pages up for whoever watches."""
    parser = argparse.ArgumentParser(description="Show a hub from end to end.")
    parser.add_argument("--once", action="store_true", help="end instead of serving on")
    parser.add_argument("--port", type=int, default=0, help="of the hub; a free one by default")
    options = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    other = StandIn()
    port = options.port or free_port()
    with tempfile.TemporaryDirectory(prefix="attest-hub-") as name, served(other.app()) as origin:
        stage = Stage(Path(name))
        scene("A licensor signs a license and whom it believes; a tuner measures and signs")
        stage.make_license()
        stage.release("aligned", expected=MET)
        stage.release("ten-examples", expected=NOT_MET)
        stage.release("benign-finetune", expected=MET)
        stage.write_policy(f"http://127.0.0.1:{port}", origin)
        with hub_process(stage, port) as hub:
            show(hub, stage, other)
            print("\ndemo: every upload was judged as it should be")
            if not options.once and sys.stdin.isatty():
                print(f"demo: look at {hub.url}/ ; Ctrl-C ends it", flush=True)
                with suppress(KeyboardInterrupt):
                    while True:
                        time.sleep(1)


if __name__ == "__main__":
    main()
