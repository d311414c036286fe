"""The table `messages`; every look-up brings the author along, because nothing is drawn without one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.engine import Connection

from chat.schema import messages, rooms, users
from chat.store.transaction import Transaction

_WITH_AUTHOR = (
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
_KEPT = _WITH_AUTHOR.where(messages.c.expired_at.is_(None))
_BY_ID = _WITH_AUTHOR.where(messages.c.id == bindparam("message_id"))
_BY_CLIENT_ID = _WITH_AUTHOR.where(
    messages.c.author_id == bindparam("author_id"), messages.c.client_id == bindparam("client_id")
)
_OF_ROOM = _KEPT.where(messages.c.room_id == bindparam("room_id")).limit(bindparam("most"))
_NEWEST = _OF_ROOM.order_by(messages.c.id.desc())
_BEFORE = _NEWEST.where(messages.c.id < bindparam("message_id"))
_AFTER = _OF_ROOM.where(messages.c.id > bindparam("message_id")).order_by(messages.c.id)
_NEWEST_ID = select(func.max(messages.c.id)).where(messages.c.room_id == bindparam("room_id"))
_ADD = insert(messages)
_UNREAD = (
    select(messages.c.id)
    .where(
        messages.c.room_id == bindparam("room_id"),
        messages.c.id > bindparam("read_id"),
        messages.c.author_id != bindparam("user_id"),
        messages.c.removed_at.is_(None),
        messages.c.expired_at.is_(None),
    )
    .limit(bindparam("most"))
)
_COUNT_UNREAD = select(func.count()).select_from(_UNREAD.subquery())


def add(tx: Transaction, values: dict[str, Any]) -> None:
    tx.connection.execute(_ADD, values)


def change(tx: Transaction, message_id: int, **values: Any) -> None:
    tx.connection.execute(update(messages).where(messages.c.id == message_id).values(**values))


def find(connection: Connection, message_id: int) -> Any:
    return connection.execute(_BY_ID, {"message_id": message_id}).first()


def find_by_client_id(connection: Connection, author_id: int, client_id: str) -> Any:
    """The first message that this author sent under this client id."""
    return connection.execute(_BY_CLIENT_ID, {"author_id": author_id, "client_id": client_id}).first()


def before(connection: Connection, room_id: int, message_id: int | None, limit: int) -> Sequence[Any]:
    """The last messages of a room below an id, or of all; oldest first."""
    which: dict[str, Any] = {"room_id": room_id, "most": limit}
    if message_id is None:
        return connection.execute(_NEWEST, which).all()[::-1]
    return connection.execute(_BEFORE, which | {"message_id": message_id}).all()[::-1]


def after(connection: Connection, room_id: int, message_id: int, limit: int) -> Sequence[Any]:
    """The first messages of a room beyond an id, oldest first."""
    which = {"room_id": room_id, "message_id": message_id, "most": limit}
    return connection.execute(_AFTER, which).all()


def newest_id(connection: Connection, room_id: int) -> int:
    return connection.execute(_NEWEST_ID, {"room_id": room_id}).scalar() or 0


def count_unread(connection: Connection, room_id: int, user_id: int, read_id: int, limit: int) -> int:
    """How many messages of others stand beyond `read_id`, counted up to `limit`."""
    which = {"room_id": room_id, "user_id": user_id, "read_id": read_id, "most": limit}
    return connection.execute(_COUNT_UNREAD, which).scalar() or 0


def of_author(connection: Connection, author_id: int, after_id: int, limit: int | None) -> Sequence[Any]:
    """What a user has written beyond an id, oldest first."""
    query = _KEPT.where(messages.c.author_id == author_id, messages.c.id > after_id)
    return connection.execute(query.order_by(messages.c.id).limit(limit)).all()


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
