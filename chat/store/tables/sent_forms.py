"""The table `sent_forms`: what forms were answered of late, for whoever sends one again."""

from sqlalchemy import bindparam, delete, exists, insert, or_, select
from sqlalchemy.engine import Connection

from chat.store.schema import sent_forms, sessions
from chat.store.statement import PreparedValue
from chat.store.transaction import Transaction

_SESSION_LIVES = exists().where(sessions.c.key_hash == sent_forms.c.key_hash)  # an ended one has lost its key
_FIND = PreparedValue[str](
    lambda: select(sent_forms.c.result).where(
        or_(sent_forms.c.sent_hash == bindparam("form"), sent_forms.c.known_hash == bindparam("form")),
        sent_forms.c.created_at > bindparam("since"),
        or_(sent_forms.c.key_hash.is_(None), _SESSION_LIVES),
    )
)


def find(connection: Connection, form_hash: str, since: str) -> str | None:
    """The sealed result of a form that was sent since then, as long as the session lives to which it belongs."""
    return _FIND.value(connection, form=form_hash, since=since)


def put(tx: Transaction, form_hash: str, known_hash: str, key_hash: str | None, result: str) -> None:
    """Keep it, in the place of one that no longer counts.

    Who writes has the only write lock. Where that is not so, the primary key refuses the second of two who send the
    same form at once: its transaction is undone, and run again it finds the first.
    """
    tx.connection.execute(delete(sent_forms).where(sent_forms.c.sent_hash == form_hash))
    values = {"sent_hash": form_hash, "known_hash": known_hash, "key_hash": key_hash, "result": result}
    tx.connection.execute(insert(sent_forms).values(**values, created_at=tx.now))


def forget(tx: Transaction, before: str) -> None:
    """Drop the forms that were sent by then."""
    tx.connection.execute(delete(sent_forms).where(sent_forms.c.created_at <= before))
