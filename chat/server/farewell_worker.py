"""gunicorn's gevent worker, but its streams end with `bye` as soon as it is to end.

gunicorn's own waits for open connections until its grace is over and then cuts them. Streams never end by themselves,
and browsers keep connections open for their next request.
"""

import socket
import sys
from typing import Any

import gevent
from gevent.hub import get_hub
from gunicorn.workers.ggevent import GeventWorker

from chat.server import capacity
from chat.server.capacity import Budget

DRAIN_SECONDS = 1.0  # over which the streams of an ending worker are closed
FAREWELL_SECONDS = 0.5  # for the last frames to be written
# A reader that vanished without a word is given up after 15 s of unacknowledged bytes; a ping sees to it that there are
# some. Where nothing is said, between two requests, the kernel probes. It must not probe readers: with this timeout one
# probe that is lost ends the connection, and thousands that were sent the same message are probed in one burst, of
# which a queue of the kernel holds a thousand. So it waits for longer than a ping ever does.
SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
)
PROBE_AFTER_PING_SECONDS = 5


class FarewellWorker(GeventWorker):
    """The worker where gunicorn looks different inside; nothing here relies on that."""

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_draining = False

    def run(self) -> None:
        """Serve until told to end."""
        self._set_options()
        self.worker_connections: int = capacity.connections(self.cfg.worker_connections)
        self._lifecycle().settle(self._budget())
        super().run()

    def _budget(self) -> Budget:
        return capacity.parked(self.worker_connections, self.cfg.workers)

    def _set_options(self) -> None:
        """Once for each address: the connections inherit them from the socket on which they come."""
        probe_after_seconds = self._lifecycle().config.heartbeat_seconds + PROBE_AFTER_PING_SECONDS
        for listener in self.sockets:
            if listener.family in (socket.AF_INET, socket.AF_INET6):
                for level, option, value in SOCKET_OPTIONS:
                    listener.setsockopt(level, option, value)
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe_after_seconds)

    def notify(self) -> None:
        """Called once a second; it is how a worker learns that it has answered its `max_requests`."""
        super().notify()
        if not self.alive:
            self._drain()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """TERM: accept nothing new, send `bye` on every stream, answer held polls, then end."""
        super().handle_exit(sig, frame)
        # From the signal's handler into the loop, like whatever else comes from outside of it.
        get_hub().loop.run_callback_threadsafe(self._drain)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """QUIT, which Ctrl-C becomes: send `bye` and end at once."""
        gevent.spawn(self._quit)

    def _quit(self) -> None:
        self._lifecycle().say_bye()
        gevent.sleep(FAREWELL_SECONDS)
        sys.exit(0)

    def _drain(self) -> None:
        """Ask everybody to come back, a few at a time and in no order, so that they do not return as one."""
        if self._is_draining:
            return
        self._is_draining = True
        gevent.spawn(self._lifecycle().say_bye, DRAIN_SECONDS)

    def _lifecycle(self) -> Any:
        return getattr(self, "_app", self.wsgi).extensions["chat"]
