"""The verbs of bots, programs with a key. Run by `Store.write`."""

import secrets

from sqlalchemy.engine import Connection

from chat.core import log_events, validation
from chat.core.errors import N_, ChatError
from chat.domain.accounts import add_user
from chat.domain.sessions import hash_of
from chat.store import Transaction
from chat.store.tables import sessions as session_table
from chat.store.tables import users


def add_bot(tx: Transaction, name: object) -> str:
    """Make a bot, or give an existing one a new key; returns the key, which is shown once and kept as a hash.

    All that came from the old key ends with it: streams, sessions that its links for devices began, unused links.
    Raises ChatError `name_taken` for a person's name.
    """
    bot = bot_named(tx, name)
    if bot.key_hash is not None:
        session_table.end_all(tx, bot.id)
        tx.append(f"user:{bot.id}", log_events.REVOKE, "{}")
    key = secrets.token_urlsafe(32)
    users.change(tx, bot.id, key_hash=hash_of(key))
    return key


def find_bot(connection: Connection, key: str) -> users.User | None:
    """The bot that has this key, or None."""
    return users.find_by_key_hash(connection, hash_of(key))


def bot_named(tx: Transaction, name: object) -> users.User:
    """The bot of this name, made if nobody has the name. Raises ChatError `name_taken` for a person's."""
    clean_name = validation.clean_name(name)
    bearer = users.find_by_name(tx.connection, clean_name)
    if bearer is None:
        return users.get(tx.connection, add_user(tx, clean_name, "bot"))
    if bearer.kind != "bot":
        raise ChatError("name_taken", N_("Someone already has this name. Pick another for the bot."), field="name")
    return bearer
