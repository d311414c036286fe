"""What is kept about a user, for them alone: written out piece by piece, so that it may be as long as it is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from sqlalchemy.engine import Connection

from chat import runtime
from chat.core import times
from chat.core.wire import to_json
from chat.store import Store
from chat.store.tables import acts, bans, users
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table
from chat.store.tables import sessions as session_table

PIECE_ROWS = 50  # in one piece, and of messages in one reading: up to a megabyte
WINDOW_IDS = 5000  # among which one reading looks for messages of the user

Find = Callable[[Connection, int], Sequence[NamedTuple]]

# What is not long; with the columns that nobody is shown, because they prove who one is.
LISTS: tuple[tuple[str, Find, str], ...] = (
    ("sessions", session_table.of_user, "key_hash"),
    ("links_for_devices", session_table.device_codes_of, "code_hash"),
    ("rooms", room_table.stays_with_slugs, ""),
    ("bans", bans.of_user, ""),
    ("acts", acts.about_user, ""),
)


def about(store: Store, user_id: int) -> Iterator[str]:
    """Everything that is kept about the user, as pieces of one JSON object; of keys and codes, that there are some.

    Messages are those up to the moment `as_of`, each as it is when its turn comes: what was removed meanwhile is gone.
    """
    with store.read() as connection:
        user = users.get(connection, user_id)
        opened = room_table.opened_by(connection, user_id)
        until_id = message_table.highest_id(connection)
    yield f'{{"as_of":{to_json(times.now())},"user":{_row_text(user, "name_key", "drawn_key", "key_hash")}'
    yield f',"rooms_opened":{to_json(opened)}'
    for name, find, hidden in LISTS:
        with store.read() as connection:
            rows = find(connection, user_id)
        yield from _listed(name, (_row_text(row, hidden) for row in rows))
    found = _messages(store, user_id, until_id)
    yield from _listed("messages", (_row_text(message, *message_table.DRAWN) for message in found))
    yield "}"


def _listed(name: str, texts: Iterable[str]) -> Iterator[str]:
    """A member of the object, its entries some at a time; everything else has its turn between two pieces."""
    left = iter(texts)
    before = f',"{name}":['
    while piece := ",".join(islice(left, PIECE_ROWS)):
        yield before + piece
        before = ","
        runtime.current().breathe()
    yield "]" if before == "," else before + "]"


def _messages(store: Store, user_id: int, until_id: int) -> Iterator[message_table.Message]:
    """What the user has written, read some at a time, each reading a moment by itself."""
    after_id = 0
    while after_id < until_id:
        end_id = min(after_id + WINDOW_IDS, until_id)
        with store.read() as connection:
            found = message_table.written_by(connection, user_id, after_id, end_id, PIECE_ROWS)
        after_id = found[-1].id if len(found) == PIECE_ROWS else end_id
        yield from found
        if not found:
            runtime.current().breathe()


def _row_text(row: NamedTuple, *hidden: str) -> str:
    return to_json({name: value for name, value in row._asdict().items() if name not in hidden})
