"""Being forgotten: all that a user wrote removed, or left under no name; and the name gone from the log.

`ask` ends the user's part at once; `go_on` does the rest in small steps, which survive a restart: the user's column
`forgetting` holds the choice and the last message that is done.
"""

import json

from chat.core import log_events
from chat.core.errors import N_, ChatError
from chat.core.wire import to_json
from chat.domain import messages, rooms
from chat.store import Store, Transaction
from chat.store.tables import acts, events, users
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table
from chat.store.tables import sessions as session_table

NAMELESS = "nameless"
CHOICES = ("remove", "leave")
STEP_MESSAGES = 100
STEP_MOVES = 500


def ask(tx: Transaction, user: users.User | None, choice: object) -> None:
    """Sign the user out everywhere, free the name, and begin.

    Raises ChatError `invalid` for an unknown choice, and `sign_in` where there is no user any more.
    """
    if user is None:
        raise rooms.released()
    if choice not in CHOICES:
        message = N_("Choose what happens to the messages you wrote.")
        raise ChatError("invalid", message, field="choice")
    for stay in room_table.current_stays(tx.connection, user.id):
        rooms.leave(tx, user, stay.slug)
    session_table.forget_user(tx, user.id)
    room_table.forget_opener(tx, user.id)
    tx.append(f"user:{user.id}", log_events.REVOKE, "{}")
    _append_rewritten(tx, user.id, [])
    nameless = {"name": NAMELESS, "name_key": f"{NAMELESS}:{user.id}", "drawn_key": None}
    users.change(tx, user.id, released_at=tx.now, forgetting=f"{choice}:0", is_owner=False, key_hash=None, **nameless)


def go_on(store: Store) -> bool:
    """Take one step for everybody who wants to be forgotten; true when there was anybody."""
    with store.read() as connection:
        waiting = users.to_forget(connection)
    for user_id in waiting:
        store.write(step, user_id)
    return bool(waiting)


def step(tx: Transaction, user_id: int) -> None:
    """Remove or redraw the user's next messages; after the last, take the name from the joins and leaves."""
    user = users.find(tx.connection, user_id)
    if user is None or user.forgetting is None:
        return  # another process was first
    choice, _, done_id = user.forgetting.partition(":")
    written = message_table.of_author(tx.connection, user_id, int(done_id), STEP_MESSAGES)
    for message in written:
        if choice == "remove" and message.removed_at is None:
            messages.remove_written(tx, message)
        else:
            messages.redraw(tx, message)
    if written:
        users.change(tx, user_id, forgetting=f"{choice}:{written[-1].id}")
    if len(written) < STEP_MESSAGES and not _forget_moves(tx, user_id):
        _finish(tx, user_id)


def _forget_moves(tx: Transaction, user_id: int) -> bool:
    """Take the name from the next joins and leaves of the user; true while there may be more."""
    moves = events.moves_of_user(tx.connection, user_id, STEP_MOVES)
    nameless = {"id": user_id, "name": NAMELESS, "kind": "guest"}
    for move in moves:
        events.rewrite(tx, move.id - 1, to_json({"room": json.loads(move.data)["room"], "user": nameless}))
    if moves:
        events.forget(tx, [move.id for move in moves])
        _append_rewritten(tx, user_id, [move.id - 1 for move in moves])
        tx.erases = True
    return len(moves) == STEP_MOVES


def _finish(tx: Transaction, user_id: int) -> None:
    """Drop what is left of the user's own channel."""
    events.forget_channel(tx, f"user:{user_id}")
    _append_rewritten(tx, user_id, [])
    tx.erases = True
    users.change(tx, user_id, forgetting=None)
    acts.add(tx, None, "forgot", user_id)


def _append_rewritten(tx: Transaction, user_id: int, rewritten_ids: list[int]) -> None:
    """Let every process drop the name from its ring and its rosters."""
    tx.append(log_events.SITE, log_events.REWRITTEN, to_json({"ids": rewritten_ids, "channel": f"user:{user_id}"}))


def forgotten_by(name: str, data: str) -> int | None:
    """The user who is forgotten by this event of the site, if it is one of those."""
    channel = json.loads(data).get("channel") if name == log_events.REWRITTEN else None
    return int(channel.removeprefix("user:")) if channel else None
