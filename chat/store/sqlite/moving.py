"""What SQLite must know for a chat to move: see `store.engine.Moving`, which this module is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, insert, select
from sqlalchemy.engine import Connection

from chat.store.schema import metadata
from chat.store.versions import CLOSED

CHANGES = ("INSERT", "UPDATE", "DELETE")


def load(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    names = table.columns.keys()
    connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def last_numbers(connection: Connection) -> dict[str, int]:
    """Where SQLite keeps none, a row that goes leaves its number to the next, as before."""
    found = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
    kept: dict[str, int] = {each.name: each.seq for each in found}
    return {table.name: max(kept.get(table.name, 0), _highest(connection, table)) for table in _numbered()}


def go_on_from(connection: Connection, numbers: Mapping[str, int]) -> None:
    for table in _numbered():
        if table.dialect_options["sqlite"]["autoincrement"]:
            last = max(numbers.get(table.name, 0), _highest(connection, table))
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = :name", {"name": table.name})
            values = {"name": table.name, "last": last}
            connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)", values)


def refuse_changes(connection: Connection) -> None:
    for name, table, change in _triggers():
        refusal = f"SELECT RAISE(ABORT, '{CLOSED}')"
        connection.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {change} ON {table} BEGIN {refusal}; END"
        )


def allow_changes(connection: Connection) -> None:
    for name, _, _ in _triggers():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")


def _numbered() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.autoincrement_column is not None]


def _highest(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.max(table.c.id))).scalar() or 0)


def _triggers() -> Iterator[tuple[str, str, str]]:
    for table in metadata.tables:
        for change in CHANGES:
            yield f"closed_{table}_{change.lower()}", table, change
