"""The table `inbox`, where other programs put messages in."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import LargeBinary, bindparam, cast, delete, select, update
from sqlalchemy.engine import Connection

from chat.store.schema import inbox
from chat.store.statement import Prepared
from chat.store.transaction import Transaction

# As bytes, because SQLite keeps whatever it is given and the driver would stumble over text that is not UTF-8.
_COLUMNS = [cast(inbox.c[name], LargeBinary).label(name) for name in ("room", "author", "body", "client_id")]

_WAITING = Prepared(
    select(inbox.c.id).where(inbox.c.reason.is_(None)).order_by(inbox.c.id).limit(bindparam("most"))
)


def waiting(connection: Connection, limit: int) -> list[int]:
    """The ids of the rows that nobody has tried to post yet, oldest first."""
    return [row.id for row in _WAITING.all(connection, most=limit)]


def find_waiting(tx: Transaction, row_id: int) -> Any:
    """The row as bytes, or None when another process has taken it."""
    return tx.connection.execute(select(*_COLUMNS).where(inbox.c.id == row_id, inbox.c.reason.is_(None))).first()


def remove(tx: Transaction, row_id: int) -> None:
    tx.connection.execute(delete(inbox).where(inbox.c.id == row_id))


def refuse(tx: Transaction, row_id: int, reason: str) -> None:
    """Leave the row where it is, with the reason why it cannot be posted."""
    tx.connection.execute(update(inbox).where(inbox.c.id == row_id).values(reason=reason))


def forget_refused(tx: Transaction, keep: int) -> None:
    """Drop the refused rows beyond the newest so many."""
    beyond = select(inbox.c.id).where(inbox.c.reason.is_not(None)).order_by(inbox.c.id.desc()).offset(keep)
    tx.connection.execute(delete(inbox).where(inbox.c.id.in_(beyond)))


def refused(connection: Connection, limit: int) -> Sequence[Any]:
    query = select(inbox.c.id, inbox.c.reason).where(inbox.c.reason.is_not(None)).order_by(inbox.c.id.desc())
    return connection.execute(query.limit(limit)).all()
