"""The runtime by threads: whoever waits has a thread of the operating system."""

import logging
import select
import threading
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from typing import Any, Protocol

log = logging.getLogger(__name__)


class Waiter(Protocol):
    """Where one thread or greenlet waits until another wakes it; a wake before the wait is not lost."""

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for a wake and use it up; false when the time was over first."""

    def wake(self) -> None:
        """Let the one who waits go on, or the next one who will."""

    @property
    def is_woken(self) -> bool:
        """Whether there was a wake that no wait has used up yet."""


class Poller(Protocol):
    """What is used of `select.epoll`, which not every system has; all its methods raise OSError."""

    def fileno(self) -> int:
        """The descriptor to watch: it is readable when `poll` has something."""

    def register(self, fd: int, events: int) -> None:
        """Report these events of the descriptor from now on, and that it has hung up."""

    def modify(self, fd: int, events: int) -> None:
        """Report these instead."""

    def unregister(self, fd: int) -> None:
        """Report nothing of it any more."""

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        """At most so many descriptors with their events, waiting up to `timeout` seconds for the first."""


class Threads:
    """The plain form: whatever waits has a thread of the operating system of its own.

    It is also the parent of the other forms, which do what they do not override in the same way: `OneAtATime` starts
    nothing beside a request, and `Greenlets` waits and wakes by gevent's loop.
    """

    name = "threads"
    has_threads = True  # whether anything may run beside a request
    has_loop = False  # whether one event loop drives everything that waits
    can_park = False  # whether that loop can watch the connections of readers that have left their greenlets

    def start_native(self, target: Callable[[], None], name: str) -> None:
        """Run `target` in a real thread, which may block without stopping anything else."""
        threading.Thread(target=target, name=name, daemon=True).start()

    def native_queue(self) -> "SimpleQueue[Any]":
        """A queue on which a real thread may block, even where gevent has patched."""
        return SimpleQueue()

    def waiter(self) -> Waiter:
        """A new waiter of this form."""
        return _ThreadWaiter()

    def serve(self, sender: Hashable) -> None:
        """What runs here works for this sender from now on; nothing where it makes no difference."""

    def sender(self) -> Hashable:
        """For whom this works; None for what the process does by itself, and where nobody has said it."""
        return None

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Run `function` where it may wait, and may wake readers: at once, under gevent soon, in a greenlet.

        From any thread.
        """
        function(*args)

    def soon(self, function: Callable[[], object]) -> None:
        """Run `function` at the end of this turn of the loop; without a loop, at once."""
        function()

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        """Run `function` in a later turn of the loop, after at least so many seconds; only where `has_loop`."""
        raise NotImplementedError

    def watch(self, fd: int, function: Callable[[], object]) -> None:
        """From now on run `function` in the loop whenever the descriptor is readable; only where `has_loop`."""
        raise NotImplementedError

    def has_input(self, fd: int) -> bool:
        """Whether there is something to read, or its end; never waits."""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(0))

    def poller(self) -> Poller:
        """A new epoll object of the kernel's, even where gevent has patched; only where `can_park`."""
        raise NotImplementedError

    def breathe(self) -> None:
        """Let everything else in the loop have its turn, including connections."""

    def every(self, seconds: float, function: Callable[[], None], name: str) -> Callable[[], None]:
        """Call `function` repeatedly with `seconds` between, and log what it raises; returns what stops it."""
        stopped = threading.Event()

        def repeat() -> None:
            while not stopped.wait(seconds):
                try:
                    function()
                except Exception:  # one failure must not end the repetition
                    log.exception("%s failed", name)

        threading.Thread(target=repeat, name=name, daemon=True).start()
        return stopped.set

    def start(self, target: Callable[[], None], name: str) -> None:
        """Run `target` concurrently with the caller: in a thread, under gevent in a greenlet."""
        threading.Thread(target=target, name=name, daemon=True).start()


class OneAtATime(Threads):
    """The form of a process that ends with its request (CGI, Passenger): nothing runs beside it.

    Starting something raises AssertionError, because it would be a bug.
    """

    name = "one request at a time"
    has_threads = False

    def start_native(self, target: Callable[[], None], name: str) -> None:
        raise AssertionError(f"no thread can be started here, not even for {name}")

    def every(self, seconds: float, function: Callable[[], None], name: str) -> Callable[[], None]:
        raise AssertionError(f"nothing can be repeated here, not even {name}")

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
