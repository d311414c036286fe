"""Statements that are built to SQL once, when the program starts, and then given to the driver as they are.

SQLite looks a row up in some microseconds; SQLAlchemy takes ten times as long to carry the question to the driver and
to wrap the answer. What is asked with every request is therefore asked in this way.
"""

from collections import namedtuple
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.expression import Executable

_DIALECT = sqlite.dialect(paramstyle="named")


class Prepared:
    """One statement for any connection: in the connection's transaction, or, outside of one, a moment by itself.

    Rows have the names of their columns. Raises the driver's own errors, `sqlite3.Error`. A list cannot be among the
    values, because the SQL of an `IN` depends on its length.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement

    def __getattr__(self, name: str) -> Any:
        """Build it when it is first carried out: a process that answers one request needs few of them."""
        if name not in ("_sql", "_literals", "_row", "_booleans"):
            raise AttributeError(name)
        compiled = self._statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
        columns = getattr(self._statement, "selected_columns", {})
        self._literals = {name: value for name, value in compiled.params.items() if value is not None}
        self._row: Any = namedtuple("Row", columns.keys())  # type: ignore[misc]
        self._booleans = [at for at, column in enumerate(columns) if isinstance(column.type, Boolean)]
        self._sql = str(compiled)
        return self.__dict__[name]

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Carry out a statement that writes; returns how many rows it has changed."""
        return int(self._execute(connection, values).rowcount)

    def all(self, connection: Connection, **values: Any) -> list[Any]:
        return [self._as_row(found) for found in self._fetch(connection, values)]

    def each(self, connection: Connection, **values: Any) -> Generator[Any, None, None]:
        """One row after the other, for whoever may stop early; only in the connection's transaction.

        To be closed where it was not read to its end: what is open holds the snapshot.
        """
        cursor = self._execute(connection, values)
        try:
            for found in cursor:
                yield self._as_row(found)
        finally:
            cursor.close()

    def first(self, connection: Connection, **values: Any) -> Any:
        """The first row, or None."""
        found = self._fetch(connection, values)
        return self._as_row(found[0]) if found else None

    def value(self, connection: Connection, **values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.first(connection, **values)
        return row and row[0]

    def _fetch(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        # All of it, so that nothing is left open: outside of a transaction that would hold the snapshot.
        found: list[tuple[Any, ...]] = self._execute(connection, values).fetchall()
        return found

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        driver: Any = connection.connection.driver_connection
        return driver.execute(self._sql, {**self._literals, **values})

    def _as_row(self, found: Sequence[Any]) -> Any:
        values = list(found)
        for at in self._booleans:
            values[at] = bool(values[at])  # SQLite has numbers instead
        return self._row._make(values)
