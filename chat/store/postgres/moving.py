"""What PostgreSQL must know for a chat to move: see `store.engine.Moving`, which this module is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.engine import Connection

from chat.store.postgres.database import WRITE_LOCK, lock
from chat.store.schema import metadata
from chat.store.versions import CLOSED

_FUNCTION = f"""CREATE OR REPLACE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{CLOSED}' USING ERRCODE = 'object_not_in_prerequisite_state'; END $$"""


def load(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    driver: Any = connection.connection.driver_connection
    columns = ", ".join(table.columns.keys())
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def last_numbers(connection: Connection) -> dict[str, int]:
    numbers = {}
    for table, sequence in _sequences(connection):
        given = f"SELECT last_value FROM {sequence} WHERE is_called"
        last = connection.exec_driver_sql(given).scalar() or 0
        numbers[table.name] = max(int(last), _highest(connection, table))
    return numbers


def go_on_from(connection: Connection, numbers: Mapping[str, int]) -> None:
    for table, sequence in _sequences(connection):
        last = max(numbers.get(table.name, 0), _highest(connection, table))
        connection.execute(select(func.setval(sequence, max(last, 1), last > 0)))
    connection.exec_driver_sql("ANALYZE")  # or the first questions are answered by reading whole tables


def refuse_changes(connection: Connection) -> None:
    lock(connection, WRITE_LOCK)  # who locks table after table while others write may wait for them in a circle
    connection.exec_driver_sql(_FUNCTION)
    for table in metadata.tables:
        connection.exec_driver_sql(
            f"CREATE OR REPLACE TRIGGER closed BEFORE INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION closed()"
        )


def allow_changes(connection: Connection) -> None:
    for table in metadata.tables:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS closed ON {table}")
    connection.exec_driver_sql("DROP FUNCTION IF EXISTS closed()")


def _sequences(connection: Connection) -> Iterator[tuple[Table, str]]:
    for table in metadata.sorted_tables:
        if table.autoincrement_column is not None:
            sequence = connection.execute(select(func.pg_get_serial_sequence(table.name, "id"))).scalar_one()
            yield table, sequence


def _highest(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.max(table.c.id))).scalar() or 0)
