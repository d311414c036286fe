"""Requests as they arrive on a connection: deadlines, bodies that are read in turns, and requests that are replayed."""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent.socket
from gevent.hub import get_hub

from chat.core.errors import N_, ChatError
from chat.server.gunicorn_internals import RequestBody
from chat.server.unfinished import Unfinished

BODY_SECONDS = 30.0  # for a body to arrive, and longer while it comes at least as fast as on a very slow network
BODY_BYTES_A_SECOND = 1024
PIECE_BYTES = 8192


class Waiting(gevent.Timeout):
    """A connection's wait for a request's bytes; when its time is over, or it is given up, its block ends silently."""

    def __init__(self, seconds: float, unfinished: Unfinished, sender: str | None, is_idle: bool) -> None:
        super().__init__(max(seconds, 0), False)
        self.sender = sender
        self.is_idle = is_idle
        self._unfinished = unfinished
        self._greenlet: Any = None

    def __enter__(self) -> "Waiting":
        self._greenlet = gevent.getcurrent()
        self._unfinished.add(self)
        return super().__enter__()

    def __exit__(self, *raised: Any) -> bool | None:
        self._greenlet = None
        self._unfinished.discard(self)
        return super().__exit__(*raised)

    def give_up(self) -> None:
        """End the wait soon, unless it is over by then; from whatever greenlet."""
        # Thrown from the loop, and by then the bytes may have come and the block be over.
        get_hub().loop.run_callback(self._end)

    def _end(self) -> None:
        if self._greenlet is not None:
            self._greenlet.throw(self)


class ArrivingBody(io.RawIOBase):
    """The body of a request as it arrives; if it is too slow or no HTTP, the connection ends with the answer.

    `take_turn` is called for each piece before it is parsed, because a few bytes may be thousands of chunks. Reading
    raises ChatError `too_slow`, and whatever gunicorn raises.
    """

    def __init__(
        self, body: RequestBody, connection: Any, wait: Callable[[float], Waiting], take_turn: Callable[[], None]
    ) -> None:
        body.read_from(TurnTaking(connection, take_turn))
        self._body = body
        self._connection = connection
        self._wait = wait
        self._has_failed = False
        self._due_at = time.monotonic() + BODY_SECONDS

    def readable(self) -> bool:
        """Always, as `io` asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read at most as much as fits; returns how many bytes came, 0 at the end."""
        try:
            piece = self._read(min(len(buffer), PIECE_BYTES))
        except BaseException:
            self._has_failed = True
            self._body.end_connection()
            raise
        buffer[: len(piece)] = piece
        return len(piece)

    def _read(self, size: int) -> bytes:
        with self._wait(self._due_at - time.monotonic()):
            piece = self._body.read(size)
            self._due_at += len(piece) / BODY_BYTES_A_SECOND
            return piece
        raise ChatError("too_slow", N_("Your message arrived too slowly. Try again on a better connection."))

    def pass_over(self) -> None:
        """Read and drop what is left: a sender that is still sending would not see the answer if the connection ended.

        After it, the next request is read from the connection itself, because that waits for its turn anyway.
        """
        self._due_at = time.monotonic() + BODY_SECONDS
        with suppress(Exception):
            while not self._has_failed and self.read(PIECE_BYTES):
                pass
        self._body.read_from(self._connection)


class TurnTaking:
    """A connection to read from, which returns what has arrived once it is its sender's turn."""

    def __init__(self, connection: Any, take_turn: Callable[[], None]) -> None:
        self._connection = connection
        self._take_turn = take_turn

    def recv(self, size: int) -> bytes:
        """At most so many bytes, b"" at the end."""
        piece: bytes = self._connection.recv(size)
        self._take_turn()
        return piece


class ReplayedConnection(gevent.socket.socket):
    """A connection on which a held request is read once more, before whatever arrives next."""

    def __init__(self, fd: int, request: bytes) -> None:
        super().__init__(fileno=fd)
        self._request = request
        self._must_answer = True

    def recv(self, *args: Any) -> bytes:
        """The request that was held, whole; then what comes by the connection, as the socket's own `recv`."""
        request, self._request = self._request, b""
        return request or super().recv(*args)

    def must_answer(self) -> bool:
        """True for the first call, that is, for the held request; false for those that follow it."""
        must_answer, self._must_answer = self._must_answer, False
        return must_answer
