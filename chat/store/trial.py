"""A trial write, whose result is shared: whoever asks often must not make the disk work often."""

import threading
import time
from collections.abc import Callable

FRESH_SECONDS = 1.0  # so long a success stands for the present


class Trial:
    """Attempts something at most once a second, and never twice at a time.

    A success holds for `FRESH_SECONDS`; a failure for those alone who waited while it was found, so that the end of
    the trouble is seen at once.
    """

    def __init__(self, attempt: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._attempt = attempt
        self._clock = clock
        self._lock = threading.Lock()
        self._ended_at = float("-inf")
        self._error: Exception | None = None

    def succeed(self) -> None:
        """Return if it works, else raise what the attempt raised."""
        asked_at = self._clock()
        with self._lock:
            fresh_since = asked_at if self._error else asked_at - FRESH_SECONDS
            if self._ended_at <= fresh_since:
                self._run()
            if self._error:
                raise self._error

    def _run(self) -> None:
        self._error = None
        try:
            self._attempt()
        except Exception as error:
            self._error = error
        self._ended_at = self._clock()
