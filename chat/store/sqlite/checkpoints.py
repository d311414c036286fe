"""Carrying the write-ahead log into the database, and wiping what stays between the rows of the pages it held.

SQLite would do the first by itself, in the midst of somebody's commit. Here it is done when nobody waits; and after a
change that erases at once, because the log holds the pages as they were before.
"""

import enum
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from chat.store.sqlite.database import BUSY_TIMEOUT_MS
from chat.store.sqlite.remnants import Remnants, changed_pages

LOG_BYTES = 4 * 1024 * 1024  # of write-ahead log, past which it is carried into the database


class Outcome(enum.Enum):
    """What has become of emptying the log."""

    IN_THE_WAY = enum.auto()  # a reader, or another process that was quicker: to be tried again
    EMPTY = enum.auto()
    WIPED = enum.auto()  # besides, pages were changed in the file that the connection may have in memory


class Checkpoints:
    """The write-ahead log of one database; used by whoever has passed the turnstile."""

    def __init__(self, path: Path) -> None:
        self._log = path.with_name(path.name + "-wal")
        self._remnants = Remnants(path)
        self._changed_pages: set[int] = set()  # whose gaps are still to be wiped

    def close(self) -> None:
        """Only after the process's last connection to the database was closed, see `Remnants`."""
        self._remnants.close()

    def has_remains(self) -> bool:
        """Whether the log holds anything, or a page that was in it has not been wiped."""
        return self._log_bytes() > 0 or bool(self._changed_pages)

    def is_due(self) -> bool:
        """Whether the log has grown so long that it should be emptied when nobody waits."""
        return self._log_bytes() > LOG_BYTES

    def problem(self) -> str:
        """Why nothing is wiped in this file; empty where all is well."""
        return self._remnants.problem()

    def empty(self, connection: Connection) -> Outcome:
        """Carry the log into the database, empty it, and wipe; `connection` is one that may write, and is outside of a
        transaction."""
        self._changed_pages |= changed_pages(self._log)
        if not checkpoint(connection):
            return Outcome.IN_THE_WAY
        with connection.begin():
            if self._log_bytes() > 0:  # somebody was quicker
                return Outcome.IN_THE_WAY
            was_dirty = self._remnants.wipe(self._changed_pages)
        self._changed_pages.clear()
        return Outcome.WIPED if was_dirty else Outcome.EMPTY

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0


def checkpoint(connection: Connection) -> bool:
    """Move everything into the database file and empty the write-ahead log; false while a reader is in the way."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout = 0").close()  # or all writing would wait with it for the reader
    try:
        is_busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").close()
    return not is_busy
