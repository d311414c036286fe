"""The tables `rooms` and `memberships`: a place, and the stays in it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from chat.core import names
from chat.store.schema import ID, bans, events, memberships, rooms, sessions
from chat.store.statement import Prepared, PreparedValue, fetch_all
from chat.store.tables.bans import STANDS
from chat.store.transaction import Transaction

USERS_A_QUESTION = 10_000  # SQLite takes 32,766 values at most
REMOVED = "removed"  # the kind of a room that is no more; its row stays for its messages' client ids


class Room(NamedTuple):
    """Where people talk; its `kind` is open or closed, or `REMOVED`."""

    id: int
    slug: str
    name: str
    topic: str
    kind: str
    created_at: str
    opened_by: int | None
    name_key: str


class KnownRoom(NamedTuple):
    """A room that a user may know of, and how far they have read there; None where they are not in it."""

    room: Room
    read_id: int | None


class Stay(NamedTuple):
    """A user's place in a room, from the event `from_id` to the event `to_id`, which is None while they are in it."""

    id: int
    room_id: int
    user_id: int
    from_id: int
    to_id: int | None
    join_id: int | None
    read_id: int


class NamedStay(NamedTuple):
    """The same with the room's address."""

    id: int
    room_id: int
    user_id: int
    from_id: int
    to_id: int | None
    join_id: int | None
    read_id: int
    slug: str


class EndedStay(NamedTuple):
    """A stay that another may go on with."""

    id: int
    to_id: int


class Span(NamedTuple):
    """Of a stay only from which event to which it lasts."""

    room_id: int
    from_id: int
    to_id: int | None


class ReaderStay(NamedTuple):
    """The same, with whether the reader's session is living, and whether the user is banned. Without a stay, its part
    is None.
    """

    room_id: int | None
    from_id: int | None
    to_id: int | None
    is_living: bool
    is_banned: bool


_BY_SLUG = Prepared(lambda: select(rooms).where(rooms.c.slug == bindparam("slug"), rooms.c.kind != REMOVED), Room)
_STAYS = Prepared(
    lambda: select(*memberships.c[Span._fields]).where(memberships.c.user_id == bindparam("user_id")), Span
)


def _stays_of_reader() -> Select[Any]:
    """Whether the reader may see anything is asked once, however many stays there are."""
    reader = select(
        bindparam("user_id", type_=ID).label("user_id"),
        exists().where(sessions.c.id == bindparam("session_id"), sessions.c.ended_at.is_(None)).label("is_living"),
        exists().where(STANDS, bans.c.user_id == bindparam("user_id")).label("is_banned"),
    ).subquery()
    is_theirs = and_(
        memberships.c.user_id == reader.c.user_id,
        or_(memberships.c.to_id.is_(None), memberships.c.to_id > bindparam("since")),
    )
    stays = memberships.c[Span._fields]
    return select(*stays, reader.c.is_living, reader.c.is_banned).select_from(reader.outerjoin(memberships, is_theirs))


_STAYS_OF_READER = Prepared(_stays_of_reader, ReaderStay)
_STAYS_OF_ALL = select(
    memberships.c.user_id, memberships.c.room_id, memberships.c.from_id, memberships.c.to_id
).where(memberships.c.user_id.in_(bindparam("user_ids", expanding=True)))


def _present() -> Select[Any]:
    return select(memberships).where(memberships.c.room_id == bindparam("room_id"), memberships.c.to_id.is_(None))


_MEMBERS = Prepared(_present, Stay)
_MEMBERSHIP = Prepared(lambda: _present().where(memberships.c.user_id == bindparam("user_id")), Stay)
_LAST_STAY = Prepared(
    lambda: select(memberships.c.id, memberships.c.to_id)
    .where(
        memberships.c.room_id == bindparam("room_id"),
        memberships.c.user_id == bindparam("user_id"),
        memberships.c.to_id.is_not(None),
    )
    .order_by(memberships.c.to_id.desc())
    .limit(1),
    EndedStay,
)
_COUNT_CURRENT = PreparedValue[int](
    lambda: select(func.count()).where(
        memberships.c.user_id == bindparam("user_id"), memberships.c.to_id.is_(None)
    )
)


def _begins() -> Select[Any]:
    return (
        select(events.c.created_at)
        .select_from(memberships.outerjoin(events, events.c.id == memberships.c.join_id))
        .where(memberships.c.user_id == bindparam("user_id"))
        .order_by(memberships.c.id.desc())
        .offset(bindparam("newer"))
        .limit(1)
    )


