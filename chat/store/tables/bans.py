"""The table `bans`: who may not come back, and from where."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.engine import Connection

from chat.store.schema import bans, users
from chat.store.statement import fetch_all
from chat.store.transaction import Transaction

STANDS = bans.c.lifted_at.is_(None) & or_(bans.c.until.is_(None), bans.c.until > bindparam("now"))


class Ban(NamedTuple):
    """A user, or also a `network`, that may not come back before `until`, which is None for good."""

    id: int
    user_id: int
    network: str | None
    reason: str
    until: str | None
    created_at: str
    lifted_at: str | None


class StandingBan(NamedTuple):
    """A ban that holds now, with the banned user's name."""

    user_id: int
    network: str | None
    reason: str
    until: str | None
    name: str


def add(tx: Transaction, user_id: int, networks: Sequence[str], reason: str, until: str | None) -> None:
    """A ban of the user, a row for each network that is banned along."""
    values = {"user_id": user_id, "reason": reason, "until": until, "created_at": tx.now}
    for network in networks or (None,):
        tx.insert(bans, values | {"network": network})


def standing(connection: Connection, now: str, limit: int | None = None, skip: int = 0) -> list[StandingBan]:
    """The bans that hold now, newest first."""
    query = select(*bans.c[StandingBan._fields[:-1]], users.c.name).join(users, users.c.id == bans.c.user_id)
    newest_first = query.where(STANDS).order_by(bans.c.id.desc()).limit(limit).offset(skip)
    return fetch_all(connection, newest_first, StandingBan, {"now": now})


def is_banned(connection: Connection, user_id: int, now: str) -> bool:
    """Whether a ban of the user holds now."""
    query = select(bans.c.id).where(STANDS, bans.c.user_id == user_id).limit(1)
    return connection.execute(query, {"now": now}).first() is not None


def lift(tx: Transaction, user_id: int) -> int:
    """End every ban of the user; returns how many there were."""
    mine = (bans.c.user_id == user_id) & bans.c.lifted_at.is_(None)
    return tx.connection.execute(update(bans).where(mine).values(lifted_at=tx.now)).rowcount


def forget_networks(tx: Transaction, ended_before: str) -> None:
    """Drop the addresses of bans that ended before then."""
    ended = or_(bans.c.lifted_at < ended_before, bans.c.until < ended_before)
    kept = ended & bans.c.network.is_not(None)
    tx.erases |= tx.connection.execute(update(bans).where(kept).values(network=None)).rowcount > 0


def of_user(connection: Connection, user_id: int) -> list[Ban]:
    """Every ban there ever was of the user."""
    return fetch_all(connection, select(bans).where(bans.c.user_id == user_id), Ban)
