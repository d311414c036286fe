"""The verbs of whoever runs the site; each is noted in the log of acts. Run by `Store.write`.

`owner` is the user who acts, or None for somebody with a shell on the machine.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from chat.core import addresses, log_events, times, validation
from chat.core.config import Config
from chat.core.errors import N_, ChatError, ConfigError
from chat.domain import rooms, site_settings
from chat.store import Store, Transaction
from chat.store.tables import acts, bans, facts, users
from chat.store.tables import sessions as session_table
from chat.store.tables import settings as setting_table

CODE_FACT = "owner_code"
CODE_FILE = "owner-code"
BANNED_NETWORKS_MAX = 100  # with one person, the latest: each process compares all of them with every request
UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

# Becoming the owner


def make_code(tx: Transaction) -> str:
    """A new one-time code for the owner's link; an earlier one is void."""
    code = secrets.token_urlsafe(24)
    facts.put(tx, CODE_FACT, _hash(code))
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
    return code if facts.get(connection, CODE_FACT) == _hash(code) else None


def forget_code_file(config: Config) -> None:
    _code_file(config).unlink(missing_ok=True)


def _code_file(config: Config) -> Path:
    return config.instance / CODE_FILE


def claim(tx: Transaction, user: Any, code: object) -> None:
    """Make the user an owner by the code, which dies by it: of two who press at once one succeeds."""
    kept = facts.get(tx.connection, CODE_FACT) or ""
    if not isinstance(code, str) or not hmac.compare_digest(kept, _hash(code)):
        message = N_("This link has been used or replaced. Create a new one with: longwave owner")
        raise ChatError("forbidden", message)
    facts.put(tx, CODE_FACT, "")
    users.change(tx, user.id, is_owner=True)
    acts.add(tx, user.id, "became owner", user.id)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()


# People


def ban(
    tx: Transaction, owner: Any, user_id: int, reason: object, seconds: int | None, config: Config
) -> list[str]:
    """Ban a guest, and the addresses of their sessions, for so long or for good; it bites at once.

    Returns the addresses that were banned along. One that others share by nature is not: a private one, the
    machine's own, a proxy's. Raises ChatError `forbidden` for oneself and for an owner.
    """
    user = _find_user(tx, user_id)
    if user.is_owner:
        raise ChatError("forbidden", N_("Owners can't be banned."))
    clean_reason = _clean_reason(reason)
    until = times.ahead(seconds=seconds) if seconds else None
    found = dict.fromkeys(
        addresses.network_of(address)
        for address in session_table.addresses(tx.connection, user_id)
        if addresses.is_bannable(address, config.trusted_proxies)
    )
    networks = sorted([network for network in found if network][:BANNED_NETWORKS_MAX])
    bans.add(tx, user_id, networks, clean_reason, until)
    acts.add(tx, _id(owner), "banned", user_id, "", clean_reason)
    site_settings.tell(tx)
    for channel in (f"user:{user_id}", *map(log_events.network_channel, networks)):
        tx.append(channel, "revoke", "{}")
    return networks


def unban(tx: Transaction, owner: Any, user_id: int) -> None:
    """Let somebody come back. Raises ChatError `not_found` when they are not banned."""
    if not bans.lift(tx, user_id):
        raise ChatError("not_found", N_("No one with this name is banned."))
    acts.add(tx, _id(owner), "unbanned", user_id)
    site_settings.tell(tx)


def end_sessions(tx: Transaction, owner: Any, user_id: int) -> None:
    """Sign somebody out everywhere."""
    _find_user(tx, user_id)
    session_table.end_all(tx, user_id)
    tx.append(f"user:{user_id}", "revoke", "{}")
    acts.add(tx, _id(owner), "ended sessions", user_id)


def span_seconds(span: Any) -> int | None:
    """A span such as 30m, 2h, 7d or 1w in seconds; None, for good, for an empty one."""
    if not span:
        return None
    found = re.fullmatch(r"([0-9]{1,4})\s*([mhdw])", span.strip()) if isinstance(span, str) else None
    if not found or not int(found[1]):
        message = N_("Enter a duration such as 30m, 2h, 7d or 1w, or leave it blank for a permanent ban.")
        raise ChatError("invalid", message, field="for")
    return int(found[1]) * UNIT_SECONDS[found[2]]


def ban_by_name(tx: Transaction, name: str, reason: str, seconds: int | None, config: Config) -> list[str]:
    """`ban` by somebody with a shell."""
    return ban(tx, None, find_by_name(tx, name), reason, seconds, config)


