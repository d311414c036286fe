"""How long `longwave move` takes from SQLite to PostgreSQL and back: `python -m bench.moving [--messages N]`.

The chat has so many messages, each with its event in the log, by a thousand people. After each move this program counts
for itself, and compares each hundredth message.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench import machine
from bench.server import longwave
from bench.verdict import Invalid
from tests.support.postgres import Postgres, running

PEOPLE = 1000
BODY = "one of many " * 10
CACHE = "128MB"  # PostgreSQL's own default
COUNT = "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM events), (SELECT last_id FROM log_head)"
SAMPLE = "SELECT id, client_id, author_id, body, html, created_at FROM messages WHERE id % 100 = 0 ORDER BY id"

# All by SQLite itself: through the chat's own door it would take a quarter of an hour.
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :people)
INSERT INTO users (name, name_key, drawn_key, kind, colour, bearer, created_at, seen_at)
SELECT 'person ' || i, 'person ' || i, 'person ' || i, 'guest', i % 8, 1, :now, :now FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :messages)
INSERT INTO messages (id, room_id, author_id, client_id, body, html, html_version, created_at)
SELECT i, 1, 1 + i % :people, 'client-' || i, :body || i, '<p>' || :body || i || '</p>', '1', :now FROM n;
INSERT INTO events (id, channel, name, data, message_id, created_at)
SELECT id, 'room:1', 'message', json_object('id', id, 'room', 'lobby', 'body', body, 'html', html), id, :now
FROM messages ORDER BY id;
UPDATE log_head SET last_id = :messages;
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.moving", description=__doc__, allow_abbrev=False)
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many (1,000,000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="longwave-moving-", dir=machine.FOLDER) as name, durable() as postgres:
        there, back = Path(name) / "there", Path(name) / "back"
        longwave(there, "upgrade")
        fill(there / "longwave.db", options.messages)
        url = postgres.database()
        before = seen(there)
        for title, source, target in (
            ("SQLite to PostgreSQL", file_url(there), url), ("PostgreSQL to SQLite", url, file_url(back)),
        ):
            seconds = timed(there, source, target)
            if seen(back if target != url else None, url) != before:
                raise Invalid(f"{title}: what arrived is something else")
            print(f"{title}: {options.messages:,} messages in {seconds:.0f} s, verified")
    return 0


def file_url(instance: Path) -> str:
    return f"sqlite:///{instance / 'longwave.db'}"


def fill(path: Path, messages: int) -> None:
    values = {"people": PEOPLE, "messages": messages, "body": BODY, "now": "2026-01-01T00:00:00.000Z"}
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN")
        for statement in filter(str.strip, FILL.split(";")):
            database.execute(statement, values)
        database.execute("COMMIT")


def timed(instance: Path, source: str, target: str) -> float:
    """How many seconds the command takes, as people call it."""
    began = time.monotonic()
    command = [sys.executable, "-c", "from chat.cli import main; main()", "move", "--from", source, "--to", target]
    moved = subprocess.run(command, cwd=machine.TOP, env=os.environ | {"CHAT_INSTANCE": str(instance)},
                           stdout=subprocess.DEVNULL)
    if moved.returncode:
        raise Invalid(f"longwave move ended with {moved.returncode}")
    return time.monotonic() - began


def seen(instance: Path | None, url: str = "") -> tuple[Any, Any]:
    """Counts, and each hundredth message, in the file of this instance, or else at the URL."""
    with opened(instance, url) as database:
        return database.execute(COUNT).fetchone(), database.execute(SAMPLE).fetchall()


@contextmanager
def opened(instance: Path | None, url: str) -> Iterator[Any]:
    connection: Any = sqlite3.connect(instance / "longwave.db") if instance else psycopg.connect(url)
    with closing(connection):
        yield connection


@contextmanager
def durable() -> Iterator[Postgres]:
    """A server whose commits are on the disk, where SQLite's are."""
    with running(machine.FOLDER, fsync="on", shared_buffers=CACHE) as postgres:
        yield postgres


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Invalid as error:
        sys.exit(f"INVALID: {error}")
