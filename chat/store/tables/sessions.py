"""The tables `sessions` and `device_codes`: how a browser proves who it is. Keys and codes are kept as hashes."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, String, bindparam, cast, delete, func, insert, literal, select, update
from sqlalchemy.engine import Connection

from chat.store.schema import device_codes, sent_forms, sessions, users
from chat.store.statement import Prepared, fetch_all
from chat.store.tables.users import User
from chat.store.transaction import Transaction


class Session(NamedTuple):
    """A browser in which a user is signed in, or was until `ended_at`."""

    id: int
    key_hash: str
    user_id: int
    created_at: str
    seen_at: str
    address: str | None
    user_agent: str | None
    ended_at: str | None


class UserSession(NamedTuple):
    """The user of a living session, and what is noted of their last visit by it."""

    user: User
    session_id: int
    session_seen_at: str
    session_address: str | None


class DeviceCode(NamedTuple):
    """What signs a user in on one more device, once; a link back is `good_until` a time of its own."""

    code_hash: str
    user_id: int
    created_at: str
    good_until: str | None


_BY_KEY = Prepared(
    lambda: select(
        users,
        sessions.c.id.label("session_id"),
        sessions.c.seen_at.label("session_seen_at"),
        sessions.c.address.label("session_address"),
    )
    .join(sessions, sessions.c.user_id == users.c.id)
    .where(
        sessions.c.key_hash == bindparam("key"),
        sessions.c.seen_at > bindparam("since"),
        sessions.c.ended_at.is_(None),
    ),
    UserSession,
)



def find_user(connection: Connection, key_hash: str, seen_since: str) -> UserSession | None:
    """The living session of this key that was used since then, with its user."""
    return _BY_KEY.first(connection, key=key_hash, since=seen_since)


def add(tx: Transaction, key_hash: str, user_id: int, address: str | None, user_agent: str) -> None:
    """Begin a session from this address and browser."""
    values = {"key_hash": key_hash, "user_id": user_id, "address": address, "user_agent": user_agent}
    tx.insert(sessions, values | {"created_at": tx.now, "seen_at": tx.now})


def touch(tx: Transaction, session_id: int, address: str | None, user_agent: str) -> None:
    """Note a visit, and from where it came."""
    values = {"seen_at": tx.now, "address": address, "user_agent": user_agent}
    tx.connection.execute(update(sessions).where(sessions.c.id == session_id).values(**values))


def device_codes_of(connection: Connection, user_id: int) -> list[DeviceCode]:
    """The user's codes for further devices, and their link back."""
    return fetch_all(connection, select(device_codes).where(device_codes.c.user_id == user_id), DeviceCode)


def of_user(connection: Connection, user_id: int) -> list[Session]:
    """Every session of the user that is still kept, ended ones too."""
    return fetch_all(connection, select(sessions).where(sessions.c.user_id == user_id), Session)


def living_beyond(connection: Connection, user_id: int, most: int) -> list[int]:
    """The ids of the user's living sessions beyond the `most` that were used last."""
    living = select(sessions.c.id).where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
    used_last = living.order_by(sessions.c.seen_at.desc(), sessions.c.id.desc())
    return list(connection.execute(used_last.offset(most)).scalars())


def addresses(connection: Connection, user_id: int) -> list[str]:
    """From where the user has come, as far as that is kept, the latest first."""
    query = select(sessions.c.address).where(sessions.c.user_id == user_id, sessions.c.address.is_not(None))
    return list(connection.execute(query.order_by(sessions.c.seen_at.desc())).scalars())


def forget_addresses(tx: Transaction, seen_before: str) -> None:
    """Drop the addresses and browsers of visits before then, also from the file."""
    old = (sessions.c.seen_at < seen_before) & (sessions.c.address.is_not(None) | sessions.c.user_agent.is_not(None))
    blanked = tx.connection.execute(update(sessions).where(old).values(address=None, user_agent=None)).rowcount
    ended = tx.connection.execute(delete(sessions).where(sessions.c.ended_at < seen_before)).rowcount
    tx.erases |= blanked + ended > 0


def end(tx: Transaction, session_id: int) -> None:
    """Take the session's key away."""
    _end(tx, sessions.c.id == session_id)


