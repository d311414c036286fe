"""The rooms that a reader may see, as pages list them, with their unread counts."""

from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Any

from flask import url_for
from sqlalchemy.engine import Connection

from chat.domain import rooms, serializers
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table
from chat.web import bounds

CARDS = bounds.Sizes(
    100, bounds.ROOM_CARDS_BYTES, lambda known: bounds.drawn(512, known.room.name, known.room.topic)
)
SIDE_ROOMS = 50  # beside a room
UNREAD_OF_PAGE = 10_000  # messages that are counted for one page: about 5 ms


def by_name(connection: Connection, user_id: int | None) -> bounds.Part:
    """The part of all rooms that the request asks for by `from`. Raises ChatError `invalid`."""
    return bounds.part(url_for("pages.home"), "from", partial(room_table.known, connection, user_id), CARDS)


def beside(connection: Connection, user_id: int | None, slug: str) -> tuple[list[dict[str, Any]], bool]:
    """The rooms listed beside a room's page, by name, and whether there are more; if so, the user's own come first."""
    found = room_table.nearest(connection, user_id, slug, SIDE_ROOMS + 1)
    # In the store's own order: it lowers only ASCII letters, and compares bytes.
    shown = sorted(found[:SIDE_ROOMS], key=lambda known: (known.room.name.encode().lower(), known.room.id))
    return lines_of(connection, shown, user_id, slug), len(found) > SIDE_ROOMS


def lines_of(
    connection: Connection, found: Collection[room_table.KnownRoom], user_id: int | None, current: str | None = None
) -> list[dict[str, Any]]:
    """Rooms as lists show them: as JSON has them, with `is_member`, `read_id`, `unread`, `has_twin`, `is_current`."""
    lines = []
    bearers = Counter(room.name_key for room, _ in found)
    uncounted, left = sum(read_id is not None for _, read_id in found), UNREAD_OF_PAGE
    for room, read_id in found:
        unread = 0
        if user_id is not None and read_id is not None:
            most = min(rooms.UNREAD_MAX, left // uncounted)
            unread = message_table.count_unread(connection, room.id, user_id, read_id, most)
            uncounted, left = uncounted - 1, left - unread
        mine = {"is_member": read_id is not None, "read_id": read_id, "unread": unread}
        # Rooms with the same name, from older versions or because one is private, are told apart by their addresses.
        mine |= {"has_twin": bearers[room.name_key] > 1, "is_current": room.slug == current}
        lines.append(serializers.as_wire_room(room) | mine)
    return lines
