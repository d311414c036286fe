"""Unsent bytes: what the kernel has not taken yet of answers, with deadlines and limits.

The kernel takes nearly every answer whole, and those never come here. Of the others, a reader that takes too little is
cut off; and when all of a process, or those of one network, are too much, the oldest of that network, or of the network
with the most.
"""

import errno
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from chat.core.shares import Shares

STALLED_SECONDS = 30.0  # a reader that takes nothing for so long is cut off
LEAST_PACE = 1024  # bytes a second that it must take after that
PROCESS_BYTES = 64 * 1024 * 1024
NETWORK_BYTES = 8 * 1024 * 1024  # some fifty pages, because a whole school may have one address
FILE_PIECE_BYTES = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: the kernel drops what it still has


def deadline(size: int, began_at: float) -> float:
    """Until when so many bytes must be taken, in the clock of `began_at`."""
    return began_at + STALLED_SECONDS + size / LEAST_PACE


class Unsent:
    """What one reader has not taken: how many bytes, the reader's network, and the function that cuts it off."""

    __slots__ = ("cut", "network", "size")

    def __init__(self, size: int, network: str | None, cut: Callable[[], object]) -> None:
        self.size = size
        self.network = network
        self.cut = cut


class Backlog:
    """All unsent bytes of one process. A network that is None has no limit of its own."""

    def __init__(
        self,
        most: int = PROCESS_BYTES,
        most_of_network: int = NETWORK_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._most_of_network = most_of_network
        self.clock = clock
        self._unsent: dict[Unsent, None] = {}  # oldest first
        self._by_network = Shares()
        self._lock = threading.RLock()
        self.size = 0
        self.cut_off = 0

    def add(self, unsent: Unsent) -> None:
        """Count it from now on, and cut off what is then too much, which may be this one."""
        with self._lock:
            self._unsent[unsent] = None
            self._count(unsent, unsent.size)
            while victim := self._victim(unsent.network):
                self.remove(victim)
                self.cut_off += 1
                victim.cut()

    def took(self, unsent: Unsent, size: int) -> None:
        """The kernel has taken so many bytes of it."""
        with self._lock:
            if unsent in self._unsent:
                unsent.size -= size
                self._count(unsent, -size)

    def remove(self, unsent: Unsent) -> None:
        """Count it no more, if it still was."""
        with self._lock:
            if unsent in self._unsent:
                del self._unsent[unsent]
                self._count(unsent, -unsent.size)

    def _count(self, unsent: Unsent, size: int) -> None:
        self.size += size
        self._by_network.add(unsent.network, size)

    def _victim(self, newest: str | None) -> Unsent | None:
        """Whom to cut off because a limit is exceeded, if one is; `newest` is the network that was added to last."""
        if newest is not None and self._by_network.of(newest) > self._most_of_network:
            network: object = newest
        elif self.size > self._most:
            network = self._by_network.largest()
        else:
            return None
        return next(each for each in self._unsent if each.network == network)


class Sender:
    """A socket for sending an answer, which cuts off a reader that does not take the answer in time.

    It has those methods of a socket that gunicorn's answers use. `network` is only called when something is unsent.
    """

    def __init__(self, connection: socket.socket, backlog: Backlog, network: Callable[[], str | None]) -> None:
        self._connection = connection
        self._backlog = backlog
        self._network = network
        self._is_cut = False

    def sendall(self, piece: bytes) -> None:
        """Send all of it; raises ConnectionError when the reader was cut off, or OSError."""
        connection = self._connection
        connection.settimeout(0)
        try:
            sent = connection.send(piece)
        except BlockingIOError:
            sent = 0
        finally:
            connection.settimeout(None)
        if sent < len(piece):
            self._send_rest(memoryview(piece)[sent:])

    def sendfile(self, file: BinaryIO, offset: int = 0, count: int | None = None) -> None:
        """Send the file from `offset` to its end, or `count` bytes of it; raises as `sendall`."""
        file.seek(offset)
        left = count
        while left is None or left > 0:
            piece = file.read(FILE_PIECE_BYTES if left is None else min(left, FILE_PIECE_BYTES))
            if not piece:
                return
            self.sendall(piece)
            left = None if left is None else left - len(piece)

    def _send_rest(self, rest: memoryview) -> None:
        until = deadline(len(rest), self._backlog.clock())
        unsent = Unsent(len(rest), self._network(), self._cut)
        self._backlog.add(unsent)
        try:
            while rest:
                sent = self._send_within(rest, min(STALLED_SECONDS, until - self._backlog.clock()))
                rest = rest[sent:]
                self._backlog.took(unsent, sent)
        finally:
            self._backlog.remove(unsent)
            self._connection.settimeout(None)

    def _send_within(self, rest: memoryview, seconds: float) -> int:
        """Send what the kernel takes within so many seconds; if it takes nothing, end the connection."""
        try:
            if seconds > 0:
                self._connection.settimeout(seconds)
                return int(self._connection.send(rest))
        except TimeoutError:
            pass
        except Exception:  # not only OSError: TLS fails otherwise when it is cut off meanwhile
            if not self._is_cut:
                raise
        if not self._is_cut:
            self._backlog.cut_off += 1
            self._cut()
        raise ConnectionResetError(errno.ECONNRESET, "the reader took too little of it")

    def _cut(self) -> None:
        """End the connection at once, which wakes whoever waits to send on it."""
        self._is_cut = True
        with suppress(OSError):
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._connection.shutdown(socket.SHUT_RDWR)
