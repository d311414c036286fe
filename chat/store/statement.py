"""Statements that are built to SQL once, when first carried out, and from then on given to the driver as they are.

SQLite looks a row up in some microseconds; SQLAlchemy takes ten times as long to carry the question to the driver and
to wrap the answer. What is asked with every request is therefore asked in this way; everything else by `fetch_all` and
`fetch_first`. Either way a row is a NamedTuple whose fields are the columns.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.sql.expression import Executable

R = TypeVar("R", bound=NamedTuple)
T = TypeVar("T")
V = TypeVar("V")
Make = Callable[[Sequence[Any]], T]  # a result, of the values of a row's columns


class Compiled(Generic[T]):
    """A statement in the words of one dialect."""

    def __init__(self, statement: Any, dialect: Dialect, maker: Callable[[tuple[str, ...]], Make[T]]) -> None:
        compiled = statement.compile(dialect=dialect)
        columns = getattr(statement, "selected_columns", {})
        self.sql = str(compiled)
        self._literals = {name: value for name, value in compiled.params.items() if value is not None}
        self._make = maker(tuple(columns.keys()))
        readings = [(at, column.type.result_processor(dialect, None)) for at, column in enumerate(columns)]
        self._readings = [(at, read) for at, read in readings if read]  # of what a driver has other values for

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Carry it out; returns the driver's cursor."""
        driver: Any = connection.connection.driver_connection
        return driver.execute(self.sql, {**self._literals, **values})

    def made(self, found: Sequence[Any]) -> T:
        """What the statement finds, of the values that the driver gave."""
        if self._readings:
            found = list(found)
            for at, read in self._readings:
                found[at] = read(found[at])
        return self._make(found)


class Statement(Generic[T]):
    """One statement for any connection: in the connection's transaction, or, outside of one, a moment by itself.

    Raises the driver's own errors. A list cannot be among the values, because the SQL of an `IN` depends on its length.
    """

    def __init__(self, build: Callable[[], Executable]) -> None:
        self._build = build
        self._compiled: dict[str, Compiled[T]] = {}

    def compiled(self, dialect: Dialect) -> Compiled[T]:
        """Built when it is first carried out: a process that answers one request needs few of them."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = Compiled(self._build(), dialect, self._maker)
        return compiled

    def _maker(self, columns: tuple[str, ...]) -> Make[T]:
        """What makes the statement's result of the values of these columns. Raises TypeError where it cannot."""
        raise NotImplementedError

    def _all(self, connection: Connection, values: Mapping[str, Any]) -> list[T]:
        # All at once, so that nothing is left open: outside of a transaction that would hold the snapshot.
        compiled = self.compiled(connection.dialect)
        return [compiled.made(found) for found in compiled.execute(connection, values).fetchall()]

    def _first(self, connection: Connection, values: Mapping[str, Any]) -> T | None:
        compiled = self.compiled(connection.dialect)
        found = compiled.execute(connection, values).fetchall()
        return compiled.made(found[0]) if found else None


class Prepared(Statement[R]):
    """A statement that finds rows, each as `row`, whose fields have the names of the columns, in their order."""

    def __init__(self, build: Callable[[], Executable], row: type[R]) -> None:
        super().__init__(build)
        self._row = row

    def _maker(self, columns: tuple[str, ...]) -> Make[R]:
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
        compiled = self.compiled(connection.dialect)
        cursor = compiled.execute(connection, values)
        try:
            for found in cursor:
                yield compiled.made(found)
        finally:
            cursor.close()


class PreparedValue(Statement[V]):
    """A statement that finds single values: `PreparedValue[int](lambda: select(users.c.id))`."""

    def _maker(self, columns: tuple[str, ...]) -> Make[V]:
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
        return int(self.compiled(connection.dialect).execute(connection, values).rowcount)

    def _maker(self, columns: tuple[str, ...]) -> Make[None]:
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


def row_maker(row: type[R], columns: tuple[str, ...]) -> Make[R]:
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
