"""The table `inbox`, where other programs put messages in."""

from typing import NamedTuple

from sqlalchemy import bindparam, cast, delete, select, update
from sqlalchemy.engine import Connection

from chat.store.schema import WRITTEN, inbox
from chat.store.statement import PreparedValue, fetch_first
from chat.store.transaction import Transaction


class InboxRow(NamedTuple):
    """What another program wants to have posted; as bytes where the database takes what is not text."""

    room: bytes | str
    author: bytes | str
    body: bytes | str
    client_id: bytes | str | None


_COLUMNS = [cast(inbox.c[name], WRITTEN).label(name) for name in InboxRow._fields]

_WAITING = PreparedValue[int](
    lambda: select(inbox.c.id).where(inbox.c.reason.is_(None)).order_by(inbox.c.id).limit(bindparam("most"))
)


def waiting(connection: Connection, limit: int) -> list[int]:
    """The ids of the rows that nobody has tried to post yet, oldest first."""
    return _WAITING.all(connection, most=limit)


def find_waiting(tx: Transaction, row_id: int) -> InboxRow | None:
    """The row, or None when another process has taken it."""
    query = select(*_COLUMNS).where(inbox.c.id == row_id, inbox.c.reason.is_(None))
    return fetch_first(tx.connection, query, InboxRow)


def remove(tx: Transaction, row_id: int) -> None:
    """Drop a row that was posted."""
    tx.connection.execute(delete(inbox).where(inbox.c.id == row_id))


def refuse(tx: Transaction, row_id: int, reason: str) -> None:
    """Leave the row where it is, with the reason why it cannot be posted."""
    tx.connection.execute(update(inbox).where(inbox.c.id == row_id).values(reason=reason))


def forget_refused(tx: Transaction, keep: int) -> None:
    """Drop the refused rows beyond the newest so many."""
    beyond = select(inbox.c.id).where(inbox.c.reason.is_not(None)).order_by(inbox.c.id.desc()).offset(keep)
    tx.connection.execute(delete(inbox).where(inbox.c.id.in_(beyond)))


def refused(connection: Connection, limit: int) -> list[tuple[int, str]]:
    """The ids of the refused rows, newest first, each with the reason."""
    query = select(inbox.c.id, inbox.c.reason).where(inbox.c.reason.is_not(None)).order_by(inbox.c.id.desc())
    return [(id, reason) for id, reason in connection.execute(query.limit(limit))]
