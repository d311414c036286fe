"""The table `facts`: single values that the whole chat shares."""

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

from chat.store.schema import facts
from chat.store.statement import PreparedValue
from chat.store.transaction import Transaction

_BY_NAME = PreparedValue[str](lambda: select(facts.c.value).where(facts.c.name == bindparam("fact")))


def get(connection: Connection, name: str) -> str | None:
    """The fact's value, as text; None where it was never noted."""
    return _BY_NAME.value(connection, fact=name)


def put(tx: Transaction, name: str, value: str) -> None:
    """Note a fact, in the place of what it was."""
    tx.put_fact(name, value)
