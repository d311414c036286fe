"""Events for everybody about which rooms anybody may find, so that lists of rooms follow the log."""

from chat.core import log_events
from chat.core.wire import to_json
from chat.domain.serializers import WireRoom
from chat.store import Transaction
from chat.store.tables import events
from chat.store.tables.rooms import Room


def add(tx: Transaction, room_id: int, wire: WireRoom) -> None:
    """Tell of an open room as it is now, in the contract's form; of each room the log keeps the last such event."""
    events.append_instead(tx, log_events.EVERYBODY, log_events.LISTED, to_json(wire), events.mark_of(room_id))


def drop(tx: Transaction, room: Room) -> None:
    """Announce that a room which was open no longer is, but not which: newcomers, who may not know, receive it, too."""
    if room.kind == "open":
        events.append_instead(tx, log_events.EVERYBODY, log_events.UNLISTED, "{}", events.mark_of(room.id))


def change(tx: Transaction, room: Room, wire: WireRoom) -> None:
    """Tell what `wire` makes of the room. What becomes of a closed one is not for others to know."""
    if wire["kind"] == "open":
        add(tx, room.id, wire)
    else:
        drop(tx, room)
