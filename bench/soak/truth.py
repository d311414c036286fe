"""What the database says after a run: the log, who was where when, and which text each message has."""

import json
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from bench.soak.diary import NUMBERS, Seat
from bench.soak.words import checksum, token_of, version_in

Span = tuple[int, int | None]  # from a join's id to a leave's, both heard


class Row(NamedTuple):
    id: int
    channel: str
    name: str
    data: str
    message_id: int | None


class Truth:
    """The log up to `last_id`, read as the contract says and not as the server does."""

    def __init__(self, rows: Iterable[Row], rooms: dict[str, int], users: dict[str, int],
                 messages: Iterable[tuple[int, str | None, str]]) -> None:
        self.rows = list(rows)
        self.last_id = max((row.id for row in self.rows), default=0)
        self._rooms = rooms
        self._users = users
        self._by_channel: dict[str, list[int]] = defaultdict(list)
        self.events: dict[int, Row] = {}
        self.latest: dict[int, tuple[int, int]] = {}  # message → the version and checksum of its text in the log
        for row in self.rows:
            if row.name not in NUMBERS:
                continue
            self.events[row.id] = row
            self._by_channel[row.channel].append(row.id)
            if row.message_id is not None and row.message_id > 0:  # below zero it is a stay, of a mark of reading
                data = row.data.encode()
                self.latest[row.message_id] = version_in(data), checksum(data)
        self.by_key: dict[str, list[int]] = defaultdict(list)
        self.by_body: dict[str, list[int]] = defaultdict(list)
        for id, client_id, body in messages:
            if client_id is not None:
                self.by_key[client_id].append(id)
            if token := token_of(body):
                self.by_body[token].append(id)
        self.heard_by = lru_cache(maxsize=None)(self._heard_by)

    def expected(self, seat: Seat, began: int, ended: int | None) -> list[int]:
        """The ids of the events that this reader must have been given, in their order."""
        name = seat.guest.name if seat.guest is not None else None
        ids = self.heard_by(name, seat.rooms, seat.way in ("frame", "page"))
        last = len(ids) if ended is None else bisect_right(ids, ended)
        return ids[bisect_right(ids, began):last]

    def _heard_by(self, name: str | None, rooms: tuple[str, ...] | None, messages_alone: bool) -> list[int]:
        user = self._users[name] if name is not None else None
        if rooms is not None:
            heard = [id for room in rooms for id in self._by_channel[f"room:{self._rooms[room]}"]]
        else:
            assert user is not None
            heard = [id for room in self._rooms.values() for id in self._in_spans(room, user)]
        if messages_alone:
            return sorted(id for id in heard if self.events[id].name == "message")
        return sorted([*heard, *self._by_channel[f"user:{user}"]])

    def _in_spans(self, room: int, user: int) -> list[int]:
        spans = self.spans(room, user)
        return [id for id in self._by_channel[f"room:{room}"]
                if any(first <= id and (last is None or id <= last) for first, last in spans)]

    def spans(self, room: int, user: int) -> list[Span]:
        """From each of the user's joins to the leave after it, by the room's own copies of these events."""
        spans: list[Span] = []
        for id in self._by_channel[f"room:{room}"]:
            row = self.events[id]
            if row.name not in ("join", "leave") or json.loads(row.data)["user"]["id"] != user:
                continue
            if row.name == "join":
                spans.append((id, None))
            elif spans:
                spans[-1] = (spans[-1][0], id)
        return spans


def read(database: Path, last_id: int) -> Truth:
    """The truth of a database that nobody writes to any more, of its log up to `last_id`."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = map(Row._make, connection.execute(
            "SELECT id, channel, name, data, message_id FROM events WHERE id <= ? ORDER BY id", (last_id,)).fetchall())
        rooms = dict(connection.execute("SELECT slug, id FROM rooms").fetchall())
        users = dict(connection.execute("SELECT name, id FROM users").fetchall())
        messages = connection.execute("SELECT id, client_id, body FROM messages").fetchall()
    return Truth(rows, rooms, users, messages)
