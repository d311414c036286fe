"""The runtime's form for a process that gevent has patched: whoever waits is a greenlet, and one loop wakes them."""

import logging
import select
import sys
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from typing import Any

import gevent
from gevent import getcurrent, monkey
from gevent.event import Event
from gevent.hub import get_hub

from chat.runtime.threads import Poller, Threads, Waiter

log = logging.getLogger(__name__)

READABLE = 1  # libev's EV_READ
MOMENT_SECONDS = 1e-6  # more than nothing, so that it is the loop's timer that ends it


class Greenlets(Threads):
    """Like `Threads`, but `call` comes from any real thread into the loop, and only native threads may block."""

    name = "gevent"
    has_loop = True
    can_park = sys.platform == "linux"

    def __init__(self) -> None:
        self._loop = get_hub().loop
        self._watchers: list[Any] = []  # one that nobody holds is stopped

    def start_native(self, target: Callable[[], None], name: str) -> None:
        monkey.get_original("_thread", "start_new_thread")(target, ())

    def native_queue(self) -> "SimpleQueue[Any]":
        queue: SimpleQueue[Any] = monkey.get_original("queue", "SimpleQueue")()
        return queue

    def waiter(self) -> Waiter:
        return _GreenletWaiter()

    def serve(self, sender: Hashable) -> None:
        getcurrent().serves = sender  # a greenlet has attributes of its own

    def sender(self) -> Hashable:
        return getattr(getcurrent(), "serves", None)

    def call(self, function: Callable[..., object], *args: object) -> None:
        self._loop.run_callback_threadsafe(gevent.spawn_raw, function, *args)

    def soon(self, function: Callable[[], object]) -> None:
        self._loop.run_callback(function)

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        # A timer even for no time at all: callbacks of the loop are run fifty at a time before it looks at sockets.
        timer = self._loop.timer(seconds)
        timer.start(function)

    def watch(self, fd: int, function: Callable[[], object]) -> None:
        watcher = self._loop.io(fd, READABLE)
        watcher.start(function)
        self._watchers.append(watcher)

    def has_input(self, fd: int) -> bool:
        poll = monkey.get_original("select", "poll")()  # gevent's own goes by way of the loop
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(0))

    def poller(self) -> Poller:
        poller: Poller = monkey.get_original("select", "epoll")()
        return poller

    def breathe(self) -> None:
        gevent.sleep(MOMENT_SECONDS)

    def every(self, seconds: float, function: Callable[[], None], name: str) -> Callable[[], None]:
        def repeat() -> None:
            while True:
                gevent.sleep(seconds)
                try:
                    function()
                except Exception:  # one bad second must not end all that follow
                    log.exception("%s failed", name)

        stop: Callable[[], None] = gevent.spawn(repeat).kill
        return stop

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

    @property
    def is_woken(self) -> bool:
        return bool(self._event.is_set())
