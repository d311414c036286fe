"""Readers on streams, our own client: hundreds in one process, each coming back as the page's script does.

One epoll. A frame is cut at its blank line; what no blank line has closed when a connection ends is forgotten.
"""

import heapq
import itertools
import random
import re
import select
import socket
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from urllib.parse import urlencode

from bench.guests import VISITOR, head
from bench.soak.diary import BEGIN_SECONDS, NUMBERS, Diary, Seat, diary
from bench.soak.server import HEARTBEAT_SECONDS
from bench.soak.words import checksum, version_in

# As the page's script has it (static/js): line/attempt.js, line/ladder_streams.js, core/backoff.js.
SILENCE_SECONDS = 2.5 * HEARTBEAT_SECONDS  # then the line is dead
STEADY_SECONDS = 5.0  # a stream that lived for so long has not failed
LEAST_MS, FIRST_SPAN_MS, LONGEST_MS = 100, 800, 30_000  # the back-off, drawn from the whole of a span
QUICK_TRIES = 8  # before the span grows
PIECE_BYTES = 65536
BUFFER_BYTES = 16384  # of every second reader, so that some are felt soon when they stop reading
_FRAME = re.compile(rb"event: (\w+)\n(?:id: (\d+)\n)?(?:retry: (\d+)\n)?data: ")
_RETRY = re.compile(rb"retry: (\d+)$")


class StreamReader:
    """One reader: its notes, and the connection that it has or waits for."""

    def __init__(self, notes: Diary, address: tuple[str, int], has_small_buffer: bool) -> None:
        self.notes = notes
        self.socket: socket.socket | None = None
        self.bye_ms: int | None = None
        self.failures = 0
        self.rest = b""
        self.has_head = False
        self.is_paused = False
        self.opened_at = self.heard_at = 0.0
        self._address = address
        self._has_small_buffer = has_small_buffer
        self._path = "/stream" + _query(notes.seat)

    def open(self) -> socket.socket:
        seat, cursor = self.notes.seat, self.notes.cursor
        opened = socket.socket()
        if self._has_small_buffer:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        opened.settimeout(5)
        opened.connect(self._address)
        last = {} if cursor is None else {"Last-Event-ID": str(cursor)}
        more = {"Accept": "text/event-stream", **last}
        opened.sendall(head("GET", self._path, self._address, seat.guest or VISITOR, more) + b"\r\n")
        opened.setblocking(False)
        self.socket, self.rest, self.has_head = opened, b"", False
        self.opened_at = self.heard_at = time.monotonic()
        self.notes.open()
        return opened

    def take(self, piece: bytes) -> None:
        """Note the frames that these bytes complete. Raises ConnectionError when the answer is no stream."""
        *frames, self.rest = (self.rest + piece).split(b"\n\n")
        for frame in frames:
            # The head, or the chunk's length, stands before the first frame of a chunk.
            text = frame[frame.rfind(b"\r\n") + 2:] if b"\r" in frame else frame
            if not self.has_head:
                if not frame.startswith(b"HTTP/1.1 200 "):
                    raise ConnectionError(frame[:60].decode(errors="replace"))
                self.has_head = True
            self._note(text)

    def _note(self, frame: bytes) -> None:
        found = _FRAME.match(frame)
        if found is None:
            if _RETRY.match(frame) is None:
                self.notes.complain(f"no frame: {frame[:80]!r}")
            return
        name, id, retry_ms = found.groups()
        self.notes.hear()
        self.heard_at = time.monotonic()
        if name == b"bye":
            self.bye_ms = int(retry_ms)
        if id is not None:
            self._note_logged(name.decode(), int(id), frame[found.end():])

    def _note_logged(self, name: str, id: int, data: bytes) -> None:
        if name in NUMBERS:
            self.notes.note(id, name, version_in(data), checksum(data))
            self.notes.move(id)
        elif name == "hello":
            self.notes.start(id)
        elif name == "ping":
            self.notes.move(id)
        elif name == "reset":
            self.notes.reset(id)


