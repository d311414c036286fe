"""Who polls, on hosts whose processes do not last: a small file beside the database instead of words between processes.

It is written by SQLite without waiting for the disk, each stay at most once in `WRITE_SECONDS`; after a crash of the
machine everybody is there again with the next poll. A file that is damaged or busy costs a roster, never an answer.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from chat.realtime.hub import Hub
from chat.realtime.presence.memory import People, Presence, Roster, User
from chat.realtime.relay import LocalRelay

WRITE_SECONDS = 20.0
BUSY_SECONDS = 0.2  # no poll is worth a longer wait for who else is there
WORD_SECONDS = 86400.0  # after which nobody's word about themselves counts any more
LONGEST_SECONDS = 900.0  # a stay that would last longer was written by a clock that was wrong

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


class Attendance(Presence):
    """Presence by a file: what is said of polls is kept there, and every question is answered from it.

    It deviates from `Presence` in what only a lasting process can do: nobody holds a stream, nobody is told of
    changes or of typing, and there is no ticker. `clock` is the wall clock, which all processes share.
    """

    def __init__(self, hub: Hub, path: Path, roster_max: int, clock: Callable[[], float] = time.time) -> None:
        super().__init__(hub, LocalRelay(), roster_max, clock)
        self._path = path

    def start(self) -> None:
        """Nobody is to be asked."""

    def stop(self) -> None:
        """Nothing is kept open."""

    def poll(self, user: User, rooms: Mapping[int, str], seconds: float) -> None:
        until = self._clock() + seconds
        wire = json.dumps(user, ensure_ascii=False, sort_keys=True)
        for room_id in rooms:
            known = self._ask("SELECT user, until FROM stays WHERE room_id = ? AND user_id = ?", room_id, user["id"])
            if not known or known[0][0] != wire or not until <= known[0][1] < until + LONGEST_SECONDS:
                stay = (room_id, user["id"], wire, until + WRITE_SECONDS)
                self._write("INSERT OR REPLACE INTO stays VALUES (?, ?, ?, ?)", *stay)

    def say(self, user: User, room_id: int, is_away: bool) -> None:
        self._write("INSERT OR REPLACE INTO words VALUES (?, ?, ?, ?)", room_id, user["id"], self._clock(), is_away)

    def is_away(self, user_id: int, room_id: int) -> bool:
        said = self._ask("SELECT is_away FROM words WHERE room_id = ? AND user_id = ?", room_id, user_id)
        return bool(said and said[0][0])

    def typing(self, user: User, room_id: int, slug: str) -> None:
        """Polls do not tell of it."""

    def forget(self, user_id: int, nameless: str) -> None:
        self._write("DELETE FROM stays WHERE user_id = ?", user_id)
        self._write("DELETE FROM words WHERE user_id = ?", user_id)

    def tick(self) -> None:
        """Drop those who have gone; here once a minute is enough."""
        now = self._clock()
        self._write("DELETE FROM stays WHERE until <= ? OR until >= ?", now, now + LONGEST_SECONDS)
        self._write("DELETE FROM words WHERE at <= ?", now - WORD_SECONDS)

    def count(self, room_id: int) -> int:
        return sum(not is_away for _, is_away in self._merged(room_id).values())

    def people_here(self) -> set[int]:
        present = "SELECT user_id FROM stays WHERE until > ? AND until < ?"
        return {user_id for (user_id,) in self._ask(present, *self._now_and_latest())}

    everybody_here = people_here  # the file is all processes'

    def shown(self, room_id: int) -> Roster:
        return self._to_show(room_id)  # nothing is remembered: others may have written since, and nobody tells of it

    def _token(self, room_id: int) -> str:
        self._tokens.pop(room_id, None)  # as above
        return super()._token(room_id)

    def _merged(self, room_id: int) -> People:
        people: People = {}
        try:
            for text, is_away in self._ask(_HERE, room_id, *self._now_and_latest()):
                user = json.loads(text)
                people[user["id"]] = user, bool(is_away)
        except (ValueError, TypeError, KeyError) as error:
            self._heal(error)
        return people

    def _now_and_latest(self) -> tuple[float, float]:
        """Between which moments the stays end that count."""
        now = self._clock()
        return now, now + LONGEST_SECONDS

    def _ask(self, sql: str, *values: object) -> list[Any]:
        """The rows; none where there is no file yet, or none that can be read."""
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
        with closing(self._open()) as file:
            try:
                return file.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                file.executescript(_TABLES)
                return file.execute(sql, values).fetchall()

    def _make_file(self) -> None:
        """For its owner alone, which SQLite would leave to the umask."""
        if not self._path.exists():
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _open(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        file.execute("PRAGMA synchronous = OFF").close()
        return file

    def _heal(self, error: Exception) -> None:
        """Begin anew where the file is damaged; one that is busy, full or not there yet is left alone."""
        is_about_columns = "column" in str(error)  # another program's tables
        if is_about_columns or not isinstance(error, sqlite3.OperationalError | OSError):
            for suffix in ("", "-journal"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
