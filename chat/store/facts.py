"""The table `facts`: single values that the whole chat shares."""

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from chat.schema import facts
from chat.store.transaction import Transaction


def get(connection: Connection, name: str) -> str | None:
    return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()


def put(tx: Transaction, name: str, value: str) -> None:
    tx.connection.execute(delete(facts).where(facts.c.name == name))
    tx.connection.execute(insert(facts).values(name=name, value=value))
