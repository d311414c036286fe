"""The table `acts`: the log of what owners did."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from chat.store.schema import acts, users
from chat.store.transaction import Transaction

ACTS_MAX = 20_000  # years of a busy site; the oldest go


def add(
    tx: Transaction, user_id: int | None, act: str, subject_id: int | None, about: str = "", reason: str = ""
) -> None:
    """Note an act of a user upon another (`subject_id`) or a thing (`about`)."""
    values = {"user_id": user_id, "act": act, "subject_id": subject_id, "about": about, "reason": reason}
    newest_id = tx.insert(acts, values | {"created_at": tx.now})
    tx.connection.execute(delete(acts).where(acts.c.id <= newest_id - ACTS_MAX))


def newest(connection: Connection, limit: int, skip: int = 0) -> Sequence[Any]:
    """The last acts, newest first, each with the names of who did it and of whom it was done to."""
    subjects = users.alias()
    query = (
        select(acts, users.c.name, subjects.c.name.label("subject"))
        .join(users, users.c.id == acts.c.user_id, isouter=True)
        .join(subjects, subjects.c.id == acts.c.subject_id, isouter=True)
    )
    return connection.execute(query.order_by(acts.c.id.desc()).limit(limit).offset(skip)).all()


def about_user(connection: Connection, user_id: int) -> Sequence[Any]:
    """What the user did as an owner, and what was done to them."""
    query = select(acts).where((acts.c.user_id == user_id) | (acts.c.subject_id == user_id))
    return connection.execute(query.order_by(acts.c.id)).all()
