"""The plain form of the runtime: whoever waits has an operating system's thread."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

log = logging.getLogger(__name__)


class Waiter(Protocol):
    """A place where one waits until another wakes it; a wake before the wait is not lost."""

    def wait(self, timeout_seconds: float | None = None) -> bool: ...

    def wake(self) -> None: ...

    @property
    def is_woken(self) -> bool:
        """Whether it was woken and nobody has gone on yet."""


class Threads:
    """The plain form: every waiting piece of code has an operating system's thread of its own.

    It is also what the other forms begin with, and so their parent: `OneAtATime` is this one less what runs beside a
    request, and `Greenlets` waits and wakes by gevent's loop. What a form does not override it does in the same way.
    """

    name = "threads"
    has_threads = True  # whether anything may run beside the request that is answered
    has_loop = False  # whether all that waits is driven by one loop, turn by turn
    can_park = False  # whether that loop can watch many connections for readers that have left their greenlets

    def start_native(self, target: Callable[[], None], name: str) -> None:
        """Run `target` in a real thread, which may block without stopping anything else."""
        threading.Thread(target=target, name=name, daemon=True).start()

    def native_queue(self) -> "SimpleQueue[Any]":
        """A queue that a real thread may block on, whatever has been patched."""
        return SimpleQueue()

    def waiter(self) -> Waiter:
        return _ThreadWaiter()

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Run `function` where readers may be woken: here, at once; under gevent, soon and in the loop."""
        function(*args)

    def soon(self, function: Callable[[], object]) -> None:
        """Run `function` at the end of this turn of the loop; where there is none, at once."""
        function()

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        """Run `function` in a later turn of the loop, after so many seconds at the earliest; only where `has_loop`."""
        raise NotImplementedError

    def watch(self, fd: int, function: Callable[[], object]) -> None:
        """Run `function` in the loop whenever the descriptor can be read, from now on; only where `has_loop`."""
        raise NotImplementedError

    def poller(self) -> Any:
        """The kernel's epoll, whatever has been patched; only where `can_park`."""
        raise NotImplementedError

    def breathe(self) -> None:
        """Let everything else have its turn, connections included."""

    def every(self, seconds: float, function: Callable[[], None], name: str) -> Callable[[], None]:
        """Call `function` again and again with `seconds` between; returns what stops it."""
        stopped = threading.Event()

        def repeat() -> None:
            while not stopped.wait(seconds):
                try:
                    function()
                except Exception:  # one bad second must not end all that follow
                    log.exception("%s failed", name)

        threading.Thread(target=repeat, name=name, daemon=True).start()
        return stopped.set

    def start(self, target: Callable[[], None], name: str) -> None:
        """Run `target` beside the caller: a thread here, a greenlet under gevent."""
        threading.Thread(target=target, name=name, daemon=True).start()


class OneAtATime(Threads):
    """The form of a process that does not last between requests (CGI, Passenger): nothing runs beside the request."""

    name = "one request at a time"
    has_threads = False

    def start_native(self, target: Callable[[], None], name: str) -> None:
        raise AssertionError(f"no thread can be started here, not even for {name}")

    def every(self, seconds: float, function: Callable[[], None], name: str) -> Callable[[], None]:
        raise AssertionError(f"nothing can be done from time to time here, not even {name}")

    def start(self, target: Callable[[], None], name: str) -> None:
        self.start_native(target, name)


class _ThreadWaiter:
    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        woken = self._event.wait(timeout_seconds)
        self._event.clear()
        return woken

    def wake(self) -> None:
        self._event.set()

    @property
    def is_woken(self) -> bool:
        return bool(self._event.is_set())