class Audience:
    """All readers of this process."""

    def __init__(self, readers: Sequence[StreamReader], pipe: Connection, seed: int) -> None:
        self._readers = readers
        self._pipe = pipe
        self._dice = random.Random(seed)
        self._by_fileno: dict[int, StreamReader] = {}
        self._poll = select.epoll()
        self._poll.register(pipe.fileno(), select.EPOLLIN)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._until: tuple[int, float] | None = None
        self._begin_until = time.monotonic() + BEGIN_SECONDS

    def listen(self) -> None:
        """Read until everybody has come to the cursor that the pipe names, or its time is over."""
        for reader in self._readers:
            self._open(reader)
        self._at(0.1, self._begin)
        self._at(1.0, self._look)
        while not self._is_done():
            wait = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else 1.0
            for fileno, _ in self._poll.poll(min(wait, 0.5)):
                if fileno == self._pipe.fileno():
                    self._obey(*self._pipe.recv())
                elif fileno in self._by_fileno:
                    self._hear(self._by_fileno[fileno])
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), act))

    def _is_done(self) -> bool:
        if self._until is None:
            return False
        cursor, deadline = self._until
        return time.monotonic() > deadline or all(reader.notes.has_come_to(cursor) for reader in self._readers)

    def _obey(self, word: str, *arguments: float) -> None:
        if word == "pause":
            share, seconds = arguments
            for reader in self._dice.sample(self._readers, round(len(self._readers) * share)):
                self._pause(reader, seconds * (0.5 + self._dice.random()))
        else:
            cursor, patience_seconds = arguments
            self._until = int(cursor), time.monotonic() + patience_seconds

    def _open(self, reader: StreamReader) -> None:
        try:
            opened = reader.open()
        except OSError:
            return self._fail(reader)
        self._by_fileno[opened.fileno()] = reader
        self._poll.register(opened.fileno(), 0 if reader.is_paused else select.EPOLLIN)

    def _hear(self, reader: StreamReader) -> None:
        assert reader.socket is not None
        try:
            piece = reader.socket.recv(PIECE_BYTES)
            if not piece:
                raise ConnectionError
            reader.take(piece)
        except OSError as error:
            if error.args and not error.errno:
                reader.notes.complain(str(error))
            self._fail(reader)

    def _fail(self, reader: StreamReader) -> None:
        """Come back after the delay that a bye has asked for, else after one that grows with each failure."""
        reader.notes.lose()
        if reader.socket is not None:
            del self._by_fileno[reader.socket.fileno()]
            self._poll.unregister(reader.socket.fileno())
            reader.socket.close()
            reader.socket = None
        seconds = self._delay_ms(reader) / 1000
        reader.notes.wait(seconds)
        self._at(seconds, lambda: self._open(reader))

    def _delay_ms(self, reader: StreamReader) -> float:
        bye_ms, reader.bye_ms = reader.bye_ms, None
        if bye_ms is not None:
            return bye_ms
        if reader.heard_at - reader.opened_at > STEADY_SECONDS:
            reader.failures = 0
        span_ms = min(LONGEST_MS, FIRST_SPAN_MS * 2.0 ** max(0, reader.failures + 1 - QUICK_TRIES))
        reader.failures += 1
        return LEAST_MS + self._dice.random() * span_ms

    def _begin(self) -> None:
        """Say so when every stream has begun."""
        if all(reader.notes.began is not None for reader in self._readers) or time.monotonic() > self._begin_until:
            self._pipe.send("listening")
        else:
            self._at(0.1, self._begin)

    def _look(self) -> None:
        """Once a second: who has heard nothing for so long is on a dead line."""
        silent = time.monotonic() - SILENCE_SECONDS
        for reader in self._readers:
            if reader.socket is not None and not reader.is_paused and reader.heard_at < silent:
                self._fail(reader)
        self._at(1.0, self._look)

    def _pause(self, reader: StreamReader, seconds: float) -> None:
        """Read nothing for a while."""
        reader.is_paused = True
        if reader.socket is not None:
            self._poll.modify(reader.socket.fileno(), 0)
        self._at(seconds, lambda: self._resume(reader))

    def _resume(self, reader: StreamReader) -> None:
        reader.is_paused = False
        reader.heard_at = time.monotonic()
        if reader.socket is not None:
            self._poll.modify(reader.socket.fileno(), select.EPOLLIN)


def _query(seat: Seat) -> str:
    return "" if seat.rooms is None else "?" + urlencode([("room", room) for room in seat.rooms])


def listen(pipe: Connection, address: tuple[str, int], seats: Sequence[Seat], seed: int,
           sabotage: str | None) -> list[Diary]:
    """Read for all these seats; says "listening" when everybody does.

    Obeys ("pause", share, seconds) and ("until", cursor, patience_seconds), which ends it.
    """
    notes = [diary(seat, sabotage if number == 0 else None) for number, seat in enumerate(seats)]
    readers = [StreamReader(one, address, number % 2 == 0) for number, one in enumerate(notes)]
    Audience(readers, pipe, seed).listen()
    return notes
