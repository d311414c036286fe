"""The group-commit writer: concurrent changes of one process share a transaction, in a thread of their own.

A commit costs a wait for the disk. Whoever comes while one is under way gathers for the next, so that a busy chat
pays for the disk once per batch and the event loop never.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from chat import runtime
from chat.core.errors import N_, ChatError
from chat.runtime import metrics
from chat.runtime.metrics import Histogram
from chat.store import trouble
from chat.store.engine import Engine, InDoubt
from chat.store.transaction import Transaction

log = logging.getLogger(__name__)

Change = Callable[[Transaction], Any]

BATCH_CHANGES = 256  # bounds how long the first of a batch waits for the last
QUEUE_SECONDS = 5.0  # after this a change that nobody has begun is taken back
RESULT_SECONDS = 20.0  # after this nobody waits any more for one that was begun: several busy timeouts


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
    """Runs changes one after another in the engine's transactions.

    `on_commit` is called where readers may be woken, once per commit that appended to the log. `must_scrub` tells that
    older copies of what a change has erased may remain, and that getting rid of them must be tried again.
    """

    def __init__(self, engine: Engine, on_commit: Callable[[], None]) -> None:
        self._engine = engine
        self._on_commit = on_commit
        self._queue = runtime.current().native_queue()
        self._gathered: list[Job] = []
        self.commits = Commits()
        self.must_scrub = False

    def start(self) -> None:
        """Let a thread do the writing."""
        current = runtime.current()
        ended = self._ended = current.waiter()

        def work() -> None:
            try:
                self._work()
            finally:
                current.call(ended.wake)

        current.start_native(work, "writer")

    def stop(self) -> bool:
        """Let the thread end after what is queued; false where it has not within `RESULT_SECONDS`."""
        self._queue.put(None)
        return self._ended.wait(RESULT_SECONDS)

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
        return self._outcome(job)

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
        self._engine.rest()
        return self._outcome(job)

    def _work(self) -> None:
        while True:
            batch: list[Job] = []
            self._take(batch)
            if not batch:
                return self._engine.leave()
            try:
                appended = self._commit(batch)
                runtime.current().call(self._finish, batch, appended)
                self._engine.rest()
            except Exception:  # every change after it would wait for a thread that is no more
                log.exception("the writer goes on after an error")

    def _take(self, batch: list[Job]) -> None:
        """Wait for a first job, if there is none yet, and add whatever else has gathered; none when it is to end."""
        while len(batch) < BATCH_CHANGES and (not batch or not self._queue.empty()):
            jobs = self._queue.get()
            if jobs is None:
                if batch:
                    self._queue.put(None)
                break
            batch += [job for job in jobs if job.take()]

    def _commit(self, batch: list[Job]) -> bool:
        """Run the batch in one transaction; true when it appended to the log. Never raises: each job has its error."""
        began_at = time.monotonic()
        try:
            with self._engine.turn():
                tx = self._run(batch)
                if tx.erases:
                    self.must_scrub = not self._engine.after_erasure()
        except Exception as error:  # whatever it was, every waiting caller must be told
            for job in batch:
                job.error = error
            return False
        if any(job.error is not None and self._is_of_saving(job.error) for job in batch):
            self._engine.disconnect()  # one that was opened while the file could only be read would never write
        self.commits.events += tx.appended
        self.commits.seconds.observe(time.monotonic() - began_at)
        self.commits.changes.observe(len(batch))
        return tx.appended > 0

    def _run(self, batch: list[Job]) -> Transaction:
        """Carry out and save the batch; once this has returned it is in the store, whatever becomes of the rest."""
        with self._engine.writing() as connection:
            self._take(batch)  # what has come while other processes wrote
            tx = Transaction(connection)
            for number, job in enumerate(batch):
                self._engine.mark(connection, is_first=number == 0)
                self._run_one(job, tx)
            tx.finish()
        return tx

    def _run_one(self, job: Job, tx: Transaction) -> None:
        """Run one change, whose failure undoes it alone."""
        mark = tx.mark()
        try:
            job.result = job.change(tx)
        except Exception as error:
            self._engine.go_back(tx.connection)
            tx.take_back(mark)
            job.error = error

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
        if job.error is not None and self._is_of_saving(job.error):
            cause = str(job.error) if isinstance(job.error, OSError) else job.error.args[0]
            trouble.complain(log, f"could not save: {cause}")

    def _outcome(self, job: Job) -> Any:
        if job.error is None:
            return job.result
        if self._is_of_saving(job.error):
            raise busy() from job.error
        raise job.error

    def _is_of_saving(self, error: BaseException) -> bool:
        """Whether nothing could be saved: full, locked, read-only, gone. The cause may go by itself."""
        return isinstance(error, OSError) or self._engine.classify(error) is not None


def busy() -> ChatError:
    message = N_("The chat can't save anything right now. Try again in a moment.")
    return ChatError("busy", message, retry_after_seconds=2)
