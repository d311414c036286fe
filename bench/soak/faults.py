"""How each fault is brought about; what is done is noted with the moment at which it began."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from bench.aside import Aside
from bench.soak.clock import Clock
from bench.soak.disk import SizeLimit, SmallDisk
from bench.soak.plan import CLOCK_STEPPED, Fault, Strike, lasting_seconds
from bench.soak.server import Server

CLOCK_SECONDS = 1.0  # to see what comes of it
LOCK = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
database.execute("BEGIN IMMEDIATE")
time.sleep(float(sys.argv[2]))
database.execute("ROLLBACK")
"""


class Done(NamedTuple):
    """A fault that was brought about, from `at` to `until` (monotonic seconds); alone, or with another."""

    kind: str
    at: float
    until: float
    was_alone: bool


class Stage(NamedTuple):
    """Everything that faults are done to."""

    server: Server
    proxy: Aside
    streams: Aside
    writers: Aside
    disk: SmallDisk | SizeLimit
    clock: Clock | None


class Faults:
    """`strike` brings the faults of one strike about, all at once, and returns when they are over."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._acts: dict[str, Callable[[Fault], None]] = {
            "worker killed": lambda fault: self._signal_worker(fault, signal.SIGKILL),
            "worker ended": lambda fault: self._signal_worker(fault, signal.SIGTERM),
            "worker stood still": self._stop_worker,
            "server restarted": self._restart,
            "master killed": self._kill_master,
            "HUP": lambda fault: stage.server.signal_master(signal.SIGHUP),
            "disk filled": self._fill_disk,
            "database locked": self._lock_database,
            "rings dropped": self._drop_rings,
            CLOCK_STEPPED: self._step_clock,
            "connections cut": self._by_proxy("cut"),
            "connections delayed": self._by_proxy("delay"),
            "connections half closed": self._by_proxy("half_close"),
            "network paused": self._by_proxy("pause"),
            "answers thrown away": self._by_proxy("swallow"),
            "readers paused": self._pause_readers,
            "flood": self._flood,
        }
        self.done: list[Done] = []
        self.errors: list[str] = []

    def strike(self, strike: Strike) -> None:
        threads = [threading.Thread(target=self._bring, args=(fault, len(strike.faults) == 1))
                   for fault in strike.faults]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _bring(self, fault: Fault, is_alone: bool) -> None:
        at = time.monotonic()
        try:
            self._acts[fault.kind](fault)
        except Exception as error:
            self.errors.append(f"{fault.kind}: {error!r}")
            return
        self.done.append(Done(fault.kind, at, time.monotonic(), is_alone))

    # The server

    def _signal_worker(self, fault: Fault, number: int) -> None:
        workers = self._stage.server.workers
        if workers:
            with suppress(ProcessLookupError):
                os.kill(random.Random(fault.seed).choice(workers), number)

    def _stop_worker(self, fault: Fault) -> None:
        """Let one stand still, whatever it holds, and go on."""
        self._signal_worker(fault, signal.SIGSTOP)
        time.sleep(fault.amount)
        self._stage.server.resume()

    def _restart(self, fault: Fault) -> None:
        self._stage.server.terminate()
        self._stage.server.start()

    def _kill_master(self, fault: Fault) -> None:
        self._stage.server.kill()
        self._stage.server.start()

    def _fill_disk(self, fault: Fault) -> None:
        self._stage.disk.fill(self._stage.server)
        time.sleep(fault.amount)
        self._stage.disk.free(self._stage.server)

    def _lock_database(self, fault: Fault) -> None:
        command = [sys.executable, "-c", LOCK, str(self._stage.server.database), str(fault.amount)]
        subprocess.run(command, capture_output=True)

    def _drop_rings(self, fault: Fault) -> None:
        """Take the sockets from where they are looked for, and put them back."""
        here = self._stage.server.instance / "run"
        away = here.with_name("run-away")
        away.mkdir(exist_ok=True)
        for path in here.iterdir():
            path.rename(away / path.name)
        time.sleep(fault.amount)
        for path in away.iterdir():
            path.rename(here / path.name)

    def _step_clock(self, fault: Fault) -> None:
        assert self._stage.clock is not None
        self._stage.clock.step(fault.amount)
        time.sleep(CLOCK_SECONDS)

    # Everybody else

    def _by_proxy(self, kind: str) -> Callable[[Fault], None]:
        def strike(fault: Fault) -> None:
            self._stage.proxy.say((kind, fault.seed, fault.share, fault.amount))
            self._stage.proxy.hear()
            time.sleep(lasting_seconds(fault))
        return strike

    def _pause_readers(self, fault: Fault) -> None:
        self._stage.streams.say(("pause", fault.share, fault.amount))
        time.sleep(fault.amount)

    def _flood(self, fault: Fault) -> None:
        self._stage.writers.say(("flood", fault.amount))
        time.sleep(fault.amount)

