"""A long history: 10 million messages of 200 characters, their log pruned, against 10 thousand

What a page, a look back and a post cost must not grow with what was said before. The two databases are made once,
before the first round; each round starts a server on its own and posts into it.
"""

import atexit
import http.client
import json
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

from bench import machine
from bench.figures import delays
from bench.guests import BROWSER, FORM, ROOM, Guest, sign_in
from bench.machine import Meter
from bench.server import serve
from bench.verdict import Invalid

VARIANTS = {"10 thousand": 10_000, "10 million": 10_000_000}
AUTHORS = 100
BODY = ("the quick brown fox jumps over the lazy dog, " * 5)[:200]
LOGGED = 1000  # so many of the newest messages are still in the log
PAGES = 200  # of each kind in a round

_instances: dict[int, Path] = {}


def measure(messages: int, seconds: float) -> dict[str, float]:
    """One round; how long it takes is given by its number of requests."""
    instance = _instances.get(messages) or _instances.setdefault(messages, _make(messages))
    with serve(1, instance) as server:
        connection = http.client.HTTPConnection(*server.address, timeout=60)
        began_ns = time.monotonic_ns()
        _get(connection, f"/rooms/{ROOM}")
        opened_ns = time.monotonic_ns() - began_ns
        guest = sign_in(server.address, 1, f"guest {random.randrange(10**9)}")[0]
        server.settle()
        newest = [_timed(_get, connection, f"/rooms/{ROOM}", guest) for _ in range(PAGES)]
        back = [_timed(_get, connection, f"/rooms/{ROOM}/messages?before={id}", guest) for id in _somewhere(messages)]
        meter = Meter(server.pids, ())
        posts = [_timed(_post, connection, guest, number) for number in range(PAGES)]
        cpu = meter.read()
        _check(server.database, guest)
        return {
            "first_page_after_start_ms": opened_ns / 1e6,
            **delays("newest_page", newest),
            **delays("looking_back", back),
            **delays("post", posts),
            "server_cpu_us_per_post": 1e6 * meter.server_cpu_seconds / PAGES,
            **cpu,
        }


def _somewhere(messages: int) -> Sequence[int]:
    """Ids all over the history, the same in each round."""
    return random.Random(messages).choices(range(100, messages), k=PAGES)


def _timed(request: Callable[..., None], *arguments: object) -> int:
    began_ns = time.monotonic_ns()
    request(*arguments)
    return time.monotonic_ns() - began_ns


def _get(connection: http.client.HTTPConnection, path: str, guest: Guest | None = None) -> None:
    """Fetch what must hold 50 messages."""
    cookies = {"Cookie": guest.cookies} if guest else {}
    connection.request("GET", path, headers=BROWSER | cookies)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200 or text.count(BODY[-60:].strip()) < 50:
        raise Invalid(f"{path} was answered with {answer.status} and not with 50 messages")


def _post(connection: http.client.HTTPConnection, guest: Guest, number: int) -> None:
    fields = {"body": f"{number} {BODY}"[:200], "client_id": f"{guest.name}-{number}".replace(" ", "-")}
    origin = f"http://{connection.host}:{connection.port}"
    own = {"Accept": "application/json", "Content-Type": FORM, "Origin": origin, "X-CSRF-Token": guest.token}
    body = urlencode(fields)
    connection.request("POST", f"/rooms/{ROOM}/messages", body, BROWSER | own | {"Cookie": guest.cookies})
    answer = connection.getresponse()
    posted = json.loads(answer.read())
    if answer.status != 201 or "id" not in posted:
        raise Invalid(f"a post was answered with {answer.status}, {posted}")


def _check(database: Path, guest: Guest) -> None:
    """Each of the guest's posts is kept once."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT count(*), count(DISTINCT client_id) FROM messages JOIN users ON users.id = author_id"
        kept = connection.execute(f"{query} WHERE users.name = ?", (guest.name,)).fetchone()
    if kept != (PAGES, PAGES):
        raise Invalid(f"{PAGES} posts were acknowledged; {kept[0]} are in the database")


def _make(messages: int) -> Path:
    """An instance with so many messages, by a hundred people in one room, as years of talk would have left it."""
    instance = Path(tempfile.mkdtemp(prefix="longwave-bench-", dir=machine.FOLDER)) / "instance"
    atexit.register(shutil.rmtree, instance.parent, ignore_errors=True)
    with serve(1, instance):
        pass
    with closing(sqlite3.connect(instance / "longwave.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -2000000")
        connection.execute("BEGIN")
        _fill(connection, messages)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return instance


def _fill(connection: sqlite3.Connection, messages: int) -> None:
    from chat.domain import rendering

    moment = "2026-01-01T00:00:00.000Z"
    users = [(f"author {number}", f"author{number}", "guest", 1, 1, moment, moment) for number in range(AUTHORS)]
    add_user = "INSERT INTO users (name, name_key, kind, colour, bearer, created_at, seen_at) VALUES (?,?,?,?,?,?,?)"
    connection.executemany(add_user, users)
    first_author = connection.execute("SELECT id FROM users WHERE name = 'author 0'").fetchone()[0]
    room_id = connection.execute("SELECT id FROM rooms WHERE slug = ?", (ROOM,)).fetchone()[0]
    html = rendering.draw(SimpleNamespace(**_a_message(moment)))
    every_id = "WITH RECURSIVE ids(id) AS (SELECT 101 UNION ALL SELECT id + 1 FROM ids WHERE id < 100 + :messages)"
    given = {
        "messages": messages,
        "room": room_id,
        "author": first_author,
        "authors": AUTHORS,
        "body": BODY,
        "html": html,
        "version": rendering.VERSION,
        "moment": moment,
    }
    connection.execute(
        f"""INSERT INTO messages (id, room_id, author_id, client_id, body, html, html_version, created_at)
        {every_id}
        SELECT id, :room, :author + id % :authors, lower(hex(randomblob(16))), :body, :html, :version, :moment
        FROM ids""",
        given,
    )
    connection.execute(
        """INSERT INTO events (id, channel, name, data, message_id, created_at)
        SELECT id, 'room:' || room_id, 'message', '{}', id, created_at FROM messages ORDER BY id DESC LIMIT :logged""",
        {"logged": LOGGED},
    )
    connection.execute("UPDATE log_head SET last_id = (SELECT max(id) FROM events)")
    pruned_to = str(100 + messages - LOGGED)
    connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('pruned_to', ?)", (pruned_to,))


def _a_message(moment: str) -> dict[str, object]:
    author = {"author_id": 1, "name": "author 0", "kind": "guest", "colour": 1, "bearer": 1}
    when = {"created_at": moment, "edited_at": None, "removed_at": None, "removed_by": None}
    return {"id": 1, "body": BODY} | author | when
