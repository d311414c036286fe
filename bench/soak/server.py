"""The real server of a soak: killed, stopped and started again on the same port and instance, as an operator would."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench import machine
from bench.verdict import Invalid

COMMAND = [sys.executable, "-m", "gunicorn", "--config", str(machine.TOP / "gunicorn.conf.py")]
LONGWAVE = [sys.executable, "-c", "from chat.cli import main; main()"]
WORKERS = 2
HEARTBEAT_SECONDS = 2
SETTINGS = {
    "CHAT_LIMITS": "off",  # everybody comes from one address
    "CHAT_LOOK_SECONDS": "1",
    "CHAT_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
    "CHAT_RING_EVENTS": "256",  # small, so that slow readers fall off it
}
START_SECONDS = 60.0
STOP_SECONDS = 20.0
_ANNOUNCED = re.compile(rb"Longwave is at http://([\d.]+):(\d+)")
_OURS = re.compile(r'/chat/(\S+)\.py", line \d+, in (\w+)')
_COMPLAINT = re.compile(r"Traceback \(most recent|Worker failed to boot|graceful timeout|WORKER TIMEOUT")


class Server:
    """`address` is where it listens, `pid` its master, `environ` what its commands need.

    `ended_itself` counts the ends that nobody asked for.
    """

    def __init__(self, instance: Path, log: Path, environ: dict[str, str]) -> None:
        self.instance = instance
        self.database = instance / "longwave.db"
        self.address = ("127.0.0.1", 0)
        self.ended_itself = 0
        self._log = log
        self.environ = environment(instance) | environ
        self._master: subprocess.Popen[bytes] | None = None
        self._is_wanted = False

    @property
    def pid(self) -> int:
        assert self._master is not None
        return self._master.pid

    @property
    def workers(self) -> list[int]:
        try:
            return machine.children(self.pid)
        except FileNotFoundError:
            return []

    @property
    def pids(self) -> list[int]:
        return [self.pid, *self.workers]

    # Start and end

    def start(self) -> None:
        """Start it, again and again where it cannot, as a supervisor does; returns when it listens."""
        self._is_wanted = True
        deadline = time.monotonic() + START_SECONDS
        while not self._start_once(deadline):
            if time.monotonic() > deadline:
                raise Invalid(f"the server does not start; its last words: {self.last_words()}")
            time.sleep(0.2)

    def _start_once(self, deadline: float) -> bool:
        with open(self._log, "ab") as log:
            said = log.tell()
            self._master = subprocess.Popen(COMMAND, cwd=machine.TOP, env=self.environ | {"PORT": str(self.address[1])},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        while self._master.poll() is None and time.monotonic() < deadline:
            found = _ANNOUNCED.search(self._log.read_bytes()[said:])
            if found:
                self.address = (found[1].decode(), int(found[2]))
                return True
            time.sleep(0.02)
        return False

    def terminate(self) -> None:
        """TERM, and wait for the end."""
        assert self._master is not None
        self._is_wanted = False
        with suppress(ProcessLookupError):
            self._master.terminate()
        try:
            self._master.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """`kill -9` of the master alone: its workers find out by themselves."""
        assert self._master is not None
        self._is_wanted = False
        self._master.kill()
        self._master.wait()

    def signal_master(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def mend(self) -> bool:
        """Start it again where it has ended by itself, which is counted; true when that was so."""
        if not self._is_wanted or self._master is None or self._master.poll() is None:
            return False
        self.ended_itself += 1
        self.start()
        return True

    def end(self) -> None:
        """Stop everything, whatever state it is in."""
        if self._master is None:
            return
        self.resume()
        orphans = self.workers
        self.terminate()
        for pid in orphans:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def resume(self) -> None:
        for pid in self.workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # Beside it

    def command(self, *arguments: str) -> str:
        """What the `longwave` command prints."""
        command = [*LONGWAVE, *arguments]
        done = subprocess.run(command, cwd=machine.TOP, env=self.environ, capture_output=True, text=True)
        if done.returncode:
            raise Invalid(f"longwave {arguments[0]} failed: {done.stderr[-500:]}")
        return done.stdout.strip()

    def complaints(self) -> dict[str, int]:
        """What the log holds that should not be there, each with how often; of a traceback its end."""
        lines = self._log.read_text(errors="replace").splitlines()
        found = (_end_of_traceback(lines, number) if line.startswith("Traceback") else line.split("] ")[-1]
                 for number, line in enumerate(lines) if _COMPLAINT.search(line))
        return Counter(re.sub(r"\d+", "N", words)[:300] for words in found)

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-800:]


def environment(instance: Path) -> dict[str, str]:
    """The environment without the caller's own settings of a chat."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    return {**kept, "CHAT_INSTANCE": str(instance), "HOST": "127.0.0.1", "WORKERS": str(WORKERS), **SETTINGS}


def _end_of_traceback(lines: list[str], number: int) -> str:
    """What was raised, and the functions of ours that it came through."""
    path: list[str] = []
    for line in lines[number + 1:]:
        if not line.startswith((" ", "\t")):
            return f"{line} ({' > '.join(path)})"
        if found := _OURS.search(line):
            path.append(f"{found[1]}.{found[2]}")
    return lines[number]


@contextmanager
def serve(log: Path, instance: Path, environ: dict[str, str]) -> Iterator[Server]:
    """A fresh server, listening; ended at the end. What it says is added to `log`."""
    server = Server(instance, log, environ)
    server.command("upgrade")
    try:
        server.start()
        yield server
    finally:
        server.end()
