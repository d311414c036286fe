"""Moving the chat from one database to another, with all ids, so that readers go on with their cursors.

From its first moment the source refuses all changes, for its own running processes too, until the move is finished or
cancelled; so it never has to be copied again, and whoever was interrupted goes on behind the last piece. Who may use
which is said in each database (`versions`). The source is given up before the target is opened: whatever happens, at
most one of them can be written.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Column, Select, Table, Text, cast, delete, func, select
from sqlalchemy.engine import Connection

from chat.core.errors import ConfigError
from chat.store import trouble, versions
from chat.store.engine import Engine
from chat.store.schema import VERSION, WRITTEN, facts, inbox, metadata
from chat.store.tables import facts as fact_table
from chat.store.transaction import Transaction

PIECE_ROWS = 10_000  # copied in one transaction: some megabytes
TOLD_PIECES = 10  # how often it is told how far a table has come

TO, FROM, AT = "moving_to", "moved_from", "moving_at"
OWN_FACTS = (TO, FROM, AT, "timeline")  # of one database, or of the server below it

TABLES = metadata.sorted_tables  # what is referred to comes first
UNUSABLE = "\ufffd"

Row = tuple[Any, ...]
Tell = Callable[[str], None]


class Begun(NamedTuple):
    """What a source knows of its move: a random number, which the target knows as well, and the target's name."""

    number: str
    target: str


class Place(NamedTuple):
    """How far the target has come: all rows of the earlier tables are there, of this one those up to `key`."""

    table: str
    key: int | str | None


class Total(NamedTuple):
    """What a table holds, whatever the order of its rows."""

    rows: int
    checksum: int


def move(source: Engine, target: Engine, tell: Tell) -> None:
    """Move the chat, or go on with it; `tell` is given lines about how far it is.

    Raises ConfigError, with nothing changed, where these two can't be moved from and to.
    """
    is_over = _prepare(source, target)
    if is_over:
        return tell(f"the chat has already moved to {target.name}")
    _copy(source, target, tell)
    _verify(source, target, tell)
    with _changing(source) as connection:
        versions.put(connection, versions.MOVED)
    with _changing(target) as connection:
        connection.execute(delete(facts).where(facts.c.name == AT))
        versions.put(connection, VERSION)
    tell(f"the chat has moved to {target.name}")


def cancel(source: Engine) -> None:
    """Let the source be the chat's database again. Raises ConfigError where no move was begun."""
    _refuse_absent(source)
    with _changing(source) as connection:
        if versions.current(connection) is None or fact_table.get(connection, TO) is None:
            raise ConfigError(f"No move was begun from {source.name}.")
        source.moving().allow_changes(connection)
        connection.execute(delete(facts).where(facts.c.name == TO))
        versions.put(connection, VERSION)


# To begin, or to go on


def _prepare(source: Engine, target: Engine) -> bool:
    """See that the source is closed and the target is begun, by the same move; true where that is over."""
    _refuse_absent(source)
    with _reading(source) as connection:
        version = versions.current(connection)
        begun = _begun(connection) if version in (VERSION, versions.MOVED) else None
    if version is None:
        raise ConfigError(f"There's no chat in {source.name}.")
    if version not in (VERSION, versions.MOVED):
        words = versions.REASONS.get(version, "It is from another version of Longwave: run longwave upgrade there.")
        raise ConfigError(f"{source.name} can't be moved. {words}")
    if begun is not None and begun.target != target.name:
        raise ConfigError(f"{source.name} is being moved to {begun.target}: finish that, or cancel it by --cancel.")
    state = _state(target)
    if begun is not None and state == (VERSION, begun.number) and version == versions.MOVED:
        return True
    if begun is not None and version == versions.MOVED and state != (versions.FILLING, begun.number):
        raise ConfigError(f"{source.name} has moved to {begun.target}, which isn't there as it was left.")
    is_new = state == (None, None)
    if not is_new and (begun is None or state != (versions.FILLING, begun.number)):
        raise ConfigError(f"{target.name} holds something already: move to a new or empty database.")
    if begun is None:
        begun = _close(source, target)
    if is_new:
        _begin(target, begun)
    return False


def _refuse_absent(source: Engine) -> None:
    if not source.exists():
        raise ConfigError(f"There's no chat in {source.name}.")


def _begun(connection: Connection) -> Begun | None:
    noted = fact_table.get(connection, TO)
    return Begun(*noted.split(" ", 1)) if noted else None


def _state(target: Engine) -> tuple[str | None, str | None]:
    """What the target says it is, and by which move it was begun."""
    if not target.exists():
        return None, None
    with _reading(target) as connection:
        version = versions.current(connection)
        return version, fact_table.get(connection, FROM) if version is not None else None


