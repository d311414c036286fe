"""The runtime's form for a process that gevent has patched: whoever waits is a greenlet, and one loop wakes them."""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event
from gevent.hub import get_hub

from chat.runtime import Threads, Waiter

log = logging.getLogger(__name__)


class Greenlets(Threads):
    """Like `Threads`, but `call` comes from any real thread into the loop, and only native threads may block."""

    name = "gevent"
    has_loop = True

    def __init__(self) -> None:
        self._loop = get_hub().loop

    def start_native(self, target: Callable[[], None], name: str) -> None:
        monkey.get_original("_thread", "start_new_thread")(target, ())

    def native_queue(self) -> "SimpleQueue[Any]":
        return monkey.get_original("queue", "SimpleQueue")()

    def waiter(self) -> Waiter:
        return _GreenletWaiter()

    def call(self, function: Callable[..., object], *args: object) -> None:
        self._loop.run_callback_threadsafe(function, *args)

    def soon(self, function: Callable[[], object]) -> None:
        self._loop.run_callback(function)

    def every(self, seconds: float, function: Callable[[], None], name: str) -> Callable[[], None]:
        def repeat() -> None:
            while True:
                gevent.sleep(seconds)
                try:
                    function()
                except Exception:  # one bad second must not end all that follow
                    log.exception("%s failed", name)

        return gevent.spawn(repeat).kill

    def start(self, target: Callable[[], None], name: str) -> None:
        gevent.spawn(target)


class _GreenletWaiter:
    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = Event()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        woken = self._event.wait(timeout_seconds)
        self._event.clear()
        return bool(woken)

    def wake(self) -> None:
        self._event.set()
