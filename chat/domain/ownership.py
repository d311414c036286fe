"""Becoming the owner, by a code that works once."""

import hmac
import secrets
from pathlib import Path

from sqlalchemy.engine import Connection

from chat.core.config import Config
from chat.core.errors import N_, ChatError
from chat.domain.sessions import hash_of
from chat.store import Store, Transaction
from chat.store.tables import acts, facts, users
from chat.store.tables.users import User

CODE_FACT = "owner_code"
CODE_FILE = "owner-code"


def make_code(tx: Transaction) -> str:
    """A new one-time code for the owner's link; an earlier one is void."""
    code = secrets.token_urlsafe(24)
    facts.put(tx, CODE_FACT, hash_of(code))
    return code


def code_to_show(store: Store, config: Config) -> str | None:
    """The code for the owner's link, as long as there is no owner; made on the first start and kept in a file."""
    with store.read() as connection:
        if users.has_owner(connection):
            return None
        kept = _kept_code(connection, config)
    return kept or store.write(_first_code, config)


def _first_code(tx: Transaction, config: Config) -> str | None:
    """Of two processes that begin a chat at once, the second finds the code of the first, or what became of it."""
    if users.has_owner(tx.connection):
        return None
    return _kept_code(tx.connection, config) or make_kept_code(tx, config)


def make_kept_code(tx: Transaction, config: Config) -> str:
    """Make a code, and keep it where only the operator can read it; under the write lock, so that it is the newest."""
    code = make_code(tx)
    draft = _code_file(config).with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(code + "\n")
    draft.replace(_code_file(config))
    return code


def _kept_code(connection: Connection, config: Config) -> str | None:
    """What the file holds, if it is still valid."""
    try:
        code = _code_file(config).read_text().strip()
    except (OSError, ValueError):  # none, or what is no text
        return None
    return code if facts.get(connection, CODE_FACT) == hash_of(code) else None


def forget_code_file(config: Config) -> None:
    """Drop what is kept for the operator to read, once the code was used."""
    _code_file(config).unlink(missing_ok=True)


def _code_file(config: Config) -> Path:
    return config.instance / CODE_FILE


def claim(tx: Transaction, user: User, code: object) -> None:
    """Make the user an owner by the code, which dies by it: of two who press at once one succeeds.

    Raises ChatError `forbidden` for any other code.
    """
    kept = facts.get(tx.connection, CODE_FACT) or ""
    if not isinstance(code, str) or not hmac.compare_digest(kept, hash_of(code)):
        message = N_("This link has been used or replaced. Create a new one with: longwave owner")
        raise ChatError("forbidden", message)
    facts.put(tx, CODE_FACT, "")
    users.change(tx, user.id, is_owner=True)
    acts.add(tx, user.id, "became owner", user.id)
