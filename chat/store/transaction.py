"""One change of the store: the connection that holds the write lock, and the log to append to."""

import secrets
from typing import Any

from sqlalchemy import Select, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from chat.core import log_events
from chat.core.times import now
from chat.store.schema import events, facts, log_head
from chat.store.statement import PreparedChange, PreparedValue


def highest_id_given() -> Select[Any]:
    """The head, and the newest event: a process of an earlier version, which is about to end, moves no head."""
    given = select(log_head.c.last_id).union_all(select(func.max(events.c.id))).subquery()
    return select(func.max(given.c.last_id))


_ADD_EVENT = PreparedChange(lambda: insert(events))
_HIGHEST_ID = PreparedValue[int](highest_id_given)
_MOVE_HEAD = PreparedChange(lambda: update(log_head).values(last_id=bindparam("new_id")))
_DROP_FACT = PreparedChange(lambda: delete(facts).where(facts.c.name == bindparam("fact")))
_ADD_FACT = PreparedChange(lambda: insert(facts))


class Transaction:
    """What a change is given to write with; whatever it does becomes visible at once, after the commit, or never.

    Ids are handed out here rather than by the database, because the JSON of a message's event holds its id. That is
    safe: whoever has a transaction has the only write lock, so ids also become visible in their order.
    """

    __slots__ = ("_head", "_last_id", "appended", "connection", "erases", "now")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.now = now()
        self.appended = 0
        self.erases = False  # a change sets it when what it overwrites must leave the file, too
        self._head = self._last_id = -1  # not known yet

    def insert(self, table: Table, values: dict[str, Any]) -> int:
        """Add a row; returns the id that the database gave it."""
        key = self.connection.execute(insert(table).values(**values)).inserted_primary_key
        assert key is not None
        return int(key.id)

    def mark(self) -> tuple[int, int]:
        """What `take_back` is to be given to come back to here."""
        return self.appended, self._last_id

    def take_back(self, mark: tuple[int, int]) -> None:
        """After a change was undone: its events don't count, and their ids are to be given."""
        self.appended, self._last_id = mark

    def finish(self) -> None:
        """Before the commit: note which id was given last, once for all events."""
        if self._last_id > self._head:
            _MOVE_HEAD.run(self.connection, {"new_id": self._last_id})

    def next_id(self) -> int:
        """The id that the next appended event will have."""
        if self._last_id < 0:
            self._head = self._last_id = highest_id(self.connection)
        return self._last_id + 1

    def skip_ids(self, count: int) -> None:
        """Never give the next so many ids; see `events.skip_ids`."""
        self._last_id = self.next_id() - 1 + count

    def append(self, channel: str, name: str, data: str, message_id: int | None = None) -> int:
        """Add an event to the log; `data` is the JSON that goes on the wire. Returns its id."""
        event_id = self.next_id()
        _ADD_EVENT.run(
            self.connection,
            {
                "id": event_id,
                "channel": channel,
                "name": name,
                "data": data,
                "message_id": message_id,
                "created_at": self.now,
            },
        )
        self._last_id = event_id
        self.appended += 1
        if name in log_events.ENDS_ACCESS:
            self._begin_epoch(channel, name, event_id)
        return event_id

    def put_fact(self, name: str, value: str) -> None:
        """Let the fact of this name be this, whether there is one or not."""
        _DROP_FACT.run(self.connection, {"fact": name})
        _ADD_FACT.run(self.connection, {"name": name, "value": value})

    def _begin_epoch(self, channel: str, name: str, event_id: int) -> None:
        """Note that somebody may have lost the right to read, a room or the site; see `store.tables.epochs`."""
        scope = "site" if name == log_events.REVOKE else channel
        if not scope.startswith("user:"):  # what the room's own channel was told as well
            mark = f"{event_id} {secrets.token_hex(8)}"  # a restored backup gives ids again, not this
            self.put_fact(f"epoch:{scope}", mark)


def highest_id(connection: Connection) -> int:
    """The highest id that the log ever gave; 0 before the first. Pruning does not lower it."""
    return _HIGHEST_ID.value(connection) or 0
