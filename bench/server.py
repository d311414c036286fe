"""The real server, started as bin/run starts it, with an instance of its own that is then thrown away."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from bench import machine
from bench.verdict import Invalid

LONGWAVE = "from chat.cli import main; main()"  # the command `longwave`, installed or not
SETTINGS = {"CHAT_LIMITS": "off"}  # a load is a flood, and comes from one address
STOP_SECONDS = 20  # more than the grace that gunicorn gives its workers
SETTLE_SECONDS = 0.5  # no work for so long, and what was begun is over
SETTLE_MAX_SECONDS = 15
SETTLED_PERCENT = 3  # of a core, for each worker: they look at the log once a second

Popen = subprocess.Popen[str]


class Server:
    """A running server: where it listens, its processes, its database."""

    def __init__(self, master: Popen, address: tuple[str, int], database: Path) -> None:
        self._master = master
        self.address = address
        self.database = database
        self.workers = machine.children(master.pid)

    @property
    def pids(self) -> list[int]:
        return [self._master.pid, *self.workers]

    def pss_bytes(self) -> int:
        """The memory of the whole service."""
        return sum(map(machine.pss_bytes, self.pids))

    def sockets(self) -> list[int]:
        """How many sockets each worker has open."""
        return [machine.count_sockets(pid) for pid in self.workers]

    def busiest(self, before: Sequence[int]) -> int:
        """How many sockets the worker has that has got most since `before`."""
        return max(now - earlier for now, earlier in zip(self.sockets(), before, strict=True))

    def settle(self) -> None:
        """Wait until the workers have nothing left to do."""
        deadline = time.monotonic() + SETTLE_MAX_SECONDS
        while time.monotonic() < deadline:
            meter = machine.Meter(self.pids, ())
            time.sleep(SETTLE_SECONDS)
            if meter.read()["server_cpu_percent"] <= SETTLED_PERCENT * len(self.workers):
                return
        raise Invalid(f"the server still works {SETTLE_MAX_SECONDS} s after the load has ended")

    def await_lines(self, *lines: str) -> None:
        """Read what the server prints until it has printed all of these, each on a line of its own."""
        awaited = set(lines)
        while awaited:
            line = self._master.stdout.readline() if self._master.stdout else ""
            if not line:
                raise Invalid(f"the server ended without {awaited}")
            awaited.discard(line.strip())

    def check(self) -> None:
        """Raise Invalid when a worker has died: another's CPU and memory would have been read."""
        if self._master.poll() is not None or machine.children(self._master.pid) != self.workers:
            raise Invalid("a worker died")


@contextmanager
def serve(
    workers: int,
    instance: Path | None = None,
    settings: Mapping[str, str] | None = None,
    *,
    checkout: Path = machine.TOP,
    python: str = sys.executable,
    options: Sequence[str] = (),
    files: int = 0,
) -> Iterator[Server]:
    """A fresh server with so many workers, settled; stopped at the end, and forgotten unless it was given a place.

    `checkout` is whose server, `python` what runs it, `options` are gunicorn's, `files` is how many each process may
    open (0: as many as may be).
    """
    with tempfile.TemporaryDirectory(prefix="longwave-bench-", dir=machine.FOLDER) as folder:
        instance, log = instance or Path(folder) / "instance", Path(folder) / "log"
        with open(log, "w") as stderr:
            environ = _environ(instance, workers) | dict(settings or {})
            if not (instance / "longwave.db").exists() and "CHAT_DATABASE_URL" not in environ:
                upgrade(instance, checkout, stderr, python)
            master = _start(_gunicorn(python, checkout, options, files), checkout, environ, stderr)
        try:
            server = Server(master, _address(master), instance / "longwave.db")
            server.settle()
            yield server
            server.check()
        except Invalid as error:
            raise Invalid(f"{error}\nThe server's last words:\n{_last_words(log)}") from None
        finally:
            _stop(master)


def _environ(instance: Path, workers: int) -> dict[str, str]:
    """The environment without the caller's own settings of a chat."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    own = {"CHAT_INSTANCE": str(instance), "HOST": "127.0.0.1", "PORT": "0", "WORKERS": str(workers)}
    return kept | own | SETTINGS


def upgrade(
    instance: Path, checkout: Path = machine.TOP, stderr: IO[str] | None = None, python: str = sys.executable
) -> None:
    """Make the database; where this fails so does the start, which says why."""
    longwave(instance, "upgrade", checkout=checkout, stderr=stderr, python=python)


def longwave(
    instance: Path,
    *words: str,
    checkout: Path = machine.TOP,
    stderr: IO[str] | None = None,
    python: str = sys.executable,
) -> str:
    """Run the checkout's command `longwave`; what it prints."""
    command = [python, "-c", LONGWAVE, *words]
    environ = _environ(instance, 1)
    run = subprocess.run(command, cwd=checkout, env=environ, stdout=subprocess.PIPE, stderr=stderr, text=True)
    return run.stdout


def _gunicorn(python: str, checkout: Path, options: Sequence[str], files: int) -> list[str]:
    limited = ["prlimit", f"--nofile={files}"] if files else []
    return [*limited, python, "-m", "gunicorn", "--config", str(checkout / "gunicorn.conf.py"), *options]


def _start(command: Sequence[str], checkout: Path, environ: dict[str, str], stderr: IO[str]) -> Popen:
    return subprocess.Popen(
        command,
        cwd=checkout,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,  # Ctrl-C is for us to hear, and to stop it
    )


def _address(master: Popen) -> tuple[str, int]:
    """Where it says that it listens: `Longwave is at http://127.0.0.1:40001`."""
    line = master.stdout.readline() if master.stdout else ""
    if "http" not in line:
        raise Invalid("the server did not start")
    url = urlsplit(next(word for word in line.split() if word.startswith("http")))
    return url.hostname or "", url.port or 80


def _last_words(log: Path) -> str:
    """The end of what the server has logged, without what is no complaint."""
    lines = [line for line in log.read_text().splitlines() if " INFO " not in line and "[INFO]" not in line]
    return "\n".join(lines[-12:])


def _stop(master: Popen) -> None:
    master.terminate()
    try:
        master.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(master.pid, signal.SIGKILL)
        master.wait()
    if master.stdout:
        master.stdout.close()
