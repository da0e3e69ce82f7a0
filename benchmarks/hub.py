"""How much does one hub bear? Verification, look-ups, and a burst of webhooks with kills.

`verify`: POST /v1/verify of a listing of 40 files, by `wrk`, against one server process; once the
same listing again and again, once with a documentation file that differs each time, so that every
answer is computed. The rate per core divides by the CPU time that the server took.

`lookups`: GET /v1/subjects/sha256:… of random files among a million.

`burst`: 10,000 webhooks as fast as they are taken in, three workers, two of which are killed.

Run alone on a machine, or other work is measured too. Needs `wrk`, and for `--database postgresql`
the programs of a PostgreSQL server, which is started for the run.

Usage: python benchmarks/hub.py [verify] [lookups] [burst] [--database sqlite|postgresql]
    [--seconds 10] [--subjects 1000000] [--webhooks 10000]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "hub")]

from attest.attestation.bundle import make_bundle  # noqa: E402
from attest.attestation.statement import state  # noqa: E402
from attest.canonical import sha256_hex  # noqa: E402
from attest.checkpoint.digest import digest  # noqa: E402
from attest.checkpoint.folder import open_checkpoint  # noqa: E402
from attest.hub.store.database import open_store  # noqa: E402
from attest.hub.store.tables import (  # noqa: E402
    Attestation,
    Delivery,
    Event,
    Subject,
    Summary,
    Verdict,
)
from attest.license.decide import decide  # noqa: E402
from place import BASE, TOKEN, Place  # noqa: E402 - what the tests set up serves here too
from postgres import running  # noqa: E402
from processes import Processes, processes  # noqa: E402
from release import make_release  # noqa: E402
from stand_in import StandIn, served  # noqa: E402
from world import World  # noqa: E402

N_FILES = 40
CONNECTIONS = 8

VERIFY_LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open("{body}", "rb")
local before, after = file:read("*a"):match("^(.*)@VARIES@(.*)$")
file:close()
local n = 0
math.randomseed(os.time())
local salt = string.format("%08x", math.random(0, 2147483647))
request = function()
  n = n + {step}
  return wrk.format(nil, nil, nil, before .. salt .. string.format("%056x", n) .. after)
end
"""

LOOKUP_LUA = """
local digests = {{}}
for line in io.lines("{digests}") do digests[#digests + 1] = line end
request = function()
  return wrk.format("GET", "/v1/subjects/sha256:" .. digests[math.random(#digests)])
end
"""


def make_place(folder: Path) -> Place:
    """A release that was measured, and a hub's files around it."""
    release = make_release(folder / "release")
    home = folder / "hub"
    home.mkdir()
    return Place(home, release, World(World().keys | {"publisher": release.key}))


def attested(place: Place, n_files: int) -> tuple[bytes, dict[str, Any]]:
    """An attestation of today over `n_files` files, and their listing.

    The measured files are a few; the others were added afterwards, which nothing here reads.
    """
    model = place.release.model
    (model / "docs").mkdir(exist_ok=True)
    n_measured = len(place.release.evaluation.manifest.files)
    for number in range(n_files - n_measured):
        (model / "docs" / f"{number:02}.md").write_text(f"# {number}\n")
    manifest = digest(open_checkpoint(model), strict=False)
    evaluation = place.release.evaluation.model_copy(update={"manifest": manifest})
    license = place.release.license
    verdict = decide(license, evaluation.counts)
    statement = state(evaluation, verdict, license, issued=datetime.now(UTC))
    files: dict[str, Any] = {
        file.path: {"sha256": file.sha256, "gitBlob": file.git_blob, "sizeBytes": file.size_bytes}
        for file in manifest.files
    }
    return make_bundle(statement.to_json(), place.release.key), files


