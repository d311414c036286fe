"""The verbs of rooms: open, change, remove, join, leave, read. Each checks, then writes what it means.

They are run by `Store.write`, whose commit rings, so that no caller can forget the ring. What is not found and what
may not be known of is the same error.
"""

from sqlalchemy.engine import Connection

from chat.core import log_events, names, validation
from chat.core.errors import N_, ChatError
from chat.core.wire import to_json
from chat.domain import listing, naming, stays
from chat.domain.serializers import WireRoom, as_wire_room, as_wire_user
from chat.store import Transaction
from chat.store.tables import events, users
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table
from chat.store.tables.rooms import Room
from chat.store.tables.users import User

UNREAD_MAX = 1000  # counting further would cost more than it tells


def _refuse_released(tx: Transaction, user: User) -> None:
    """Whoever has lost their name, or wants to be forgotten, since the request began, writes nothing more."""
    if users.is_released(tx.connection, user.id):
        raise released()


def released() -> ChatError:
    """The error of whoever has no name any more."""
    return ChatError("sign_in", N_("Pick a name first, so others know who you are."))


def find(connection: Connection, slug: str, user: User | None) -> Room:
    """The room as far as the user may know of it, or ChatError `not_found`: a closed one only for who is in it."""
    room = room_table.find(connection, slug)
    if room is None or not _may_know(connection, room, user):
        raise no_room()
    return room


def _may_know(connection: Connection, room: Room, user: User | None) -> bool:
    return room.kind != "closed" or is_in(connection, room.id, user)


def is_in(connection: Connection, room_id: int, user: User | None) -> bool:
    """Whether the user is in the room; a visitor is in none."""
    return user is not None and room_table.membership(connection, room_id, user.id) is not None


def _find_any(connection: Connection, slug: str) -> Room:
    """The room, also a closed one: for the owner, who manages rooms without reading them."""
    room = room_table.find(connection, slug)
    if room is None:
        raise no_room()
    return room


def no_room() -> ChatError:
    """The error of a room that is not there, or that must stay unknown."""
    return ChatError("not_found", N_("Room not found. See all rooms on the home page."), field="room")


def open_room(
    tx: Transaction, user: User | None, name: object, slug: object, topic: object, *, most: int | None = None
) -> WireRoom:
    """Open a room for everybody; without a slug it is made from the name. Whoever opens it is in it.

    With `most`, raises ChatError `forbidden` where there are as many, or many of the user's; owners may open more.
    Raises `sign_in` for a user who has lost their name, `name_taken`, `invalid` or `too_long`.
    """
    if user is not None:
        _refuse_released(tx, user)
        if most is not None and not user.is_owner:
            naming.refuse_more(tx.connection, user, most)
    clean_name = validation.clean_room_name(name)
    clean_topic = validation.clean_topic(topic)
    clean_slug = validation.clean_slug(slug) if slug else naming.free_slug(tx.connection, names.slug_from(clean_name))

    def is_known(room: Room) -> bool:
        return user is None or user.is_owner or _may_know(tx.connection, room, user)

    naming.refuse_namesake(tx.connection, clean_name, is_known)
    naming.refuse_address(tx.connection, clean_slug, is_known)
    room_table.add(tx, clean_slug, clean_name, clean_topic, "open", user.id if user is not None else None)
    room = _find_any(tx.connection, clean_slug)
    listing.add(tx, room.id, as_wire_room(room))
    if user is not None:
        stays.begin(tx, room.id, room.slug, as_wire_user(user), is_limited=most is not None)
    return as_wire_room(room)


def remove_room(tx: Transaction, slug: str) -> None:
    """Remove a room with all that was said in it; its members see it go, and streams of it end.

    Raises ChatError `not_found`.
    """
    room = _find_any(tx.connection, slug)
    present = room_table.members(tx.connection, room.id)
    events.forget_channel(tx, f"room:{room.id}")
    message_table.blank_room(tx, room.id)
    for stay in present:
        stays.end(tx, room, as_wire_user(users.get(tx.connection, stay.user_id)), stay.id)
    listing.drop(tx, room)
    tx.append(f"room:{room.id}", log_events.ROOM, to_json(as_wire_room(room._replace(kind=room_table.REMOVED))))
    room_table.change(tx, room.id, kind=room_table.REMOVED, slug=f"~{room.id}", name="", topic="")
    tx.erases = True


def change(tx: Transaction, slug: str, name: object, topic: object) -> bool:
    """Rename a room and set its topic; its address stays. False where it has both already.

    Raises ChatError `not_found`, `name_taken`, `invalid` or `too_long`.
    """
    room, clean_name = _find_any(tx.connection, slug), validation.clean_room_name(name)
    if clean_name != room.name:
        naming.refuse_namesake(tx.connection, clean_name, lambda other: other.id != room.id)
    return _change(tx, room, room._replace(name=clean_name, topic=validation.clean_topic(topic)))


def set_kind(tx: Transaction, slug: str, kind: str) -> bool:
    """Close an open room to all but those who are in it, who keep what they could read; or open it again.

    False where it is so already: whoever came into a closed room since would be shown what was said before. Raises
    ChatError `not_found`, and `name_taken` where another open room has the name.
    """
    room = _find_any(tx.connection, slug)
    if kind == "open" and room.kind != kind:
        naming.refuse_namesake(tx.connection, room.name, lambda other: other.kind == "open")
    is_changed = _change(tx, room, room._replace(kind=kind))
    if is_changed and kind == "closed":
        room_table.show_past(tx, room.id)
    return is_changed


def _change(tx: Transaction, room: Room, changed: Room) -> bool:
    values = {name: value for name, value in changed._asdict().items() if value != getattr(room, name)}
    if not values:
        return False
    room_table.change(tx, room.id, **values)
    wire = as_wire_room(changed)
    listing.change(tx, room, wire)
    tx.append(f"room:{room.id}", log_events.ROOM, to_json(wire))
    return True


def join(tx: Transaction, user: User, slug: str, *, is_limited: bool = False) -> WireRoom:
    """Be in the room from now on; again does nothing. `is_limited` as for `stays.begin`.

    Raises ChatError `not_found`, and `sign_in` for a user who has lost their name.
    """
    room = find(tx.connection, slug, user)
    _refuse_released(tx, user)
    if not room_table.membership(tx.connection, room.id, user.id):
        stays.begin(tx, room.id, room.slug, as_wire_user(user), is_limited)
    return as_wire_room(room)


def leave(tx: Transaction, user: User, slug: str) -> None:
    """Be in the room no longer; again does nothing. Raises ChatError `not_found`."""
    room = find(tx.connection, slug, user)
    stay = room_table.membership(tx.connection, room.id, user.id)
    if stay:
        stays.end(tx, room, as_wire_user(user), stay.id)


def read(tx: Transaction, user: User, slug: str, message_id: int) -> None:
    """Note that the user has read up to a message; their other pages are sent that. Raises ChatError `not_found`."""
    room = find(tx.connection, slug, user)
    stay = room_table.membership(tx.connection, room.id, user.id)
    read_id = min(message_id, message_table.newest_id(tx.connection, room.id))
    if not stay or read_id <= stay.read_id:
        return
    room_table.mark_read(tx, stay.id, read_id)
    unread = message_table.count_unread(tx.connection, room.id, user.id, read_id, UNREAD_MAX)
    mark = to_json({"room": slug, "read_id": read_id, "unread": unread})
    events.append_instead(tx, f"user:{user.id}", log_events.READ, mark, events.mark_of(stay.id))
