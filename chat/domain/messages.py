"""The verbs of messages: post, edit, remove. Run by `Store.write`.

What is not found and what may not be known of is the same error.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from chat.core import log_events, validation
from chat.core.errors import N_, ChatError
from chat.core.wire import to_json
from chat.domain import rendering, stays
from chat.domain.rooms import is_in, no_room, released
from chat.domain.serializers import as_wire_message, as_wire_user
from chat.store import Transaction
from chat.store.tables import events
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table


class Posted(NamedTuple):
    """The message as the contract has it, and whether this request made it."""

    message: dict[str, Any]
    is_new: bool


def post(
    tx: Transaction, author: Any, slug: str, body: object, client_id: object = None, *, is_limited: bool = False
) -> Posted:
    """Write a message; the same client id from the same author brings the first one back, whatever the body.

    It joins the author first, unless that is a bot; `is_limited` as for `stays.begin`.
    """
    known_client_id = validation.clean_client_id(client_id)
    room = message_table.before_post(tx.connection, author.id, slug, known_client_id)
    if room.first_id is not None:
        return Posted(as_wire_message(message_table.find(tx.connection, room.first_id)), False)
    if room.id is None or (room.kind == "closed" and room.stay_id is None):
        raise no_room()
    clean_body = validation.clean_body(body)
    if room.released_at is not None:
        raise released()
    if room.stay_id is None and author.kind != "bot":
        stays.begin(tx, room, as_wire_user(author), is_limited)
    return Posted(_add_message(tx, author, room, clean_body, known_client_id), True)


def _add_message(tx: Transaction, author: Any, room: Any, body: str, client_id: str | None) -> dict[str, Any]:
    row = {
        "id": tx.next_id(),
        "room_id": room.id,
        "author_id": author.id,
        "client_id": client_id,
        "body": body,
        "html_version": rendering.VERSION,
        "created_at": tx.now,
        **dict.fromkeys(("edited_at", "removed_at", "removed_by", "expired_at")),
    }
    message = SimpleNamespace(**row, slug=room.slug, **_as_author(author))
    row["html"] = rendering.draw(message)
    wire = as_wire_message(message, row["html"])
    tx.append(f"room:{room.id}", log_events.MESSAGE, to_json(wire), message_id=row["id"])
    message_table.add(tx, row)
    return wire


def edit(tx: Transaction, user: Any, message_id: int, body: object) -> dict[str, Any]:
    """Change what one has written, here and in every earlier event of it."""
    message = _find_own(tx.connection, user, message_id)
    clean_body = validation.clean_body(body)
    if clean_body == message.body:
        return as_wire_message(message)
    return _rewrite(tx, message, log_events.EDIT, body=clean_body, edited_at=tx.now)


def remove(tx: Transaction, user: Any, message_id: int) -> dict[str, Any]:
    """Take back what one has written, here and in every earlier event of it; a tombstone stays."""
    message = _find_own(tx.connection, user, message_id)
    return _rewrite(tx, message, log_events.REMOVE, body="", removed_at=tx.now, removed_by="author")


def is_author(tx: Transaction, user: Any, message_id: int) -> bool:
    return bool(_find_any(tx.connection, message_id).author_id == user.id)


def remove_as_owner(tx: Transaction, message_id: int) -> dict[str, Any]:
    """Remove anybody's message; the tombstone says that the owner did."""
    message = _find_any(tx.connection, message_id)
    if message.removed_at is not None:
        raise ChatError("not_found", _REMOVED_ALREADY)
    return _rewrite(tx, message, log_events.REMOVE, body="", removed_at=tx.now, removed_by="owner")


def remove_written(tx: Transaction, message: Any) -> dict[str, Any]:
    """Remove a message on its author's wish to be forgotten."""
    return _rewrite(tx, message, log_events.REMOVE, body="", removed_at=tx.now, removed_by="author")


def redraw(tx: Transaction, message: Any) -> dict[str, Any]:
    """Draw a message anew, here and in every earlier event of it, after its author's name has changed."""
    return _rewrite(tx, message, log_events.REMOVE if message.removed_at else log_events.EDIT)


def _rewrite(tx: Transaction, message: Any, event: str, **values: Any) -> dict[str, Any]:
    now = SimpleNamespace(**{**message._asdict(), **values})
    html = rendering.draw(now)
    wire = as_wire_message(now, html)
    message_table.change(tx, message.id, html=html, html_version=rendering.VERSION, **values)
    events.append_instead(tx, f"room:{message.room_id}", event, to_json(wire), message.id)
    events.overwrite(tx, message.id, to_json(wire))
    tx.erases = True
    return wire


def find(connection: Connection, message_id: int, user: Any) -> Any:
    """The message with its author, as far as the user may know of it, or ChatError `not_found`."""
    message = _find_any(connection, message_id)
    is_authors = user is not None and user.id == message.author_id
    if message.room_kind == "closed" and not is_authors and not is_in(connection, message.room_id, user):
        raise ChatError("not_found", _NO_MESSAGE)
    return message


def _find_any(connection: Connection, message_id: int) -> Any:
    """The message, also one in a closed room: for the owner, who removes without reading."""
    message = message_table.find(connection, message_id)
    if message is None or message.room_kind == room_table.REMOVED or message.expired_at is not None:
        raise ChatError("not_found", _NO_MESSAGE)
    return message


def may_change(user: Any, message: Any) -> bool:
    """Whether the user may edit and remove the message."""
    return user is not None and user.id == message.author_id and message.removed_at is None


def _find_own(connection: Connection, user: Any, message_id: int) -> Any:
    message = find(connection, message_id, user)
    if message.removed_at is not None:
        raise ChatError("not_found", _REMOVED_ALREADY)
    if not may_change(user, message):
        raise ChatError("forbidden", N_("Only the author can change this message."))
    return message


_NO_MESSAGE = N_("Message not found. Its room may have been deleted.")
_REMOVED_ALREADY = N_("This message was deleted and can't be changed.")


def _as_author(user: Any) -> dict[str, Any]:
    return {"name": user.name, "kind": user.kind, "colour": user.colour, "bearer": user.bearer}
