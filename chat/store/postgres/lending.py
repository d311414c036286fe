"""Whose turn it is to read: a server has fewer connections for a process than that has requests at work.

On SQLite a request that has begun reads all it needs without waiting, so that to begin in turn (`server/turns.py`) is
enough. Here it waits with each question, and the requests of a hundred connections of one sender, begun meanwhile,
would stand before each question of another's.
"""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from psycopg_pool import PoolTimeout

from chat import runtime
from chat.core import addresses
from chat.core.fair_queue import FairQueue
from chat.runtime.threads import Waiter


class Lending:
    """So many turns at a time, for one sender after another; what a process does by itself has one sender."""

    def __init__(self, most: int, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._free = most  # 0 as long as anybody waits
        self._waiting: FairQueue[Waiter] = FairQueue(addresses.around_sender)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises PoolTimeout where it does not come in time."""
        self._take()
        try:
            yield
        finally:
            self._give_back()

    def _take(self) -> None:
        current = runtime.current()
        with self._lock:
            if self._free:
                self._free -= 1
                return
            sender, waiter = current.sender(), current.waiter()
            self._waiting.add(sender, waiter)
        try:
            is_woken = waiter.wait(self._seconds)
        except BaseException:  # the greenlet that waited is being ended
            if not self._withdraw(sender, waiter):
                self._give_back()
            raise
        if not is_woken and self._withdraw(sender, waiter):
            raise PoolTimeout(f"couldn't get a connection after {self._seconds:.2f} sec")

    def _withdraw(self, sender: Hashable, waiter: Waiter) -> bool:
        """False where it has got its turn meanwhile."""
        with self._lock:
            return self._waiting.remove(sender, waiter)

    def _give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.take().wake()
            else:
                self._free += 1