def end_all(tx: Transaction, user_id: int) -> None:
    """End every session of the user; codes for further devices are void, too."""
    _end(tx, sessions.c.user_id == user_id)
    tx.connection.execute(delete(device_codes).where(device_codes.c.user_id == user_id))


def _end(tx: Transaction, which: ColumnElement[bool]) -> None:
    living = which & sessions.c.ended_at.is_(None)
    _forget_forms(tx, living)
    no_key = literal("ended ") + cast(sessions.c.id, String)
    tx.connection.execute(update(sessions).where(living).values(ended_at=tx.now, key_hash=no_key))


def _forget_forms(tx: Transaction, which: ColumnElement[bool]) -> None:
    """Drop what these sessions' forms were answered: nobody is to be given a session by them any more."""
    keys = select(sessions.c.key_hash).where(which)
    tx.connection.execute(delete(sent_forms).where(sent_forms.c.key_hash.in_(keys)))


def lives(connection: Connection, key_hash: str) -> bool:
    """Whether the key is a living session's."""
    return connection.execute(select(sessions.c.id).where(sessions.c.key_hash == key_hash)).first() is not None


def forget_user(tx: Transaction, user_id: int) -> None:
    """Drop every session of the user, and codes for further devices, with all that was kept of them."""
    _forget_forms(tx, sessions.c.user_id == user_id)
    tx.connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    tx.connection.execute(delete(device_codes).where(device_codes.c.user_id == user_id))


def visits(connection: Connection) -> tuple[str | None, str | None]:
    """The times of the first and of the last visit of any session; both None where there is no session."""
    first, last = connection.execute(select(func.min(sessions.c.seen_at), func.max(sessions.c.seen_at))).one()
    return first, last


def forget_unseen(tx: Transaction, seen_before: str, most: int) -> list[Session]:
    """Drop the sessions that nobody has come back to, at most so many; returns them."""
    query = select(sessions).where(sessions.c.seen_at <= seen_before)
    unseen = fetch_all(tx.connection, query.order_by(sessions.c.seen_at).limit(most), Session)
    if unseen:
        tx.connection.execute(delete(sessions).where(sessions.c.id.in_([session.id for session in unseen])))
        tx.erases = True
    return unseen


def add_device_code(tx: Transaction, code_hash: str, user_id: int, good_until: str | None = None) -> None:
    """One that is good for as long as others are, or until then; of the latter somebody has one."""
    if good_until is not None:
        own = device_codes.c.user_id == user_id
        tx.connection.execute(delete(device_codes).where(own, device_codes.c.good_until.is_not(None)))
    values = {"code_hash": code_hash, "user_id": user_id, "good_until": good_until}
    tx.connection.execute(insert(device_codes).values(**values, created_at=tx.now))


def forget_device_codes(tx: Transaction, user_id: int, made_before: str, keep: int) -> None:
    """Drop everybody's codes of before then, and all but the newest of the user's; a link back has its own time."""
    own = select(device_codes.c.code_hash).where(
        device_codes.c.user_id == user_id, device_codes.c.good_until.is_(None)
    )
    beyond = own.order_by(device_codes.c.created_at.desc()).offset(keep)
    old = _is_too_old(tx, made_before)
    tx.connection.execute(delete(device_codes).where(old | device_codes.c.code_hash.in_(beyond)))


def has_device_code(connection: Connection, code_hash: str) -> bool:
    """Whether nobody has come in by the code yet, however old it is."""
    query = select(device_codes.c.user_id).where(device_codes.c.code_hash == code_hash)
    return connection.execute(query).first() is not None


def use_device_code(tx: Transaction, code_hash: str, made_since: str) -> int | None:
    """The user whom the code signs in, once; None for one that is unknown, used or too old."""
    old = _is_too_old(tx, made_since)
    query = select(device_codes.c.user_id).where(device_codes.c.code_hash == code_hash, ~old)
    user_id = tx.connection.execute(query).scalar()
    tx.connection.execute(delete(device_codes).where((device_codes.c.code_hash == code_hash) | old))
    return user_id


def _is_too_old(tx: Transaction, made_before: str) -> ColumnElement[bool]:
    """Whether nobody comes in by a code any more; its own end goes before the usual one."""
    end = device_codes.c.good_until
    return (end.is_(None) & (device_codes.c.created_at <= made_before)) | (end.is_not(None) & (end <= tx.now))
