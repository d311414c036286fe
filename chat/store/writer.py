"""The group-commit writer: concurrent changes of one process share a transaction, in a thread of their own.

A commit costs a wait for the disk. Whoever comes while one is under way gathers for the next, so that a busy chat
pays for the disk once per batch and the event loop never. Before `BEGIN IMMEDIATE` stands the `Turnstile`.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from chat import runtime
from chat.core.errors import N_, ChatError
from chat.runtime import metrics
from chat.runtime.metrics import Histogram
from chat.store import trouble
from chat.store.sqlite.database import BUSY_TIMEOUT_MS
from chat.store.sqlite.place import Place
from chat.store.sqlite.remnants import Remnants, changed_pages
from chat.store.sqlite.turnstile import Turnstile
from chat.store.transaction import Transaction

log = logging.getLogger(__name__)

Change = Callable[[Transaction], Any]

BATCH_CHANGES = 256  # bounds how long the first of a batch waits for the last
LOG_BYTES = 4 * 1024 * 1024  # of write-ahead log, past which it is carried into the database
QUEUE_SECONDS = 5.0  # after this a change that nobody has begun is taken back
RESULT_SECONDS = 20.0  # after this nobody waits any more for one that was begun: several busy timeouts
SAVING_FAILED = (DBAPIError, sqlite3.Error, OSError)  # full, locked, read-only, gone: the cause may go by itself


class InDoubt(Exception):
    """Nobody can say whether the change is in the store: whoever asked must get no answer, and ask again."""


class Job:
    """A change on its way through the writer. Whoever takes its ticket decides: to claim it, or to withdraw it."""

    __slots__ = ("change", "error", "is_done", "result", "ticket", "waiter")

    def __init__(self, change: Change) -> None:
        self.change = change
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_done = False
        self.ticket = [True]
        self.waiter = runtime.current().waiter()

    def take(self) -> bool:
        """Take the ticket; true for the first caller alone, whichever threads call."""
        try:
            return self.ticket.pop()
        except IndexError:
            return False


class Commits:
    """What was committed since the start; counted by the writing thread alone."""

    def __init__(self) -> None:
        self.events = 0
        self.seconds = Histogram(metrics.COMMIT_SECONDS)
        self.changes = Histogram(metrics.COMMIT_CHANGES)


class Writer:
    """Runs changes one after another under the store's write lock.

    `on_commit` is called where readers may be woken, once per commit that appended to the log. Where the database is
    no longer at its place, `is_lost`, nothing is written until `reopen`. After a change that erases, the write-ahead
    log is emptied, which still holds the old pages, and the file is rid of `Remnants`; `must_scrub` tells that this
    must be tried again.
    """

    def __init__(self, engine: Engine, path: Path, on_commit: Callable[[], None]) -> None:
        self._engine = engine
        self._place = Place(path)
        self.is_lost = False
        self._log = path.with_name(path.name + "-wal")
        self._turnstile = Turnstile(path.with_suffix(".turnstile"))
        self._on_commit = on_commit
        self._queue = runtime.current().native_queue()
        self._gathered: list[Job] = []
        self._connection: Connection | None = None
        self._remnants = Remnants(path)
        self.commits = Commits()
        self._changed_pages: set[int] = set()  # whose gaps are still to be wiped
        self.must_scrub = False

    def start(self) -> None:
        runtime.current().start_native(self._work, "writer")

    def stop(self) -> None:
        """Let the thread end after what is queued."""
        self._queue.put(None)

    def leave(self) -> None:
        """Carry everything into the database before the last connection closes, which would wipe nothing."""
        if self._connection is not None:
            self._empty_log()
        self._disconnect()

    def close(self) -> None:
        """Let go of its files, after `leave` and after the last reader's connection was closed."""
        self._turnstile.close()
        self._remnants.close()

    @property
    def is_in_place(self) -> bool:
        """Whether what is written now would be found after a restart."""
        return not self.is_lost and self._place.is_kept

    def let_go(self) -> None:
        """Have nothing open any more; only while `is_lost`, and after the last reader's connection was closed."""
        self._remnants.close()

    def reopen(self) -> None:
        """Write from now on to what is at the database's place."""
        self._place.accept()
        self.is_lost = False

    def submit(self, change: Change) -> Any:
        """Run `change` in the next transaction and return what it returns, once that is durable.

        Raises what the change raised, whose writes are then undone, or ChatError `busy` when it was not begun in
        time or could not be saved; either way nothing of it is in the store. Raises InDoubt when it was begun and
        nothing has been heard of it since.
        """
        job = Job(change)
        self._gather(job)
        if not job.waiter.wait(QUEUE_SECONDS) and job.take():
            raise busy()
        if not job.is_done and not job.waiter.wait(RESULT_SECONDS) and not job.is_done:
            raise InDoubt("a change was begun and has not ended")
        return _outcome(job)

    def _gather(self, job: Job) -> None:
        """Hand the job over with all others of this turn of the loop, or, where there is no loop, at once."""
        if not runtime.current().has_loop:
            return self._queue.put([job])
        self._gathered.append(job)
        if len(self._gathered) == 1:
            runtime.current().soon(self._hand_over)

    def _hand_over(self) -> None:
        jobs, self._gathered = self._gathered, []
        self._queue.put(jobs)

    def run_here(self, change: Change) -> Any:
        """The same without the thread, for programs that write once and end."""
        job = Job(change)
        self._finish([job], appended=self._commit([job]))
        self._shorten_log()
        return _outcome(job)

    def _work(self) -> None:
        while True:
            batch = self._take()
            if not batch:
                return self.leave()
            try:
                appended = self._commit(batch)
                runtime.current().call(self._finish, batch, appended)
                self._shorten_log()
            except Exception:  # every change after it would wait for a thread that is no more
                log.exception("the writer goes on after an error")

    def _take(self) -> list[Job]:
        """Wait for a first job, then whatever else has gathered; empty when the writer is to end."""
        batch: list[Job] = []
        while len(batch) < BATCH_CHANGES and (not batch or not self._queue.empty()):
            jobs = self._queue.get()
            if jobs is None:
                if batch:
                    self._queue.put(None)
                break
            batch += [job for job in jobs if job.take()]
        return batch

    def _commit(self, batch: list[Job]) -> bool:
        """Run the batch in one transaction; true when it appended to the log. Never raises: each job has its error."""
        began_at = time.monotonic()
        try:
            with self._turnstile.passed():
                tx = self._run(batch)
                if tx.erases:
                    self.must_scrub = not self._try_to_empty_log()
        except Exception as error:  # whatever it was, every waiting caller must hear of it
            for job in batch:
                job.error = error
            self._disconnect()
            return False
        if any(isinstance(job.error, SAVING_FAILED) for job in batch):
            self._disconnect()  # one that was opened while the file could only be read would never write
        self.commits.events += tx.appended
        self.commits.seconds.observe(time.monotonic() - began_at)
        self.commits.changes.observe(len(batch))
        return tx.appended > 0

    def _run(self, batch: list[Job]) -> Transaction:
        """Carry out and save the batch; once this has returned it is in the store, whatever becomes of the rest."""
        connection = self._connect()
        with connection.begin():
            tx = Transaction(connection)
            for job in batch:
                self._run_one(job, tx)
        if not self.is_in_place and not self._give_up():
            raise self._place.complaint()
        return tx

    def _run_one(self, job: Job, tx: Transaction) -> None:
        """Run one change in a savepoint, so that its failure undoes it alone."""
        driver: Any = tx.connection.connection.driver_connection
        driver.execute("SAVEPOINT change")
        appended = tx.appended
        try:
            job.result = job.change(tx)
        except Exception as error:
            driver.execute("ROLLBACK TO change")
            tx.take_back(appended)
            job.error = error
        driver.execute("RELEASE change")

    def _finish(self, batch: list[Job], appended: bool) -> None:
        """Ring, then answer: whoever changed something finds it in force in this process by their next request.

        Never raises: what is saved is saved, and a ring that fails is a ring that was lost.
        """
        try:
            if appended:
                self._on_commit()
        except Exception:
            log.exception("what was saved is not made known before the next look")
        for job in batch:
            self._answer(job)

    def _answer(self, job: Job) -> None:
        job.is_done = True
        try:
            job.waiter.wake()
        except Exception:  # the others wait, too
            log.exception("whoever waits for a change could not be woken")
        if isinstance(job.error, SAVING_FAILED):
            said = str(job.error) if isinstance(job.error, OSError) else job.error.args[0]
            trouble.complain(log, f"could not save: {said}")

    def has_remains(self) -> bool:
        """Whether the write-ahead log holds anything, or a page that was in it has not been wiped."""
        return self._log_bytes() > 0 or bool(self._changed_pages)

    def wiping_problem(self) -> str:
        """Why what is removed may stay in unused parts of the file; empty where it does not."""
        return self._remnants.problem()

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def _shorten_log(self) -> None:
        if self._connection is not None and self._log_bytes() > LOG_BYTES:
            self._empty_log()

    def _empty_log(self) -> None:
        """Carry the write-ahead log into the database when nobody waits for it; otherwise it has to grow on."""
        try:
            with self._turnstile.passed():
                self._try_to_empty_log()
        except OSError as error:  # of the turnstile
            log.warning("could not shorten the write-ahead log: %s", error)

    def _try_to_empty_log(self) -> bool:
        """Carry the write-ahead log into the database, empty it and wipe; false when something was in the way.

        Never raises: what was committed before stays so, whatever becomes of this.
        """
        try:
            connection = self._connect()
            self._changed_pages |= changed_pages(self._log)
            if not _checkpoint(connection):
                return False
            with connection.begin():
                if self._log_bytes() > 0:  # somebody was quicker
                    return False
                was_dirty = self._remnants.wipe(self._changed_pages)
        except Exception as error:
            log.warning("could not empty the write-ahead log: %s", error)
            self._disconnect()
            return False
        self._changed_pages.clear()
        if was_dirty:
            self._disconnect()
        return True

    def _connect(self) -> Connection:
        """The connection to the database at its place; raises Replaced where another is there, or none."""
        if self._connection is None and not self.is_lost:
            self._connection = self._engine.connect()
            self._place.note_opened()
        if not self.is_in_place:
            self._give_up()
            raise self._place.complaint()
        assert self._connection is not None
        return self._connection

    def _give_up(self) -> bool:
        """Write nothing more to these files; true where all that was committed is in the database nevertheless."""
        self.is_lost = True
        try:
            return self._connection is not None and self._place.has_lost_log_alone and _checkpoint(self._connection)
        finally:
            self._disconnect()

    def _disconnect(self) -> None:
        """Let go of the connection, whatever state it is in; the next change opens another."""
        connection, self._connection = self._connection, None
        self._place.note_closed()
        try:
            if connection is not None:
                connection.invalidate()
                connection.close()
        except Exception as error:
            log.warning("could not close a connection to the database: %s", error)


def _checkpoint(connection: Connection) -> bool:
    """Move everything into the database file and empty the write-ahead log; false while a reader is in the way."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout = 0").close()  # or all writing would wait with it for the reader
    try:
        is_busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").close()
    return not is_busy


def busy() -> ChatError:
    message = N_("The chat can't save anything right now. Try again in a moment.")
    return ChatError("busy", message, retry_after_seconds=2)


def _outcome(job: Job) -> Any:
    if job.error is None:
        return job.result
    if isinstance(job.error, SAVING_FAILED):
        raise busy() from job.error
    raise job.error
