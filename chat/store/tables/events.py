"""The table `events`: the log."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, cast, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from chat.core import log_events
from chat.store.schema import events, gaps
from chat.store.schema import facts as facts_table
from chat.store.statement import Prepared, PreparedChange, PreparedValue, fetch_all
from chat.store.tables import facts
from chat.store.transaction import Transaction, highest_id

__all__ = [
    "LoggedEvent",
    "after",
    "append_instead",
    "count",
    "drop",
    "find_all",
    "forget",
    "forget_channel",
    "forget_messages",
    "gap_around",
    "has_lost",
    "highest_id",
    "is_in_gap",
    "mark_of",
    "moves_of_user",
    "newest_id",
    "newest_of_room",
    "newest_of_rooms",
    "of_messages",
    "overwrite",
    "piece_after",
    "prune",
    "pruned_to",
    "rewrite",
    "skip_ids",
]


class LoggedEvent(NamedTuple):
    """A row of the log; `data` is the JSON that goes on the wire."""

    id: int
    channel: str
    name: str
    data: str
    message_id: int | None


def gap_around() -> Select[tuple[int]]:
    """What finds the gap that the cursor is in."""
    within = gaps.c.after_id < bindparam("cursor"), gaps.c.until_id >= bindparam("cursor")
    return select(gaps.c.after_id).where(*within).limit(1)


class _Place(NamedTuple):
    channel: str
    id: int


_BEYOND = (
    select(*events.c[LoggedEvent._fields])
    .where(events.c.id > bindparam("cursor"))
    .order_by(events.c.id)
    .limit(bindparam("most"))
)
_AFTER = Prepared(lambda: _BEYOND, LoggedEvent)
_AFTER_IN = _BEYOND.where(events.c.channel.in_(bindparam("channels", expanding=True)))
_GAP = PreparedValue[int](gap_around)
_HOLES = "log_holes"  # the fact: how many ids beyond `pruned_to` have no event any more
_COUNTED_AT = "log_counted_at"  # the fact: the highest id when the rows were counted
_COUNTED_AGAIN_AFTER = 4  # when the log has grown by such a part: it costs little then, and no error lasts
_DROP = PreparedChange(
    lambda: delete(events).where(events.c.message_id == bindparam("about"), events.c.name == bindparam("of_name"))
)
_ADD_HOLES = PreparedChange(
    lambda: update(facts_table)
    .where(facts_table.c.name == _HOLES)
    .values(value=cast(cast(facts_table.c.value, BigInteger) + bindparam("holes", type_=BigInteger), Text))
)
_NEWEST = PreparedValue[int](lambda: select(func.max(events.c.id)))
_NEWEST_OF_ROOM = PreparedValue[int](
    lambda: select(func.max(events.c.id)).where(events.c.channel == bindparam("channel"))
)
# Neither grouped nor narrowed to rooms: SQLite would go through the whole index of channels for that.
_CHANNELS_AFTER = Prepared(
    lambda: select(events.c.channel, events.c.id).where(events.c.id > bindparam("cursor")).order_by(events.c.id), _Place
)


def after(connection: Connection, cursor: int, limit: int) -> list[LoggedEvent]:
    """The next events beyond the cursor, oldest first."""
    return _AFTER.all(connection, cursor=cursor, most=limit)


def piece_after(
    connection: Connection, cursor: int, channels: Collection[str], most: int, most_bytes: int
) -> tuple[list[LoggedEvent], bool]:
    """The next events of these channels beyond the cursor, and whether those were all.

    As many as there are at most, or as it takes for their data to come to so many bytes (counted as characters).
    """
    rows: list[LoggedEvent] = []
    size = 0
    with connection.execute(_AFTER_IN, {"cursor": cursor, "most": most, "channels": list(channels)}) as found:
        for row in map(LoggedEvent._make, found):
            rows.append(row)
            size += len(row.data)
            if size >= most_bytes:
                return rows, False
    return rows, len(rows) < most


def newest_id(connection: Connection) -> int:
    """The id of the newest event that can be read: what a reader that has read everything holds as its cursor."""
    return _NEWEST.value(connection) or highest_id(connection)


def newest_of_room(connection: Connection, room_id: int) -> int:
    """The id of the room's newest event that is still in the log; 0 where there is none."""
    return _NEWEST_OF_ROOM.value(connection, channel=f"room:{room_id}") or 0


def newest_of_rooms(connection: Connection, cursor: int) -> dict[int, int]:
    """The same of every room that has an event beyond the cursor."""
    found = _CHANNELS_AFTER.all(connection, cursor=cursor)
    return {int(row.channel.removeprefix("room:")): row.id for row in found if row.channel.startswith("room:")}


def pruned_to(connection: Connection) -> int:
    """The highest id that has left the log; a cursor below it has missed something for good."""
    return int(facts.get(connection, "pruned_to") or 0)


def is_in_gap(connection: Connection, cursor: int) -> bool:
    """Whether the cursor is of a time that a restored backup has lost."""
    return _GAP.value(connection, cursor=cursor) is not None


