"""How other programs speak: by command under a name, or by a row in the table `inbox`."""

from typing import Any

from chat.core.errors import ChatError
from chat.domain import bots, messages
from chat.store import Store, Transaction
from chat.store.tables import inbox as inbox_table

MOVED_AT_ONCE = 100
REFUSED_KEPT = 1000  # rows that could not be posted: enough to see what is wrong with a program


def post_as(tx: Transaction, name: object, slug: str, body: object, client_id: object = None) -> messages.Posted:
    """Post as the bot of this name, made if nobody has the name.

    Raises what `bots.bot_named` and `messages.post` do.
    """
    return messages.post(tx, bots.bot_named(tx, name), slug, body, client_id)


def move_inbox(store: Store) -> None:
    """Post what waits in the inbox, each row exactly once, whoever else is at it and whenever one is killed."""
    while True:
        with store.read() as connection:
            waiting = inbox_table.waiting(connection, MOVED_AT_ONCE)
        if not waiting:
            return
        store.write(_move, waiting)


def _move(tx: Transaction, row_ids: list[int]) -> None:
    for row_id in row_ids:
        row = inbox_table.find_waiting(tx, row_id)
        if row is None:
            continue
        try:
            with tx.connection.begin_nested():  # a refused row must not leave a new bot behind
                post_as(tx, *(_decoded(value) for value in (row.author, row.room, row.body, row.client_id)))
        except ChatError as error:
            inbox_table.refuse(tx, row_id, str(error))
        else:
            inbox_table.remove(tx, row_id)
    inbox_table.forget_refused(tx, REFUSED_KEPT)


def _decoded(value: bytes | str | None) -> Any:
    """The column's text; bytes that are no text stay what they are, and the verbs refuse them."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
