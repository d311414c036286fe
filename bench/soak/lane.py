"""One direction of a connection through the proxy: pieces on their way, each not before it is due."""

import socket
import time
from collections import deque
from typing import NamedTuple

PIECE_BYTES = 65536
HELD_BYTES = 65536  # more than this is left in the sender's own buffers, so that a reader that stops is felt there


class Due(NamedTuple):
    at: float
    piece: bytes


class Lane:
    """From `source` to `sink`. `limit` is how many bytes more may pass before the connection is cut."""

    __slots__ = ("delay_seconds", "has_ended", "held", "held_bytes", "is_deaf", "limit", "paused_until", "sink",
                 "source")

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.held: deque[Due] = deque()
        self.held_bytes = 0
        self.delay_seconds = 0.0
        self.paused_until = 0.0
        self.limit: int | None = None
        self.has_ended = False
        self.is_deaf = False  # its sink was shut: what comes is thrown away

    def wants(self, now: float) -> bool:
        """Whether more should be read from the source."""
        return not self.has_ended and now >= self.paused_until and self.held_bytes < HELD_BYTES

    def has_due(self, now: float) -> bool:
        """Whether something waits for the sink alone."""
        return bool(self.held) and self.held[0].at <= now and now >= self.paused_until

    def read(self, now: float) -> bytes:
        """Take the next piece in; empty when the source has ended."""
        piece = self.source.recv(PIECE_BYTES)
        if not piece:
            self.has_ended = True
        elif not self.is_deaf:
            self.held.append(Due(now + self.delay_seconds, piece))
            self.held_bytes += len(piece)
        return piece

    def write(self, now: float) -> bool:
        """Give the sink what is due and what it takes; false when the limit is reached and the line must be cut."""
        while self.has_due(now):
            at, piece = self.held.popleft()
            allowed = piece if self.limit is None else piece[: self.limit]
            sent = self._send(allowed)
            self.held_bytes -= sent
            if self.limit is not None:
                self.limit -= sent
                if self.limit <= 0:
                    return False
            if sent < len(piece):
                self.held.appendleft(Due(at, piece[sent:]))
                return True
        return True

    def _send(self, piece: bytes) -> int:
        try:
            return self.sink.send(piece)
        except BlockingIOError:
            return 0

    def shut(self) -> None:
        """Let the sink hear that there is no more, though the source goes on."""
        self.is_deaf = True
        self.held.clear()
        self.held_bytes = 0
        self.sink.shutdown(socket.SHUT_WR)

    def is_over(self) -> bool:
        return self.has_ended and not self.held


def lanes(client: socket.socket, server: socket.socket) -> tuple[Lane, Lane]:
    """To the server, and to the client."""
    return Lane(client, server), Lane(server, client)


def now() -> float:
    return time.monotonic()
