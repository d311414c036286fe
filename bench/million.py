"""Whether memory is flat: a million polls, a hundred thousand streams, joins and edits

Each scenario has a fresh server. At 1, 10, 50 and 100 % of its requests the load waits until the workers have nothing
left to do, lets them collect their garbage, and reads their memory: that at 100 % must be that at 10 %, nearly.
Meanwhile a witness posts, and polls all that is told; everything must reach it once and in order.
"""

import argparse
import json
import os
import signal
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import guests, machine
from bench.attack import MARK, Attack, Deeds, Lane, attackers
from bench.checkouts import Table, checkouts
from bench.guests import ROOM, VISITOR, Guest, sign_in
from bench.server import Server, serve
from bench.verdict import Invalid
from bench.witness import Witness

ROUNDS = 1
POINTS = (1, 10, 50, 100)  # percent of all requests
FLAT = 1.1  # the memory at 100 % by that at 10 %
LANES = 16
CONFIG = Path(__file__).with_name("collecting.conf.py")
COLLECT = signal.SIGRTMIN  # see there
WORKERS = 2
WITNESS_SECONDS = 1  # between its posts

Requests = Callable[[tuple[str, int], Guest], Sequence[bytes]]


@dataclass(frozen=True)
class Scenario:
    """So many requests, and how they are made; `options` are the load's, `server` gunicorn's."""

    title: str
    count: int
    requests: Requests
    options: Mapping[str, int]
    statuses: frozenset[str]  # that may be answered
    server: Sequence[str] = ()


def polls(address: tuple[str, int], guest: Guest) -> Sequence[bytes]:
    """In turns: without news, with all the news, held and answered at once, of a visitor."""
    paths = ("/poll", "/poll?since=0", "/poll?since=0&wait=25")
    asked = [guests.head("GET", path, address, guest, {}) + b"\r\n" for path in paths]
    return [*asked, guests.head("GET", f"/poll?room={ROOM}", address, VISITOR, {}) + b"\r\n"]


def streams(address: tuple[str, int], guest: Guest) -> Sequence[bytes]:
    return [guests.head("GET", "/stream", address, guest, {"Accept": "text/event-stream"}) + b"\r\n"]


def joins(address: tuple[str, int], guest: Guest) -> Sequence[bytes]:
    return [guests.form(f"/rooms/{ROOM}/{deed}", address, guest) for deed in ("leave", "join")]


def edits(address: tuple[str, int], guest: Guest) -> Sequence[bytes]:
    posted = guests.say(address, guest, f"/rooms/{ROOM}/messages", body="to be edited")
    return [guests.form(f"/messages/{json.loads(posted)['id']}/edit", address, guest, body=f"{MARK} again")]


SYNC = ("--worker-class", "sync", "--threads", "1")  # with more than one thread gunicorn takes another class
OK, DONE = frozenset({"200"}), frozenset({"200", "204"})
SCENARIOS: Mapping[str, Scenario] = {
    "polls": Scenario("a million polls", 1_000_000, polls, {}, OK),
    "streams": Scenario("100,000 streams opened and closed", 100_000, streams, {"hello": 1}, OK),
    "joins": Scenario("100,000 joins and leaves", 100_000, joins, {}, DONE),
    "edits": Scenario("100,000 edits", 100_000, edits, {}, OK),
    "one-at-a-time": Scenario("100,000 polls, sync worker", 100_000, polls, {}, OK, SYNC),
}


def chosen(options: argparse.Namespace) -> dict[str, Table]:
    """A table for each of these scenarios (all)."""
    return {name: _table(SCENARIOS[name], options) for name in options.only or SCENARIOS}


def _table(scenario: Scenario, options: argparse.Namespace) -> Table:
    """How many seconds a round has does not matter here."""
    title = scenario.title + (f" (here {options.share:.2%} of them)" if options.share < 1 else "")
    count = max(POINTS[-1], int(scenario.count * options.share))
    return Table(title, checkouts(options.before), lambda checkout, seconds: measure(scenario, checkout, count))


