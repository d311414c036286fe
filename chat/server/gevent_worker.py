"""The gunicorn worker: greenlets for requests, and a parking lot for readers that wait.

When a view returns a stream, or a poll that is to be held, the worker takes the connection over and lets the greenlet
end: parser, environ and stack go, and `realtime/parking.py` keeps a descriptor and a cursor. What it cannot take over
(TLS, a request with more behind it, a gunicorn that nobody has tried this with) is served the ordinary way, by the
same reader and with the same bytes. What it relies on of gunicorn's inside is in `gunicorn_internals.py`.
"""

import socket
import sys
import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import gevent
from gevent.pool import Group

from chat import runtime
from chat.core import addresses
from chat.core.shares import Shares
from chat.realtime.sending import Sender
from chat.runtime.internals import dotted
from chat.server import capacity
from chat.server import gunicorn_internals as internals
from chat.server.arriving import ArrivingBody, ReplayedConnection, Waiting
from chat.server.capacity import Budget
from chat.server.farewell_worker import DRAIN_SECONDS, FAREWELL_SECONDS, FarewellWorker
from chat.server.gunicorn_internals import Answer, RequestBody
from chat.server.protocol_errors import ProtocolErrors
from chat.server.turns import Turns
from chat.server.unfinished import Unfinished

SEND_BUFFER_BYTES = 32 * 1024  # of the kernel's memory for a parked reader that takes nothing; it doubles the number
MAY_PARK, HAS_WAITED = "longwave.may_park", "longwave.has_waited"  # in the environ, for web/views/stream.py
WITH_BODY = {"CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"}
WITH_MORE = WITH_BODY | {"HTTP_EXPECT"}  # than a head, which can be read once more


