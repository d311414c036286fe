"""How long a stranger waits beside greedy clients

Each case has a fresh server with one worker and flood control on, as a real site has it. Five strangers go round
(`bench/strangers.py`) while the case's clients (`bench/greedy_cases.py`) do their worst.
"""

import argparse
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench import machine
from bench.aside import aside
from bench.attack import Deeds, attackers
from bench.checkouts import Table, checkouts
from bench.figures import delays, percentile
from bench.greedy_cases import CASES, Case, Scene
from bench.guests import Guest, sign_in
from bench.machine import Meter
from bench.prepared import prepared
from bench.server import Server, serve
from bench.strangers import CIRCLE, Request, go_round
from bench.verdict import Invalid, Unfit

ROUNDS = 1
STRANGERS = 5
FIRST_STRANGER = 3  # comes from 127.0.0.3: behind 127.0.0.2 are the greedy
REQUESTS_A_SECOND = 8  # of each stranger, as far as they are answered at once
SECONDS = 10  # for which the floors are meant
PROMISED_MS = 1000  # a stranger's p99 is never above this
ATTACKERS_NICE = 10  # greedy clients have machines of their own; here they share two cores with the server
LOOK_SECONDS = 0.2
LIMITS = {"CHAT_LIMITS": "on"}
SCENARIOS = CASES


def chosen(options: argparse.Namespace) -> dict[str, Table]:
    """A table for each of these cases (all)."""
    variants = checkouts(options.before)
    return {
        name: Table(CASES[name].title, variants, partial(measure, CASES[name], share=options.share))
        for name in options.only or CASES
    }


def measure(case: Case, checkout: Path, seconds: float, share: float = 1) -> dict[str, float]:
    """One case: a stranger's delays beside it, what it cost the worker, and what became of the greedy clients."""
    made = prepared(checkout, tuple(case.needs), share)
    with tempfile.TemporaryDirectory(prefix="longwave-greedy-", dir=machine.FOLDER) as folder:
        instance = Path(folder) / "instance"
        if made.instance:
            shutil.copytree(made.instance, instance, ignore=shutil.ignore_patterns("run"))  # its sockets
        with serve(1, instance, LIMITS, checkout=checkout, files=case.files) as server:
            scene, requests = Scene(server.address, made), int(seconds * REQUESTS_A_SECOND)
            figures = _measure(case, server, scene, requests, share)
    floor = case.floor * share * min(1, seconds / SECONDS)
    if (tried := figures.get("greedy_tried", floor)) < floor:
        raise Unfit(f"nobody was greedy: {tried} requests or connections were tried, not {floor:.0f}")
    return figures


def _measure(case: Case, server: Server, scene: Scene, requests: int, share: float) -> dict[str, float]:
    first, *strangers = [_stranger(server, number) for number in range(1 + STRANGERS)]
    with aside(go_round, server.address, [first], len(CIRCLE)) as going:  # what a worker loads late is loaded then
        warm: list[Request] = going.hear()
    lanes = case.lanes(scene)
    lanes = lanes[: max(1, int(len(lanes) * share))]
    server.settle()
    with _watched(server) as peaks, _let_loose(server, case, lanes) as stopped:
        meter = Meter(server.pids, ())
        with aside(go_round, server.address, strangers, max(len(CIRCLE), requests)) as going:
            made: list[Request] = going.hear()
        cpu = meter.read()["server_cpu_percent"]
    deeds = stopped[0] if stopped else None
    check_posts(server.database, [*warm, *made])
    return _waited(made) | {"server_cpu_percent": cpu} | peaks | (_done(deeds) if deeds else {})


def _stranger(server: Server, number: int) -> tuple[Guest, str]:
    source = f"127.0.0.{FIRST_STRANGER + number}"
    return sign_in(server.address, 1, "stranger", first=number, source=source)[0], source


@contextmanager
def _let_loose(server: Server, case: Case, lanes: Sequence[Any]) -> Iterator[list[Deeds]]:
    """The greedy clients at work; what they did is in the list behind it."""
    found: list[Deeds] = []
    if not lanes:
        yield found
        return
    with attackers(server.address, lanes, ATTACKERS_NICE, **case.options) as attack:
        attack.begin()
        yield found
        found.append(attack.end())


