"""SQLite as the store's engine: one file, one writer at a time, and readers that wait for nobody.

Before `BEGIN IMMEDIATE` stands the `Turnstile`. The connection that writes is kept from one transaction to the next, as
long as the database is at its `Place`. The write-ahead log is emptied by `Checkpoints`.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from chat.core.findings import Finding
from chat.store import trouble
from chat.store.engine import Diagnosis, Moving
from chat.store.sqlite import errors, journal
from chat.store.sqlite.checkpoints import Checkpoints, Outcome, checkpoint
from chat.store.sqlite.database import path_in, reading_engine, writing_engine
from chat.store.sqlite.place import Place
from chat.store.sqlite.turnstile import Turnstile

log = logging.getLogger(__name__)

AT_HAND = 8  # each has 2 MB of pages, and threads come in crowds
_NO_TURN = nullcontext()


class SqliteEngine:
    """The file `longwave.db` of an instance. What begins with `writing` is for one thread at a time."""

    def __init__(self, instance: Path, synchronous: str, wanted_journal: str) -> None:
        self.path = path = path_in(instance)
        self._synchronous, self._wanted_journal = synchronous, wanted_journal
        self._connection: Connection | None = None
        self._place = Place(path)
        self._turnstile = Turnstile(path.with_suffix(".turnstile"))
        self._checkpoints = Checkpoints(path)
        self._is_lost = False
        self._seen: tuple[int, int, int] | None = None

    @cached_property
    def _reading(self) -> Engine:
        return reading_engine(self.path)

    @cached_property
    def _writing(self) -> Engine:
        """Made when it is first needed: most processes that answer one request write nothing."""
        return writing_engine(self.path, self._synchronous, self._wanted_journal)

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def at_hand(self) -> int:
        return AT_HAND

    # To begin with

    def exists(self) -> bool:
        return self.path.exists()

    @contextmanager
    def upgrading(self) -> Iterator[Connection]:
        instance = self.path.parent
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(instance / "upgrade.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            engine = writing_engine(self.path, self._synchronous, self._wanted_journal, may_make=True)
            with engine.connect() as connection, connection.begin():
                yield connection
            os.chmod(self.path, 0o600)
        finally:
            os.close(lock)

    # Reading and writing

    def reading(self) -> Connection:
        return self._reading.connect()

    def is_alive(self, connection: Connection) -> bool:
        return True

    def turn_to_read(self) -> AbstractContextManager[None]:
        """Nothing: readers wait for nobody."""
        return _NO_TURN

    def close_pool(self) -> None:
        self._reading.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Raises Replaced, too, where the database is no longer at its place."""
        try:
            with self._turnstile.passed():
                connection = self._connect()
                with connection.begin():
                    yield connection
                if not self.is_in_place and not self._give_up():
                    raise self._place.complaint()
        except Exception:
            self.disconnect()
            raise

    def mark(self, connection: Connection, is_first: bool) -> None:
        driver: Any = connection.connection.driver_connection
        if not is_first:
            driver.execute("RELEASE SAVEPOINT change")
        driver.execute("SAVEPOINT change")

    def go_back(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.execute("ROLLBACK TO SAVEPOINT change")

    def turn(self) -> AbstractContextManager[None]:
        return self._turnstile.passed()

    def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._place.note_closed()
        trouble.discard(connection)

    def rest(self) -> None:
        try:
            is_due = self._connection is not None and self._checkpoints.is_due()
        except OSError as error:
            log.warning("could not look at the write-ahead log: %s", error)
        else:
            if is_due:
                self._empty_log()

    def leave(self) -> None:
        """Carry everything into the database before the last connection closes, which would wipe nothing."""
        if self._connection is not None:
            self._empty_log()
        self.disconnect()

    def close(self) -> None:
        self._turnstile.close()
        self._checkpoints.close()

    def _connect(self) -> Connection:
        """The connection to the database at its place; raises Replaced where another is there, or none."""
        if self._connection is None and not self._is_lost:
            self._connection = self._writing.connect()
            self._place.note_opened()
        if not self.is_in_place:
            self._give_up()
            raise self._place.complaint()
        assert self._connection is not None
        return self._connection

    def broker(self) -> None:
        """None: a file is one machine's."""

    # Erasing

    def after_erasure(self) -> bool:
        return self._empty_log()

    def has_remains(self) -> bool:
        return self._checkpoints.has_remains()

    def _empty_log(self) -> bool:
        """Empty the write-ahead log; false when something was in the way.

        Never raises: what was committed before stays so, whatever becomes of this.
        """
        try:
            with self._turnstile.passed():
                outcome = self._checkpoints.empty(self._connect())
        except Exception as error:
            log.warning("could not empty the write-ahead log: %s", error)
            self.disconnect()
            return False
        if outcome is Outcome.WIPED:
            self.disconnect()
        return outcome is not Outcome.IN_THE_WAY

    # A database that is replaced while the chat runs

    @property
    def is_in_place(self) -> bool:
        return not self._is_lost and self._place.is_kept

    @property
    def is_lost(self) -> bool:
        return self._is_lost

    def let_go(self) -> bool:
        """What shares a file within a process shares its locks, so all of the old is closed before anything of the new
        is opened; and the new must have come to rest first."""
        if not self._is_lost or not self._has_come_to_rest():
            return False
        self._checkpoints.close()
        return True

    def accept(self) -> None:
        self._place.accept()
        self._is_lost = False

    def _has_come_to_rest(self) -> bool:
        """Whether there is a database that has not changed since this was last asked: it may still be being copied."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        before, self._seen = self._seen, (found.st_ino, found.st_size, found.st_mtime_ns)
        return before == self._seen

    def _give_up(self) -> bool:
        """Write nothing more to these files; true where all that was committed is in the database nevertheless."""
        self._is_lost = True
        try:
            return self._connection is not None and self._place.has_lost_log_alone and checkpoint(self._connection)
        finally:
            self.disconnect()

    # Moving

    def moving(self) -> Moving:
        from chat.store.sqlite import moving  # late: only a move needs it

        return moving

    # For people

    def classify(self, error: BaseException) -> Diagnosis | None:
        return errors.classify(error, self.path)

    def findings(self) -> Iterator[Finding]:
        if journal.in_force(self.path) == journal.WAL:
            yield Finding(True, "It uses a write-ahead log: readers and the writer don't wait for each other.")
        else:
            where = journal.remote_file_system(self.path.parent)
            on = f" It's on {where}, where a write-ahead log would lose messages." if where else ""
            yield Finding(True, f"It uses a rollback journal: readers and the writer wait for each other.{on}")
        problem = self._checkpoints.problem()
        if problem:
            yield Finding(False, f"Deleted text may remain in unused parts of {self.path}: {problem}")
        else:
            yield Finding(True, "Deleted text is wiped from the file.")
