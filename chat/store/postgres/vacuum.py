"""Vacuuming after what was erased: PostgreSQL keeps the older copy of a row until then.

A vacuum looks only at pages that have changed since the last, and nobody waits for it. Still it is work for the server,
so a process that erases much does it once a minute.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from chat import runtime
from chat.store.schema import metadata

log = logging.getLogger(__name__)

PAUSE_SECONDS = 60.0


class Vacuum:
    """The vacuums of one process, by connections of their own that `connect` makes."""

    def __init__(self, connect: Callable[[], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._erasures = 1  # a process that was killed may have left something
        self._vacuumed = 0  # how many of them came before the last vacuum
        self._next_at = float("-inf")

    @property
    def is_needed(self) -> bool:
        """Whether something was erased that no vacuum has come after."""
        return self._vacuumed < self._erasures

    @property
    def is_due(self) -> bool:
        """Whether one is needed, and the last is long enough ago, whatever became of it."""
        return self.is_needed and self._clock() >= self._next_at

    def note_erasure(self) -> None:
        """Something was erased just now."""
        self._erasures += 1

    def begin(self) -> None:
        """Vacuum if it is due: beside everything else, or, where nothing can be beside it, now. Never raises."""
        if not self.is_due:
            return
        self._next_at = self._clock() + PAUSE_SECONDS
        try:
            if runtime.current().has_threads:
                runtime.current().start_native(self._run, "vacuum")
            else:
                self._run()
        except Exception as error:  # no more threads, for instance
            log.warning("could not vacuum what was erased: %s", error)

    def _run(self) -> None:
        erasures = self._erasures
        try:
            connection = self._connect()
            try:
                connection.execute(f"VACUUM {', '.join(metadata.tables)}".encode())
            finally:
                connection.close()
            self._vacuumed = erasures
        except Exception as error:  # whatever it was, it is tried again
            log.warning("could not vacuum what was erased: %s", error)
