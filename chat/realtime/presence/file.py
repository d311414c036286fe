"""Who polls, on hosts whose processes end with a request: a small SQLite file beside the database, shared by all.

It is written without waiting for the disk, each stay at most once in `WRITE_SECONDS`; after a crash of the machine
everyone is there again with their next poll. A file that is damaged or busy costs a roster, never an answer.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from chat.realtime.presence import rosters
from chat.realtime.presence.rosters import People, Roster, User
from chat.realtime.relay import News

WRITE_SECONDS = 20.0
BUSY_SECONDS = 0.2  # a poll must not wait longer for presence
STATUS_SECONDS = 86400.0  # after which a statement about being away no longer counts
LONGEST_SECONDS = 900.0  # a stay that would last longer was written with a wrong clock

_TABLES = """
CREATE TABLE IF NOT EXISTS stays (
    room_id INTEGER, user_id INTEGER, user TEXT, until REAL, PRIMARY KEY (room_id, user_id)
);
CREATE TABLE IF NOT EXISTS words (
    room_id INTEGER, user_id INTEGER, at REAL, is_away INTEGER, PRIMARY KEY (room_id, user_id)
);
"""
_HERE = """
SELECT stays.user, coalesce(words.is_away, 0) FROM stays LEFT JOIN words USING (room_id, user_id)
WHERE stays.room_id = ? AND stays.until > ? AND stays.until < ? ORDER BY stays.user_id
"""


class FilePresence:
    """Presence by a file in which polls are noted and everything is looked up, so others know at once.

    It leaves out what only a lasting process can do: there are no streams, readers are not sent changes or typing, and
    nothing comes by the relay. `clock` is the wall clock, which all processes share; whoever polls is present up to
    `WRITE_SECONDS` longer than they asked for.
    """

    def __init__(self, path: Path, roster_max: int, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._roster_max = roster_max
        self._clock = clock

    def start(self) -> None:
        """Nothing to do: the file has everyone."""

    def receive(self, news: News) -> None:
        """Never called: nothing is published."""

    def tick(self) -> None:
        """Delete old rows. Once a minute is enough, because rosters leave out those who have gone anyway."""
        now = self._clock()
        self._write("DELETE FROM stays WHERE until <= ? OR until >= ?", now, now + LONGEST_SECONDS)
        self._write("DELETE FROM words WHERE at <= ?", now - STATUS_SECONDS)

    def enter(self, user: User, rooms: Mapping[int, str]) -> None:
        """Nothing to do: there are no streams."""

    def leave(self, user: User, room_ids: Iterable[int]) -> None:
        """Nothing to do: there are no streams."""

    def poll(self, user: User, rooms: Mapping[int, str], seconds: float) -> None:
        until = self._clock() + seconds
        wire = json.dumps(user, ensure_ascii=False, sort_keys=True)
        for room_id in rooms:
            known = self._ask("SELECT user, until FROM stays WHERE room_id = ? AND user_id = ?", room_id, user["id"])
            if not known or known[0][0] != wire or not until <= known[0][1] < until + LONGEST_SECONDS:
                stay = (room_id, user["id"], wire, until + WRITE_SECONDS)
                self._write("INSERT OR REPLACE INTO stays VALUES (?, ?, ?, ?)", *stay)

    def set_away(self, user: User, room_id: int, is_away: bool) -> None:
        self._write("INSERT OR REPLACE INTO words VALUES (?, ?, ?, ?)", room_id, user["id"], self._clock(), is_away)

    def is_away(self, user_id: int, room_id: int) -> bool:
        found = self._ask("SELECT is_away FROM words WHERE room_id = ? AND user_id = ?", room_id, user_id)
        return bool(found and found[0][0])

    def typing(self, user: User, room_id: int, slug: str) -> None:
        """Nothing to do: polls do not carry it."""

    def forget(self, user_id: int, nameless: str) -> None:
        self._write("DELETE FROM stays WHERE user_id = ?", user_id)
        self._write("DELETE FROM words WHERE user_id = ?", user_id)

    def roster(self, room_id: int) -> Roster:
        return rosters.of_people(self._people(room_id))

    def shown(self, room_id: int) -> Roster:
        return rosters.as_shown(self.roster(room_id), self._roster_max)

    def wholes(self, rooms: Mapping[int, str], cursor: int, most_bytes: int) -> Iterator[str]:
        return rosters.wholes(rooms, self.shown, cursor, most_bytes)

    def token(self, room_ids: Iterable[int]) -> str:
        return rosters.joined(self._token(room_id) for room_id in sorted(room_ids))

    def people_here(self) -> set[int]:
        present = "SELECT user_id FROM stays WHERE until > ? AND until < ?"
        return {user_id for (user_id,) in self._ask(present, *self._now_and_latest())}

    everybody_here = people_here  # all processes share the file

    def _token(self, room_id: int) -> str:
        people = self._people(room_id)
        count = sum(not is_away for _, is_away in people.values())
        if count > self._roster_max:
            return rosters.token_of_crowd(room_id, count)
        return rosters.token_of_people(room_id, people)

    def _people(self, room_id: int) -> People:
        people: People = {}
        try:
            for text, is_away in self._ask(_HERE, room_id, *self._now_and_latest()):
                user = json.loads(text)
                people[user["id"]] = user, bool(is_away)
        except (ValueError, TypeError, KeyError) as error:
            self._heal(error)
        return people

    def _now_and_latest(self) -> tuple[float, float]:
        """The moments between which a stay must end to count."""
        now = self._clock()
        return now, now + LONGEST_SECONDS

    def _ask(self, sql: str, *values: object) -> list[Any]:
        """The rows; none if there is no file yet or it cannot be read."""
        if not self._path.exists():
            return []
        try:
            return self._run(sql, values)
        except sqlite3.Error as error:
            self._heal(error)
            return []

    def _write(self, sql: str, *values: object) -> None:
        try:
            self._make_file()
            self._run(sql, values)
        except (sqlite3.Error, OSError) as error:
            self._heal(error)

    def _run(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)) as file:
            file.execute("PRAGMA synchronous = OFF").close()
            try:
                return file.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                file.executescript(_TABLES)
                return file.execute(sql, values).fetchall()

    def _make_file(self) -> None:
        """Make the file readable by its owner only, which SQLite would leave to the umask."""
        if not self._path.exists():
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _heal(self, error: Exception) -> None:
        """Remove the file if it is damaged; one that is busy, on a full disk or not there yet is left alone."""
        is_about_columns = "column" in str(error)  # another program's tables
        if is_about_columns or not isinstance(error, sqlite3.OperationalError | OSError):
            for suffix in ("", "-journal"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
