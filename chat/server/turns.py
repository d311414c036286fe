"""The order in which requests begin: one sender after another, with a turn of the loop between slices of time.

Otherwise a connection whose next request is already there would keep the loop from looking at others, and a sender with
a hundred connections, or a hundred neighbouring addresses, would get a hundred turns for each of another's.
"""

import time
from collections.abc import Callable, Hashable

from chat import runtime
from chat.core.fair_queue import FairQueue
from chat.runtime.threads import Waiter

SLICE_SECONDS = 0.005  # how long requests begin one after another; a longer request is a slice of its own


class Turns:
    """The requests of one process that are ready to begin, by sender. Only for runtimes that have a loop.

    `around` maps a sender to its group, such as the network around it. Groups take turns, as do the senders in each.
    """

    def __init__(self, around: Callable[[Hashable], Hashable] = lambda sender: sender) -> None:
        self._runtime = runtime.current()
        self._waiting: FairQueue[Waiter] = FairQueue(around)
        self._slice_ends_at: float | None = None  # None if the loop has turned since the last request began
        self._is_going_on = False

    def wait(self, sender: Hashable) -> None:
        """Return when it is the sender's turn to have a request begin."""
        if not self._waiting and self._has_time():
            return
        waiter = self._runtime.waiter()
        self._waiting.add(sender, waiter)
        try:
            waiter.wait()
        except BaseException:  # the greenlet that waited is being ended
            self._waiting.remove(sender, waiter)
            raise

    def _has_time(self) -> bool:
        """Whether a request may begin in this turn of the loop."""
        if self._slice_ends_at is None:
            self._slice_ends_at = time.monotonic() + SLICE_SECONDS
            self._runtime.later(0, self._begin_slice)
            return True
        return time.monotonic() < self._slice_ends_at

    def _begin_slice(self) -> None:
        """The loop has turned."""
        self._slice_ends_at = None
        if not self._is_going_on:
            self._go_on()

    def _go_on(self) -> None:
        """Let the first one begin and, when it is done or waits for something else, the next, until the slice ends."""
        self._is_going_on = bool(self._waiting) and self._has_time()
        if not self._is_going_on:
            return
        self._waiting.take().wake()
        self._runtime.soon(self._go_on)
