"""The verbs of rooms and messages: each checks, then writes what it means into one transaction.

They are run by `Store.write`, whose commit rings, so that no caller can forget the ring. What is not found and what
may not be known of is the same error.
"""

import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from chat.core import names, validation
from chat.core.errors import N_, ChatError
from chat.core.wire import to_json
from chat.domain import listing, naming, rendering, stays
from chat.store import Transaction
from chat.store.tables import events, users
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table

UNREAD_MAX = 1000  # counting further would cost more than it tells


class Posted(NamedTuple):
    """The message as the contract has it, and whether this request made it."""

    message: dict[str, Any]
    is_new: bool


# Messages


def post(
    tx: Transaction, author: Any, slug: str, body: object, client_id: object = None, *, is_limited: bool = False
) -> Posted:
    """Write a message; the same client id from the same author brings the first one back, whatever the body.

    It joins the author first, unless that is a bot; `is_limited` as for `stays.begin`.
    """
    known_client_id = validation.clean_client_id(client_id)
    room = message_table.before_post(tx.connection, author.id, slug, known_client_id)
    if room.first_id is not None:
        return Posted(rendering.wire(message_table.find(tx.connection, room.first_id)), False)
    if room.id is None or (room.kind == "closed" and room.stay_id is None):
        raise _no_room()
    clean_body = validation.clean_body(body)
    if room.released_at is not None:
        raise _released()
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
    wire = rendering.wire(message, row["html"])
    tx.append(f"room:{room.id}", "message", to_json(wire), message_id=row["id"])
    message_table.add(tx, row)
    return wire


def _refuse_released(tx: Transaction, user: Any) -> None:
    """Whoever has lost their name, or wants to be forgotten, since the request began, writes nothing more."""
    if users.is_released(tx.connection, user.id):
        raise _released()


def _released() -> ChatError:
    return ChatError("sign_in", N_("Pick a name first, so others know who you are."))


def edit(tx: Transaction, user: Any, message_id: int, body: object) -> dict[str, Any]:
    """Change what one has written, here and in every earlier event of it."""
    message = _own_message(tx.connection, user, message_id)
    clean_body = validation.clean_body(body)
    if clean_body == message.body:
        return rendering.wire(message)
    return _rewrite(tx, message, "edit", body=clean_body, edited_at=tx.now)


def remove(tx: Transaction, user: Any, message_id: int) -> dict[str, Any]:
    """Take back what one has written, here and in every earlier event of it; a tombstone stays."""
    message = _own_message(tx.connection, user, message_id)
    return _rewrite(tx, message, "remove", body="", removed_at=tx.now, removed_by="author")


def is_author(tx: Transaction, user: Any, message_id: int) -> bool:
    return bool(_find_any_message(tx.connection, message_id).author_id == user.id)


def remove_as_owner(tx: Transaction, message_id: int) -> dict[str, Any]:
    """Remove anybody's message; the tombstone says that the owner did."""
    message = _find_any_message(tx.connection, message_id)
    if message.removed_at is not None:
        raise ChatError("not_found", _REMOVED_ALREADY)
    return _rewrite(tx, message, "remove", body="", removed_at=tx.now, removed_by="owner")


def remove_written(tx: Transaction, message: Any) -> dict[str, Any]:
    """Remove a message on its author's wish to be forgotten."""
    return _rewrite(tx, message, "remove", body="", removed_at=tx.now, removed_by="author")


def redraw(tx: Transaction, message: Any) -> dict[str, Any]:
    """Draw a message anew, here and in every earlier event of it, after its author's name has changed."""
    return _rewrite(tx, message, "remove" if message.removed_at else "edit")


def _rewrite(tx: Transaction, message: Any, event: str, **values: Any) -> dict[str, Any]:
    now = SimpleNamespace(**{**message._asdict(), **values})
    html = rendering.draw(now)
    wire = rendering.wire(now, html)
    message_table.change(tx, message.id, html=html, html_version=rendering.VERSION, **values)
    events.append_instead(tx, f"room:{message.room_id}", event, to_json(wire), message.id)
    events.overwrite(tx, message.id, to_json(wire))
    tx.erases = True
    return wire


