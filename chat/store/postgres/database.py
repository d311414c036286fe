"""Opening PostgreSQL: a pool for readers, a connection for the writer, and what each is told.

The driver's own transactions are switched off, because a statement that is one by itself needs none; ours begin where
the code says so. A path that is dead is found within some ten seconds on either end, so that nothing hangs for long and
no lock is held by a process that nobody can reach. Errors name no values, because they are logged.
"""

import logging
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from chat import runtime

CONNECT_SECONDS = 5
POOL_SECONDS = 5.0  # that a reader waits for a connection when all are in use
RECONNECT_SECONDS = 3.0  # of tries with growing pauses, before whoever asks next begins with short ones again
DEAD_MS = 10_000  # until what was sent and not acknowledged ends the connection, here and at the server
IDLE_MS = 10_000  # that a transaction may wait for its process, which may be gone with the write lock
LOCK_MS = 5000  # that a writer waits for the others
STATEMENT_MS = 20_000

# Of this end of the connection; whoever writes another value into the URL has it.
PATIENCE: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": DEAD_MS,
    "target_session_attrs": "read-write",  # of several hosts the one that leads
    "application_name": "longwave",
}
# Of the other end.
SESSION = {
    "client_encoding": "UTF8",
    "lock_timeout": LOCK_MS,
    "statement_timeout": STATEMENT_MS,
    "idle_in_transaction_session_timeout": IDLE_MS,
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": DEAD_MS,
}
# Of each try to connect it would say that it failed; we say so ourselves, once a minute.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

# For an upgrade, which may take long and waits for another.
PATIENT: dict[str, Any] = {"lock_timeout": 0, "statement_timeout": 0, "idle_in_transaction_session_timeout": 0}
WRITE_LOCK, UPGRADE_LOCK = 0x4C57_0001, 0x4C57_0002  # in the database's own space of advisory locks
READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def parameters(url: str) -> dict[str, Any]:
    """The URL's parameters, with what is ours where it says nothing."""
    return PATIENCE | conninfo_to_dict(url)


def name_of(url: str) -> str:
    """The database as people are told of it."""
    where = conninfo_to_dict(url)
    return f"PostgreSQL database {where.get('dbname') or ''} at {where.get('host') or 'this machine'}"


def connect(
    url: str, seconds: int | None = None, kind: "type[psycopg.Connection[Any]]" = psycopg.Connection, **session: object
) -> "psycopg.Connection[Any]":
    """A new connection, opened within so many seconds if it is said how many, whose server is told this, too."""
    hurry = {} if seconds is None else {"connect_timeout": seconds}
    connection = kind.connect(make_conninfo(**(parameters(url) | hurry)), autocommit=True)
    tell(connection, **session)
    return connection


def tell(connection: "psycopg.Connection[Any]", **session: object) -> None:
    """Set what the server must know of the connection, in one round trip."""
    chosen = {**SESSION, **session}
    parts = ", ".join("set_config(%s, %s, false)" for _ in chosen)
    values = [text for name, value in chosen.items() for text in (name, str(value))]
    connection.execute(f"SELECT {parts}".encode(), values).close()


def pool(url: str, most: int) -> "ConnectionPool[Any]":
    """At most so many connections that can only read, opened as they are needed; given back by being closed.

    What is lent has not been ended by the server.
    """

    def configure(connection: "psycopg.Connection[Any]") -> None:
        tell(connection, default_transaction_read_only="on")

    return ConnectionPool(
        make_conninfo(**parameters(url)),
        kwargs={"autocommit": True},
        min_size=0,
        max_size=most,
        open=True,
        configure=configure,
        check=check_unasked,
        close_returns=True,
        timeout=POOL_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        name="readers",
    )


def check_unasked(connection: "psycopg.Connection[Any]") -> None:
    """Raise OperationalError where the server has ended the connection, but ask it only if there is something to read.

    To an idle connection a server says nothing, unless it is to be its last word.
    """
    if runtime.current().has_input(connection.fileno()):
        ConnectionPool.check_connection(connection)


def engine_over(lend: Callable[[], Any], begin: str) -> Engine:
    """SQLAlchemy over connections that are lent by `lend` and given back by being closed."""
    engine = create_engine("postgresql+psycopg://", creator=lend, poolclass=NullPool, hide_parameters=True)

    def began(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "begin", began)
    return engine


def lock(connection: Connection, key: int) -> None:
    """Wait for an advisory lock, and hold it until the transaction ends."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})").close()
