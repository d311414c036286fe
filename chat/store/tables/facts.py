"""The table `facts`: single values that the whole chat shares."""

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from chat.store.schema import facts
from chat.store.statement import Prepared
from chat.store.transaction import Transaction

_BY_NAME = Prepared(select(facts.c.value).where(facts.c.name == bindparam("fact")))


def get(connection: Connection, name: str) -> str | None:
    value: str | None = _BY_NAME.value(connection, fact=name)
    return value


def put(tx: Transaction, name: str, value: str) -> None:
    tx.connection.execute(delete(facts).where(facts.c.name == name))
    tx.connection.execute(insert(facts).values(name=name, value=value))
