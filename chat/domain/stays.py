"""Stays in rooms: how one begins and ends, when it goes on with the one before, and how many there may be."""

from chat.core import log_events, times
from chat.core.errors import N_, ChatError
from chat.core.wire import WireUser, to_json
from chat.store import Transaction
from chat.store.tables import events
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table
from chat.store.tables.rooms import Room

# What a reader may see is worked out from all stays that the log still tells of. Nobody who means to talk comes back
# to a room, after others have talked there, as often as this.
STAYS_A_DAY_IN_ROOM = 50
STAYS_A_DAY = 300
ROOMS_MAX = 500  # that one person is in: each reader is sent and shows all of theirs


def begin(tx: Transaction, room_id: int, slug: str, user: WireUser, is_limited: bool = False) -> None:
    """Let a user, as the contract has them, be in the room from now on.

    Where nothing has happened there since they left, the stay before goes on. With `is_limited`, raises ChatError
    `forbidden` where they are in too many rooms, and `slow_down` where they have come too often of late.
    """
    if is_limited:
        _refuse_more_rooms(tx, user["id"])
    newest = message_table.newest_id(tx.connection, room_id)
    happened = max(newest, events.newest_of_room(tx.connection, room_id))
    last = room_table.last_stay(tx.connection, room_id, user["id"])
    if last is not None and happened > last.to_id:
        last = None  # others have had a say since, and it does not go on
    if is_limited and last is None:
        _refuse_more_stays(tx, room_id, user["id"])
    join_id = _append_to_both(tx, log_events.JOIN, room_id, slug, user)
    if last is not None:
        room_table.go_on(tx, last.id, read_id=newest)
    else:
        room_table.forget_stays(tx, user["id"], until=events.pruned_to(tx.connection))
        room_table.begin_stay(tx, room_id, user["id"], join_id, read_id=newest)


def end(tx: Transaction, room: Room, user: WireUser, stay_id: int) -> None:
    """Let the user be in the room no longer."""
    room_table.end_stay(tx, stay_id, to_id=_append_to_both(tx, log_events.LEAVE, room.id, room.slug, user))
    events.drop(tx, log_events.READ, events.mark_of(stay_id))


def _append_to_both(tx: Transaction, name: str, room_id: int, slug: str, user: WireUser) -> int:
    """Log a change of membership for the room and, right behind it, for the user's own channel; returns the id of the
    room's.
    """
    change = to_json({"room": slug, "user": user})
    event_id = tx.append(f"room:{room_id}", name, change)
    tx.append(f"user:{user['id']}", name, change)
    return event_id


def _refuse_more_rooms(tx: Transaction, user_id: int) -> None:
    if room_table.count_current(tx.connection, user_id) >= ROOMS_MAX:
        message = N_("You're in %(most)d rooms, the most you can join. Leave one first.")
        raise ChatError("forbidden", message, most=ROOMS_MAX)


def _refuse_more_stays(tx: Transaction, room_id: int, user_id: int) -> None:
    asked = ((STAYS_A_DAY_IN_ROOM, room_id), (STAYS_A_DAY, None))
    begun_at = max(room_table.begin_of_stay(tx.connection, user_id, *which) for which in asked)
    day_ago = times.ago(days=1)
    if begun_at > day_ago:
        left = times.moment_of(begun_at) - times.moment_of(day_ago)
        message = N_("You've joined and left too often today. Try again later.")
        raise ChatError("slow_down", message, retry_after_seconds=int(left.total_seconds()) + 1)
