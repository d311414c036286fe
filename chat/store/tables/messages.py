"""The table `messages`; every look-up brings the author along, because nothing is drawn without one."""

from collections.abc import Generator
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, func, insert, literal, select, update
from sqlalchemy.engine import Connection

from chat.store.schema import memberships, messages, rooms, users
from chat.store.statement import Prepared, PreparedChange, PreparedValue, fetch_all
from chat.store.tables.rooms import REMOVED
from chat.store.transaction import Transaction


class Message(NamedTuple):
    """What was written, with its room (`slug`, `room_kind`) and its author (`name`, `kind`, `colour`, `bearer`).

    A removed one, whose body is empty, has `removed_at` and `removed_by`: author or owner. One that is no longer kept
    has `expired_at`.
    """

    id: int
    room_id: int
    author_id: int
    client_id: str | None
    body: str
    html: str
    html_version: str
    created_at: str
    edited_at: str | None
    removed_at: str | None
    removed_by: str | None
    expired_at: str | None
    slug: str
    room_kind: str
    name: str
    kind: str
    colour: int
    bearer: int


class PostTarget(NamedTuple):
    """All that a post depends on: the room, with the author's `stay_id` in it, the `first_id` that was sent under this
    client id, and when the author was `released_at`. The `id` is None where there is no such room.
    """

    id: int | None
    slug: str | None
    kind: str | None
    stay_id: int | None
    first_id: int | None
    released_at: str | None


DRAWN = ("html", "html_version")  # how a message is shown, which says nothing more about its author


def _with_author() -> Select[Any]:
    return (
        select(
            messages,
            rooms.c.slug,
            rooms.c.kind.label("room_kind"),
            users.c.name,
            users.c.kind,
            users.c.colour,
            users.c.bearer,
        )
        .join(users, users.c.id == messages.c.author_id)
        .join(rooms, rooms.c.id == messages.c.room_id)
    )


def _kept() -> Select[Any]:
    return _with_author().where(messages.c.expired_at.is_(None))


def _of_room() -> Select[Any]:
    return _kept().where(messages.c.room_id == bindparam("room_id")).limit(bindparam("most"))


def _from_newest() -> Select[Any]:
    return _of_room().order_by(messages.c.id.desc())


def _written_by() -> Select[Any]:
    kept = _kept()
    columns = (literal("").label(c.name) if c.name in DRAWN else c for c in kept.selected_columns)
    return (
        kept.with_only_columns(*columns)
        .where(
            # A sum has no index: by that of authors all that one ever wrote would be sorted for each part of it.
            messages.c.author_id + 0 == bindparam("author_id"),
            messages.c.id > bindparam("after_id"),
            messages.c.id <= bindparam("end_id"),
        )
        .order_by(messages.c.id)
        .limit(bindparam("most"))
    )


_BY_ID = Prepared(lambda: _with_author().where(messages.c.id == bindparam("message_id")), Message)
_NEWEST = Prepared(_from_newest, Message)
_BEFORE = Prepared(lambda: _from_newest().where(messages.c.id < bindparam("message_id")), Message)
_AFTER = Prepared(lambda: _of_room().where(messages.c.id > bindparam("message_id")).order_by(messages.c.id), Message)
_WRITTEN_BY = Prepared(_written_by, Message)
_HIGHEST_ID = PreparedValue[int](lambda: select(func.max(messages.c.id)))
_NEWEST_ID = PreparedValue[int](
    lambda: select(func.max(messages.c.id)).where(messages.c.room_id == bindparam("room_id"))
)


def _before_post() -> Select[Any]:
    is_same = and_(messages.c.author_id == users.c.id, messages.c.client_id == bindparam("client_id"))
    is_named = and_(rooms.c.slug == bindparam("slug"), rooms.c.kind != REMOVED)
    is_in = and_(
        memberships.c.room_id == rooms.c.id, memberships.c.user_id == users.c.id, memberships.c.to_id.is_(None)
    )
    return (
        select(
            rooms.c.id,
            rooms.c.slug,
            rooms.c.kind,
            memberships.c.id.label("stay_id"),
            messages.c.id.label("first_id"),
            users.c.released_at,
        )
        .select_from(users)
        .join(messages, is_same, isouter=True)
        .join(rooms, is_named, isouter=True)
        .join(memberships, is_in, isouter=True)
        .where(users.c.id == bindparam("author_id"))
    )


_BEFORE_POST = Prepared(_before_post, PostTarget)
_ADD = PreparedChange(lambda: insert(messages))
_CHANGING = ("body", "html", "html_version", "edited_at", "removed_at", "removed_by")


def _unread() -> Select[Any]:
    return select(messages.c.id).where(
        messages.c.room_id == bindparam("room_id"),
        messages.c.id > bindparam("read_id"),
        messages.c.author_id != bindparam("user_id"),
        messages.c.removed_at.is_(None),
        messages.c.expired_at.is_(None),
    )


