"""Opening the SQLite file: one engine for readers, one for the writer, and what each connection is told.

Readers see the file as it was when their transaction began and never wait for the writer (but see `journal`). The
driver's own transactions are switched off, because it begins them late and deferred; ours begin where the code says
so. Errors name no values, because they are logged.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from chat.store.sqlite import journal

BUSY_TIMEOUT_MS = 5000  # for the writer, who waits in a thread of its own
WAL_LIMIT_BYTES = 16 * 1024 * 1024  # what the write-ahead log shrinks back to after a long read


def path_in(instance: Path) -> Path:
    """Where the database lies, or is to lie."""
    return instance / "longwave.db"


def reading_engine(path: Path) -> Engine:
    """Connections that can only read, each transaction a snapshot."""
    engine = _create(path, False, pool_size=16, max_overflow=-1)
    _prepare(engine, "BEGIN", ("PRAGMA busy_timeout = 1000", "PRAGMA query_only = ON"))
    return engine


def writing_engine(path: Path, synchronous: str, wanted_journal: str = "auto", may_make: bool = False) -> Engine:
    """Connections that take the write lock as they begin; `synchronous` is ``full`` or ``normal``."""
    engine = _create(path, may_make, poolclass=NullPool)
    pragmas = (
        f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
        f"PRAGMA synchronous = {synchronous.upper()}",
        "PRAGMA foreign_keys = ON",
        "PRAGMA secure_delete = ON",  # what is removed is overwritten in the file
        f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}",
        "PRAGMA wal_autocheckpoint = 0",  # the writer does it, when nobody waits for it
    )
    # A deferred transaction that turns to writing fails at once when another has written meanwhile.
    _prepare(engine, "BEGIN IMMEDIATE", pragmas, lambda connection: journal.choose(connection, path, wanted_journal))
    return engine


def _create(path: Path, may_make: bool, **pool: Any) -> Engine:
    """Of a file that is there: where one is missed, an empty one in its place would hide that."""
    address = f"sqlite:///{path.absolute().as_uri()}?mode={'rwc' if may_make else 'rw'}&uri=true"
    # Values are given by their names, as `store.statement` hands them to the driver.
    return create_engine(address, paramstyle="named", hide_parameters=True, **pool)


def _prepare(
    engine: Engine, begin: str, pragmas: tuple[str, ...], first: Callable[[Any], object] = lambda connection: None
) -> None:
    def connected(driver_connection: Any, record: object) -> None:
        driver_connection.isolation_level = None
        for pragma in pragmas:
            driver_connection.execute(pragma).close()
        first(driver_connection)

    def began(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)
