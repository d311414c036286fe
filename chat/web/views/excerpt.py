"""Which of a room's messages a page shows: the newest, those before or after one, or those around one."""

from collections.abc import Generator
from typing import NamedTuple

from sqlalchemy.engine import Connection

from chat.domain import rendering
from chat.store.tables import messages as message_table
from chat.store.tables.messages import Message
from chat.web import bounds, forms

PAGE_MESSAGES = 50
DRESS_BYTES = 512  # that a page adds to a message


class Wish(NamedTuple):
    """What the address asks for, by ids of messages: the first of these that is set; none means the newest."""

    around: int | None = None
    after: int | None = None
    before: int | None = None


NEWEST = Wish()


class Excerpt(NamedTuple):
    """Messages, oldest first, and whether the room has others before and after them."""

    messages: list[Message]
    has_older: bool
    has_newer: bool


def asked_for() -> Wish:
    """What this request asks for. Raises ChatError `invalid` if a parameter is not a whole number."""
    return Wish(*(forms.whole_number(name) for name in Wish._fields))


def find(connection: Connection, room_id: int, wish: Wish, most_bytes: int) -> Excerpt:
    """The messages asked for: at most `PAGE_MESSAGES`, and at most `most_bytes` of html."""
    shown, is_more = take(candidates(connection, room_id, wish, PAGE_MESSAGES + 1), PAGE_MESSAGES, most_bytes)
    shown.sort(key=lambda message: message.id)
    if wish == NEWEST:
        return Excerpt(shown, is_more, False)
    return Excerpt(shown, *beyond(connection, room_id, [message.id for message in shown], wish))


def candidates(connection: Connection, room_id: int, wish: Wish, most: int) -> Generator[Message, None, None]:
    """At most `most` messages in the direction asked for, those first that matter most if not all fit."""
    if wish.around is not None:
        return message_table.around(connection, room_id, wish.around, most)
    if wish.after is not None:
        return message_table.after(connection, room_id, wish.after, most)
    return message_table.before(connection, room_id, wish.before, most)


def beyond(connection: Connection, room_id: int, ids: list[int], wish: Wish) -> tuple[bool, bool]:
    """Whether there are messages before and after these, whose ids ascend; without any, before and after the wish."""
    first = ids[0] if ids else (wish.around or wish.after or 0) + 1
    last = ids[-1] if ids else (wish.before or 1) - 1
    older = message_table.before(connection, room_id, first, 1)
    newer = message_table.after(connection, room_id, last, 1)
    return _is_any(older), _is_any(newer)


def take(found: Generator[Message, None, None], most: int, most_bytes: int) -> tuple[list[Message], bool]:
    """The first of the messages, as many as fit, and whether there are more; closes `found`."""
    return bounds.take(found, most, most_bytes, lambda message: len(rendering.html_of(message).encode()) + DRESS_BYTES)


def _is_any(found: Generator[Message, None, None]) -> bool:
    return next(found, None) is not None