@contextmanager
def _watched(server: Server) -> Iterator[dict[str, float]]:
    """The most memory and descriptors that the worker had meanwhile."""
    pid, is_over = server.workers[0], threading.Event()
    peaks = {"worker_peak_mb": 0.0, "worker_peak_files": 0.0}

    def look() -> None:
        while not is_over.wait(LOOK_SECONDS):
            peaks["worker_peak_files"] = max(peaks["worker_peak_files"], machine.count_files(pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peaks
        peaks["worker_peak_mb"] = machine.status(pid, "VmHWM") / 1000
    finally:
        is_over.set()
        looking.join()


def check_posts(database: Path, made: Sequence[Request]) -> None:
    """Raise Invalid unless each acknowledged post is kept once, by its id; others may be kept once, or not."""
    posts = [request for request in made if request.kind == "post"]
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for request in posts:
            kept = connection.execute("SELECT id FROM messages WHERE client_id = ?", (request.client_id,)).fetchall()
            if kept != [(request.id,)] and (request.is_answered or len(kept) > 1):
                raise Invalid(f"post {request.client_id} was acknowledged as {request.id}, and is kept as {kept}")


def _waited(made: Sequence[Request]) -> dict[str, float]:
    if not made:
        raise Invalid("no stranger made a request")
    took = [request.took_ns for request in made]
    kinds = {kind: [request.took_ns for request in made if request.kind == kind] for kind in sorted(set(CIRCLE))}
    return {
        **delays("stranger", took),
        **{f"{kind}_p99_ms": percentile(some, 99) / 1e6 for kind, some in kinds.items() if some},
        "stranger_requests": len(made),
        "stranger_refusals": sum(request.refusals for request in made),
        "stranger_unanswered": sum(not request.is_answered for request in made),
    }


def _done(deeds: Deeds) -> dict[str, float]:
    return {
        "greedy_tried": max(deeds.asked, deeds.opened + deeds.unreached),
        "greedy_answered": deeds.answered - deeds.refused,
        "greedy_refused": deeds.refused,
        "greedy_cut_off": deeds.cut_off + deeds.unreached,
        "greedy_failed": deeds.failed,
        "greedy_received_mb": deeds.received_bytes / 1e6,
        "greedy_connections": deeds.open_peak,
    }


# The document's table

HEAD = ("case", "stranger's p50 / p99 / max ms", "worker's peak MB", "files", "answered / refused / cut off")


def summary(benchmarks: Mapping[str, Any]) -> str:
    """All cases in one Markdown table; with another checkout each cell has its figures first."""
    rows = [_row(found) for name, found in benchmarks.items() if name.startswith("greedy ")]
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def verdict(benchmarks: Mapping[str, Any]) -> str:
    """Whether a stranger's p99 stayed as promised, in a sentence."""
    cases = {name.partition(" ")[2]: each for name, each in benchmarks.items() if name.startswith("greedy ")}
    found = {name: each["variants"]["now"] for name, each in cases.items() if "now" in each["variants"]}
    broken = [name for name, figures in found.items() if _is_broken(figures)]
    said = f"A stranger's p99 is at most {PROMISED_MS} ms in {len(found) - len(broken)} of {len(cases)} cases"
    said += f"; above that in {', '.join(broken)}" if broken else ""
    missing = cases.keys() - found.keys()
    return said + (f"; nobody was greedy in {', '.join(sorted(missing))}" if missing else "")


def _is_broken(figures: Mapping[str, Any]) -> bool:
    return figures["stranger_p99_ms"]["high"] > PROMISED_MS or figures["stranger_unanswered"]["high"] > 0


def _row(found: Mapping[str, Any]) -> list[str]:
    variants = [found["variants"][label] for label in ("before", "now") if label in found["variants"]]
    columns = (
        ("stranger_p50_ms", "stranger_p99_ms", "stranger_max_ms"),
        ("worker_peak_mb",),
        ("worker_peak_files",),
        ("greedy_answered", "greedy_refused", "greedy_cut_off"),
    )
    return [found["title"], *(" → ".join(_cell(figures, names) for figures in variants) for names in columns)]


def _cell(figures: Mapping[str, Any], names: Sequence[str]) -> str:
    return " / ".join(f"{figures[name]['median']:,.0f}" for name in names if name in figures)
