"""All reading and writing of the database: `Store` opens it, one module per table holds its queries."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import Connection

from chat.core.broker import Broker
from chat.core.config import Config
from chat.core.errors import N_, ChatError
from chat.core.findings import Finding
from chat.store import versions
from chat.store.engine import InDoubt
from chat.store.engines import engine_for
from chat.store.readers import Readers
from chat.store.schema import VERSION
from chat.store.tables import facts
from chat.store.transaction import Transaction
from chat.store.trial import Trial
from chat.store.writer import Writer, busy

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["InDoubt", "Store", "Transaction", "busy"]


class Store:
    """The chat's database. Reads are snapshots that wait for nobody; writes go through the one `Writer`.

    `on_commit` is called after every commit that appended to the log, where readers may be woken.
    """

    def __init__(self, config: Config, on_commit: Callable[[], None] = lambda: None) -> None:
        self._engine = engine_for(config)
        self._readers = Readers(self._engine)
        self._writer = Writer(self._engine, on_commit)
        self.commits = self._writer.commits
        self._trial = Trial(lambda: self.write(_note_health))
        self._is_threaded = False
        self._is_stopped = False
        self.must_scrub = True  # at the start: a process that was killed may have left something

    def exists(self) -> bool:
        """Whether there is a database with tables; one that another process is just making is waited for by
        `creation.upgrade`."""
        return self._engine.exists() and self._version() is not None

    def check(self) -> None:
        """Raise ChatError `busy` unless the database is of this program's version; requests never migrate."""
        version = self._version()
        if version != VERSION:
            message = N_("The database is from another version of Longwave. Run `longwave upgrade`.")
            raise ChatError("busy", versions.REASONS.get(version or "", message), retry_after_seconds=60)

    def _version(self) -> str | None:
        with self.read() as connection:
            return versions.current(connection)

    def start(self) -> None:
        """From now on, let a thread of its own do the writing."""
        self._writer.start()
        self._is_threaded = True

    @property
    def name(self) -> str:
        """The database as people are told of it."""
        return self._engine.name

    def findings(self) -> Iterator[Finding]:
        """What `longwave check` tells of the database's engine."""
        return self._engine.findings()

    def broker(self) -> Broker | None:
        """What also carries messages between the processes that use this store; None where they share a machine."""
        return self._engine.broker()

    def reopen(self) -> bool:
        """Open what is at the database's place now, where that was replaced; true when it was, and this has worked.

        Raises ChatError `busy` where it is of another version.
        """
        if self._engine.is_in_place:
            return False
        if not self._engine.is_lost:
            with suppress(ChatError, InDoubt):
                self.write(_nothing)  # the writer sees it, too, and says so
        if not self._readers.close() or not self._engine.let_go():
            return False
        self.check()
        self._engine.accept()
        log.warning("%s was opened again", self.name)
        return True

    def stop(self) -> None:
        """Let go of everything, the writer's thread after what is queued; a second time it does nothing."""
        if self._is_stopped:
            return
        self._is_stopped = True
        has_left = True
        if self._is_threaded:
            has_left = self._writer.stop()
        else:
            self._engine.leave()
        self._readers.close()
        if has_left:  # else the thread goes on with what is there
            self._engine.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store. Never wait, wake or yield while it is open."""
        with self.glance() as connection, connection.begin():
            yield connection

    def glance(self) -> AbstractContextManager[Connection]:
        """A connection for a single `Prepared` question, which sees one moment without beginning and ending it."""
        return self._readers.lent()

    def scrub(self) -> None:
        """Let no copy remain of what was erased, by whichever process, where that was not done yet."""
        if self._engine.is_lost:
            return
        if self.must_scrub and self._engine.has_remains():
            self.write(_erase)
        self.must_scrub = self._writer.must_scrub

    def write(self, change: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run `change(tx, *arguments)` in a transaction; returns its result once it is durable. See `Writer.submit`."""
        submit = self._writer.submit if self._is_threaded else self._writer.run_here
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
