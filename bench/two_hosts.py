"""What two hosts of one chat ask of PostgreSQL, and what they can save there: `python -m bench.two_hosts [PART...]`.

A host is a gunicorn of two workers with an instance of its own. `questions` counts the statements that their processes
send while nobody writes; `posts` compares durable posts a second with one host on SQLite, in turns.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median

import psycopg

from bench import contestants, guests, machine, posting
from bench.aside import aside
from bench.crowd import fill
from bench.load import reading
from bench.posters import post
from bench.server import Server, serve
from bench.verdict import Invalid, check_rows
from tests.support.postgres import Postgres, running

HOSTS, WORKERS, READERS = 2, 2, 2000
SETTLE_SECONDS = 5.0  # until rosters are told, and each connection has prepared what it asks
IDLE_SECONDS = 60.0  # with what each process does once a minute
CACHE = "128MB"  # PostgreSQL's own default, as for SQLite: what lies on the disk must be read from there
COUNTED = """SELECT sum(calls)::int, query FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = current_database() AND query NOT LIKE '%pg_stat_statements%' GROUP BY query ORDER BY 1 DESC"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.two_hosts", description=__doc__, allow_abbrev=False)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--rounds", type=int, default=5, help="of posts (5)")
    parser.add_argument("--seconds", type=float, default=5, help="how long a round of posts measures (5)")
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
                requests = [
                    guests.head("GET", "/stream", server.address, guest, contestants.STREAM) + b"\r\n"
                    for guest in everybody[number::HOSTS]
                ]
                (folder / str(number)).mkdir()
                opened.enter_context(reading(server.address, requests, folder / str(number)))
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
def hosts(folder: Path, url: str) -> Iterator[list[Server]]:
    """All hosts, which share nothing but the database and the site's key."""
    with ExitStack() as started:
        servers: list[Server] = []
        for number in range(HOSTS):
            instance = folder / f"host-{number}"
            instance.mkdir(exist_ok=True)
            if number:
                shutil.copy(folder / "host-0" / "secret", instance)
            servers.append(started.enter_context(serve(WORKERS, instance, {"CHAT_DATABASE_URL": url})))
        yield servers


@contextmanager
def durable() -> Iterator[Postgres]:
    """A server whose commits are on the disk, where SQLite's are, and which counts what it is asked."""
    settings = {"fsync": "on", "shared_buffers": CACHE, "shared_preload_libraries": "pg_stat_statements"}
    with running(machine.FOLDER, **settings) as postgres:
        postgres.query("CREATE EXTENSION pg_stat_statements", postgres.url("template1"))
        yield postgres


PARTS = {"questions": questions, "posts": posts}

if __name__ == "__main__":
    try:
        sys.exit(main())
    except Invalid as error:
        sys.exit(f"INVALID: {error}")