def find_message(connection: Connection, message_id: int, user: Any) -> Any:
    """The message with its author, as far as the user may know of it, or ChatError `not_found`."""
    message = _find_any_message(connection, message_id)
    is_authors = user is not None and user.id == message.author_id
    if message.room_kind == "closed" and not is_authors and not _is_in(connection, message.room_id, user):
        raise ChatError("not_found", _NO_MESSAGE)
    return message


def _find_any_message(connection: Connection, message_id: int) -> Any:
    """The message, also one in a closed room: for the owner, who removes without reading."""
    message = message_table.find(connection, message_id)
    if message is None or message.room_kind == room_table.REMOVED or message.expired_at is not None:
        raise ChatError("not_found", _NO_MESSAGE)
    return message


def may_change(user: Any, message: Any) -> bool:
    """Whether the user may edit and remove the message."""
    return user is not None and user.id == message.author_id and message.removed_at is None


def _own_message(connection: Connection, user: Any, message_id: int) -> Any:
    message = find_message(connection, message_id, user)
    if message.removed_at is not None:
        raise ChatError("not_found", _REMOVED_ALREADY)
    if not may_change(user, message):
        raise ChatError("forbidden", N_("Only the author can change this message."))
    return message


_NO_MESSAGE = N_("Message not found. Its room may have been deleted.")
_REMOVED_ALREADY = N_("This message was deleted and can't be changed.")


# Rooms


def find(connection: Connection, slug: str, user: Any) -> Any:
    """The room as far as the user may know of it, or ChatError `not_found`: a closed one only for who is in it."""
    room = room_table.find(connection, slug)
    if room is None or not _may_know(connection, room, user):
        raise _no_room()
    return room


def _may_know(connection: Connection, room: Any, user: Any) -> bool:
    return room.kind != "closed" or _is_in(connection, room.id, user)


def _is_in(connection: Connection, room_id: int, user: Any) -> bool:
    return user is not None and room_table.membership(connection, room_id, user.id) is not None


def _find_any(connection: Connection, slug: str) -> Any:
    """The room, also a closed one: for the owner, who manages rooms without reading them."""
    room = room_table.find(connection, slug)
    if room is None:
        raise _no_room()
    return room


def _no_room() -> ChatError:
    return ChatError("not_found", N_("Room not found. See all rooms on the home page."), field="room")


def as_wire(room: Any) -> dict[str, Any]:
    """The room as the contract has it."""
    return {"slug": room.slug, "name": room.name, "topic": room.topic, "kind": room.kind}


def open_room(
    tx: Transaction, user: Any, name: object, slug: object, topic: object, *, most: int | None = None
) -> dict[str, Any]:
    """Open a room for everybody; without a slug it is made from the name. Whoever opens it is in it.

    With `most`, raises ChatError `forbidden` where there are as many, or many of the user's; owners may open more.
    """
    if user is not None:
        _refuse_released(tx, user)
        if most is not None and not user.is_owner:
            naming.refuse_more(tx.connection, user, most)
    clean_name = validation.clean_room_name(name)
    clean_topic = validation.clean_topic(topic)
    clean_slug = validation.clean_slug(slug) if slug else naming.free_slug(tx.connection, names.slug_from(clean_name))

    def is_known(room: Any) -> bool:
        return user is None or user.is_owner or _may_know(tx.connection, room, user)

    naming.refuse_namesake(tx.connection, clean_name, is_known)
    naming.refuse_address(tx.connection, clean_slug, is_known)
    room_table.add(tx, clean_slug, clean_name, clean_topic, "open", user.id if user is not None else None)
    room = _find_any(tx.connection, clean_slug)
    listing.add(tx, room.id, as_wire(room))
    if user is not None:
        stays.begin(tx, room, as_wire_user(user), is_limited=most is not None)
    return as_wire(room)


