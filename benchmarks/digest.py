"""How fast `attest.checkpoint.digest` hashes, beside other tools on the same files.

    python benchmarks/digest.py --files 4 --mib 256 --runs 3

Writes random files into a temporary folder, reads them once so that all tools find them in the page
cache, then prints the median wall time of each tool and its CPU time. Tools that are not installed
are left out. Wall time on a busy machine says little (two workers on one free core are no faster
than one), so the load is printed too: quote CPU time unless the machine was idle.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from attest.checkpoint.digest import digest
from attest.checkpoint.folder import open_checkpoint

MIB = 1024 * 1024


def write_checkpoint(folder: Path, n_files: int, mib: int) -> None:
    """A sharded checkpoint whose shards hold one tensor of random bytes each."""
    weight_map = {}
    for number in range(1, n_files + 1):
        shard, name = f"model-{number:05d}-of-{n_files:05d}.safetensors", f"t{number}"
        span = f'"shape":[{mib * MIB}],"data_offsets":[0,{mib * MIB}]'
        header = f'{{"{name}":{{"dtype":"U8",{span}}}}}'.encode()
        with (folder / shard).open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for _ in range(mib):
                file.write(os.urandom(MIB))
        weight_map[name] = shard
    entries = ",".join(f'"{name}":"{shard}"' for name, shard in weight_map.items())
    (folder / "model.safetensors.index.json").write_text(
        f'{{"metadata":{{"total_size":{n_files * mib * MIB}}},"weight_map":{{{entries}}}}}'
    )
    (folder / "config.json").write_text("{}")


def contenders(folder: Path) -> dict[str, Callable[[], object]]:
    """What to time, by name."""
    shards = sorted(str(path) for path in folder.glob("*.safetensors"))
    found: dict[str, Callable[[], object]] = {
        "attest digest": lambda: digest(folder),
        "attest digest, 1 worker": lambda: digest(folder, workers=1),
        "attest digest --tensors": lambda: digest(folder, tensors=True),
    }
    if find_spec("model_signing"):
        hashing = import_module("model_signing.hashing")
        found["model_signing.hashing"] = lambda: hashing.Config().hash(folder)
    if shutil.which("sha256sum"):
        found["sha256sum"] = lambda: run("sha256sum", *shards)
    if shutil.which("openssl"):
        found["openssl dgst -sha256"] = lambda: run("openssl", "dgst", "-sha256", *shards)
    return found


def run(*command: str) -> None:
    """Run a command to its end, its output thrown away."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def cpu_seconds() -> float:
    """User and system time of this process and of the children it waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    """Write the files, time every tool, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=4, help="number of files")
    parser.add_argument("--mib", type=int, default=256, help="size of each file in MiB")
    parser.add_argument("--runs", type=int, default=3, help="runs of each tool")
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        write_checkpoint(folder, options.files, options.mib)
        total = open_checkpoint(folder).size_bytes
        tools = contenders(folder)
        wall: dict[str, list[float]] = {tool: [] for tool in tools}
        cpu: dict[str, list[float]] = {tool: [] for tool in tools}
        for number in range(options.runs + 1):
            # In turns, so that a busy moment of the machine does not fall on one tool alone.
            for tool, hash_all in tools.items():
                begin_wall, begin_cpu = time.perf_counter(), cpu_seconds()
                hash_all()
                if number > 0:  # The first round warms the page cache.
                    wall[tool].append(time.perf_counter() - begin_wall)
                    cpu[tool].append(cpu_seconds() - begin_cpu)
    print(f"{options.files} files, {total / MIB:.0f} MiB, median of {options.runs} runs,", end=" ")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", end=", ")
    print(f"Python {sys.version.split()[0]}")
    print(f"{'':26}{'wall s':>9}{'CPU s':>9}{'GB/s':>9}")
    for tool in tools:
        seconds = statistics.median(wall[tool])
        cost = statistics.median(cpu[tool])
        print(f"{tool:26}{seconds:9.2f}{cost:9.2f}{total / seconds / 1e9:9.2f}")


if __name__ == "__main__":
    main()
