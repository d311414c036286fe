"""What two hosts of one chat ask of PostgreSQL, and what they can save there: `python -m bench.two_hosts [PART...]`.

A host is a gunicorn of two workers with an instance of its own. `questions` counts the statements that their processes
send while nobody writes; `posts` compares durable posts a second with one host on SQLite, in turns; `delays` is from a
POST at one host to readers at both, by either relay; `relays` is the CPU of one host on SQLite whose workers ring each
other by sockets, or by Redis, in turns.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median

import psycopg

from bench import contestants, guests, machine, posting
from bench.aside import aside
from bench.crowd import fill
from bench.guests import Guest
from bench.load import Readers, Report, percentile_us, reading
from bench.posters import Post, post
from bench.server import Server, serve
from bench.verdict import Invalid, check_rows, check_store
from tests.support.postgres import Postgres, running
from tests.support.redis_servers import running as redis_server

HOSTS, WORKERS, READERS = 2, 2, 2000
HEARING, POSTERS, INTERVAL_SECONDS = 500, 10, 0.05  # readers a host, and who posts 20 messages a second
SETTLE_SECONDS = 5.0  # until rosters are told, and each connection has prepared what it asks
IDLE_SECONDS = 60.0  # with what each process does once a minute
CACHE = "128MB"  # PostgreSQL's own default, as for SQLite: what lies on the disk must be read from there
COUNTED = """SELECT sum(calls)::int, query FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = current_database() AND query NOT LIKE '%pg_stat_statements%' GROUP BY query ORDER BY 1 DESC"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.two_hosts", description=__doc__, allow_abbrev=False)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--rounds", type=int, default=5, help="of posts, delays and relays (5)")
    parser.add_argument("--seconds", type=float, default=5, help="how long a round measures (5)")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        PARTS[part](options)
    return 0


def questions(options: argparse.Namespace) -> None:
    """Statements as PostgreSQL counts them, `BEGIN` and `COMMIT` among them."""
    with tempfile.TemporaryDirectory(prefix="longwave-hosts-", dir=machine.FOLDER) as name, durable() as postgres:
        folder, url = Path(name), postgres.database()
        everybody = fill(folder / "host-0", READERS, CHAT_DATABASE_URL=url)
        with hosts(folder, url) as servers, ExitStack() as opened:
            for number, server in enumerate(servers):
                opened.enter_context(streams(server, everybody[number::HOSTS], folder))
            time.sleep(SETTLE_SECONDS)
            with closing(psycopg.connect(url, autocommit=True)) as connection:
                connection.execute("SELECT pg_stat_statements_reset()")
                began = time.monotonic()
                time.sleep(IDLE_SECONDS)
                seconds = time.monotonic() - began
                counted = connection.execute(COUNTED).fetchall()
    for calls, query in counted:
        print(f"{calls / seconds:7.2f}  {' '.join(query.split())[:100]}", file=sys.stderr)
    print(f"{READERS:,} readers, {HOSTS * WORKERS} processes: {sum(row[0] for row in counted) / seconds:.1f} queries/s")


def streams(server: Server, readers: Sequence[Guest], folder: Path) -> AbstractContextManager[Readers]:
    requests = [
        guests.head("GET", "/stream", server.address, guest, contestants.STREAM) + b"\r\n" for guest in readers
    ]
    return reading(server.address, requests, Path(tempfile.mkdtemp(dir=folder)))


def delays(options: argparse.Namespace) -> None:
    """500 readers a host, 20 messages a second at one of them; by PostgreSQL and by Redis in turns."""
    ratios: dict[str, list[float]] = {}
    with redis_server() as redis:
        for _ in range(options.rounds):
            for name, relay_url in {"PostgreSQL": "", "Redis": redis.url}.items():
                here, there = (in_ms(report) for report in delivered(relay_url, options.seconds))
                ratios.setdefault(name, []).append(there[0] / here[0])
                print(f"{name}: p50 / p99 at the same host {here[0]:.1f} / {here[1]:.1f} ms, at the other "
                      f"{there[0]:.1f} / {there[1]:.1f} ms", flush=True)
    for name, found in ratios.items():
        spread = f"{median(found):.2f} ({min(found):.2f}–{max(found):.2f})"
        print(f"{name}: the other host's p50 to the same host's {spread}")


