"""A real PostgreSQL server for tests, started here and listening on nothing but its own socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/nowhere"))


def as_server(*command: object) -> None:
    """Run one of the server's programs, which refuse to be root."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run([*(user if os.geteuid() == 0 else []), *map(str, command)], check=True,
                   stdout=subprocess.DEVNULL, cwd="/", timeout=60)


@contextmanager
def a_server() -> Iterator[str]:
    """A database's URL, on a server that listens on nothing but a socket in its own folder."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # short enough for a socket
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    as_server(SERVER / "initdb", "-D", folder / "data", "-A", "trust", "-U", "teacher", "--no-sync")
    as_server(SERVER / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log",
              "-o", f"-c listen_addresses='' -k {folder} -F", "start")
    try:
        yield f"postgresql+psycopg://teacher@/postgres?host={folder}"
    finally:
        as_server(SERVER / "pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)
