"""Guests who read, each on a stream of its own: one process, epoll, frames cut at blank lines."""

import select
import socket
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

from bench.guests import Guest, head
from bench.verdict import Invalid

OPENING_SECONDS = 30
LAST_SECONDS = 15  # how long the last message may take to the last reader
ENCORE_SECONDS = 0.2
_MESSAGE = b"event: message\nid: "
_HELLO = b"event: hello\n"
_DATA = b"\ndata: "


class Heard(NamedTuple):
    """What all readers were sent: per reader (message id, when), and each message's bytes as first seen."""

    by_reader: list[list[tuple[int, int]]]
    texts: dict[int, bytes]
    message_bytes: int


class _Reader:
    """One stream: its socket, what of a frame has come, the messages heard."""

    def __init__(self, address: tuple[str, int], guest: Guest, path: str) -> None:
        fields = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
        self.socket = socket.create_connection(address, OPENING_SECONDS)
        self.socket.sendall(head("GET", path, address, guest, fields) + b"\r\n")
        self.rest = b""
        self.is_open = False
        self.has_hello = False
        self.heard: list[tuple[int, int]] = []


class _Audience:
    """All readers of one process, fed as their sockets have something."""

    def __init__(self, readers: Sequence[_Reader]) -> None:
        self._readers = {reader.socket.fileno(): reader for reader in readers}
        self._poll = select.epoll()
        for fileno in self._readers:
            self._poll.register(fileno, select.EPOLLIN)
        self.frames: dict[int, bytes] = {}

    def hear_from(self, pipe: Connection) -> None:
        """Be woken by the pipe, too."""
        self._poll.register(pipe.fileno(), select.EPOLLIN)

    def hear(self, wait_seconds: float) -> bool:
        """Take in what comes next; true when something came that is no stream's."""
        is_called = False
        for fileno, _ in self._poll.poll(wait_seconds):
            reader = self._readers.get(fileno)
            if reader is None:
                is_called = True
            else:
                self._take(reader)
        return is_called

    def _take(self, reader: _Reader) -> None:
        received = reader.socket.recv(1 << 18)
        now_ns = time.monotonic_ns()
        if not received:
            raise Invalid(f"the server closed a stream after {reader.rest[-200:]!r}")
        *frames, reader.rest = (reader.rest + received).split(b"\n\n")
        for frame in frames:
            if not reader.is_open:
                self._check_head(reader, frame)
            self._note(reader, frame[frame.rfind(b"\r\n") + 2 :] if b"\r" in frame else frame, now_ns)

    def _check_head(self, reader: _Reader, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 200 "):
            raise Invalid(f"a stream was answered with {head[:200].decode(errors='replace')}")
        reader.is_open = True

    def _note(self, reader: _Reader, frame: bytes, now_ns: int) -> None:
        """Take one frame, without the head or the chunk's length before it: chunks end with frames."""
        if frame.startswith(_MESSAGE):
            id = int(frame[len(_MESSAGE) : frame.index(b"\n", len(_MESSAGE))])
            reader.heard.append((id, now_ns))
            if self.frames.setdefault(id, frame) != frame:
                raise Invalid(f"two readers were sent different bytes for message {id}")
        elif frame.startswith(_HELLO):
            reader.has_hello = True


def read(pipe: Connection, address: tuple[str, int], guests: Sequence[Guest], path: str) -> Heard:
    """Open a stream for each guest, say "listening" when all have begun, read until told what to expect.

    That is the number of messages. After the last it listens on for a moment: what comes twice comes at once.
    """
    readers = [_Reader(address, guest, path) for guest in guests]
    audience = _Audience(readers)
    _wait(audience, lambda: all(reader.has_hello for reader in readers), OPENING_SECONDS)
    pipe.send("listening")
    audience.hear_from(pipe)
    while not audience.hear(LAST_SECONDS):
        pass
    count = pipe.recv()
    _wait(audience, lambda: all(len(reader.heard) >= count for reader in readers), LAST_SECONDS)
    _wait(audience, lambda: False, ENCORE_SECONDS)
    texts = {id: frame.partition(_DATA)[2] for id, frame in audience.frames.items()}
    longest = max(map(len, audience.frames.values()), default=0)
    return Heard([reader.heard for reader in readers], texts, longest + len(b"\n\n"))


def _wait(audience: _Audience, is_done: Callable[[], bool], seconds: float) -> None:
    """Listen until it is done, or for so long: what is then missing shows in the verdict."""
    deadline = time.monotonic() + seconds
    while not is_done() and (left := deadline - time.monotonic()) > 0:
        audience.hear(left)
