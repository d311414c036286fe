"""What `compare` measures: rounds of a few seconds, each on a fresh server of one commit. The client is always ours.

A commit's guests sign in once, through its own API, into an instance of its own; each round has a copy of that.
"""

import contextlib
import http.client
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import cgi, delay, deliveries, machine, memory, posting
from bench.commits import Commit
from bench.contestants import Ours
from bench.figures import delays
from bench.guests import ROOM, Guest, head, sign_in
from bench.load import asking
from bench.machine import Meter
from bench.server import Server, serve

STREAMS = 300
POLLERS = 16
CGI_POLLS = 6
WARM_SECONDS = 0.5
SOCKETS = "run"  # the folder of an instance that holds what only its own processes need

Figures = dict[str, float]


class Side:
    """A commit, ready to be measured."""

    def __init__(self, commit: Commit, folder: Path) -> None:
        self.commit = commit
        self.cgi_folder = folder / "cgi"
        self._instance = folder / "instance"
        with serve(1, self._instance, checkout=commit.checkout, python=commit.python) as server:
            self.guests = sign_in(server.address, STREAMS, "reader")
        self.cgi_folder.mkdir()
        measure_cgi(self, 0)  # compiles what is not compiled yet, and makes the database

    @contextlib.contextmanager
    def serving(self, workers: int = 1) -> Iterator[Server]:
        """A fresh server on a copy of the instance."""
        with tempfile.TemporaryDirectory(prefix="longwave-compare-", dir=machine.FOLDER) as folder:
            instance = Path(folder) / "instance"
            shutil.copytree(self._instance, instance, ignore=shutil.ignore_patterns(SOCKETS))
            with serve(workers, instance, checkout=self.commit.checkout, python=self.commit.python) as server:
                yield server

    @contextlib.contextmanager
    def contestant(self) -> Iterator[Ours]:
        """The same for the load in C, with all guests as its readers."""
        with self.serving() as server, tempfile.TemporaryDirectory(prefix="longwave-compare-") as folder:
            yield Ours(server.address, list(server.workers), Path(folder), server=server, readers=self.guests)


def measure_posting(side: Side, seconds: float) -> Figures:
    with side.serving() as server:
        return posting.measure_on(server, side.guests[: posting.CONNECTIONS], seconds)


def measure_delay(side: Side, seconds: float) -> Figures:
    readers, posters = side.guests[: delay.READERS], side.guests[delay.READERS :][: delay.POSTERS]
    with side.serving() as server:
        return delay.measure_on(server, readers, posters, seconds)


def measure_page(side: Side, seconds: float) -> Figures:
    with side.contestant() as contestant:
        return deliveries.room_page(contestant, 0, 0, POLLERS, seconds)


def measure_poll(side: Side, seconds: float) -> Figures:
    """Polls that have nothing to tell, from guests who ask again as soon as they are answered."""
    with side.contestant() as contestant:
        guests = side.guests[:POLLERS]
        since = cursor(contestant.address, guests[0])
        accept = {"Accept": "application/json"}
        requests = [head("GET", f"/poll?room={ROOM}&since={since}", contestant.address, guest, accept) + b"\r\n"
                    for guest in guests]
        with asking(contestant.address, requests, contestant.folder, 0, WARM_SECONDS, seconds) as asked:
            asked.begin()
            meter = Meter(contestant.pids, [asked.pid])
            _, answers = asked.finish()
            meter.read()
    return {
        "polls_per_second": sum(answer.answered_ns <= asked.ended_ns for answer in answers) / seconds,
        **delays("poll", [answer.answered_ns - answer.sent_ns for answer in answers]),
        "cpu_us_per_poll": 1e6 * meter.server_cpu_seconds / len(answers),
    }


def cursor(address: tuple[str, int], guest: Guest) -> int:
    """The number of the newest event, after all that a first poll brings about."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    newest = 0
    for _ in range(2):
        connection.request("GET", f"/poll?room={ROOM}", headers={"Cookie": guest.cookies})
        newest = json.loads(connection.getresponse().read())["cursor"]
    connection.close()
    return newest


def measure_cgi(side: Side, seconds: float) -> Figures:
    """A poll without news, a process for each."""
    arguments, environ = cgi.requests(side.cgi_folder, side.commit.checkout)["poll without news"]
    spent = [cgi.cpu_seconds(arguments, environ, side.commit.python) for _ in range(CGI_POLLS)]
    return {"cgi_cpu_ms_per_poll": 1000 * sum(spent) / CGI_POLLS}


def measure_openings(side: Side, seconds: float) -> Figures:
    with side.contestant() as contestant, deliveries.streams(contestant, STREAMS) as (_, opening):
        return opening


def measure_fan_out(side: Side, seconds: float) -> Figures:
    with side.contestant() as contestant:
        return deliveries.fan_out(contestant, STREAMS, 20, 4, seconds)


def measure_memory(side: Side, seconds: float) -> Figures:
    with side.serving(workers=2) as server:
        return memory.measure_on(server)


@dataclass(frozen=True)
class Scenario:
    """`figures` are those that are compared: whether more of it is better."""

    measure: Callable[[Side, float], Figures]
    figures: Mapping[str, bool]


MORE, LESS = True, False
SCENARIOS = {
    "posting": Scenario(measure_posting, {
        "posts_per_second": MORE, "post_p99_ms": LESS, "server_cpu_us_per_post": LESS}),
    "delay": Scenario(measure_delay, {
        "reader_p50_ms": LESS, "reader_p99_ms": LESS, "server_cpu_us_per_delivery": LESS}),
    "page": Scenario(measure_page, {"pages_per_second": MORE, "page_p99_ms": LESS, "cpu_us_per_page": LESS}),
    "poll": Scenario(measure_poll, {"polls_per_second": MORE, "poll_p99_ms": LESS, "cpu_us_per_poll": LESS}),
    "cgi": Scenario(measure_cgi, {"cgi_cpu_ms_per_poll": LESS}),
    "openings": Scenario(measure_openings, {
        "opened_per_second": MORE, "cpu_us_per_opening": LESS, "memory_bytes_per_reader": LESS}),
    "memory": Scenario(measure_memory, {"started_mb": LESS, "idle_mb": LESS}),
    "fan-out": Scenario(measure_fan_out, {
        "last_reader_p50_ms": LESS, "last_reader_p99_ms": LESS, "cpu_us_per_delivery": LESS}),
}
LONG = {"fan-out"}  # measured only when it is named