def measure(scenario: Scenario, checkout: Path, count: int) -> dict[str, float]:
    """The workers' memory at each checkpoint, and what else may grow."""
    options = ["--config", str(CONFIG), *scenario.server]
    with serve(WORKERS, checkout=checkout, options=options) as server:
        lanes = [_lane(server, scenario, number) for number in range(LANES)]
        witness = Witness(server.address, sign_in(server.address, 1, "witness")[0])
        found: dict[str, float] = {}
        asked = 0
        with attackers(server.address, lanes, **scenario.options) as load:
            for point in POINTS:
                deeds = _ask(load, witness, count * point // 100 - asked)
                asked = count * point // 100
                found |= {f"{name}_at_{point}": value for name, value in _state(server).items()}
        witness.listen()
        witness.check(server.database)
    if set(deeds.statuses) - scenario.statuses or deeds.cut_off or deeds.sent_away:
        raise Invalid(f"the load was not answered as it should be: {deeds}")
    return found | {"ratio": max(_growth(found, number) for number in range(WORKERS))}


def _lane(server: Server, scenario: Scenario, number: int) -> Lane:
    source = f"127.0.0.{2 + number}"  # each has its own ports
    guest = sign_in(server.address, 1, "million", first=number, source=source)[0]
    return Lane(source, scenario.requests(server.address, guest))


def _ask(load: Attack, witness: Witness, count: int) -> Deeds:
    """Make so many more requests; the witness speaks and listens meanwhile."""
    load.begin(count)
    while not load.is_done(WITNESS_SECONDS):
        witness.post()
        witness.listen()
    return load.deeds()


def _state(server: Server) -> dict[str, float]:
    """Memory by worker, after all garbage is gone; descriptors and threads of all; what lies on the disk."""
    server.settle()
    for pid in server.workers:
        os.kill(pid, COLLECT)
    server.await_lines(*(f"collected {pid}" for pid in server.workers))
    sizes = {name: server.database.with_name(f"longwave.db{end}") for name, end in (("database", ""), ("wal", "-wal"))}
    return {
        **{f"worker_{number}_mb": machine.status(pid, "VmRSS") / 1000 for number, pid in enumerate(server.workers)},
        "files": sum(map(machine.count_files, server.workers)),
        "threads": sum(machine.status(pid, "Threads") for pid in server.workers),
        **{f"{name}_mb": path.stat().st_size / 1e6 if path.exists() else 0.0 for name, path in sizes.items()},
        "log_rows": _count_events(server.database),
    }


def _count_events(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        count: int = connection.execute("SELECT count(*) FROM events").fetchone()[0]
        return count


def _growth(found: Mapping[str, float], worker: int) -> float:
    return found[f"worker_{worker}_mb_at_100"] / found[f"worker_{worker}_mb_at_10"]


# The document's table

GROWING = ("database_mb", "log_rows", "files", "threads")
HEAD = ("", *(f"{point} %" for point in POINTS), "ratio", "memory", *(each.replace("_", " ") for each in GROWING))


def verdict(benchmarks: Mapping[str, Any]) -> str:
    """Which scenarios' memory is flat, a line each."""
    lines = [f"{found['title']}, {label}: {_word(figures)}" for found, label, figures in _measured(benchmarks)]
    return "\n".join(lines)


def summary(benchmarks: Mapping[str, Any]) -> str:
    """All scenarios in one Markdown table; memory is each worker's, in MB."""
    rows = [_row(f"{found['title']}, {label}", figures) for found, label, figures in _measured(benchmarks)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [HEAD, ("---",) * len(HEAD), *rows]) if rows else ""


def _measured(benchmarks: Mapping[str, Any]) -> list[tuple[Any, str, Mapping[str, Any]]]:
    measured = [found for name, found in benchmarks.items() if name.startswith("million ")]
    return [(found, label, figures) for found in measured for label, figures in found["variants"].items()]


def _word(figures: Mapping[str, Any]) -> str:
    ratio = figures["ratio"]["high"]
    return f"{'flat' if ratio <= FLAT else 'grows'} ({ratio:.2f})"


def _row(title: str, figures: Mapping[str, Any]) -> list[str]:
    def at(point: int, name: str) -> float:
        return float(figures[f"{name}_at_{point}"]["median"])

    def grown(name: str) -> str:
        return f"{at(POINTS[0], name):,.0f} → {at(POINTS[-1], name):,.0f}"

    workers = [f"worker_{number}_mb" for number in range(WORKERS)]
    memory = [" ".join(f"{at(point, name):,.0f}" for name in workers) for point in POINTS]
    ratio = f"{figures['ratio']['median']:.2f}"
    return [title, *memory, ratio, _word(figures).split()[0], *map(grown, GROWING)]
