"""All reading and writing of the database: `Store` opens it, one module per table holds its queries."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import Connection

from chat.config import Config
from chat.errors import N_, ChatError
from chat.schema import VERSION
from chat.store import facts
from chat.store.creation import version_of
from chat.store.database import reading_engine, writing_engine
from chat.store.transaction import Transaction
from chat.store.trial import Trial
from chat.store.writer import InDoubt, Writer, busy

P = ParamSpec("P")
T = TypeVar("T")

AT_HAND = 8  # connections that are kept for the next question: each has 2 MB of pages, and threads come in crowds

__all__ = ["InDoubt", "Store", "Transaction", "busy"]


class Store:
    """The chat's database. Reads are snapshots that wait for nobody; writes go through the one `Writer`.

    `on_commit` is called after every commit that appended to the log, where readers may be woken.
    """

    def __init__(self, config: Config, on_commit: Callable[[], None] = lambda: None) -> None:
        path = Path(config.instance) / "longwave.db"
        self.path = path
        self._reading = reading_engine(path)
        self._at_hand: list[Connection] = []  # kept open, because the pool resets what it lends
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
            message = N_("The database belongs to another version of this program. Run `longwave upgrade`.")
            raise ChatError("busy", message, retry_after_seconds=60)

    def start(self) -> None:
        """From now on, let a thread of its own do the writing."""
        self._threaded = True
        self._writer.start()

    def stop(self) -> None:
        was_threaded, self._threaded = self._threaded, False
        if was_threaded:
            self._writer.stop()
        else:
            self._writer.leave()
        while self._at_hand:
            self._at_hand.pop().close()
        self._reading.dispose()
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
        try:
            yield connection
            connection.rollback()  # of nothing, unless something else was asked, too
        except BaseException:
            connection.close()
            raise
        if len(self._at_hand) < AT_HAND:
            self._at_hand.append(connection)
        else:
            connection.close()

    def scrub(self) -> None:
        """Empty the write-ahead log of what was erased, by whichever process, where that was not done yet."""
        if self.must_scrub and self._writer.has_remains():
            self.must_scrub = False
            self.write(_erase)
        self.must_scrub = self._writer.must_scrub

    def wiping_problem(self) -> str:
        """Why what is removed may stay in unused parts of the file; empty where it does not."""
        return self._writer.wiping_problem()

    def write(self, change: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run `change(tx, *arguments)` in a transaction; returns its result once it is durable. See `Writer.submit`."""
        submit = self._writer.submit if self._threaded else self._writer.run_here
        return submit(lambda tx: change(tx, *arguments, **named))

    def prove_writable(self) -> None:
        """Return if something could be written within the last second or just now; else raise what `write` does."""
        self._trial.succeed()


def _note_health(tx: Transaction) -> None:
    facts.put(tx, "healthy_at", tx.now)


def _erase(tx: Transaction) -> None:
    tx.erases = True