def in_ms(report: Report) -> tuple[float, float]:
    return percentile_us(report.delays_us, 50) / 1000, percentile_us(report.delays_us, 99) / 1000


def delivered(relay_url: str, seconds: float) -> list[Report]:
    """What the readers of each host heard, every message once and in order, or the run is invalid."""
    with tempfile.TemporaryDirectory(prefix="longwave-hosts-", dir=machine.FOLDER) as name, durable() as postgres:
        folder, url = Path(name), postgres.database()
        everybody = fill(folder / "host-0", HOSTS * HEARING, CHAT_DATABASE_URL=url)
        with hosts(folder, url, CHAT_RELAY_URL=relay_url) as servers, ExitStack() as opened:
            posters = guests.sign_in(servers[0].address, POSTERS, "poster")
            readers = [
                opened.enter_context(streams(server, everybody[number::HOSTS], folder))
                for number, server in enumerate(servers)
            ]
            time.sleep(SETTLE_SECONDS)
            warm, posts = said(servers[0], posters, seconds)[:2]
            reports = [heard(each, warm, posts, folder) for each in readers]
        check(url, [(warm, posts, 0)])
        return reports


def said(server: Server, posters: Sequence[Guest], seconds: float, *metered: int) -> tuple[list, list, float, float]:
    """What was posted while it warmed up and afterwards; and the CPU of the server, and of these processes."""
    with aside(post, server.address, posters, posting.WARM_SECONDS, seconds, INTERVAL_SECONDS) as posting_aside:
        posting_aside.hear()
        meter, others = machine.Meter(server.pids, ()), machine.Meter(metered, ())
        posting_aside.hear()
        meter.read()
        others.read()
        warm, posts, _ = posting_aside.hear()
    return warm, posts, meter.server_cpu_seconds, others.server_cpu_seconds


def heard(readers: Readers, warm: Sequence[Post], posts: Sequence[Post], folder: Path) -> Report:
    """What each reader heard of the posts; all is checked, the warming up, too."""
    everything = [*warm, *posts]
    readers.wait_for(len(everything))
    texts = readers.report([(each.id, each.sent_ns) for each in everything], folder).texts
    if list(texts) != sorted(each.id for each in everything):
        raise Invalid("the readers heard other messages than were posted, or in another order")
    return readers.report([(each.id, each.sent_ns) for each in posts], folder)


def relays(options: argparse.Namespace) -> None:
    """500 readers, 20 messages a second; Redis itself is told beside it."""
    taken: dict[str, list[float]] = {"sockets": [], "Redis": []}
    with redis_server() as redis:
        for _ in range(options.rounds):
            for name, relay_url in {"sockets": "", "Redis": redis.url}.items():
                cost, beside = cost_of(relay_url, redis.pid, options.seconds)
                taken[name].append(cost)
                print(f"{name}: {cost:.1f} µs a delivery, Redis itself {beside:.2f} µs", flush=True)
    ratios = [redis / sockets for sockets, redis in zip(taken["sockets"], taken["Redis"], strict=True)]
    print(f"Redis to sockets: {median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})")


