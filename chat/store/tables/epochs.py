"""The facts `epoch:…`: the last event by which anybody may have lost the right to read a room, or the whole site.

`Transaction.append` notes them with the event itself, so that no verb can forget it. A fact is the event's id and a
random number, because after a restored backup ids are given again, and no epoch may come back.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, cast, desc, func, select
from sqlalchemy.engine import Connection

from chat.store.schema import facts, rooms
from chat.store.statement import Prepared, PreparedValue
from chat.store.tables.rooms import REMOVED


class Epoch(NamedTuple):
    """Begun by the event `id`; `mark` is of no other."""

    id: int
    mark: str


class _NamedEpoch(NamedTuple):
    epoch: Epoch
    name: str


FIRST = Epoch(0, "0")
MARK_CHARACTERS = 17  # behind the id in "57 8c1f…": a space, and `Transaction`'s random number

_ID = cast(func.substr(facts.c.value, 1, func.length(facts.c.value) - MARK_CHARACTERS), BigInteger).label("id")
_EPOCHS = select(_ID, facts.c.value.label("mark")).order_by(desc(_ID))
_ALL = Prepared(lambda: _EPOCHS.add_columns(facts.c.name).where(facts.c.name.like("epoch:%")), _NamedEpoch)
_OF_ROOM = Prepared(lambda: _EPOCHS.where(facts.c.name.in_(("epoch:site", bindparam("scope")))), Epoch)
_ROOM_IDS = PreparedValue[int](lambda: select(rooms.c.id).where(rooms.c.kind != REMOVED))


def newest(connection: Connection) -> Epoch:
    """The last of all."""
    found = _ALL.first(connection)
    return found.epoch if found is not None else FIRST


def of_rooms(connection: Connection, room_ids: Collection[int]) -> dict[int, Epoch]:
    """The epoch of each of these rooms."""
    return {id: _OF_ROOM.first(connection, scope=f"epoch:room:{id}") or FIRST for id in room_ids}


def of_all(connection: Connection) -> dict[int, Epoch]:
    """The epochs of all rooms that are still there."""
    found = {name: epoch for epoch, name in _ALL.all(connection)}
    of_site = found.get("epoch:site", FIRST)
    return {id: max(of_site, found.get(f"epoch:room:{id}", FIRST)) for id in _ROOM_IDS.all(connection)}
