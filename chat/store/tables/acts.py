"""The table `acts`: the log of what owners did."""

from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from chat.store.schema import acts, users
from chat.store.statement import fetch_all
from chat.store.transaction import Transaction

ACTS_MAX = 20_000  # years of a busy site; the oldest go


class Act(NamedTuple):
    """What an owner did, to whom (`subject_id`) or to what (`about`); without `user_id` whoever has a shell."""

    id: int
    user_id: int | None
    act: str
    subject_id: int | None
    about: str
    reason: str
    created_at: str


class NamedAct(NamedTuple):
    """The same as the log of acts shows it, with the names of both; None where there is nobody."""

    user_id: int | None
    act: str
    subject_id: int | None
    about: str
    reason: str
    created_at: str
    name: str | None
    subject: str | None


def add(
    tx: Transaction, user_id: int | None, act: str, subject_id: int | None, about: str = "", reason: str = ""
) -> None:
    """Note an act of a user upon another (`subject_id`) or a thing (`about`)."""
    values = {"user_id": user_id, "act": act, "subject_id": subject_id, "about": about, "reason": reason}
    newest_id = tx.insert(acts, values | {"created_at": tx.now})
    tx.connection.execute(delete(acts).where(acts.c.id <= newest_id - ACTS_MAX))


def newest(connection: Connection, limit: int, skip: int = 0) -> list[NamedAct]:
    """The last acts, newest first."""
    subjects = users.alias()
    query = (
        select(*acts.c[NamedAct._fields[:-2]], users.c.name, subjects.c.name.label("subject"))
        .join(users, users.c.id == acts.c.user_id, isouter=True)
        .join(subjects, subjects.c.id == acts.c.subject_id, isouter=True)
    )
    return fetch_all(connection, query.order_by(acts.c.id.desc()).limit(limit).offset(skip), NamedAct)


def about_user(connection: Connection, user_id: int) -> list[Act]:
    """What the user did as an owner, and what was done to them."""
    query = select(acts).where((acts.c.user_id == user_id) | (acts.c.subject_id == user_id))
    return fetch_all(connection, query.order_by(acts.c.id), Act)