_BEGIN = PreparedValue[str](_begins)
_BEGIN_IN_ROOM = PreparedValue[str](lambda: _begins().where(memberships.c.room_id == bindparam("room_id")))
_IS_THERE = and_(rooms.c.id == bindparam("room_id"), rooms.c.kind != REMOVED)
_SLUG = PreparedValue[str](lambda: select(rooms.c.slug).where(_IS_THERE))
_KIND = PreparedValue[str](lambda: select(rooms.c.kind).where(_IS_THERE))


def _known() -> Select[Any]:
    is_in = and_(
        memberships.c.room_id == rooms.c.id,
        memberships.c.user_id == bindparam("user_id"),
        memberships.c.to_id.is_(None),
    )
    return (
        select(rooms, memberships.c.read_id)
        .join(memberships, is_in, isouter=True)
        .where(rooms.c.kind != REMOVED, (rooms.c.kind == "open") | memberships.c.read_id.is_not(None))
        .limit(bindparam("most"))
    )


_BY_NAME = (func.lower(rooms.c.name), rooms.c.id)
_KNOWN_BY_NAME = Prepared(lambda: _known().order_by(*_BY_NAME).offset(bindparam("skip")), KnownRoom)
_KNOWN_NEAREST = Prepared(
    lambda: _known().order_by(rooms.c.slug != bindparam("current"), memberships.c.read_id.is_(None), *_BY_NAME),
    KnownRoom,
)


def find(connection: Connection, slug: str) -> Room | None:
    """The room at this address, closed or not; a removed one has none."""
    return _BY_SLUG.first(connection, slug=slug)


def slugs(connection: Connection, room_ids: Iterable[int]) -> dict[int, str]:
    """The slugs of those of these rooms that are still there, in the order given."""
    found = {room_id: _SLUG.value(connection, room_id=room_id) for room_id in room_ids}  # mostly one or two
    return {room_id: slug for room_id, slug in found.items() if slug is not None}


def open_ids(connection: Connection, room_ids: Iterable[int]) -> set[int]:
    """Those of these rooms that are open to everybody."""
    return {room_id for room_id in room_ids if _KIND.value(connection, room_id=room_id) == "open"}


def known(connection: Connection, user_id: int | None, most: int, skip: int = 0) -> list[KnownRoom]:
    """The rooms that the user may know of, by name; without a user, the open ones."""
    return _KNOWN_BY_NAME.all(connection, user_id=user_id, most=most, skip=skip)


def nearest(connection: Connection, user_id: int | None, current: str, most: int) -> list[KnownRoom]:
    """The same, but first the room at hand, then those that the user is in."""
    return _KNOWN_NEAREST.all(connection, user_id=user_id, current=current, most=most)


def all_rooms(
    connection: Connection, most: int | None = None, skip: int = 0, name: str = ""
) -> list[Room]:
    """Every room by name, closed ones too, or those in whose name `name` occurs: for the owner."""
    query = select(rooms).where(rooms.c.kind != REMOVED).order_by(*_BY_NAME).limit(most).offset(skip)
    if name:
        query = query.where(rooms.c.name.icontains(name, autoescape=True))
    return fetch_all(connection, query, Room)


def named(connection: Connection, name: str) -> list[Room]:
    """Every room whose name is this one by what is seen of it, closed ones too."""
    query = select(rooms).where(rooms.c.name_key == names.name_key(name), rooms.c.kind != REMOVED)
    return fetch_all(connection, query.order_by(rooms.c.id), Room)


def count(connection: Connection, opened_by: int | None = None) -> int:
    """How many rooms there are, or how many of them a user has opened."""
    query = select(func.count()).where(rooms.c.kind != REMOVED)
    if opened_by is not None:
        query = query.where(rooms.c.opened_by == opened_by)
    return int(connection.execute(query).scalar_one())


def opened_by(connection: Connection, user_id: int) -> list[str]:
    """The slugs of the rooms that a user has opened."""
    query = select(rooms.c.slug).where(rooms.c.opened_by == user_id, rooms.c.kind != REMOVED)
    return list(connection.execute(query.order_by(rooms.c.id)).scalars())


def forget_opener(tx: Transaction, user_id: int) -> None:
    """Drop who has opened a room, wherever it is this user."""
    tx.connection.execute(update(rooms).where(rooms.c.opened_by == user_id).values(opened_by=None))


def add(tx: Transaction, slug: str, name: str, topic: str, kind: str, opened_by: int | None) -> int:
    """A new room; returns its id."""
    place = {"slug": slug, "name": name, "name_key": names.name_key(name), "topic": topic, "kind": kind}
    return tx.insert(rooms, place | {"created_at": tx.now, "opened_by": opened_by})


