"""The table `users`: whoever has a name, or had one."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.engine import Connection

from chat.core import names
from chat.store.schema import TWIN, users
from chat.store.statement import Prepared, PreparedValue, fetch_all
from chat.store.transaction import Transaction


class User(NamedTuple):
    """Whoever has a name, or had one: guest, member or bot.

    `bearer` counts those who had the name; `released_at` is when it was lost. `key_hash` is a bot's.
    """

    id: int
    name: str
    name_key: str
    kind: str
    colour: int
    bearer: int
    key_hash: str | None
    created_at: str
    seen_at: str
    released_at: str | None
    is_owner: bool
    forgetting: str | None
    is_compact: bool
    drawn_key: str | None


_BY_ID = Prepared(lambda: select(users).where(users.c.id == bindparam("user_id")), User)
_BY_KEY_HASH = Prepared(lambda: select(users).where(users.c.key_hash == bindparam("key_hash")), User)
_RELEASED_AT = PreparedValue[str](lambda: select(users.c.released_at).where(users.c.id == bindparam("user_id")))
_TO_FORGET = PreparedValue[int](lambda: select(users.c.id).where(users.c.forgetting.is_not(None)))


def find(connection: Connection, user_id: int) -> User | None:
    """The user of this id, also one who has lost their name."""
    return _BY_ID.first(connection, user_id=user_id)


def get(connection: Connection, user_id: int) -> User:
    """The same by an id that the store itself has given: no user is ever deleted."""
    found = find(connection, user_id)
    assert found is not None, f"there is no user {user_id}"
    return found


def bearers(connection: Connection, name: str) -> list[User]:
    """Whoever bears such a name now; also several, such as twins of earlier days, whose names today's keys make one."""
    return fetch_all(connection, select(users).where(_is_one_with(name), users.c.released_at.is_(None)), User)


def find_by_name(connection: Connection, name: str) -> User | None:
    """Whoever bears the name now; of several the one whose name is written so, else is not merely drawn so."""
    name_key = names.name_key(name)

    def nearness(bearer: User) -> tuple[bool, bool, int]:
        return bearer.name != name, bearer.name_key.partition(TWIN)[0] != name_key, bearer.id

    return min(bearers(connection, name), key=nearness, default=None)


def _is_one_with(name: str) -> ColumnElement[bool]:
    """Either key is the same, or that of a twin, which has a number behind `TWIN`: no name's key has that in it."""
    name_key = names.name_key(name)
    a_twins = (users.c.name_key > name_key + TWIN) & (users.c.name_key < name_key + chr(ord(TWIN) + 1))
    return (users.c.name_key == name_key) | a_twins | (users.c.drawn_key == names.drawn_key(name))


def find_by_key_hash(connection: Connection, key_hash: str) -> User | None:
    """The bot that has this key."""
    return _BY_KEY_HASH.first(connection, key_hash=key_hash)


def colours_of_bearers(connection: Connection, name: str) -> list[int]:
    """The colours of all who have had the name so far, the last one's last."""
    query = select(users.c.colour).where(_is_one_with(name)).order_by(users.c.id)
    return list(connection.execute(query).scalars())


def highest_id(connection: Connection) -> int:
    """The newest user of all; 0 where there is none."""
    return connection.execute(select(func.max(users.c.id))).scalar() or 0


def to_forget(connection: Connection) -> list[int]:
    """Those whose wish to be forgotten is not yet carried out."""
    return _TO_FORGET.all(connection)


def has_owner(connection: Connection) -> bool:
    """Whether anybody owns the site yet."""
    return connection.execute(select(users.c.id).where(users.c.is_owner).limit(1)).first() is not None


def newest(connection: Connection, part: str, limit: int, skip: int = 0) -> list[User]:
    """Those who were seen last, with a name in which this part occurs, or what looks like it."""
    named = select(users).where(users.c.released_at.is_(None))
    query = named.order_by(users.c.seen_at.desc(), users.c.id.desc()).limit(limit).offset(skip)
    if name_key := names.name_key(part):
        # Of what is contained something is gone without it; LIKE takes no notice of case in some databases.
        is_drawn_so = func.replace(users.c.drawn_key, names.drawn_key(part), "") != users.c.drawn_key
        query = query.where(users.c.name_key.contains(name_key, autoescape=True) | is_drawn_so)
    return fetch_all(connection, query, User)


def is_released(connection: Connection, user_id: int) -> bool:
    """Whether the user has no name any more."""
    return _RELEASED_AT.value(connection, user_id=user_id) is not None


def add(tx: Transaction, name: str, **values: Any) -> int:
    """A new user with these columns; returns the id."""
    keys = {"name_key": names.name_key(name), "drawn_key": names.drawn_key(name)}
    return tx.insert(users, {"created_at": tx.now, "seen_at": tx.now, "name": name, **keys, **values})


def change(tx: Transaction, user_id: int, **values: Any) -> None:
    """Set these columns of the user."""
    tx.connection.execute(update(users).where(users.c.id == user_id).values(**values))


def touch(tx: Transaction, user_ids: Collection[int]) -> None:
    """Note that these users are here now."""
    tx.connection.execute(update(users).where(users.c.id.in_(user_ids)).values(seen_at=tx.now))
