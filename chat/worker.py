"""The gunicorn worker: greenlets for requests, and an end in which every open stream is told to come back.

gunicorn's own gevent worker waits for open connections until its grace is over and then cuts them. Streams never
end by themselves, and browsers keep connections open for their next request; here both are asked to end as soon as
the worker is to go.
"""

import socket
import sys
from typing import Any

import gevent
from gevent.hub import get_hub
from gunicorn.workers.ggevent import GeventWorker

DRAIN_SECONDS = 2.0  # over which the streams of an ending worker are closed
FAREWELL_SECONDS = 0.5  # for the last frames to be written
# A reader that vanished without a word is given up after 15 s of unacknowledged bytes, or of unanswered probes.
SOCKET_OPTIONS = (
    (socket.TCP_NODELAY, 1),
    (socket.TCP_USER_TIMEOUT, 15_000),
    (socket.TCP_KEEPIDLE, 10),
    (socket.TCP_KEEPINTVL, 5),
    (socket.TCP_KEEPCNT, 3),
)


class Idle(gevent.Timeout):
    """The wait of a connection for its next request; whoever throws it ends the connection, without an error."""

    def __init__(self, seconds: float, waiting: set["Idle"]) -> None:
        super().__init__(seconds, False)
        self._waiting = waiting

    def __enter__(self) -> "Idle":
        self.greenlet = gevent.getcurrent()
        self._waiting.add(self)
        return super().__enter__()

    def __exit__(self, *raised: Any) -> bool | None:
        self._waiting.discard(self)
        return super().__exit__(*raised)


class StreamWorker(GeventWorker):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: set[Idle] = set()
        self._is_draining = False

    def timeout_ctx(self) -> Idle:
        # A connection that falls idle while the worker ends has nothing to wait for.
        return Idle(0 if self._is_draining else self.cfg.keepalive, self._idle)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        if client.family in (socket.AF_INET, socket.AF_INET6):
            for option, value in SOCKET_OPTIONS:
                client.setsockopt(socket.IPPROTO_TCP, option, value)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        super().handle(listener, client, addr)

    def notify(self) -> None:
        """Once a second; a worker that has answered its `max_requests` is told nothing else of its end."""
        super().notify()
        if not self.alive:
            self._drain()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """TERM: take nothing new, say `bye` on every stream, answer what is held, then end."""
        super().handle_exit(sig, frame)
        # From the signal's handler into the loop, like whatever else comes from outside of it.
        get_hub().loop.run_callback_threadsafe(self._drain)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """QUIT, which is what Ctrl-C becomes: say `bye`, and go at once."""
        gevent.spawn(self._quit)

    def _quit(self) -> None:
        self._parts().say_bye()
        gevent.sleep(FAREWELL_SECONDS)
        sys.exit(0)

    def _drain(self) -> None:
        """Ask everybody to come back, a few at a time and in no order, so that they do not return as one."""
        if self._is_draining:
            return
        self._is_draining = True
        gevent.spawn(self._parts().say_bye, DRAIN_SECONDS)
        for idle in list(self._idle):
            idle.greenlet.throw(idle)

    def _parts(self) -> Any:
        return self.wsgi.extensions["chat"]
