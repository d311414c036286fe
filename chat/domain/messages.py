"""The verbs of messages: post, edit, remove. Run by `Store.write`.

What is not found and what may not be known of is the same error.
"""

from typing import NamedTuple

from sqlalchemy.engine import Connection

from chat.core import log_events, validation
from chat.core.errors import N_, ChatError
from chat.core.wire import to_json
from chat.domain import rendering, stays
from chat.domain.rooms import is_in, no_room, released
from chat.domain.serializers import WireMessage, as_wire_message, as_wire_user
from chat.store import Transaction
from chat.store.tables import events
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table
from chat.store.tables.messages import Message
from chat.store.tables.users import User


class Posted(NamedTuple):
    """The message as the contract has it, and whether this request made it."""

    message: WireMessage
    is_new: bool


def post(
    tx: Transaction, author: User, slug: str, body: object, client_id: object = None, *, is_limited: bool = False
) -> Posted:
    """Write a message; the same client id from the same author brings the first one back, whatever the body.

    It joins the author first, unless that is a bot; `is_limited` as for `stays.begin`. Raises ChatError `not_found`
    for a room, `sign_in` for an author who has lost their name, `invalid` or `too_long` for what cannot be posted.
    """
    known_client_id = validation.clean_client_id(client_id)
    room = message_table.before_post(tx.connection, author.id, slug, known_client_id)
    if room.first_id is not None:
        return Posted(as_wire_message(message_table.get(tx.connection, room.first_id)), False)
    if room.id is None or room.slug is None or (room.kind == "closed" and room.stay_id is None):
        raise no_room()
    clean_body = validation.clean_body(body)
    if room.released_at is not None:
        raise released()
    if room.stay_id is None and author.kind != "bot":
        stays.begin(tx, room.id, room.slug, as_wire_user(author), is_limited)
    message = Message(
        id=tx.next_id(),
        room_id=room.id,
        author_id=author.id,
        client_id=known_client_id,
        body=clean_body,
        html="",
        html_version="",
        created_at=tx.now,
        edited_at=None,
        removed_at=None,
        removed_by=None,
        expired_at=None,
        slug=room.slug,
        room_kind=room.kind or "",
        name=author.name,
        kind=author.kind,
        colour=author.colour,
        bearer=author.bearer,
    )
    return Posted(_add(tx, rendering.drawn(message)), True)


def _add(tx: Transaction, message: Message) -> WireMessage:
    wire = as_wire_message(message)
    tx.append(f"room:{message.room_id}", log_events.MESSAGE, to_json(wire), message_id=message.id)
    message_table.add(tx, message)
    return wire


def edit(tx: Transaction, user: User, message_id: int, body: object) -> WireMessage:
    """Change what one has written, here and in every earlier event of it.

    Raises ChatError `not_found`, also for a removed one, `forbidden` for another's, `invalid` or `too_long`.
    """
    message = _find_own(tx.connection, user, message_id)
    clean_body = validation.clean_body(body)
    if clean_body == message.body:
        return as_wire_message(message)
    return _rewrite(tx, message._replace(body=clean_body, edited_at=tx.now), log_events.EDIT)


def remove(tx: Transaction, user: User, message_id: int) -> WireMessage:
    """Take back what one has written, here and in every earlier event of it; a tombstone stays.

    Raises ChatError `not_found`, also for a removed one, and `forbidden` for another's.
    """
    return remove_written(tx, _find_own(tx.connection, user, message_id))


def is_author(tx: Transaction, user: User, message_id: int) -> bool:
    """Whether the user has written the message. Raises ChatError `not_found` where there is none."""
    return _find_any(tx.connection, message_id).author_id == user.id


def remove_as_owner(tx: Transaction, message_id: int) -> WireMessage:
    """Remove anybody's message; the tombstone says that the owner did. Raises ChatError `not_found`."""
    message = _find_any(tx.connection, message_id)
    if message.removed_at is not None:
        raise ChatError("not_found", _REMOVED_ALREADY)
    return _remove(tx, message, "owner")


def remove_written(tx: Transaction, message: Message) -> WireMessage:
    """Remove a message on its author's wish, such as to be forgotten."""
    return _remove(tx, message, "author")


def _remove(tx: Transaction, message: Message, by: str) -> WireMessage:
    return _rewrite(tx, message._replace(body="", removed_at=tx.now, removed_by=by), log_events.REMOVE)


def redraw(tx: Transaction, message: Message) -> WireMessage:
    """Draw a message anew, here and in every earlier event of it, after its author's name has changed."""
    return _rewrite(tx, message, log_events.REMOVE if message.removed_at else log_events.EDIT)


def _rewrite(tx: Transaction, changed: Message, event: str) -> WireMessage:
    message = rendering.drawn(changed)
    wire = as_wire_message(message)
    message_table.change(tx, message)
    events.append_instead(tx, f"room:{message.room_id}", event, to_json(wire), message.id)
    events.overwrite(tx, message.id, to_json(wire))
    tx.erases = True
    return wire


def find(connection: Connection, message_id: int, user: User | None) -> Message:
    """The message with its author, as far as the user may know of it, or ChatError `not_found`."""
    message = _find_any(connection, message_id)
    is_authors = user is not None and user.id == message.author_id
    if message.room_kind == "closed" and not is_authors and not is_in(connection, message.room_id, user):
        raise ChatError("not_found", _NO_MESSAGE)
    return message


def _find_any(connection: Connection, message_id: int) -> Message:
    """The message, also one in a closed room: for the owner, who removes without reading."""
    message = message_table.find(connection, message_id)
    if message is None or message.room_kind == room_table.REMOVED or message.expired_at is not None:
        raise ChatError("not_found", _NO_MESSAGE)
    return message


def may_change(user: User | None, message: Message) -> bool:
    """Whether the user may edit and remove the message."""
    return user is not None and user.id == message.author_id and message.removed_at is None


def _find_own(connection: Connection, user: User, message_id: int) -> Message:
    message = find(connection, message_id, user)
    if message.removed_at is not None:
        raise ChatError("not_found", _REMOVED_ALREADY)
    if not may_change(user, message):
        raise ChatError("forbidden", N_("Only the author can change this message."))
    return message


_NO_MESSAGE = N_("Message not found. Its room may have been deleted.")
_REMOVED_ALREADY = N_("This message was deleted and can't be changed.")
