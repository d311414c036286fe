"""A host at CloudLinux's limits: so many requests at once, 508 for every further one, and 1 GB for all processes."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.soak.oracle import Verdict
from tests.browser.obstacles import Exchange, answers, none, obstacles_before
from tests.hosts.crowd import Crowd, a_crowd
from tests.hosts.kinds import Host
from tests.hosts.stage import processes

ENTRY_PROCESSES = 20
MEGABYTES = 1024
PROCESSES = 100
PAUSE_SECONDS = 45.0  # between two messages of one reader
LOOK_SECONDS = 5.0
RESOURCE_LIMIT = """<!DOCTYPE html>
<html><head><title>508 Resource Limit Is Reached</title></head>
<body><h1>Resource Limit Is Reached</h1>
<p>The website is temporarily unable to service your request as it exceeded resource limit. Please try again later.</p>
</body></html>"""
refuse = answers("508 Resource Limit Is Reached", RESOURCE_LIMIT, "text/html; charset=utf-8", Cache_Control="private")


class EntryLimit:
    """An obstacle for all requests: how many have come, how many were there at once, which ones were refused."""

    def __init__(self, most: int = ENTRY_PROCESSES) -> None:
        self.came = self.most_at_once = 0
        self.refused: list[str] = []
        self._most = most
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        with self._lock:
            self.came += 1
            is_room = self._now < self._most
            self._now += is_room
            self.most_at_once = max(self.most_at_once, self._now)
            if not is_room:
                self.refused.append(f"{exchange.method} {exchange.path}")
        if not is_room:
            return refuse(exchange)
        try:
            none(exchange)
        finally:
            with self._lock:
                self._now -= 1


@dataclass
class Stay:
    """What some browsers and their host came to: all that is sent, heard and refused in so many seconds."""

    crowd: Crowd
    limit: EntryLimit
    seconds: float
    requests_a_second: float
    megabytes: float
    processes: int
    verdict: Verdict


class Say(Protocol):
    def __call__(self, text: str) -> None: ...


def stay(host: Host, seconds: float, readers: int = 40, pause_seconds: float = PAUSE_SECONDS,
         tell: Say = lambda text: None) -> Stay:
    """Let so many browsers come one after another, chat for so long behind the limit, and judge what they heard."""
    limit = EntryLimit()
    megabytes, most = 0.0, 0
    with obstacles_before(host.host, host.port) as way:
        way.put("/", limit)
        with a_crowd(host.at(way.port)) as crowd:
            for number in range(readers):
                crowd.enter(f"reader {number}")
            came, looked_at = limit.came, 0.0
            for left in crowd.chat(seconds, pause_seconds):
                if time.monotonic() - looked_at >= LOOK_SECONDS:
                    looked_at = time.monotonic()
                    found = memory(host)
                    megabytes, most = max(megabytes, sum(found)), max(most, len(found))
                    tell(f"{left:6.0f} s left, {limit.came} requests, {limit.most_at_once} at once at most, "
                         f"{len(limit.refused)} refused, {sum(found):.0f} MB")
            a_second = (limit.came - came) / seconds
            verdict = crowd.end()
    return Stay(crowd, limit, seconds, a_second, megabytes, most, verdict)


def memory(host: Host) -> list[float]:
    """The megabytes of each of the host's processes, the web server's own included, shared pages counted in each."""
    found = []
    for path in processes(str(host.stage.top)):
        with suppress(OSError):  # it has ended meanwhile
            found.append(_resident_kilobytes(path) / 1024)
    return found


def _resident_kilobytes(path: Path) -> int:
    lines = (line.split() for line in path.joinpath("status").read_text().splitlines())
    return next((int(words[1]) for words in lines if words[0] == "VmRSS:"), 0)
