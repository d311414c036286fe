"""Statements that are built to SQL once, when the program starts, and then given to the driver as they are.

SQLite looks a row up in some microseconds; SQLAlchemy takes ten times as long to carry the question to the driver and
to wrap the answer. What is asked with every request is therefore asked in this way; everything else by `fetch_all` and
`fetch_first`. Either way a row is a NamedTuple whose fields are the columns.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Boolean
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.expression import Executable

_DIALECT = sqlite.dialect(paramstyle="named")

R = TypeVar("R", bound=NamedTuple)
T = TypeVar("T")
V = TypeVar("V")


class Statement(Generic[T]):
    """One statement for any connection: in the connection's transaction, or, outside of one, a moment by itself.

    Raises the driver's own errors, `sqlite3.Error`. A list cannot be among the values, because the SQL of an `IN`
    depends on its length.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement

    def __getattr__(self, name: str) -> Any:
        """Build it when it is first carried out: a process that answers one request needs few of them."""
        if name not in ("_sql", "_literals", "_make", "_booleans"):
            raise AttributeError(name)
        compiled = self._statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
        columns = getattr(self._statement, "selected_columns", {})
        self._literals = {name: value for name, value in compiled.params.items() if value is not None}
        self._make = self._maker(tuple(columns.keys()))
        self._booleans = [at for at, column in enumerate(columns) if isinstance(column.type, Boolean)]
        self._sql = str(compiled)
        return self.__dict__[name]

    def _maker(self, columns: tuple[str, ...]) -> Callable[[Sequence[Any]], T]:
        """What makes the statement's result of the values of these columns. Raises TypeError where it cannot."""
        raise NotImplementedError

    def _all(self, connection: Connection, values: Mapping[str, Any]) -> list[T]:
        return [self._made(found) for found in self._fetch(connection, values)]

    def _first(self, connection: Connection, values: Mapping[str, Any]) -> T | None:
        found = self._fetch(connection, values)
        return self._made(found[0]) if found else None

    def _fetch(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        # All of it, so that nothing is left open: outside of a transaction that would hold the snapshot.
        found: list[tuple[Any, ...]] = self._execute(connection, values).fetchall()
        return found

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        driver: Any = connection.connection.driver_connection
        return driver.execute(self._sql, {**self._literals, **values})

    def _made(self, found: Sequence[Any]) -> T:
        if self._booleans:
            found = list(found)
            for at in self._booleans:
                found[at] = bool(found[at])  # SQLite has numbers instead
        made: T = self._make(found)
        return made


class Prepared(Statement[R]):
    """A statement that finds rows, each as `row`, whose fields have the names of the columns, in their order."""

    def __init__(self, statement: Executable, row: type[R]) -> None:
        super().__init__(statement)
        self._row = row

    def _maker(self, columns: tuple[str, ...]) -> Callable[[Sequence[Any]], R]:
        return row_maker(self._row, columns)

    def all(self, connection: Connection, **values: Any) -> list[R]:
        """Every row, in the statement's order."""
        return self._all(connection, values)

    def first(self, connection: Connection, **values: Any) -> R | None:
        """The first row, or None."""
        return self._first(connection, values)

    def each(self, connection: Connection, **values: Any) -> Generator[R, None, None]:
        """One row after the other, for whoever may stop early; only in the connection's transaction.

        To be closed where it was not read to its end: what is open holds the snapshot.
        """
        cursor = self._execute(connection, values)
        try:
            for found in cursor:
                yield self._made(found)
        finally:
            cursor.close()


class PreparedValue(Statement[V]):
    """A statement that finds single values: `PreparedValue[int](select(users.c.id))`."""

    def _maker(self, columns: tuple[str, ...]) -> Callable[[Sequence[Any]], V]:
        if len(columns) != 1:
            raise TypeError(f"a single value is one column, not {columns}")
        return itemgetter(0)

    def all(self, connection: Connection, **values: Any) -> list[V]:
        """Every value, in the statement's order."""
        return self._all(connection, values)

    def value(self, connection: Connection, **values: Any) -> V | None:
        """The first of them; None where there is none, or where that is NULL."""
        return self._first(connection, values)


class PreparedChange(Statement[None]):
    """A statement that writes, and finds nothing."""

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Carry it out; returns how many rows it has changed."""
        return int(self._execute(connection, values).rowcount)

    def _maker(self, columns: tuple[str, ...]) -> Callable[[Sequence[Any]], None]:
        return lambda found: None


def fetch_all(
    connection: Connection, statement: Executable, row: type[R], values: Mapping[str, Any] | None = None
) -> list[R]:
    """The rows that a statement finds which is made up for this one question."""
    result = connection.execute(statement, values)
    make = row_maker(row, tuple(result.keys()))
    return [make(found) for found in result]


def fetch_first(
    connection: Connection, statement: Executable, row: type[R], values: Mapping[str, Any] | None = None
) -> R | None:
    """The first of them, or None."""
    result = connection.execute(statement, values)
    make, found = row_maker(row, tuple(result.keys())), result.first()
    return None if found is None else make(found)


def row_maker(row: type[R], columns: tuple[str, ...]) -> Callable[[Sequence[Any]], R]:
    """What makes a row of the values of these columns; a first field that is a row itself is made of the first ones.

    Raises TypeError where the row's fields are others.
    """
    part = row.__annotations__[row._fields[0]]
    has_part = hasattr(part, "_make")  # such as the user of a session, who is handed on alone
    fields = (*part._fields, *row._fields[1:]) if has_part else row._fields
    if columns != fields:
        raise TypeError(f"{row.__qualname__} has the fields {fields}, but the columns are {columns}")
    if not has_part:
        return row._make
    size = len(part._fields)
    return lambda found: row._make((part._make(found[:size]), *found[size:]))
