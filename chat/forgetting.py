"""Being forgotten: all that a user wrote removed, or left under no name; and the name gone from the log.

`ask` ends the user's part at once; `go_on` does the rest in small steps, which survive a restart: the user's column
`forgetting` holds the choice and the last message that is done.
"""

import json
from typing import Any

from chat import rooms
from chat.errors import N_, ChatError
from chat.hub import REWRITTEN, SITE, Event
from chat.sse import to_json
from chat.store import Store, Transaction, acts, bans, events, messages, sessions, users
from chat.store import rooms as room_table

NAMELESS = "nameless"
CHOICES = ("remove", "leave")
STEP_MESSAGES = 100


def ask(tx: Transaction, user: Any, choice: object) -> None:
    """Sign the user out everywhere, free the name, and begin; raises ChatError `invalid` for an unknown choice."""
    if choice not in CHOICES:
        message = N_("Choose whether what you wrote is removed, or left under no name.")
        raise ChatError("invalid", message, field="choice")
    for stay in room_table.current_stays(tx.connection, user.id):
        rooms.leave(tx, user, stay.slug)
    sessions.forget_user(tx, user.id)
    tx.append(f"user:{user.id}", "revoke", "{}")
    _tell_forgotten(tx, user.id, [])
    nameless = {"name": NAMELESS, "name_key": f"{NAMELESS}:{user.id}", "is_owner": False, "key_hash": None}
    users.change(tx, user.id, released_at=tx.now, forgetting=f"{choice}:0", **nameless)


def go_on(store: Store) -> bool:
    """Take one step for everybody who wants to be forgotten; true when there was anybody."""
    with store.read() as connection:
        waiting = users.to_forget(connection)
    for user_id in waiting:
        store.write(step, user_id)
    return bool(waiting)


def step(tx: Transaction, user_id: int) -> None:
    """Remove or redraw the user's next messages; after the last, take the name from the log."""
    user = users.find(tx.connection, user_id)
    if user is None or user.forgetting is None:
        return  # another process was first
    choice, _, done_id = user.forgetting.partition(":")
    written = messages.of_author(tx.connection, user_id, int(done_id), STEP_MESSAGES)
    for message in written:
        if choice == "remove" and message.removed_at is None:
            rooms.remove_written(tx, message)
        else:
            rooms.redraw(tx, message)
    if len(written) == STEP_MESSAGES:
        users.change(tx, user_id, forgetting=f"{choice}:{written[-1].id}")
    else:
        _finish(tx, user_id)


def _finish(tx: Transaction, user_id: int) -> None:
    """Take the name from the joins and leaves, and all that was told to the user alone."""
    told = room_table.ids_of_joins(tx.connection, user_id)
    nameless = {"id": user_id, "name": NAMELESS, "kind": "guest"}
    for event_id, slug in told:
        events.rewrite(tx, event_id, to_json({"room": slug, "user": nameless}))
    events.forget_channel(tx, f"user:{user_id}")
    _tell_forgotten(tx, user_id, [event_id for event_id, _ in told])
    tx.erases = True
    users.change(tx, user_id, forgetting=None)
    acts.add(tx, None, "forgot", user_id)


def _tell_forgotten(tx: Transaction, user_id: int, rewritten_ids: list[int]) -> None:
    """Let every process drop the name from its ring and its rosters."""
    tx.append(SITE, REWRITTEN, to_json({"ids": rewritten_ids, "channel": f"user:{user_id}"}))


def forgotten_by(event: Event) -> int | None:
    """The user who is forgotten by this event of the site, if it is one of those."""
    channel = json.loads(event.data).get("channel") if event.name == REWRITTEN else None
    return int(channel.removeprefix("user:")) if channel else None


def kept_about(store: Store, user: Any) -> dict[str, Any]:
    """Everything that is kept about a user, for them alone; of keys and codes, that there are some."""
    with store.read() as connection:
        own = users.find(connection, user.id)
        codes = sessions.device_codes_of(connection, user.id)
        return {
            "user": _columns(own, "name_key", "key_hash"),
            "sessions": [_columns(each, "key_hash") for each in sessions.of_user(connection, user.id)],
            "links_for_devices": [_columns(each, "code_hash") for each in codes],
            "rooms": [_columns(each) for each in room_table.stays_with_slugs(connection, user.id)],
            "messages": [
                _columns(each, "html", "html_version") for each in messages.of_author(connection, user.id, 0, None)
            ],
            "bans": [_columns(each) for each in bans.of_user(connection, user.id)],
            "acts": [_columns(each) for each in acts.about_user(connection, user.id)],
        }


def _columns(row: Any, *without: str) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in without}