_FIRST_UNREAD = PreparedValue[int](lambda: _unread().order_by(messages.c.id).limit(1))
_COUNT_UNREAD = PreparedValue[int](
    lambda: select(func.count()).select_from(_unread().limit(bindparam("most")).subquery())
)


def add(tx: Transaction, message: Message) -> None:
    """A new message; its `id` is the one of the event that tells of it."""
    _ADD.run(tx.connection, message._asdict())  # a driver leaves out what the statement has no place for


def change(tx: Transaction, message: Message) -> None:
    """Put what an edit or a removal changes of a message in the place of what it was."""
    values = {name: getattr(message, name) for name in _CHANGING}
    tx.connection.execute(update(messages).where(messages.c.id == message.id).values(**values))


def find(connection: Connection, message_id: int) -> Message | None:
    """The message of this id, also one that was removed or is no longer kept."""
    return _BY_ID.first(connection, message_id=message_id)


def get(connection: Connection, message_id: int) -> Message:
    """The same by an id that the store itself has given: no message's row is ever deleted."""
    found = find(connection, message_id)
    assert found is not None, f"there is no message {message_id}"
    return found


def before_post(connection: Connection, author_id: int, slug: str, client_id: str | None) -> PostTarget:
    """All that a post depends on, in one look."""
    found = _BEFORE_POST.first(connection, author_id=author_id, slug=slug, client_id=client_id)
    assert found is not None, "no user is ever deleted"
    return found


def before(connection: Connection, room_id: int, message_id: int | None, limit: int) -> Generator[Message, None, None]:
    """The last messages of a room below an id, or of all; newest first, each read when it is asked for."""
    if message_id is None:
        return _NEWEST.each(connection, room_id=room_id, most=limit)
    return _BEFORE.each(connection, room_id=room_id, message_id=message_id, most=limit)


def after(connection: Connection, room_id: int, message_id: int, limit: int) -> Generator[Message, None, None]:
    """The first messages of a room beyond an id, oldest first, each read when it is asked for."""
    return _AFTER.each(connection, room_id=room_id, message_id=message_id, most=limit)


def around(connection: Connection, room_id: int, message_id: int, limit: int) -> Generator[Message, None, None]:
    """The message, or the last one before its id, then its neighbours by turns; where one side is short, more of the
    other. So those that are read first are what a bound should keep.
    """
    older = before(connection, room_id, message_id + 1, limit)
    yield from islice(older, 1)
    for pair in zip_longest(older, after(connection, room_id, message_id, limit)):
        yield from (message for message in pair if message is not None)


def newest_id(connection: Connection, room_id: int) -> int:
    """The room's newest message; 0 where there is none."""
    return _NEWEST_ID.value(connection, room_id=room_id) or 0


def highest_id(connection: Connection) -> int:
    """The newest message of all; 0 where there is none."""
    return _HIGHEST_ID.value(connection) or 0


def count_unread(connection: Connection, room_id: int, user_id: int, read_id: int, limit: int) -> int:
    """How many messages of others stand beyond `read_id`, counted up to `limit`."""
    which = {"room_id": room_id, "user_id": user_id, "read_id": read_id, "most": limit}
    return _COUNT_UNREAD.value(connection, **which) or 0


def first_unread(connection: Connection, room_id: int, user_id: int, read_id: int) -> int | None:
    """The first message of others beyond `read_id`, if there is one."""
    which = {"room_id": room_id, "user_id": user_id, "read_id": read_id}
    return _FIRST_UNREAD.value(connection, **which)


def of_author(connection: Connection, author_id: int, after_id: int, limit: int | None) -> list[Message]:
    """What a user has written beyond an id, oldest first."""
    query = _kept().where(messages.c.author_id == author_id, messages.c.id > after_id)
    return fetch_all(connection, query.order_by(messages.c.id).limit(limit), Message)


def written_by(connection: Connection, author_id: int, after_id: int, end_id: int, limit: int) -> list[Message]:
    """What a user has written between two ids, oldest first; its html is left out, and is empty."""
    return _WRITTEN_BY.all(connection, author_id=author_id, after_id=after_id, end_id=end_id, most=limit)


def expire(tx: Transaction, created_before: str, limit: int) -> list[int]:
    """Blank the oldest messages of before then, at most `limit`; returns their ids."""
    query = select(messages.c.id).where(messages.c.created_at < created_before, messages.c.expired_at.is_(None))
    ids = list(tx.connection.execute(query.order_by(messages.c.created_at).limit(limit)).scalars())
    blank = {"body": "", "html": "", "html_version": "", "expired_at": tx.now}
    tx.connection.execute(update(messages).where(messages.c.id.in_(ids)).values(**blank))
    return ids


def blank_room(tx: Transaction, room_id: int) -> None:
    """Overwrite all that was said in a room; the rows stay, for their client ids."""
    blank = {"body": "", "html": "", "html_version": "", "removed_at": tx.now, "removed_by": "owner"}
    tx.connection.execute(update(messages).where(messages.c.room_id == room_id).values(**blank))
