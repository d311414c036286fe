"""In which order requests begin: one sender after another, and between slices the loop looks at sockets and timers.

A connection whose next request lies ready gives the loop no cause to look at others, and a sender with a hundred
connections would have a hundred turns to another's one; so would one with a hundred addresses around each other.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from chat import runtime
from chat.runtime.threads import Waiter

SLICE_SECONDS = 0.005  # in which requests begin one after another; one that takes longer is a slice of its own


class Turns:
    """The requests of one process that are ready to begin, by who sent them. For runtimes that have a loop.

    `around` says to which senders one belongs: these follow one another, and within each of them its own.
    """

    def __init__(self, around: Callable[[Hashable], Hashable] = lambda sender: sender) -> None:
        self._runtime = runtime.current()
        self._around = around
        # Whose turn it is comes first.
        self._waiting: OrderedDict[Hashable, OrderedDict[Hashable, deque[Waiter]]] = OrderedDict()
        self._slice_ends_at: float | None = None  # None when the loop has turned since the last request began
        self._is_going_on = False

    def wait(self, sender: Hashable) -> None:
        """Return when it is the sender's turn to have a request begin."""
        if not self._waiting and self._has_time():
            return
        waiter = self._runtime.waiter()
        self._waiting.setdefault(self._around(sender), OrderedDict()).setdefault(sender, deque()).append(waiter)
        try:
            waiter.wait()
        except BaseException:  # whoever waited is being ended
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
        """Let the first one begin; when it is done, or waits for something else, the next, as long as there is time."""
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
