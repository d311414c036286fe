"""The facts `epoch:…`: the last event by which anybody may have lost the right to read a room, or the whole site.

`Transaction.append` notes them with the event itself, so that no verb can forget it. Ids are never given twice, but
after a restored backup, so an epoch does not come back.
"""

from collections.abc import Collection

from sqlalchemy import Integer, bindparam, cast, func, select
from sqlalchemy.engine import Connection

from chat.schema import facts, rooms
from chat.store.prepared import Prepared
from chat.store.rooms import REMOVED

_EPOCH = cast(facts.c.value, Integer)
_NEWEST = Prepared(select(func.max(_EPOCH).label("id")).where(facts.c.name.like("epoch:%")))
_ALL = Prepared(select(facts.c.name, _EPOCH.label("id")).where(facts.c.name.like("epoch:%")))
_ROOMS = Prepared(select(rooms.c.id).where(rooms.c.kind != REMOVED))
_OF_ROOM = Prepared(
    select(func.max(_EPOCH).label("id")).where(facts.c.name.in_(("epoch:site", bindparam("scope"))))
)


def newest(connection: Connection) -> int:
    """The last of all; 0 before the first."""
    return _NEWEST.value(connection) or 0


def of_rooms(connection: Connection, room_ids: Collection[int]) -> dict[int, int]:
    """The epoch of each of these rooms."""
    return {room_id: _OF_ROOM.value(connection, scope=f"epoch:room:{room_id}") or 0 for room_id in room_ids}


def of_all(connection: Connection) -> dict[int, int]:
    """The epochs of all rooms that are still there."""
    found = {epoch.name: epoch.id for epoch in _ALL.all(connection)}
    of_site = found.get("epoch:site", 0)
    return {room.id: max(of_site, found.get(f"epoch:room:{room.id}", 0)) for room in _ROOMS.all(connection)}
