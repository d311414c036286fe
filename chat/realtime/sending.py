"""Bytes on their way: what was given to be sent and the kernel has not taken yet, with a deadline and a bound.

Nearly every answer is taken whole at once and never comes here. Of the rest each is cut off that is taken too slowly;
and where all of a process, or those of one network, become too many, the oldest of the network that has the most.
"""

import errno
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from chat.core.shares import Shares

STALLED_SECONDS = 30.0  # a reader that takes nothing for so long is let go
LEAST_PACE = 1024  # bytes a second that it must take, after as long
PROCESS_BYTES = 64 * 1024 * 1024
NETWORK_BYTES = 8 * 1024 * 1024  # some fifty pages: behind one address may be a school
FILE_PIECE_BYTES = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: the kernel drops what it still has


def deadline(size: int, began_at: float) -> float:
    """Until when so many bytes must be taken."""
    return began_at + STALLED_SECONDS + size / LEAST_PACE


class Unsent:
    """What is on its way to one reader: how many bytes are left, to which network, and what cuts the reader off."""

    __slots__ = ("cut", "network", "size")

    def __init__(self, size: int, network: str | None, cut: Callable[[], object]) -> None:
        self.size = size
        self.network = network
        self.cut = cut


class Backlog:
    """All that is on its way from one process. Networks that are None are bounded with all others alone."""

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
        """Count it from now on; whoever is too much by it is cut off, perhaps this one itself."""
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
        with self._lock:
            if unsent in self._unsent:
                del self._unsent[unsent]
                self._count(unsent, -unsent.size)

    def _count(self, unsent: Unsent, size: int) -> None:
        self.size += size
        self._by_network.add(unsent.network, size)

    def _victim(self, newest: str | None) -> Unsent | None:
        """Who must go so that all is within its bounds again; `newest` is the network of the last that was added."""
        if newest is not None and self._by_network.of(newest) > self._most_of_network:
            network: object = newest
        elif self.size > self._most:
            network = self._by_network.largest()
        else:
            return None
        return next(each for each in self._unsent if each.network == network)


class Sender:
    """A connection as an answer is sent by it: a reader that does not take the answer in time is cut off.

    It has what gunicorn's answers ask of a socket. `network` is asked for where something is left to be sent.
    """

    def __init__(self, connection: Any, backlog: Backlog, network: Callable[[], str | None]) -> None:
        self._connection = connection
        self._backlog = backlog
        self._network = network
        self._is_cut = False

    def sendall(self, piece: bytes) -> None:
        """Send all of it, or raise ConnectionError."""
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
        """Send what is taken within so many seconds, or end the connection."""
        try:
            if seconds > 0:
                self._connection.settimeout(seconds)
                return int(self._connection.send(rest))
        except TimeoutError:
            pass
        except Exception:  # not only OSError: of TLS that is cut off meanwhile nothing is left to send by
            if not self._is_cut:
                raise
        if not self._is_cut:
            self._backlog.cut_off += 1
            self._cut()
        raise ConnectionResetError(errno.ECONNRESET, "the reader took too little of it")

    def _cut(self) -> None:
        """End the connection at once, and wake whoever waits to send by it."""
        self._is_cut = True
        with suppress(OSError):
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._connection.shutdown(socket.SHUT_RDWR)
