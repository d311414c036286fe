"""The verbs of people: sign in, sign out, take another device along, give a bot its key. Run by `Store.write`."""

import hashlib
import secrets
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from chat.core import times, validation
from chat.core.errors import N_, ChatError
from chat.store import Transaction, leaps
from chat.store.tables import sessions as session_table
from chat.store.tables import users

VIEWS = ("comfortable", "compact")
SESSION_DAYS = 180  # from the last visit
SESSIONS_MAX = 50  # of one person: more browsers than anybody has, one session each
DEVICE_CODE_MINUTES = 15
RETURN_DAYS = 7  # that a link made before signing out brings one back
DEVICE_CODES_MAX = 5  # of one person at once: a page that makes one shows it, and is done with
COLOURS = 12  # of the squares, in the style sheet
COLOUR_STEP = 5  # without a common factor, so that all have their turn and neighbours in it differ clearly


class SignedIn(NamedTuple):
    """Who it is from now on, and the key that proves it: for the cookie, nowhere else."""

    user_id: int
    key: str


class From(NamedTuple):
    """Where a session is used: kept for bans, for a while."""

    address: str | None
    user_agent: str


def sign_in(tx: Transaction, name: object, guest_days: int, where: From) -> SignedIn:
    """Give a guest the name, if nobody bears it who was here within `guest_days`."""
    clean_name = validation.clean_name(name)
    bearers = users.bearers(tx.connection, clean_name)
    if any(_is_kept(tx, bearer, guest_days) for bearer in bearers):
        message = N_("That name is taken or too similar to another. Pick another, or open your link if it's you.")
        raise ChatError("name_taken", message, field="name")
    for bearer in bearers:
        users.change(tx, bearer.id, released_at=tx.now)
        tx.append(f"user:{bearer.id}", "revoke", "{}")
    return _begin_session(tx, _add_user(tx, clean_name, "guest"), where)


def _is_kept(tx: Transaction, bearer: Any, guest_days: int) -> bool:
    """Whether nobody else may have the name yet."""
    if bearer.kind != "guest" or bearer.is_owner:
        return True
    return bearer.seen_at > times.ago(days=guest_days) or leaps.is_doubtful(tx.connection)


def sign_out(tx: Transaction, session_id: int) -> None:
    """End a session; its open streams end too, in whatever process."""
    session_table.end(tx, session_id)
    tx.append(f"session:{session_id}", "revoke", "{}")


def must_end_unseen(connection: Connection) -> bool:
    """Whether it is time to end the sessions that nobody has come back to: about once a day, because each such end is
    heard in every process. Not on the word of a clock by which everybody has stayed away.
    """
    seen = session_table.seen(connection)
    is_over = seen.first is not None and seen.first <= times.ago(days=SESSION_DAYS + 1)
    return is_over and seen.last > times.ago(days=SESSION_DAYS)


def end_unseen(tx: Transaction, most: int) -> bool:
    """End the sessions that nobody has come back to, at most so many; true while there may be more."""
    unseen = session_table.forget_unseen(tx, times.ago(days=SESSION_DAYS), most)
    for session in unseen:
        if session.ended_at is None:
            tx.append(f"session:{session.id}", "revoke", "{}")
    return len(unseen) == most


def find_by_session(connection: Connection, key: str) -> Any:
    """The user behind a session's key, or None; with `session_id` and `session_seen_at`."""
    return session_table.find_user(connection, hash_of(key), times.ago(days=SESSION_DAYS))


def visit(tx: Transaction, user_id: int, session_id: int, where: From) -> None:
    """Note that the user is back."""
    users.touch(tx, [user_id])
    session_table.touch(tx, session_id, *where)


def choose_view(tx: Transaction, user_id: int, view: object) -> None:
    """Set how close messages stand on this person's pages: one of `VIEWS`."""
    if view not in VIEWS:
        raise ChatError("invalid", N_("Choose one of the two views."), field="view")
    users.change(tx, user_id, is_compact=view == "compact")


def add_bot(tx: Transaction, name: object) -> str:
    """Make a bot, or give an existing one a new key; returns the key, which is shown once and kept as a hash.

    All that came from the old key ends with it: streams, sessions that its links for devices began, unused links.
    """
    bot = bot_named(tx, name)
    if bot.key_hash is not None:
        session_table.end_all(tx, bot.id)
        tx.append(f"user:{bot.id}", "revoke", "{}")
    key = secrets.token_urlsafe(32)
    users.change(tx, bot.id, key_hash=hash_of(key))
    return key


def find_bot(connection: Connection, key: str) -> Any:
    """The bot that has this key, or None."""
    return users.find_by_key_hash(connection, hash_of(key))


def bot_named(tx: Transaction, name: object) -> Any:
    """The bot of this name, made if nobody has the name. Raises ChatError `name_taken` for a person's."""
    clean_name = validation.clean_name(name)
    bearer = users.find_by_name(tx.connection, clean_name)
    if bearer is None:
        return users.find(tx.connection, _add_user(tx, clean_name, "bot"))
    if bearer.kind != "bot":
        raise ChatError("name_taken", N_("Someone already has this name. Pick another for the bot."), field="name")
    return bearer


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
    return _begin_session(tx, user_id, where)


def _begin_session(tx: Transaction, user_id: int, where: From) -> SignedIn:
    """One more session; of too many the one ends that was used longest ago."""
    key = secrets.token_urlsafe(32)
    session_table.add(tx, hash_of(key), user_id, *where)
    for session_id in session_table.living_beyond(tx.connection, user_id, SESSIONS_MAX):
        sign_out(tx, session_id)
    return SignedIn(user_id, key)


def _add_user(tx: Transaction, name: str, kind: str) -> int:
    earlier = users.colours_of_bearers(tx.connection, name)
    # Those who come one after another differ, and so does whoever takes a name from who had it last.
    colour = users.highest_id(tx.connection) * COLOUR_STEP % COLOURS
    if earlier and earlier[-1] == colour:
        colour = (colour + 1) % COLOURS
    return users.add(tx, name, kind=kind, colour=colour, bearer=len(earlier) + 1)


def hash_of(key: str) -> str:
    """What is kept of a key, or a code."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
