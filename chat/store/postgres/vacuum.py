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
        self._is_needed = True  # a process that was killed may have left something
        self._next_at = float("-inf")

    def is_due(self) -> bool:
        """Whether something was erased, and the last vacuum is long enough ago."""
        return self._is_needed and self._clock() >= self._next_at

    def begin(self) -> bool:
        """Vacuum beside everything else, or, where nothing can be beside it, now; false where it is too early."""
        self._is_needed = True
        if not self.is_due():
            return False
        self._is_needed = False
        self._next_at = self._clock() + PAUSE_SECONDS
        if runtime.current().has_threads:
            runtime.current().start_native(self._run, "vacuum")
        else:
            self._run()
        return True

    def _run(self) -> None:
        try:
            connection = self._connect()
            try:
                connection.execute(f"VACUUM {', '.join(metadata.tables)}".encode())
            finally:
                connection.close()
        except Exception as error:  # whatever it was, it is tried again
            self._is_needed = True
            log.warning("could not vacuum what was erased: %s", error)
