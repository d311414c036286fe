"""How a browser proves who somebody is: sessions, and the codes that begin one on another device.

Run by `Store.write`.
"""

import hashlib
import secrets
from typing import NamedTuple

from sqlalchemy.engine import Connection

from chat.core import log_events, times
from chat.core.errors import N_, ChatError
from chat.store import Transaction
from chat.store.tables import sessions as session_table
from chat.store.tables import users

SESSION_DAYS = 180  # from the last visit
SESSIONS_MAX = 50  # of one person: more browsers than anybody has, one session each
DEVICE_CODE_MINUTES = 15
RETURN_DAYS = 7  # that a link made before signing out brings one back
DEVICE_CODES_MAX = 5  # of one person at once: a page that makes one shows it, and is done with


class SignedIn(NamedTuple):
    """Who it is from now on, and the key that proves it: for the cookie, nowhere else."""

    user_id: int
    key: str


class From(NamedTuple):
    """Where a session is used: kept for bans, for a while."""

    address: str | None
    user_agent: str


def sign_out(tx: Transaction, session_id: int) -> None:
    """End a session; its open streams end too, in whatever process."""
    session_table.end(tx, session_id)
    tx.append(f"session:{session_id}", log_events.REVOKE, "{}")


def must_end_unseen(connection: Connection) -> bool:
    """Whether it is time to end the sessions that nobody has come back to: about once a day, because each such end is
    read by every process. Not on the word of a clock by which everybody has stayed away.
    """
    first, last = session_table.visits(connection)
    is_over = first is not None and first <= times.ago(days=SESSION_DAYS + 1)
    return is_over and last is not None and last > times.ago(days=SESSION_DAYS)


def end_unseen(tx: Transaction, most: int) -> bool:
    """End the sessions that nobody has come back to, at most so many; true while there may be more."""
    unseen = session_table.forget_unseen(tx, times.ago(days=SESSION_DAYS), most)
    for session in unseen:
        if session.ended_at is None:
            tx.append(f"session:{session.id}", log_events.REVOKE, "{}")
    return len(unseen) == most


def find_by_session(connection: Connection, key: str) -> session_table.UserSession | None:
    """The session of this key with its user, or None where it has ended or was not used for `SESSION_DAYS`."""
    return session_table.find_user(connection, hash_of(key), times.ago(days=SESSION_DAYS))


def visit(tx: Transaction, user_id: int, session_id: int, where: From) -> None:
    """Note that the user is back."""
    users.touch(tx, [user_id])
    session_table.touch(tx, session_id, *where)


def make_device_code(tx: Transaction, user_id: int) -> str:
    """A code that signs one more device in, once; beyond some the oldest is void.

    For somebody who has just been forgotten it signs nobody in.
    """
    code = secrets.token_urlsafe(24)
    session_table.forget_device_codes(tx, user_id, times.ago(minutes=DEVICE_CODE_MINUTES), keep=DEVICE_CODES_MAX - 1)
    session_table.add_device_code(tx, hash_of(code), user_id)
    return code


def make_return_code(tx: Transaction, user_id: int) -> str:
    """A code that signs the user in once more when all their sessions have ended by themselves or by signing out; the
    one before is void. It ends when an owner signs the user out everywhere.
    """
    code = secrets.token_urlsafe(24)
    session_table.add_device_code(tx, hash_of(code), user_id, times.ahead(days=RETURN_DAYS))
    return code


def is_unused(connection: Connection, code: str) -> bool:
    """Whether a code that was made in the last minutes can still sign somebody in."""
    return session_table.has_device_code(connection, hash_of(code))


def use_device_code(tx: Transaction, code: object, where: From) -> SignedIn:
    """Begin a session by such a code, or raise ChatError `invalid`."""
    since = times.ago(minutes=DEVICE_CODE_MINUTES)
    user_id = session_table.use_device_code(tx, hash_of(code), since) if isinstance(code, str) else None
    if user_id is None:
        raise ChatError("invalid", N_("This link has been used or has expired. Create a new one on your other device."))
    return begin(tx, user_id, where)


def begin(tx: Transaction, user_id: int, where: From) -> SignedIn:
    """One more session; of too many the one ends that was used longest ago."""
    key = secrets.token_urlsafe(32)
    session_table.add(tx, hash_of(key), user_id, *where)
    for session_id in session_table.living_beyond(tx.connection, user_id, SESSIONS_MAX):
        sign_out(tx, session_id)
    return SignedIn(user_id, key)


def hash_of(key: str) -> str:
    """What is kept of a key, or a code."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
