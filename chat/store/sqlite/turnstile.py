"""The turnstile in front of SQLite's write lock: a lock on a file of its own, at which the kernel queues processes.

SQLite's own waiting sleeps, and starves one of two processes that write all the time. The turnstile only brings
order: the write lock behind it stays what keeps the file right, so whoever has waited too long goes past it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty

from chat import runtime
from chat.runtime import locks

PATIENCE_SECONDS = 2.0  # a commit takes milliseconds; a process that was stopped inside may never come out


class Turnstile:
    """Entered by one process at a time, as long as all of them move. For the writer's thread alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._is_passing = False
        self._is_passed_by = False  # whoever is inside was waited for in vain, and has not moved since

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be the one who writes; raises OSError when the file cannot be opened. Inside of it this does nothing."""
        if self._is_passing:
            yield
            return
        self._is_passing = True
        try:
            with self._entered():
                yield
        finally:
            self._is_passing = False

    @contextmanager
    def _entered(self) -> Iterator[None]:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        is_inside = locks.take(self._file) or (not self._is_passed_by and self._wait())
        if is_inside:
            self._is_passed_by = False
        try:
            yield
        finally:
            if is_inside:
                with suppress(OSError):  # what was done inside is done; others go past one who does not come out
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file; whoever passes later opens it anew."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _wait(self) -> bool:
        return self._queue_up() if runtime.current().has_threads else self._try_again()

    def _try_again(self) -> bool:
        """Where nobody can stand in the queue for us; false when patience ended."""
        assert self._file is not None
        self._is_passed_by = not locks.take_within(self._file, PATIENCE_SECONDS)
        return not self._is_passed_by

    def _queue_up(self) -> bool:
        """Stand in the kernel's queue, in a thread that can be left standing there; false when patience ended."""
        arrived = runtime.current().native_queue()
        file, self._file = self._file, None
        assert file is not None

        def stand() -> None:
            fcntl.flock(file, fcntl.LOCK_EX)
            arrived.put(True)

        def leave() -> None:
            arrived.get()
            self._is_passed_by = False
            os.close(file)  # which lets the next one in

        runtime.current().start_native(stand, "turnstile")
        try:
            arrived.get(timeout=PATIENCE_SECONDS)
        except Empty:
            self._is_passed_by = True
            runtime.current().start_native(leave, "turnstile left")
            return False
        self._file = file
        return True
