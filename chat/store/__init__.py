"""All reading and writing of the database: `Store` opens it, one module per table holds its queries."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import Connection

from chat.core.config import Config
from chat.core.errors import N_, ChatError
from chat.store.creation import version_of
from chat.store.schema import VERSION
from chat.store.sqlite.database import path_of, reading_engine, writing_engine
from chat.store.tables import facts
from chat.store.transaction import Transaction
from chat.store.trial import Trial
from chat.store.writer import InDoubt, Writer, busy

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

AT_HAND = 8  # connections that are kept for the next question: each has 2 MB of pages, and threads come in crowds

__all__ = ["InDoubt", "Store", "Transaction", "busy"]


class Store:
    """The chat's database. Reads are snapshots that wait for nobody; writes go through the one `Writer`.

    `on_commit` is called after every commit that appended to the log, where readers may be woken.
    """

    def __init__(self, config: Config, on_commit: Callable[[], None] = lambda: None) -> None:
        self.path = path = path_of(config)
        self._reading = reading_engine(path)
        self._at_hand: list[Connection] = []  # kept open, because the pool resets what it lends
        self._lent: set[Connection] = set()
        self._seen: tuple[int, int, int] | None = None
        writing = writing_engine(path, config.synchronous, config.journal)
        self._writer = Writer(writing, path, on_commit)
        self.commits = self._writer.commits
        self._trial = Trial(lambda: self.write(_note_health))
        self._threaded = False
        self.must_scrub = True  # at the start: a process that was killed may have left something

    def check(self) -> None:
        """Raise ChatError `busy` unless the database is of this program's version; requests never migrate."""
        with self.read() as connection:
            found = version_of(connection)
        if found != VERSION:
            message = N_("The database is from another version of Longwave. Run `longwave upgrade`.")
            raise ChatError("busy", message, retry_after_seconds=60)

    def start(self) -> None:
        """From now on, let a thread of its own do the writing."""
        self._threaded = True
        self._writer.start()

    def reopen(self) -> bool:
        """Open what is at the database's place now, where that was replaced; true when it was, and this has worked.

        Raises ChatError `busy` where it is of another version. What shares a file within a process shares its locks,
        so all of the old is closed before anything of the new is opened; and that must have come to rest first.
        """
        if not self._writer.is_lost:
            if self._writer.is_in_place:
                return False
            with suppress(ChatError, InDoubt):
                self.write(_nothing)  # the writer sees it, too, and says so
        self._close_readers()
        if self._lent or not self._writer.is_lost or not self._has_come_to_rest():
            return False
        self._writer.let_go()
        self.check()
        self._writer.reopen()
        log.warning("%s was opened again", self.path)
        return True

    def _has_come_to_rest(self) -> bool:
        """Whether there is a database that has not changed since this was last asked: it may still be being copied."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        before, self._seen = self._seen, (found.st_ino, found.st_size, found.st_mtime_ns)
        return before == self._seen

    def _close_readers(self) -> None:
        while self._at_hand:
            self._at_hand.pop().close()
        self._reading.dispose()

    def stop(self) -> None:
        was_threaded, self._threaded = self._threaded, False
        if was_threaded:
            self._writer.stop()
        else:
            self._writer.leave()
        self._close_readers()
        if not was_threaded:
            self._writer.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store. Never wait, wake or yield while it is open."""
        with self.glance() as connection, connection.begin():
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """A connection for a single `Prepared` question, which sees one moment without beginning and ending it."""
        try:
            connection = self._at_hand.pop()
        except IndexError:
            connection = self._reading.connect()
        self._lent.add(connection)
        try:
            yield connection
            connection.rollback()  # of nothing, unless something else was asked, too
        except BaseException:
            connection.close()
            raise
        else:
            self._keep_at_hand(connection)
        finally:
            self._lent.discard(connection)

    def _keep_at_hand(self, connection: Connection) -> None:
        if len(self._at_hand) < AT_HAND:
            self._at_hand.append(connection)
        else:
            connection.close()

    def scrub(self) -> None:
        """Empty the write-ahead log of what was erased, by whichever process, where that was not done yet."""
        if self.must_scrub and self._writer.has_remains():
            self.write(_erase)
        self.must_scrub = self._writer.must_scrub

    def wiping_problem(self) -> str:
        """Why what is removed may stay in unused parts of the file; empty where it does not."""
        return self._writer.wiping_problem()

    def write(self, change: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run `change(tx, *arguments)` in a transaction; returns its result once it is durable. See `Writer.submit`."""
        submit = self._writer.submit if self._threaded else self._writer.run_here
        result: T = submit(lambda tx: change(tx, *arguments, **named))
        return result

    def prove_writable(self) -> None:
        """Return if something could be written within the last second or just now; else raise what `write` does."""
        self._trial.succeed()


def _note_health(tx: Transaction) -> None:
    facts.put(tx, "healthy_at", tx.now)


def _nothing(tx: Transaction) -> None:
    pass


def _erase(tx: Transaction) -> None:
    tx.erases = True