def change(tx: Transaction, room_id: int, **values: Any) -> None:
    """Set these columns of the room, and with its name what names are compared by."""
    if "name" in values:
        values["name_key"] = names.name_key(values["name"])
    tx.connection.execute(update(rooms).where(rooms.c.id == room_id).values(**values))


def stays(connection: Connection, user_id: int) -> list[Span]:
    """All stays of a user, past ones too."""
    return _STAYS.all(connection, user_id=user_id)


def stays_of_reader(
    connection: Connection, user_id: int, session_id: int | None, since: int, now: str
) -> list[ReaderStay]:
    """The stays that did not end by the event `since`, in one question with whether the session is living, and whether
    the user is banned.

    There is always a row; its `room_id` is None where there is no stay.
    """
    return _STAYS_OF_READER.all(connection, user_id=user_id, session_id=session_id, since=since, now=now)


def stays_of_all(connection: Connection, user_ids: Iterable[int]) -> dict[int, list[Span]]:
    """All stays of these users, by user."""
    found: dict[int, list[Span]] = {}
    asked = sorted(user_ids)
    for start in range(0, len(asked), USERS_A_QUESTION):
        some = {"user_ids": asked[start : start + USERS_A_QUESTION]}
        for user_id, *stay in connection.execute(_STAYS_OF_ALL, some):
            found.setdefault(user_id, []).append(Span._make(stay))
    return found


def stays_with_slugs(connection: Connection, user_id: int) -> list[NamedStay]:
    """All stays of a user in rooms that are still there, past ones too."""
    query = select(memberships, rooms.c.slug).join(rooms, rooms.c.id == memberships.c.room_id)
    return fetch_all(
        connection, query.where(memberships.c.user_id == user_id, rooms.c.kind != REMOVED), NamedStay
    )


def current_stays(connection: Connection, user_id: int) -> list[NamedStay]:
    """The user's present stays."""
    return [stay for stay in stays_with_slugs(connection, user_id) if stay.to_id is None]


def membership(connection: Connection, room_id: int, user_id: int) -> Stay | None:
    """The user's present stay in a room."""
    return _MEMBERSHIP.first(connection, room_id=room_id, user_id=user_id)


def members(connection: Connection, room_id: int) -> list[Stay]:
    """The present stays in a room."""
    return _MEMBERS.all(connection, room_id=room_id)


def last_stay(connection: Connection, room_id: int, user_id: int) -> EndedStay | None:
    """The last stay that has ended, or None."""
    return _LAST_STAY.first(connection, room_id=room_id, user_id=user_id)


def count_current(connection: Connection, user_id: int) -> int:
    """In how many rooms the user is."""
    return _COUNT_CURRENT.value(connection, user_id=user_id) or 0


def begin_of_stay(connection: Connection, user_id: int, number: int, room_id: int | None = None) -> str:
    """When the stay began that is the user's last but so many (the last is 1), in one room or all; "" where there is
    none, or the log does not tell any more.
    """
    which = {"user_id": user_id, "newer": number - 1}
    if room_id is None:
        return _BEGIN.value(connection, **which) or ""
    return _BEGIN_IN_ROOM.value(connection, room_id=room_id, **which) or ""


def begin_stay(tx: Transaction, room_id: int, user_id: int, from_id: int, read_id: int) -> None:
    """Let the user be in the room from the event `from_id` on."""
    values = {"room_id": room_id, "user_id": user_id, "from_id": from_id, "join_id": from_id, "read_id": read_id}
    tx.connection.execute(insert(memberships).values(**values))


def show_past(tx: Transaction, room_id: int) -> None:
    """Let those who are in the room keep all that was said there before."""
    current = (memberships.c.room_id == room_id) & memberships.c.to_id.is_(None)
    tx.connection.execute(update(memberships).where(current).values(from_id=0))


def end_stay(tx: Transaction, membership_id: int, to_id: int) -> None:
    """Let a stay end with the event `to_id`."""
    tx.connection.execute(update(memberships).where(memberships.c.id == membership_id).values(to_id=to_id))


def go_on(tx: Transaction, membership_id: int, read_id: int) -> None:
    """Let a stay that has ended go on."""
    tx.connection.execute(
        update(memberships).where(memberships.c.id == membership_id).values(to_id=None, read_id=read_id)
    )


def forget_stays(tx: Transaction, user_id: int, until: int) -> None:
    """Drop the user's stays that ended by this event."""
    tx.connection.execute(delete(memberships).where(memberships.c.user_id == user_id, memberships.c.to_id <= until))


def mark_read(tx: Transaction, membership_id: int, read_id: int) -> None:
    """Note up to which message the user has read there."""
    tx.connection.execute(update(memberships).where(memberships.c.id == membership_id).values(read_id=read_id))

