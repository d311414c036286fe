"""The table `settings`: what the owner has set, as the text that the operator would have written."""

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from chat.store.schema import settings
from chat.store.transaction import Transaction


def all_set(connection: Connection) -> dict[str, str]:
    """What the owner has set, by the setting's name."""
    return {row.name: row.value for row in connection.execute(select(settings))}


def put(tx: Transaction, name: str, value: str | None) -> None:
    """Set a setting; None gives it back to the operator."""
    tx.connection.execute(delete(settings).where(settings.c.name == name))
    if value is not None:
        tx.connection.execute(insert(settings).values(name=name, value=value))