def has_lost(connection: Connection, event_id: int) -> bool:
    """Whether the log knows nothing of an id that it has given: it is of a time that was lost."""
    return highest_id(connection) < event_id or is_in_gap(connection, event_id)


def skip_ids(tx: Transaction, count: int) -> None:
    """Never give the next so many ids: a log that was lost may have given them. Cursors among them are in a gap."""
    last_id = tx.next_id() - 1
    tx.connection.execute(insert(gaps).values(after_id=last_id, until_id=last_id + count))
    tx.skip_ids(count)
    _add_holes(tx, count)


def prune(tx: Transaction, created_before: str, keep: int, limit: int) -> int:
    """Drop the oldest events that are of before then, or more than `keep`; at most `limit`. Returns how many."""
    oldest = tx.connection.execute(select(events.c.id, events.c.created_at).order_by(events.c.id).limit(limit)).all()
    surplus = count(tx) - keep
    old = [id for place, (id, created_at) in enumerate(oldest) if created_at < created_before or place < surplus]
    if old:
        passed = old[-1] - pruned_to(tx.connection)
        pruned = tx.connection.execute(delete(events).where(events.c.id <= old[-1])).rowcount
        facts.put(tx, "pruned_to", str(old[-1]))
        _add_holes(tx, pruned - passed)
    return len(old)


def count(tx: Transaction) -> int:
    """How many events there are: counted now and then, and in between known from the ids and the holes among them."""
    highest = tx.next_id() - 1
    span = highest - pruned_to(tx.connection)
    holes, counted_at = facts.get(tx.connection, _HOLES), int(facts.get(tx.connection, _COUNTED_AT) or 0)
    if holes is not None and highest - counted_at <= span // _COUNTED_AGAIN_AFTER:
        return span - int(holes)
    rows = tx.connection.execute(select(func.count()).select_from(events)).scalar() or 0
    facts.put(tx, _HOLES, str(span - rows))
    facts.put(tx, _COUNTED_AT, str(highest))
    return rows


def _add_holes(tx: Transaction, holes: int) -> None:
    """Note that so many ids have lost their event, or that so many that had lost it are pruned now."""
    if holes:
        _ADD_HOLES.run(tx.connection, {"holes": holes})


def mark_of(row_id: int) -> int:
    """What a `read` (a stay) or `listed` (a room) is about, among the ids of messages: below zero."""
    return -row_id


def append_instead(tx: Transaction, channel: str, name: str, data: str, about: int) -> None:
    """Append an event in place of the earlier ones about the same (`log_events.REPLACES`), which nobody needs now.

    Whoever catches up is sent the newest alone, so that a message that is edited without end stays two rows.
    """
    for replaced in log_events.REPLACES[name]:
        drop(tx, replaced, about)
    tx.append(channel, name, data, message_id=about)


def drop(tx: Transaction, name: str, about: int) -> None:
    """Take the events of this name about a message or a stay out of the log."""
    _add_holes(tx, _DROP.run(tx.connection, {"about": about, "of_name": name}))


def overwrite(tx: Transaction, message_id: int, data: str) -> None:
    """Put `data` into every event of the message, so that no replay shows what it said before."""
    tx.connection.execute(update(events).where(events.c.message_id == message_id).values(data=data))


def forget_channel(tx: Transaction, channel: str) -> None:
    """Take a channel's events out of the log; ids are not given again."""
    _forget_where(tx, events.c.channel == channel)


def forget_messages(tx: Transaction, message_ids: Collection[int]) -> None:
    """Take all events that tell of these messages out of the log."""
    _forget_where(tx, events.c.message_id.in_(message_ids))


def _forget_where(tx: Transaction, which: ColumnElement[bool]) -> None:
    _add_holes(tx, tx.connection.execute(delete(events).where(which)).rowcount)


def moves_of_user(connection: Connection, user_id: int, limit: int) -> list[LoggedEvent]:
    """The first joins and leaves in the user's own channel; the event before each is the room's copy."""
    query = select(*events.c[LoggedEvent._fields]).where(
        events.c.channel == f"user:{user_id}", events.c.name.in_(log_events.MOVES)
    )
    return fetch_all(connection, query.order_by(events.c.id).limit(limit), LoggedEvent)


def forget(tx: Transaction, ids: Collection[int]) -> None:
    """Take events out of the log; ids are not given again."""
    _forget_where(tx, events.c.id.in_(ids))


def find_all(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    """The data of those of these events that are still there."""
    query = select(events.c.id, events.c.data).where(events.c.id.in_(ids))
    return {row.id: row.data for row in connection.execute(query)}


def rewrite(tx: Transaction, event_id: int, data: str) -> None:
    """Put `data`, JSON as it goes on the wire, into one event."""
    tx.connection.execute(update(events).where(events.c.id == event_id).values(data=data))


def of_messages(connection: Connection, message_ids: Collection[int]) -> list[int]:
    """The ids of all events that tell of these messages."""
    return list(connection.execute(select(events.c.id).where(events.c.message_id.in_(message_ids))).scalars())
