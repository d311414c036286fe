"""A soak from beginning to end: the stage is set, everybody reads and writes, faults strike, all come to rest."""

import http.client
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from bench import machine
from bench.aside import Aside, aside
from bench.soak import crowd, pages, proxy, streams, truth, writers
from bench.soak.cast import LOBBY, Cast, drop_curtain, gather
from bench.soak.clock import Clock, make_clock
from bench.soak.diary import Diary
from bench.soak.disk import small_disk
from bench.soak.faults import Done, Faults, Stage
from bench.soak.journal import Journal
from bench.soak.outsiders import OUTSIDERS
from bench.soak.plan import CLOCK_STEPPED, one_round, strikes
from bench.soak.server import Server, serve
from bench.verdict import Invalid

WARM_SECONDS = 1.0  # everybody is there before the first fault
PATIENCE_SECONDS = 60.0  # for everybody to come to rest, or to the end of the log
STILL_SECONDS = 1.0


@dataclass
class Wish:
    """What was asked for on the command line; `rate` is in messages a second.

    Without `minutes` each kind of fault happens once.
    """

    minutes: float | None
    readers: int
    seed: int
    rate: float
    kinds: tuple[str, ...]
    has_pages: bool = True
    sabotage: str | None = None
    log: Path | None = None  # where the server's is kept


@dataclass
class Played:
    """What is left of a run, for the oracle."""

    truth: truth.Truth
    diaries: list[Diary]
    journals: list[Journal]
    done: list[Done]
    left_out: list[str]
    minutes: float  # how long faults happened
    facts: dict[str, object] = field(default_factory=dict)


@dataclass
class Company:
    """The processes that read, write, and stand between."""

    proxy: Aside
    streams: Aside
    crowd: Aside
    pages: Aside | None
    writers: Aside


def play(wish: Wish) -> Played:
    why_no_pages = pages.missing() if wish.has_pages else "not wanted"
    missing = {name: why for name, way in OUTSIDERS.items() if (why := way.missing())}
    left_out = [f"{name}: {why}" for name, why in missing.items()]
    left_out += [f"pages: {why_no_pages}"] if why_no_pages else []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="longwave-soak-", dir=machine.FOLDER)))
        made = make_clock(folder)
        clock = made if isinstance(made, Clock) else None
        if clock is None and CLOCK_STEPPED in wish.kinds:
            left_out.append(f"{CLOCK_STEPPED}: {made}")
        (folder / "disk").mkdir()
        disk = stack.enter_context(small_disk(folder / "disk"))
        server = stack.enter_context(serve(wish.log or folder / "log", folder / "disk" / "instance",
                                           clock.environ if clock else {}))
        cast = gather(server, wish.readers, [name for name in OUTSIDERS if name not in missing], not why_no_pages,
                      wish.rate)
        company = _gather_company(stack, server, cast, wish)
        faults = Faults(Stage(server, company.proxy, company.streams, company.writers, disk, clock))
        say(f"Everybody is there; the disk that will be filled is {disk.kind}")
        minutes = _strike(faults, server, wish, has_clock=clock is not None)
        say("No more faults; everybody comes to rest")
        journals = _end_writing(server, company)
        last_id = drop_curtain(server, cast.owner)
        read = _end_reading(company, last_id)
        company.proxy.say(None)
        facts = {"disk": disk.kind, "answers_thrown_away": company.proxy.hear(),
                 "server_ended_by_itself": server.ended_itself, "server_complaints": server.complaints(),
                 "fault_errors": Counter(faults.errors), "reader_complaints": Counter(read.complaints),
                 "writer_complaints": Counter(words for journal in journals for words in journal.complaints)}
        server.terminate()
        journals.append(Journal(written=read.written))
        return Played(truth.read(server.database, last_id), read.diaries, journals, faults.done, left_out, minutes,
                      facts)


def _gather_company(stack: ExitStack, server: Server, cast: Cast, wish: Wish) -> Company:
    between = stack.enter_context(aside(proxy.carry, server.address))
    way_in = ("127.0.0.1", between.hear())
    reading = stack.enter_context(aside(streams.listen, way_in, cast.streams, wish.seed, wish.sabotage))
    others = stack.enter_context(aside(crowd.listen, way_in, [*cast.polls, *cast.outsiders], wish.sabotage))
    paging = stack.enter_context(aside(pages.read, way_in, cast.pages)) if cast.pages else None
    for each in (reading, others, paging):
        if each is not None:
            each.hear()
    writing = stack.enter_context(aside(writers.write, way_in, server.database, server.environ, cast.pens))
    return Company(between, reading, others, paging, writing)


def _strike(faults: Faults, server: Server, wish: Wish, has_clock: bool) -> float:
    """Let one strike follow another until the time, or the round, is over; returns how many minutes that took."""
    kinds = [kind for kind in wish.kinds if has_clock or kind != CLOCK_STEPPED]
    began = time.monotonic()
    until = began + wish.minutes * 60 if wish.minutes is not None else float("inf")
    time.sleep(WARM_SECONDS)
    for strike in strikes(wish.seed, kinds) if wish.minutes is not None else one_round(wish.seed, kinds):
        time.sleep(min(strike.calm_seconds, max(0.0, until - time.monotonic())))
        if time.monotonic() >= until:
            break
        if server.mend():
            say("  the server had ended by itself; it was started again")
        say(f"  {time.monotonic() - began:6.1f} s  {' and '.join(fault.kind for fault in strike.faults)}")
        faults.strike(strike)
    return (time.monotonic() - began) / 60


def _end_writing(server: Server, company: Company) -> list[Journal]:
    """Let everybody finish what they write, on a server that is well again."""
    server.mend()
    _await(lambda: _is_well(server), "the server is not well again")
    company.writers.say("end")
    journals: list[Journal] = company.writers.hear()
    if company.pages is not None:
        company.pages.say("end")
        company.pages.hear()
    _await_still(server)
    return journals


def _end_reading(company: Company, last_id: int) -> pages.Read:
    """Let everybody read to the end of the log; what all of them were given."""
    for each in (company.streams, company.crowd):
        each.say(("until", last_id, PATIENCE_SECONDS))
    diaries: list[Diary] = [*company.streams.hear(), *company.crowd.hear()]
    read = pages.Read(diaries, [], [f"{one.seat.way}: {words}" for one in diaries for words in one.complaints])
    if company.pages is not None:
        company.pages.say(({LOBBY: last_id}, PATIENCE_SECONDS))
        paged = company.pages.hear()
        read.diaries.extend(paged.diaries)
        read.written.extend(paged.written)
        read.complaints.extend(f"page: {words}" for words in paged.complaints)
    return read


def _is_well(server: Server) -> bool:
    connection = http.client.HTTPConnection(*server.address, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _await(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Invalid(otherwise)
        time.sleep(0.1)


def _await_still(server: Server) -> None:
    """Wait until nothing is written any more: no post on its way, no row in the inbox that can still be moved."""
    seen: tuple[int, float] = (-1, 0.0)

    def is_still() -> bool:
        nonlocal seen
        newest, waiting = _progress(server.database)
        if newest != seen[0] or waiting:
            seen = newest, time.monotonic()
        return time.monotonic() - seen[1] > STILL_SECONDS

    _await(is_still, "the log does not come to rest")


def _progress(database: Path) -> tuple[int, int]:
    """The newest id, and how many rows wait in the inbox."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        newest = connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]
        waiting = connection.execute("SELECT count(*) FROM inbox WHERE reason IS NULL").fetchone()[0]
    return newest, waiting


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