def _close(source: Engine, target: Engine) -> Begun:
    begun = Begun(secrets.token_hex(8), target.name)
    with _changing(source) as connection:
        Transaction(connection).put_fact(TO, " ".join(begun))
        source.moving().refuse_changes(connection)
    return begun


def _begin(target: Engine, begun: Begun) -> None:
    """Make the tables, as an upgrade does, but without rows, and for nobody to use."""
    from chat.store.migrations import upgrade  # late, as in `creation`

    with _changing(target) as connection:
        upgrade(connection)
        for table in reversed(TABLES):
            connection.execute(delete(table))
        tx = Transaction(connection)
        tx.put_fact(FROM, begun.number)
        _note(tx, Place(TABLES[0].name, None))
        versions.put(connection, versions.FILLING)


# To copy


def _copy(source: Engine, target: Engine, tell: Tell) -> None:
    with _reading(target) as connection:
        at = Place(*json.loads(fact_table.get(connection, AT) or ""))
    first = [table.name for table in TABLES].index(at.table)
    for table in TABLES[first:]:
        _copy_table(source, target, table, at.key if table.name == at.table else None, tell)
    with _reading(source) as connection:
        numbers = source.moving().last_numbers(connection)
    with _changing(target) as connection:
        target.moving().go_on_from(connection, numbers)


def _copy_table(source: Engine, target: Engine, table: Table, key: int | str | None, tell: Tell) -> None:
    with _reading(source) as connection:
        wanted = connection.execute(_of(table, func.count())).scalar_one()
    place = table.columns.keys().index(_key(table).name)
    if key is not None:
        tell(f"{table.name}: going on")
    for number, rows in enumerate(_pieces(source, table, key), 1):
        with _changing(target) as connection:
            target.moving().load(connection, table, rows)
            _note(Transaction(connection), Place(table.name, rows[-1][place]))
        if number % TOLD_PIECES == 0:
            tell(f"{table.name}: {number * PIECE_ROWS:,} more of {wanted:,}")
    tell(f"{table.name}: all {wanted:,}")


def _note(tx: Transaction, place: Place) -> None:
    tx.put_fact(AT, json.dumps(place))


def _pieces(engine: Engine, table: Table, key: int | str | None = None) -> Iterator[list[Row]]:
    """All rows behind a key in pieces, by the order that the database itself has for keys."""
    column, place = _key(table), table.columns.keys().index(_key(table).name)
    while True:
        query = _of(table, *_columns(table)).order_by(column).limit(PIECE_ROWS)
        with _reading(engine) as connection:
            found = connection.execute(query if key is None else query.where(column > key)).all()
        if not found:
            return
        rows = [tuple(map(_as_text, row)) if table is inbox else tuple(row) for row in found]
        key = rows[-1][place]
        yield rows


def _of(table: Table, *columns: Any) -> Select[Any]:
    """What moves of a table."""
    query = select(*columns).select_from(table)
    return query.where(facts.c.name.not_in(OWN_FACTS)) if table is facts else query


def _key(table: Table) -> Column[Any]:
    return next(iter([*table.primary_key.columns, *table.columns]))


def _columns(table: Table) -> list[Any]:
    """The inbox is written by other programs, which may have put in what is not text."""
    is_written = table is inbox
    return [cast(each, WRITTEN) if is_written and isinstance(each.type, Text) else each for each in table.columns]


def _as_text(value: Any) -> Any:
    """What every database can hold; nothing that could be posted is changed by this."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return value.replace("\0", UNUSABLE) if isinstance(value, str) else value


# To verify


def _verify(source: Engine, target: Engine, tell: Tell) -> None:
    """Compare counts and checksums of every table."""
    for table in TABLES:
        wanted, found = _total(source, table), _total(target, table)
        if wanted != found:
            raise ConfigError(
                f"The table {table.name} is not the same in both ({wanted.rows:,} and {found.rows:,} rows), so the chat"
                f" has not moved. Cancel the move, empty {target.name}, and move again."
            )
    tell("verified: all rows are the same")


def _total(engine: Engine, table: Table) -> Total:
    rows = checksum = 0
    for piece in _pieces(engine, table):
        rows += len(piece)
        checksum += sum(int.from_bytes(blake2b(repr(row).encode(), digest_size=16).digest(), "big") for row in piece)
    return Total(rows, checksum % (1 << 128))


# The two databases, whose errors are told of each


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    try:
        with closing(engine.reading()) as connection, connection.begin():
            yield connection
    except Exception as error:
        trouble.reraise(error, engine)


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.upgrading() as connection:
            yield connection
    except Exception as error:
        trouble.reraise(error, engine)
