"""The facts `epoch:…`: the last event by which anybody may have lost the right to read a room, or the whole site.

`Transaction.append` notes them with the event itself, so that no verb can forget it. A fact is the event's id and a
random number, because after a restored backup ids are given again, and no epoch may come back.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, cast, desc, select
from sqlalchemy.engine import Connection

from chat.store.schema import facts, rooms
from chat.store.statement import Prepared, PreparedValue
from chat.store.tables.rooms import REMOVED


class Epoch(NamedTuple):
    """Begun by the event `id`; `mark` is of no other."""

    id: int
    mark: str


class _Fact(NamedTuple):
    name: str
    value: str
    id: int


FIRST = Epoch(0, "0")

_ID = cast(facts.c.value, Integer).label("id")  # of "57 8c1f…" 57
_EPOCHS = select(facts.c.name, facts.c.value, _ID).order_by(desc(_ID))
_ALL = Prepared(_EPOCHS.where(facts.c.name.like("epoch:%")), _Fact)
_OF_ROOM = Prepared(_EPOCHS.where(facts.c.name.in_(("epoch:site", bindparam("scope")))), _Fact)
_ROOM_IDS = PreparedValue[int](select(rooms.c.id).where(rooms.c.kind != REMOVED))


def newest(connection: Connection) -> Epoch:
    """The last of all."""
    return _epoch(_ALL.first(connection))


def of_rooms(connection: Connection, room_ids: Collection[int]) -> dict[int, Epoch]:
    """The epoch of each of these rooms."""
    return {room_id: _epoch(_OF_ROOM.first(connection, scope=f"epoch:room:{room_id}")) for room_id in room_ids}


def of_all(connection: Connection) -> dict[int, Epoch]:
    """The epochs of all rooms that are still there."""
    found = {fact.name: _epoch(fact) for fact in _ALL.all(connection)}
    of_site = found.get("epoch:site", FIRST)
    return {id: max(of_site, found.get(f"epoch:room:{id}", FIRST)) for id in _ROOM_IDS.all(connection)}


def _epoch(fact: _Fact | None) -> Epoch:
    return Epoch(fact.id, fact.value) if fact is not None else FIRST