def cost_of(relay_url: str, redis_pid: int, seconds: float) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="longwave-relays-", dir=machine.FOLDER) as name:
        folder = Path(name)
        everybody = fill(folder / "host", HEARING)
        with serve(WORKERS, folder / "host", {"CHAT_RELAY_URL": relay_url}) as server:
            posters = guests.sign_in(server.address, POSTERS, "poster")
            with streams(server, everybody, folder) as readers:
                time.sleep(SETTLE_SECONDS)
                warm, posts, cpu, beside = said(server, posters, seconds, redis_pid)
                heard(readers, warm, posts, folder)
            check_store(server.database, {each.client_id: each.id for each in (*warm, *posts)})
    deliveries = len(posts) * HEARING
    return 1e6 * cpu / deliveries, 1e6 * beside / deliveries


def posts(options: argparse.Namespace) -> None:
    """Both kinds in turns: 64 guests, each posting again as soon as they are answered."""
    taken: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
    for _ in range(options.rounds):
        taken["SQLite"].append(posting.measure(WORKERS, options.seconds)["posts_per_second"])
        taken["PostgreSQL"].append(posted_by_hosts(options.seconds))
    for kind, rates in taken.items():
        print(f"{kind}: {median(rates):.0f} ({min(rates):.0f}–{max(rates):.0f}) posts/s")
    ratios = [server / file for file, server in zip(taken["SQLite"], taken["PostgreSQL"], strict=True)]
    print(f"PostgreSQL to SQLite: {median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})")


def posted_by_hosts(seconds: float) -> float:
    """Posts a second of all hosts together, each acknowledged one of which is in the database once."""
    with tempfile.TemporaryDirectory(prefix="longwave-hosts-", dir=machine.FOLDER) as name, durable() as postgres:
        url = postgres.database()
        with hosts(Path(name), url) as servers, ExitStack() as begun:
            share = posting.CONNECTIONS // HOSTS
            who = [guests.sign_in(one.address, share, f"poster of {number}") for number, one in enumerate(servers)]
            for server in servers:
                server.settle()
            spans = posting.WARM_SECONDS, seconds, 0
            loads = [
                begun.enter_context(aside(post, server.address, known, *spans, number * share))
                for number, (server, known) in enumerate(zip(servers, who, strict=True))
            ]
            for _ in ("begun", "ended"):
                for load in loads:
                    load.hear()
            results = [load.hear() for load in loads]
        check(url, results)
        in_time = sum(each.answered_ns <= until_ns for _, posts, until_ns in results for each in posts)
        return in_time / seconds


def check(url: str, results: Sequence[tuple[list, list, int]]) -> None:
    ids = {each.client_id: each.id for warm, posts, _ in results for each in (*warm, *posts)}
    with closing(psycopg.connect(url)) as connection:
        kept = connection.execute("SELECT client_id, id, body FROM messages").fetchall()
        logged = connection.execute("SELECT id, message_id, data FROM events WHERE name = 'message'").fetchall()
    check_rows(kept, logged, ids)


@contextmanager
def hosts(folder: Path, url: str, **settings: str) -> Iterator[list[Server]]:
    """All hosts, which share nothing but the database and the site's key."""
    with ExitStack() as started:
        servers: list[Server] = []
        for number in range(HOSTS):
            instance = folder / f"host-{number}"
            instance.mkdir(exist_ok=True)
            if number:
                shutil.copy(folder / "host-0" / "secret", instance)
            servers.append(started.enter_context(serve(WORKERS, instance, {"CHAT_DATABASE_URL": url} | settings)))
        yield servers


@contextmanager
def durable() -> Iterator[Postgres]:
    """A server whose commits are on the disk, where SQLite's are, and which counts what it is asked."""
    settings = {"fsync": "on", "shared_buffers": CACHE, "shared_preload_libraries": "pg_stat_statements"}
    with running(machine.FOLDER, **settings) as postgres:
        postgres.query("CREATE EXTENSION pg_stat_statements", postgres.url("template1"))
        yield postgres


PARTS = {"questions": questions, "posts": posts, "delays": delays, "relays": relays}

if __name__ == "__main__":
    try:
        sys.exit(main())
    except Invalid as error:
        sys.exit(f"INVALID: {error}")
