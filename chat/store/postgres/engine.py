"""PostgreSQL as the store's engine: one write lock for all hosts, and readers that wait for nobody.

The write lock is an advisory lock, taken first thing in each writing transaction and given back with it. So ids become
visible in their order, and a batch of changes is one wait for the disk. The connection that writes is kept from one
transaction to the next; see `timeline` for a server that another takes the place of, and `vacuum` for erasing.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property, partial
from typing import Any

from psycopg_pool import ConnectionPool
from sqlalchemy import Engine
from sqlalchemy.engine import Connection, RootTransaction

from chat import runtime
from chat.core.broker import Broker
from chat.core.findings import Finding
from chat.store import trouble
from chat.store.engine import Diagnosis, InDoubt, Moving
from chat.store.postgres import database, errors, findings, timeline
from chat.store.postgres.channel import Channel
from chat.store.postgres.database import UPGRADE_LOCK, WRITE_LOCK, lock
from chat.store.postgres.lending import Lending
from chat.store.postgres.native import NativeConnection
from chat.store.postgres.vacuum import Vacuum

_MARK = "SAVEPOINT change"


class PostgresEngine:
    """One database of a server. What begins with `writing` is for one thread at a time."""

    def __init__(self, url: str, most_connections: int) -> None:
        self._url, self._most_connections = url, most_connections
        self._pool: ConnectionPool[Any] | None = None
        self._lending = Lending(most_connections, database.POOL_SECONDS)
        self._connection: Connection | None = None
        self._vacuum = Vacuum(lambda: database.connect(self._url, statement_timeout=0))

    @cached_property
    def _reading(self) -> Engine:
        return database.engine_over(self._lend, database.READ)

    @cached_property
    def _writing(self) -> Engine:
        # Waiting for a replica must not end with a timeout of the statement, after which it would count as saved.
        connect = partial(database.connect, self._url, kind=NativeConnection, statement_timeout=0)
        return database.engine_over(connect, "BEGIN")

    @property
    def name(self) -> str:
        return database.name_of(self._url)

    @property
    def at_hand(self) -> int:
        """All: they are lent in turn, and to let the pool have one and ask for it again costs as much as to read."""
        return self._most_connections

    # To begin with

    def exists(self) -> bool:
        """Always: whoever runs the server makes the database, and we its tables."""
        return True

    @contextmanager
    def upgrading(self) -> Iterator[Connection]:
        patient = database.engine_over(lambda: database.connect(self._url, **database.PATIENT), "BEGIN")
        with patient.connect() as connection, connection.begin():
            lock(connection, UPGRADE_LOCK)
            yield connection

    # Reading and writing

    def reading(self) -> Connection:
        return self._reading.connect()

    def is_alive(self, connection: Connection) -> bool:
        driver: Any = connection.connection.driver_connection
        return not driver.closed and not runtime.current().has_input(driver.fileno())

    def turn_to_read(self) -> AbstractContextManager[None]:
        return self._lending.turn()

    def close_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _lend(self) -> Any:
        if self._pool is None:
            self._pool = database.pool(self._url, self._most_connections)
        return self._pool.getconn()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Raises InDoubt, too, where the connection was lost while the transaction was committed."""
        connection, transaction = self._begin()
        try:
            with transaction:
                yield connection
                self._commit(transaction)
        except BaseException:
            self.disconnect()
            raise

    def _begin(self) -> tuple[Connection, RootTransaction]:
        """A transaction with the write lock. A kept connection may have ended since; then a new one is made."""
        if self._connection is not None:
            try:
                return self._connection, _begin_locked(self._connection)
            except Exception as error:
                self.disconnect()
                if not errors.is_of_connection(error):
                    raise
        try:
            self._connection = self._writing.connect()
            transaction = _begin_locked(self._connection)
            timeline.follow(self._connection)
        except BaseException:
            self.disconnect()
            raise
        return self._connection, transaction

    def _commit(self, transaction: RootTransaction) -> None:
        try:
            transaction.commit()
        except Exception as error:
            if errors.may_be_committed(error):
                raise InDoubt("the connection was lost during a commit") from error
            raise

    def mark(self, connection: Connection, is_first: bool) -> None:
        driver: Any = connection.connection.driver_connection
        # Both in one message, which cannot be prepared.
        driver.execute(_MARK if is_first else f"RELEASE SAVEPOINT change; {_MARK}", prepare=False).close()

    def go_back(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.execute("ROLLBACK TO SAVEPOINT change").close()

    def turn(self) -> AbstractContextManager[None]:
        """Nothing: each transaction queues for the lock by itself."""
        return nullcontext()

    def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        trouble.discard(connection)

    def rest(self) -> None:
        """Nothing: the server keeps its log short by itself."""

    def leave(self) -> None:
        self.disconnect()

    def close(self) -> None:
        """Nothing: all that was open are connections."""

    def broker(self) -> Broker:
        """The database itself, so that several hosts need no other server."""
        return Channel(self._url)

    # Erasing

    def after_erasure(self) -> bool:
        """Begins a vacuum, or leaves it to a later call: whether it succeeds is known when it is over."""
        self._vacuum.note_erasure()
        self._vacuum.begin()
        return not self._vacuum.is_needed

    def has_remains(self) -> bool:
        return self._vacuum.is_due

    # A database that is replaced while the chat runs

    @property
    def is_in_place(self) -> bool:
        """Always: the server sees to that; and to one that another has taken the place of, `timeline`."""
        return True

    @property
    def is_lost(self) -> bool:
        return False

    def let_go(self) -> bool:
        return True

    def accept(self) -> None:
        """Nothing: there is no other."""

    # Moving

    def moving(self) -> Moving:
        from chat.store.postgres import moving  # late: only a move needs it

        return moving

    # For people

    def classify(self, error: BaseException) -> Diagnosis | None:
        return errors.classify(error, self.name)

    def findings(self) -> Iterator[Finding]:
        with self._reading.connect() as connection:
            yield from findings.of_server(connection)


def _begin_locked(connection: Connection) -> RootTransaction:
    transaction = connection.begin()
    lock(connection, WRITE_LOCK)
    return transaction
