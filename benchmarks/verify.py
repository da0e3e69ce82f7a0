"""What `verify` costs on a bundle and a listing of hashes: CPU, network, imports.

In one process: the CPU time of one verification at level 1 when everything is loaded, with a key
and with a trust file. As a command: the CPU time of a whole `attest verify --hashes`, beside the
least that any command of these libraries takes. Whatever opens a connection fails, and so does
loading a package that only measures, replays or talks to others. A machine with other work on it
takes more CPU time for the same work.

Usage: python benchmarks/verify.py [--runs 300] [--commands 21]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from startup import medians, run_compiled

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests")]

FORBIDDEN = ("torch", "transformers", "scipy", "numpy", "sigstore", "rfc3161_client", "jinja2")
COMMAND = f"""
import sys
sys.path[:0] = [{str(HERE)!r}]
from verify import guard, report_loaded
guard()
from attest.cli.main import main
try:
    main()
finally:
    report_loaded()
"""


def guard() -> None:
    """From now on, end this process when it opens a connection or asks for an address."""

    def refuse(event: str, _: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            raise SystemExit(f"the verification used the network: {event}")

    sys.addaudithook(refuse)


def report_loaded() -> None:
    """Fail if a package was loaded that checking does not need."""
    loaded = [name for name in FORBIDDEN if name in sys.modules]
    if loaded:
        raise SystemExit(f"the verification loaded {', '.join(loaded)}")


def prepare(folder: Path) -> None:
    """Write the papers of a release of many files, and the hashes of what it holds."""
    from attest.attestation.bundle import make_bundle
    from attest.attestation.keyfiles import write_key_pair
    from release import make_release
    from world import World, sign

    release = make_release(folder / "release", shard_size="8KB")
    manifest = release.evaluation.manifest
    write_key_pair(release.key, folder / "key", passphrase=None)
    statement = release.statement(issued=datetime.now(UTC))
    bundle = make_bundle(statement.to_json(), release.key)
    license = release.small.file.read_bytes()
    world = World()
    world.keys["publisher"] = release.key
    trust = json.dumps(world.trust_values()).encode()
    files = {
        "bundle.sigstore.json": bundle,
        "hashes.json": json.dumps({one.path: one.sha256 for one in manifest.files}).encode(),
        "license.yaml": license,
        "license.yaml.lab.sigstore.json": sign(license, "license", world.keys["lab"]),
        "trust.yaml": trust,
        "trust.yaml.owner.sigstore.json": sign(trust, "trust", world.keys["owner"]),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    print(f"{len(manifest.files)} files, a bundle of {len(bundle)} bytes")


def measure(folder: Path, n_runs: int) -> None:
    """Verify in this process, again and again, and print what one verification takes."""
    guard()
    from attest.attestation.keyfiles import load_public_key
    from attest.cli.signatures import read_signatures
    from attest.cli.trust import read_trust
    from attest.license.read import read_license
    from attest.verification.listing import read_listing
    from attest.verification.verify import SignedTrust, Subjects, Trust, examine

    bundle = (folder / "bundle.sigstore.json").read_bytes()
    license = read_license(folder / "license.yaml")
    present = Subjects(read_listing(folder / "hashes.json"))
    signatures = read_signatures(folder / "license.yaml")
    now = datetime.now(UTC)
    for name, trust in {
        "a key": Trust(load_public_key(folder / "key.pub")),
        "a trust file": SignedTrust(read_trust(folder / "trust.yaml"), signatures),
    }.items():
        times = []
        for _ in range(n_runs):
            before = time.process_time()
            result = examine(bundle, trust=trust, license=license, subjects_now=present, now=now)
            times.append(1000 * (time.process_time() - before))
            if not result.is_verified:
                raise SystemExit(f"not verified: {result.failed_step}")
        times.sort()
        print(
            f"in process, with {name:<13} {statistics.median(times):8.2f} ms of CPU, "
            f"1 in 100 took {times[len(times) * 99 // 100]:.2f}"
        )
    report_loaded()


def main() -> None:
    """Measure in a process of its own, then whole commands."""
    parser = argparse.ArgumentParser(description="Time `verify` on a listing of hashes.")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--commands", type=int, default=21)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        measure(arguments.measure, arguments.runs)
        return
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        run_compiled(folder / "compiled")
        prepare(folder)
        again = ("--measure", str(folder), "--runs", str(arguments.runs))
        subprocess.run([sys.executable, __file__, *again], check=True)
        verify = [
            *(sys.executable, "-c", COMMAND, "verify", str(folder), "--json"),
            *("--license", str(folder / "license.yaml")),
            *("--bundle", str(folder / "bundle.sigstore.json")),
            *("--hashes", str(folder / "hashes.json")),
        ]
        commands = {
            "import typer, pydantic": [sys.executable, "-c", "import typer, pydantic"],
            "attest --version": [sys.executable, "-m", "attest", "--version"],
            "attest verify --key": [*verify, "--key", str(folder / "key.pub")],
            "attest verify --trust": [*verify, "--trust", str(folder / "trust.yaml")],
        }
        medians(commands, arguments.commands)


if __name__ == "__main__":
    main()
