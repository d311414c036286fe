"""Becoming the owner, by a code that works once.

The database knows its hash and the seed that it was made of; with the site's key, which is on every host, each of them
can make it again to show it to the operator.
"""

import hmac
import secrets
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import Connection

from chat.core.config import Config
from chat.core.errors import N_, ChatError
from chat.domain.sessions import hash_of
from chat.runtime import secret
from chat.store import Store, Transaction
from chat.store.tables import acts, facts, users
from chat.store.tables.users import User

CODE_FACT, SEED_FACT = "owner_code", "owner_code_seed"
CODE_FILE = "owner-code"


def code_to_show(store: Store, config: Config) -> str | None:
    """The code for the owner's link, as long as there is no owner; made on the first start and kept in a file."""
    with store.read() as connection:
        has_owner = users.has_owner(connection)
        code = _valid_code(connection, config)
    if has_owner:
        if code is None:  # used up, perhaps on another host
            forget_code_file(config)
        return None
    if code is None:
        return store.write(_first_code, config)
    _keep(code, config)
    return code


def _first_code(tx: Transaction, config: Config) -> str | None:
    """Of two processes that begin a chat at once, the second finds the code of the first, or what became of it."""
    if users.has_owner(tx.connection):
        return None
    return _valid_code(tx.connection, config) or make_kept_code(tx, config)


def make_kept_code(tx: Transaction, config: Config) -> str:
    """Make a code, which voids an earlier one, and keep it where only the operator can read it.

    Under the write lock, so that it is the newest.
    """
    seed = secrets.token_urlsafe(16)
    code = _code_of(seed, config)
    facts.put(tx, SEED_FACT, seed)
    facts.put(tx, CODE_FACT, hash_of(code))
    _keep(code, config)
    return code


def _code_of(seed: str, config: Config) -> str:
    return secret.code_of(secret.of(config.instance, config.secret), seed)


def _keep(code: str, config: Config) -> None:
    path = _code_file(config)
    with suppress(OSError, ValueError):  # there is none, or what is no text
        if path.read_text().strip() == code:
            return
    draft = path.with_suffix(f".{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    draft.write_text(code + "\n")
    draft.replace(path)


def _valid_code(connection: Connection, config: Config) -> str | None:
    """The code that was made last, if it was with this host's key, and nobody has used it."""
    code = _code_of(facts.get(connection, SEED_FACT) or "", config)
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