def remove_room(tx: Transaction, slug: str) -> None:
    """Remove a room with all that was said in it; its members see it go, and streams of it end."""
    room = _find_any(tx.connection, slug)
    present = room_table.members(tx.connection, room.id)
    events.forget_channel(tx, f"room:{room.id}")
    message_table.blank_room(tx, room.id)
    for stay in present:
        stays.end(tx, room, as_wire_user(users.find(tx.connection, stay.user_id)), stay.id)
    listing.drop(tx, room)
    tx.append(f"room:{room.id}", "room", to_json(as_wire(room) | {"kind": room_table.REMOVED}))
    room_table.change(tx, room.id, kind=room_table.REMOVED, slug=f"~{room.id}", name="", topic="")
    tx.erases = True


def change(tx: Transaction, slug: str, name: object, topic: object) -> bool:
    """Rename a room and set its topic; its address stays. False where it has both already."""
    room, clean_name = _find_any(tx.connection, slug), validation.clean_room_name(name)
    if clean_name != room.name:
        naming.refuse_namesake(tx.connection, clean_name, lambda other: bool(other.id != room.id))
    return _change(tx, room, name=clean_name, topic=validation.clean_topic(topic))


def set_kind(tx: Transaction, slug: str, kind: str) -> bool:
    """Close an open room to all but those who are in it, who keep what they could read; or open it again.

    False where it is so already: whoever came into a closed room since would be shown what was said before.
    """
    room = _find_any(tx.connection, slug)
    if kind == "open" and room.kind != kind:
        naming.refuse_namesake(tx.connection, room.name, lambda other: bool(other.kind == "open"))
    is_changed = _change(tx, room, kind=kind)
    if is_changed and kind == "closed":
        room_table.show_past(tx, room.id)
    return is_changed


def _change(tx: Transaction, room: Any, **values: str) -> bool:
    if all(getattr(room, name) == value for name, value in values.items()):
        return False
    room_table.change(tx, room.id, **values)
    wire = as_wire(room) | values
    listing.change(tx, room, wire)
    tx.append(f"room:{room.id}", "room", to_json(wire))
    return True


def join(tx: Transaction, user: Any, slug: str, *, is_limited: bool = False) -> dict[str, Any]:
    """Be in the room from now on; again does nothing. `is_limited` as for `stays.begin`."""
    room = find(tx.connection, slug, user)
    _refuse_released(tx, user)
    if not room_table.membership(tx.connection, room.id, user.id):
        stays.begin(tx, room, as_wire_user(user), is_limited)
    return as_wire(room)


def leave(tx: Transaction, user: Any, slug: str) -> None:
    """Be in the room no longer; again does nothing."""
    room = find(tx.connection, slug, user)
    stay = room_table.membership(tx.connection, room.id, user.id)
    if stay:
        stays.end(tx, room, as_wire_user(user), stay.id)


def read(tx: Transaction, user: Any, slug: str, message_id: int) -> None:
    """Note that the user has read up to a message; their other pages hear of it."""
    room = find(tx.connection, slug, user)
    stay = room_table.membership(tx.connection, room.id, user.id)
    read_id = min(message_id, message_table.newest_id(tx.connection, room.id))
    if not stay or read_id <= stay.read_id:
        return
    room_table.mark_read(tx, stay.id, read_id)
    unread = message_table.count_unread(tx.connection, room.id, user.id, read_id, UNREAD_MAX)
    told = to_json({"room": slug, "read_id": read_id, "unread": unread})
    events.append_instead(tx, f"user:{user.id}", "read", told, events.mark_of(stay.id))


def _as_author(user: Any) -> dict[str, Any]:
    return {"name": user.name, "kind": user.kind, "colour": user.colour, "bearer": user.bearer}


def as_wire_user(user: Any) -> dict[str, Any]:
    """The user as the contract has it; kept for everybody who is present, and so what can be shared is."""
    initial = rendering.initial_of(user.name, user.bearer)
    return vars(_WireUser(user.id, user.name, sys.intern(user.kind), user.colour, sys.intern(initial)))


class _WireUser:
    """Made for its `vars`: a dict that has its keys in common with all others, 120 bytes instead of 180."""

    def __init__(self, id: int, name: str, kind: str, colour: int, initial: str) -> None:
        self.id = id
        self.name = name
        self.kind = kind
        self.colour = colour
        self.initial = initial
