"""Work that many ask for at once, and that is done once for all of them."""

import itertools
import threading
from collections.abc import Callable


class Joint:
    """Never does the work twice at a time. Whoever asks while it is done waits for it to be done once more, with all
    others who have asked meanwhile: a crowd waits for two turns at most, however long each takes.

    A failure is shared by those who waited while it came about, so that they don't wait for one after another.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._numbers = itertools.count(1)  # in the order of what happens; `next` is atomic
        self._lock = threading.Lock()
        self._answered = 0  # who asked before this has been answered
        self._error: Exception | None = None

    def __call__(self) -> None:
        """Return when the work was begun after this call, and is done. Raises what it raised."""
        asked = next(self._numbers)
        with self._lock:
            if asked > self._answered:
                self._do()
            if self._error is not None:
                raise self._error

    def _do(self) -> None:
        begun = next(self._numbers)
        self._error = None
        try:
            self._work()
        except Exception as error:
            self._error = error
            begun = next(self._numbers)
        self._answered = begun
