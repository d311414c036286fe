"""The order in which requests begin: one sender after another, with a turn of the loop between slices of time.

Otherwise a connection whose next request is already there would keep the loop from looking at others, and a sender with
a hundred connections, or a hundred neighbouring addresses, would get a hundred turns for each of another's.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from chat import runtime
from chat.runtime.threads import Waiter

SLICE_SECONDS = 0.005  # how long requests begin one after another; a longer request is a slice of its own


class Turns:
    """The requests of one process that are ready to begin, by sender. Only for runtimes that have a loop.

    `around` maps a sender to its group, such as the network around it. Groups take turns, as do the senders in each.
    """

    def __init__(self, around: Callable[[Hashable], Hashable] = lambda sender: sender) -> None:
        self._runtime = runtime.current()
        self._around = around
        # Those whose turn is next come first.
        self._waiting: OrderedDict[Hashable, OrderedDict[Hashable, deque[Waiter]]] = OrderedDict()
        self._slice_ends_at: float | None = None  # None if the loop has turned since the last request began
        self._is_going_on = False

    def wait(self, sender: Hashable) -> None:
        """Return when it is the sender's turn to have a request begin."""
        if not self._waiting and self._has_time():
            return
        waiter = self._runtime.waiter()
        self._waiting.setdefault(self._around(sender), OrderedDict()).setdefault(sender, deque()).append(waiter)
        try:
            waiter.wait()
        except BaseException:  # the greenlet that waited is being ended
            self._forget(sender, waiter)
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
        around, senders = self._waiting.popitem(last=False)
        sender, waiters = senders.popitem(last=False)
        waiters.popleft().wake()
        if waiters:
            senders[sender] = waiters  # behind all others
        if senders:
            self._waiting[around] = senders
        self._runtime.soon(self._go_on)

    def _forget(self, sender: Hashable, waiter: Waiter) -> None:
        senders = self._waiting.get(self._around(sender), OrderedDict())
        waiters = senders.get(sender)
        if waiters is not None and waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del senders[sender]
            if not senders:
                del self._waiting[self._around(sender)]