def unban_by_name(tx: Transaction, name: str) -> None:
    unban(tx, None, find_by_name(tx, name))


def find_by_name(tx: Transaction, name: str) -> int:
    """The id of whoever has the name now, or ChatError `not_found`."""
    user = users.find_by_name(tx.connection, validation.clean_name(name))
    if user is None:
        raise ChatError("not_found", N_("No one has this name."))
    return int(user.id)


def _find_user(tx: Transaction, user_id: int) -> Any:
    user = users.find(tx.connection, user_id)
    if user is None:
        raise ChatError("not_found", N_("Person not found."))
    return user


# Messages and rooms


def remove_message(tx: Transaction, owner: Any, message_id: int) -> dict[str, Any]:
    """Remove anybody's message; the tombstone of another's says that the owner did."""
    if owner is not None and rooms.is_author(tx, owner, message_id):
        return rooms.remove(tx, owner, message_id)
    message = rooms.remove_as_owner(tx, message_id)
    acts.add(tx, _id(owner), "removed message", message["author"]["id"], str(message_id))
    return message


def change_room(tx: Transaction, owner: Any, slug: str, name: object, topic: object) -> None:
    """Rename a room and set its topic; its address stays."""
    if rooms.change(tx, slug, name, topic):
        acts.add(tx, _id(owner), "changed room", None, slug)


def close_room(tx: Transaction, owner: Any, slug: str) -> None:
    """Close a room to all but those who are in it now; again does nothing."""
    if rooms.set_kind(tx, slug, "closed"):
        acts.add(tx, _id(owner), "closed room", None, slug)


def reopen_room(tx: Transaction, owner: Any, slug: str) -> None:
    """Open a closed room to everybody again; again does nothing."""
    if rooms.set_kind(tx, slug, "open"):
        acts.add(tx, _id(owner), "reopened room", None, slug)


def remove_room(tx: Transaction, owner: Any, slug: str) -> None:
    rooms.remove_room(tx, slug)
    acts.add(tx, _id(owner), "removed room", None, slug)


# Settings

# What is said of a wrong value: the setting by its name on the owner's page, and what it allows.
_ALLOWED = {
    "CHAT_SITE_NAME": N_("Chat name: enter 1 to 60 characters on one line."),
    "CHAT_WELCOME": N_("Welcome message: use 1000 characters or fewer."),
    "CHAT_ENTRY_WORD": N_("Shared password: use 100 characters or fewer on one line, or leave it blank."),
    "CHAT_ROOMS_BY": N_("Who can create rooms: choose “everyone” or “only the owner”."),
    "CHAT_KEEP_DAYS": N_("Delete messages after (days): enter a number from 1 to 36500, or “forever” to keep them."),
    "CHAT_LIMITS": N_("Flood control: choose “on” or “off”."),
    "CHAT_POSTS_PER_MINUTE": N_("Messages per person per minute: enter a number from 1 to 6000."),
}


def change_settings(tx: Transaction, owner: Any, values: Mapping[str, str], config: Config) -> None:
    """Set what differs from what is in force, all or nothing; what equals the operator's `config` is theirs again.

    Raises ChatError `invalid` with the setting as field.
    """
    in_force = site_settings.in_force(tx.connection, config)
    changed = set()
    for name in site_settings.OWNERS:
        if name not in values:
            continue
        typed = str(values[name]).replace("\r\n", "\n").strip()
        attribute = site_settings.BY_NAME[name].attribute
        value = _read_setting(name, typed)
        if value == getattr(in_force, attribute):
            continue
        setting_table.put(tx, name, None if value == getattr(config, attribute) else typed)
        acts.add(tx, _id(owner), "set", None, name)
        changed.add(name)
    if changed:
        site_settings.tell(tx)
    if "CHAT_ENTRY_WORD" in changed:
        tx.append(log_events.WORD_CHANNEL, "revoke", "{}")


def _read_setting(name: str, typed: str) -> Any:
    try:
        return site_settings.read(name, typed)
    except ConfigError:
        raise ChatError("invalid", _ALLOWED[name], field=name) from None


def _clean_reason(reason: object) -> str:
    """One line for the one who is banned; may be empty."""
    return validation.clean_topic(reason, "reason")


def _id(owner: Any) -> int | None:
    return owner.id if owner is not None else None
