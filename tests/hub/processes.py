"""Servers and workers as processes of their own, that a test may kill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from place import WEBHOOK_SECRET

PATIENCE_S = 90.0


@dataclass
class Processes:
    """Everything that runs on one policy and one database."""

    policy: Path
    key: Path
    database: str
    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    port: int = 0

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "attest", "hub", *words, "--policy", str(self.policy)]
        command += ["--key", str(self.key), "--database", self.database]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.running.append(process)
        return process

    def serve(self, *words: str) -> subprocess.Popen[bytes]:
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        process = self.start("serve", "--port", str(self.port), *words)
        self.wait_until(lambda: self.get("/healthz") is not None, process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("worker")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.running.remove(process)

    def get(self, path: str) -> Any:
        """The JSON at `path`; None if nobody answers, or not with 200."""
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)
        except httpx2.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def hook(self, body: bytes) -> str | None:
        """The delivery that a webhook became; None if it was not taken in."""
        try:
            answer = httpx2.post(
                f"http://127.0.0.1:{self.port}/hooks/huggingface",
                content=body,
                headers={"X-Webhook-Secret": WEBHOOK_SECRET},
                timeout=30,
            )
        except httpx2.TransportError:
            return None
        if answer.status_code != 202:
            return None
        (key,) = answer.json()["deliveries"]
        return str(key)

    def wait_until(
        self, is_so: Callable[[], bool], process: subprocess.Popen[bytes] | None = None
    ) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            assert process is None or process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < end, self.log.read_text()[-2000:]
            time.sleep(0.05)


@contextmanager
def processes(policy: Path, key: Path, database: str, log: Path) -> Iterator[Processes]:
    """None of them is left when the block is."""
    found = Processes(policy, key, database, log)
    try:
        yield found
    finally:
        for process in found.running:
            process.send_signal(signal.SIGKILL)
            process.wait()
