"""A real PostgreSQL, started for the occasion and gone after it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian puts the programs of the server."""
USER = "postgres"


class Server:
    """A PostgreSQL server of the test run, on a Unix socket alone."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder = binaries, folder
        # PostgreSQL refuses to be run by root.
        self.user = USER if os.getuid() == 0 else None
        self.n_databases = 0

    def run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        if self.user is not None:
            command = ["runuser", "-u", self.user, "--", *command]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, timeout=120)

    def start(self) -> None:
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-U", "hub", "-A", "trust", "--no-sync")
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=200"
        self.run("pg_ctl", "-D", data, "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def new_database(self) -> str:
        """The URL of an empty database."""
        self.n_databases += 1
        name = f"hub{self.n_databases}"
        self.run("createdb", "-h", str(self.folder), "-U", "hub", name)
        return f"postgresql://hub@/{name}?host={self.folder}"


def why_not() -> str | None:
    """The reason why there can be no server; None if there can."""
    if not list(PROGRAMS.glob("*/bin/initdb")):
        return "needs PostgreSQL's server programs (Debian: postgresql)"
    if os.getuid() == 0 and USER not in {user.pw_name for user in pwd.getpwall()}:
        return f"root cannot run PostgreSQL, and there is no user {USER}"
    return None


@contextmanager
def running() -> Iterator[Server]:
    """A server with an empty folder of its own."""
    # The path of a Unix socket is short, and pytest's folders are not.
    folder = Path(tempfile.mkdtemp(prefix="attest-pg-"))
    server = Server(max(PROGRAMS.glob("*/bin/initdb")).parent, folder)
    try:
        if server.user is not None:
            owner = pwd.getpwnam(server.user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