@contextmanager
def database_of(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'hub.db'}"
        return
    with running() as server:
        yield server.new_database()


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(name: str, url: str, lua: str, folder: Path, pid: int, seconds: int) -> None:
    """Ask as fast as `wrk` can, and print what came of it."""
    script = folder / "script.lua"
    script.write_text(lua)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    before = cpu_seconds(pid)
    out = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    cpu = cpu_seconds(pid) - before
    total = re.search(r"(\d+) requests in", out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p50, p99 = (re.search(rf"{part}%\s+([\d.]+\w+)", out) for part in (50, 99))
    assert total, out
    assert rate, out
    assert p50, out
    assert p99, out
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    print(
        f"{name:34} {float(rate[1]):8.0f}/s  {int(total[1]) / cpu:8.0f}/s per core  "
        f"p50 {p50[1]:>8}  p99 {p99[1]:>8}  {bad[1] if bad else 0} refused"
    )


def verify(place: Place, hub: Processes, folder: Path, seconds: int) -> None:
    """Measure POST /v1/verify."""
    server = hub.serve("--no-jobs")
    url = f"http://127.0.0.1:{hub.port}"
    bundle, files = attested(place, N_FILES)
    assert len(files) == N_FILES
    # Documentation may differ from what was measured, and each difference makes a new question.
    files["docs/00.md"] = {"sha256": "@VARIES@"}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx2.post(f"{url}/v1/attestations", content=bundle, headers=headers)
    assert answer.status_code == 200, answer.text
    body = json.dumps({"files": files, "baseModel": BASE})
    tried = body.replace("@VARIES@", "0" * 64)
    found = httpx2.post(f"{url}/v1/verify", content=tried.encode()).json()
    assert found["verdict"]["state"] == "passed", found
    file = folder / "body.json"
    file.write_text(body)
    for name, step in (("verify, the same listing", 0), ("verify, another listing each", 1)):
        lua = VERIFY_LUA.format(body=file, step=step)
        load(name, f"{url}/v1/verify", lua, folder, server.pid, seconds)
    hub.kill(server)


def fill(database: str, n_subjects: int, folder: Path) -> None:
    """Store attestations over so many files, and write some of their digests down."""
    store = open_store(database)
    now = datetime.now(UTC)
    began = time.perf_counter()
    per_attestation, batch = N_FILES, 500
    chosen: list[str] = []
    for begin in range(0, n_subjects // per_attestation, batch):
        rows, subjects = [], []
        for number in range(begin, min(begin + batch, n_subjects // per_attestation)):
            name = sha256_hex(f"attestation {number}".encode())
            rows.append(
                {
                    "sha256": name,
                    "bundle": b"x" * 1000,
                    "statement_sha256": name,
                    "checkpoint": name,
                    "license_name": "Small License",
                    "license_version": "1.0",
                    "license_sha256": name,
                    "signers": '["publisher"]',
                    "issued": now,
                    "expires": now + timedelta(days=365),
                    "rule": "small",
                    "trust": name,
                    "stored_at": now,
                }
            )
            digests = [sha256_hex(f"{number} {file}".encode()) for file in range(per_attestation)]
            chosen.append(digests[0])
            subjects += [
                {"sha256": one, "attestation": name, "path": f"model-{file:05}.safetensors"}
                for file, one in enumerate(digests)
            ]
        with store.write() as connection:
            connection.execute(sa.insert(Attestation), rows)
            connection.execute(sa.insert(Subject), subjects)
    if not store.is_sqlite:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE"))
    store.close()
    (folder / "digests").write_text("\n".join(random.Random(1).choices(chosen, k=10_000)))
    print(f"stored {n_subjects} subjects in {time.perf_counter() - began:.0f} s")


def lookups(hub: Processes, folder: Path, n_subjects: int, seconds: int) -> None:
    """Measure GET /v1/subjects/ with the SHA-256 of a file."""
    fill(hub.database, n_subjects, folder)
    server = hub.serve("--no-jobs")
    lua = LOOKUP_LUA.format(digests=folder / "digests")
    url = f"http://127.0.0.1:{hub.port}"
    load("look-up by hash", url, lua, folder, server.pid, seconds)
    hub.kill(server)


def burst(hub: Processes, stand_in: StandIn, place: Place, n_webhooks: int) -> None:
    """Measure webhooks from being sent to being done, while workers are killed."""
    model = place.release.model
    statement = place.release.statement(issued=datetime.now(UTC)).to_json()
    files = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()} | {
        "README.md": f"---\nbase_model: {BASE}\n---\n".encode(),
        "attestations/a.sigstore.json": make_bundle(statement, place.release.key),
    }
    n_repositories = 100
    commits = []
    for number in range(n_webhooks):
        name = f"someone/model-{number % n_repositories}"
        commits.append((name, stand_in.repository(name).push(files)))
    server = hub.serve("--no-jobs")
    workers = [hub.worker() for _ in range(3)]
    store = open_store(hub.database)

    def count(table: Any, *where: Any) -> int:
        with store.read() as connection:
            found: int = connection.execute(
                sa.select(sa.func.count()).select_from(table).where(*where)
            ).scalar_one()
        return found

    done = Delivery.state == "done"

    def kill_two() -> None:
        for part in (10, 3):
            while count(Delivery, done) < n_webhooks // part:
                time.sleep(0.2)
            hub.kill(workers.pop())
            print(f"killed a worker after {count(Delivery, done)}")

    killer = threading.Thread(target=kill_two)
    killer.start()
    client = httpx2.Client()
    began = time.perf_counter()

    def post(one: tuple[str, str]) -> None:
        answer = client.post(
            f"http://127.0.0.1:{hub.port}/hooks/huggingface",
            content=stand_in.webhook(one[0], None, one[1]),
            headers={"X-Webhook-Secret": "a-secret-of-the-webhook"},
            timeout=120,
        )
        assert answer.status_code == 202, answer.text

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, commits))
    taken = time.perf_counter() - began
    while count(Delivery, done) < n_webhooks:
        time.sleep(0.5)
    seconds = time.perf_counter() - began
    killer.join()
    print(
        f"burst of {n_webhooks} webhooks      taken in at {n_webhooks / taken:.0f}/s, all done "
        f"after {seconds:.0f} s ({n_webhooks / seconds:.0f}/s)"
    )
    print(
        f"  deliveries {count(Delivery)}, done {count(Delivery, done)}, events {count(Event)}, "
        f"passed {count(Event, Event.detail == 'passed')}, verdicts {count(Verdict)}, "
        f"statements signed {count(Summary)}"
    )
    store.close()
    hub.kill(server)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", choices=["verify", "lookups", "burst"])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--subjects", type=int, default=1_000_000)
    parser.add_argument("--webhooks", type=int, default=10_000)
    asked = parser.parse_args()
    what = asked.what or ["verify", "lookups", "burst"]
    print(f"{asked.database}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        for one in what:
            folder = Path(name) / one
            folder.mkdir()
            place = make_place(folder)
            stand_in = StandIn()
            with (
                served(stand_in.app()) as origin,
                database_of(asked.database, folder) as database,
            ):
                limits = {"uploads_per_hour": "1000000", "requests_per_minute": "100000000"}
                other = place.policy_values()["huggingface"] | {"origin": origin}
                policy = place.write_policy(huggingface=other, limits=limits)
                log = folder / "log"
                with processes(policy, place.key_file, database, log) as hub:
                    if one == "verify":
                        verify(place, hub, folder, asked.seconds)
                    elif one == "lookups":
                        lookups(hub, folder, asked.subjects, asked.seconds)
                    else:
                        burst(hub, stand_in, place, asked.webhooks)


if __name__ == "__main__":
    main()
