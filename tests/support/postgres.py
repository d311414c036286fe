"""A PostgreSQL server of the tests' own: its data in a temporary folder, a free port of the loopback."""

import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.network import HERE, Host
from tests.support.serving import MEMORY, PATIENCE_SECONDS, eventually, kept_port

USER = "postgres"  # Debian's; as root PostgreSQL does not run
SETTINGS = {
    "fsync": "off",  # nothing here outlives the machine
    "max_connections": 60,
    "shared_buffers": "32MB",
}


def find_programs() -> Path | None:
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("postgres")
    return found[-1] if found else Path(on_path).parent if on_path else None


class Postgres:
    """A running server; `stop`, `kill` and `start` it, `cut` its connections, make `database` after `database`."""

    def __init__(self, folder: Path, port: int, host: Host = HERE) -> None:
        programs = find_programs()
        assert programs is not None, "PostgreSQL is not installed"
        self._programs, self._folder, self.port, self._host = programs, folder, port, host
        self._numbers = itertools.count(1)

    def make(self, **more: object) -> None:
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", USER, "-E", "UTF8", "--locale", "C.UTF-8", "-N")
        settings = {**SETTINGS, "port": self.port, "unix_socket_directories": self._folder,
                    "listen_addresses": self._host.address, **more}
        lines = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        with open(self._data / "postgresql.conf", "a") as file:
            file.write(lines)
        with open(self._data / "pg_hba.conf", "a") as file:
            file.write("host all all samenet trust\n")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://{USER}@{self._host.address}:{self.port}/{name}"

    def database(self) -> str:
        """The URL of a new and empty database."""
        name = f"chat_{os.getpid()}_{next(self._numbers)}"
        self.query(f"CREATE DATABASE {name}")
        return self.url(name)

    def query(self, sql: str, url: str = "") -> list[tuple[object, ...]]:
        with closing(psycopg.connect(url or self.url(), autocommit=True)) as connection:
            found = connection.execute(sql.encode())
            return found.fetchall() if found.description else []

    def cut(self) -> None:
        """End all connections but the one that says so."""
        self.query("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                   " WHERE backend_type = 'client backend' AND pid != pg_backend_pid()")

    def replica(self, folder: Path, port: int) -> "Postgres":
        """A copy that stands by from now on but receives nothing any more; start it, and `promote` it to take over."""
        copy = Postgres(folder, port)
        copy._run("pg_basebackup", "-D", copy._data, "-d", self.url(), "--checkpoint", "fast")
        with open(copy._data / "postgresql.conf", "a") as file:
            file.write(f"port = {port}\nunix_socket_directories = '{folder}'\nhot_standby = on\n")
        (copy._data / "standby.signal").touch()
        return copy

    def promote(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "promote")

    def start(self) -> None:
        wait = ("-w", "-t", int(PATIENCE_SECONDS))
        self._run("pg_ctl", "-D", self._data, *wait, "-l", self._folder / "log", "start")

    def stop(self, how: str = "fast") -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", how, "stop")

    def kill(self) -> None:
        """`kill -9`, of the server and all that it has started."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            os.kill(each, signal.SIGKILL)
        eventually(lambda: not any(Path(f"/proc/{each}").exists() for each in (pid, *children)))

    @property
    def is_running(self) -> bool:
        found = re.match(r"\d+", (self._data / "postmaster.pid").read_text()) if self._has_pid() else None
        return found is not None and Path(f"/proc/{found[0]}").exists()

    def _has_pid(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    def _run(self, program: str, *arguments: object) -> None:
        as_user = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
        command = [*self._host.command, *as_user, str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=2 * PATIENCE_SECONDS)
        assert done.returncode == 0, done.stdout


@contextmanager
def a_place(where: str | Path = MEMORY) -> Iterator[tuple[Path, int]]:
    """A temporary folder of the user whom PostgreSQL runs as, and a free port."""
    with tempfile.TemporaryDirectory(prefix="longwave-", dir=where) as name, closing(kept_port()) as kept:
        folder = Path(name)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield folder, kept.getsockname()[1]


@contextmanager
def running(where: str | Path = MEMORY, host: Host = HERE, **settings: object) -> Iterator[Postgres]:
    """One that is ended with the test, whose test is not run where PostgreSQL is not installed."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is missing")
    with a_place(where) as place:
        with ended(Postgres(*place, host)) as server:
            server.make(**settings)
            server.start()
            yield server


@contextmanager
def ended(server: Postgres) -> Iterator[Postgres]:
    """The server, which is ended with the block if it runs."""
    try:
        yield server
    finally:
        if server.is_running:
            server.stop("immediate")