class ParkingWorker(ProtocolErrors, FarewellWorker):
    """Readers wait in the parking lot, senders take turns, and slow requests are not waited for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked_again = Group()

    # Serving

    def run(self) -> None:
        """Serve until told to end; then, as its connections end, let the parked ones end, too."""
        self._app: Any = self.wsgi
        self.wsgi = self._call
        config = self._lifecycle().operators_config
        self._turns = Turns(addresses.around_sender)
        self._unfinished = Unfinished(capacity.unfinished() if config.limits else sys.maxsize)
        self._is_proxy = addresses.trust_in(config.trusted_proxies)
        self._connections = Shares()
        self._sockets = capacity.sockets() or sys.maxsize
        most = capacity.connections(self.cfg.worker_connections)
        self._most_of_network = capacity.of_network(most) if config.limits else sys.maxsize
        self._can_park = self._find_out_whether_to_park()
        super().run()
        self._await_parked()

    def _find_out_whether_to_park(self) -> bool:
        if internals.INTERNALS.is_tried:
            return True
        self.log.warning(
            "gunicorn %s has not been tried with parked streams; each keeps a greenlet. Tried: %s to %s.",
            *map(dotted, (internals.INTERNALS.version, *internals.INTERNALS.tried)),
        )
        return False

    def _budget(self) -> Budget:
        return capacity.parked(None, self.cfg.workers) if self._can_park else super()._budget()

    def timeout_ctx(self) -> Waiting:
        """The wait for the next request, until its head is there."""
        # A connection that falls idle while the worker ends has nothing to wait for.
        return self._wait(0 if self._is_draining else self.cfg.keepalive, is_idle=True)

    def _wait(self, seconds: float, is_idle: bool = False) -> Waiting:
        sender = _current().sender
        return Waiting(seconds, self._unfinished, sender if isinstance(sender, str) else None, is_idle)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection to its end, unless there are too many; the greenlet knows whose it is."""
        sender = _current().sender = self._sender_of(addr) or client
        if not isinstance(client, ReplayedConnection) and not self._has_room(sender):  # what was held was let in before
            return client.close()
        self._connections.add(sender)
        try:
            super().handle(listener, client, addr)
        finally:
            self._connections.add(sender, -1)

    def _has_room(self, sender: Hashable) -> bool:
        """Whether the sender may have one more, perhaps in the place of one that has waited long."""
        if self._connections.of(sender) >= self._most_of_network:
            return self._unfinished.give_up_longest(sender)
        return self._has_file() or self._unfinished.give_up_of_most()

    def _has_file(self) -> bool:
        """Whether there will be a file for the next connection: without one nobody could be let in."""
        return self._connections.total + len(self._lot() or ()) < self._sockets

    def _lot(self) -> Any:
        """Where readers are parked; None before the first request, and where none can be."""
        lifecycle = self._lifecycle()
        return lifecycle.process.streams.lot if lifecycle.is_open else None

    def _sender_of(self, addr: Any) -> str | None:
        """The network that a connection counts for; None for a proxy's, which brings the requests of many."""
        address = addr[0] if isinstance(addr, tuple) else ""
        return self._network_of(address)

    def _network_of(self, address: str) -> str | None:
        return None if self._is_proxy(address) else addresses.network_of(address)

    def handle_request(self, listener_name: Any, request: Any, *args: Any) -> Any:
        """Serve a request when its sender's turn has come."""
        sender = self._sender_behind(request) or _current().sender
        runtime.current().serve(sender)
        _current().take_turn = partial(self._turns.wait, sender)
        _current().take_turn()
        _current().body = None
        try:
            return super().handle_request(listener_name, request, *args)
        finally:
            if _current().body is not None and self.alive:
                _current().body.pass_over()

    def _sender_behind(self, request: Any) -> str | None:
        """The network that a trusted proxy has the request from; None where none brings it, or it does not say."""
        address = internals.peer_of(request)
        peer = address[0] if isinstance(address, tuple) else ""
        if not self._is_proxy(peer):
            return None
        forwarded = internals.headers_of(request, "X-FORWARDED-FOR")
        return self._network_of(addresses.client_of(peer, forwarded, self._is_proxy))

    # Parking

    def _call(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """The app; a body that waits is told of the connection that it may be parked with."""
        lifecycle, connection = self._lifecycle(), environ["gunicorn.socket"]
        if isinstance(connection, ReplayedConnection) and connection.must_answer():
            environ[HAS_WAITED] = True
        answer = internals.answer_of(start_response)
        if answer is not None:
            answer.sock = Sender(connection, lifecycle.backlog, partial(lifecycle.network_of, environ))
            if self._can_park:
                answer.__class__ = Answer
            if WITH_BODY & environ.keys():
                arriving = ArrivingBody(RequestBody(answer.req), connection, self._wait, _current().take_turn)
                environ["wsgi.input"] = _current().body = arriving
        may_park = self._can_park and lifecycle.is_open and _may_be_taken(connection, answer, environ)
        if may_park:
            environ[MAY_PARK] = True
        body = self._app(environ, start_response)
        if may_park and hasattr(body, "connection"):
            body.connection = connection, answer, environ
        return body

    def is_already_handled(self, body: Any) -> bool:
        """What gunicorn asks about every body: one that waits leaves for the lot, and its greenlet ends."""
        if getattr(body, "connection", None) is None:
            return super().is_already_handled(body)
        try:
            self._park(body)
        except BaseException:
            body.close()  # which gunicorn does for those alone that it sends by itself
            raise
        raise StopIteration

    def _park(self, body: Any) -> None:
        (connection, answer, environ), body.connection = body.connection, None
        lot = self._lot()
        if body.is_answer:
            answer.end_with_connection()
            head = answer.head()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            body.park(lot, connection.detach(), head, self._lifecycle().network_of(environ))
        else:
            # The peer as gunicorn had it: in the environ stands by now what a proxy has said of it.
            ask_again = partial(self._ask_again, internals.as_bytes(answer.req), internals.peer_of(answer.req))
            body.park(lot, connection.detach(), ask_again)

    def _ask_again(self, request: bytes, peer: Any, fd: int) -> None:
        """Serve a request that was held as if it had come now; it waits no more."""
        connection = ReplayedConnection(fd, request)
        # Of the listener gunicorn asks the address alone, and the connection has the same.
        self._asked_again.spawn(self.handle, connection, connection, peer)

    def _drain(self) -> None:
        """The same, and end the connections that wait for a request."""
        super()._drain()
        for wait in self._unfinished.idle():
            wait.give_up()

    def _await_parked(self) -> None:
        """Let the parked readers take their leave; who does not is cut off when the grace is over."""
        self._drain()
        until = time.monotonic() + DRAIN_SECONDS + FAREWELL_SECONDS
        while time.monotonic() < until and (self._asked_again or self._lot()):
            self.notify()
            gevent.sleep(0.1)


def _current() -> Any:
    """The greenlet that serves this connection."""
    return gevent.getcurrent()


def _may_be_taken(connection: Any, answer: Any, environ: dict[str, Any]) -> bool:
    """Whether this is a plain connection with one plain request on it, and nothing behind it."""
    if not isinstance(connection, gevent.socket.socket) or type(answer) is not Answer:
        return False
    if environ["REQUEST_METHOD"] != "GET" or WITH_MORE & environ.keys():
        return False
    return internals.is_alone(answer.req)


# The name by which gunicorn.conf.py and the documents know it.
StreamWorker: type[FarewellWorker] = ParkingWorker if internals.INTERNALS.are_known() else FarewellWorker
