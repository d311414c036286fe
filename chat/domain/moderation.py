"""The verbs of whoever runs the site; each is noted in the log of acts. Run by `Store.write`.

`owner` is the user who acts, or None for somebody with a shell on the machine.
"""

import re

from chat.core import addresses, log_events, times, validation
from chat.core.config import Config
from chat.core.errors import N_, ChatError
from chat.domain import messages, rooms, site_settings
from chat.domain.audit import actor_id
from chat.domain.serializers import WireMessage
from chat.store import Transaction
from chat.store.tables import acts, bans, users
from chat.store.tables import sessions as session_table
from chat.store.tables.users import User

BANNED_NETWORKS_MAX = 100  # with one person, the latest: each process compares all of them with every request
UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


# People


def ban(
    tx: Transaction, owner: User | None, user_id: int, reason: object, seconds: int | None, config: Config
) -> list[str]:
    """Ban a guest, and the addresses of their sessions, for so long or for good; it bites at once.

    Returns the addresses that were banned along. One that others share by nature is not: a private one, the
    machine's own, a proxy's. Raises ChatError `forbidden` for an owner, and `not_found`.
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
    acts.add(tx, actor_id(owner), "banned", user_id, "", clean_reason)
    site_settings.announce_change(tx)
    for channel in (f"user:{user_id}", *map(log_events.network_channel, networks)):
        tx.append(channel, log_events.REVOKE, "{}")
    return networks


def unban(tx: Transaction, owner: User | None, user_id: int) -> None:
    """Let somebody come back. Raises ChatError `not_found` when they are not banned."""
    if not bans.lift(tx, user_id):
        raise ChatError("not_found", N_("No one with this name is banned."))
    acts.add(tx, actor_id(owner), "unbanned", user_id)
    site_settings.announce_change(tx)


def end_sessions(tx: Transaction, owner: User | None, user_id: int) -> None:
    """Sign somebody out everywhere. Raises ChatError `not_found`."""
    _find_user(tx, user_id)
    session_table.end_all(tx, user_id)
    tx.append(f"user:{user_id}", log_events.REVOKE, "{}")
    acts.add(tx, actor_id(owner), "ended sessions", user_id)


def span_seconds(span: object) -> int | None:
    """A span such as 30m, 2h, 7d or 1w in seconds; None, for good, for an empty one. Raises ChatError `invalid`."""
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
    """`unban` by somebody with a shell."""
    unban(tx, None, find_by_name(tx, name))


def find_by_name(tx: Transaction, name: str) -> int:
    """The id of whoever has the name now, or ChatError `not_found`."""
    user = users.find_by_name(tx.connection, validation.clean_name(name))
    if user is None:
        raise ChatError("not_found", N_("No one has this name."))
    return user.id


def _find_user(tx: Transaction, user_id: int) -> User:
    user = users.find(tx.connection, user_id)
    if user is None:
        raise ChatError("not_found", N_("Person not found."))
    return user


# Messages and rooms


def remove_message(tx: Transaction, owner: User | None, message_id: int) -> WireMessage:
    """Remove anybody's message; the tombstone of another's says that the owner did. Raises ChatError `not_found`."""
    if owner is not None and messages.is_author(tx, owner, message_id):
        return messages.remove(tx, owner, message_id)
    message = messages.remove_as_owner(tx, message_id)
    acts.add(tx, actor_id(owner), "removed message", message["author"]["id"], str(message_id))
    return message


def change_room(tx: Transaction, owner: User | None, slug: str, name: object, topic: object) -> None:
    """`rooms.change` by an owner."""
    if rooms.change(tx, slug, name, topic):
        acts.add(tx, actor_id(owner), "changed room", None, slug)


def close_room(tx: Transaction, owner: User | None, slug: str) -> None:
    """Close a room to all but those who are in it now; again does nothing. Raises ChatError `not_found`."""
    if rooms.set_kind(tx, slug, "closed"):
        acts.add(tx, actor_id(owner), "closed room", None, slug)


def reopen_room(tx: Transaction, owner: User | None, slug: str) -> None:
    """Open a closed room to everybody; again does nothing. Raises ChatError `not_found`, or `name_taken` meanwhile."""
    if rooms.set_kind(tx, slug, "open"):
        acts.add(tx, actor_id(owner), "reopened room", None, slug)


def remove_room(tx: Transaction, owner: User | None, slug: str) -> None:
    """`rooms.remove_room` by an owner."""
    rooms.remove_room(tx, slug)
    acts.add(tx, actor_id(owner), "removed room", None, slug)


def _clean_reason(reason: object) -> str:
    """One line for the one who is banned; may be empty."""
    return validation.clean_topic(reason, "reason")
