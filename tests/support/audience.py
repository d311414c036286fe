"""Thousands of people with a session each, and their streams in one thread: how many come back, and what they miss."""

import hashlib
import resource
import select
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from chat.core import times
from tests.support.serving import Server

FIRST_USER_ID = 1000
READ_BYTES = 1 << 16
FILES_BESIDE = 200  # what else the tests' process has open


def settle(server: Server, count: int) -> None:
    """Put so many people with a session each into the database; to sign in takes longer."""
    now = times.now()
    users = ((FIRST_USER_ID + number, name_of(number), name_of(number), now, now) for number in range(count))
    keys = ((hash_of(name_of(number)), FIRST_USER_ID + number, now, now) for number in range(count))
    with closing(sqlite3.connect(server.instance / "longwave.db")) as database, database:
        database.executemany("INSERT INTO users (id, name, name_key, created_at, seen_at, kind, colour, bearer) "
                             "VALUES (?, ?, ?, ?, ?, 'guest', 0, 1)", users)
        database.executemany("INSERT INTO sessions (key_hash, user_id, created_at, seen_at, address, user_agent) "
                             "VALUES (?, ?, ?, ?, '127.0.0.1', '')", keys)


def name_of(number: int) -> str:
    """Their names; their sessions' keys are the same."""
    return f"p{number:04}"


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Reader:
    """One stream after another of one person in the lobby: the ids of the messages heard, and what came last."""

    def __init__(self, name: str, cursor: int) -> None:
        self.name = name
        self.last_id = cursor
        self.message_ids: list[int] = []
        self.is_live = False
        self.last_event = ""
        self.socket: socket.socket | None = None
        self._rest = b""

    def connect(self, host: str, port: int) -> socket.socket:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((host, port))
        self.is_live, self._rest = False, b""
        return self.socket

    def ask(self) -> None:
        assert self.socket is not None
        self.socket.send(f"GET /stream?room=lobby HTTP/1.1\r\nHost: chat.test\r\nCookie: longwave={self.name}\r\n"
                         f"Last-Event-ID: {self.last_id}\r\n\r\n".encode())

    def take(self) -> bool:
        """Take in what has come; false when the stream has ended."""
        assert self.socket is not None
        try:
            received = self.socket.recv(READ_BYTES)
        except ConnectionError:
            received = b""
        *frames, self._rest = (self._rest + received).split(b"\n\n")
        for frame in frames:
            self._note(frame.rpartition(b"\r\n")[2].decode())  # behind the head, or the length of a chunk
        return bool(received)

    def _note(self, frame: str) -> None:
        fields = dict(line.split(": ", 1) for line in frame.splitlines())
        if "id" in fields:
            self.last_id = int(fields["id"])
        if "event" in fields:
            self.is_live = True
            self.last_event = fields["event"]
        if self.last_event == "message" and "data" in fields:
            self.message_ids.append(self.last_id)

    def close(self) -> None:
        if self.socket:
            self.socket.close()
            self.socket = None


class Audience:
    """All readers, heard in turn; those whose streams end stay without one until they `return_at_once`."""

    def __init__(self, server: Server, count: int, cursor: int) -> None:
        self._server = server
        self._poll = select.epoll()
        self._by_fileno: dict[int, Reader] = {}
        self.readers = [Reader(name_of(number), cursor) for number in range(count)]

    def return_at_once(self) -> None:
        """Everybody without a stream asks for one, from where they have come."""
        for reader in self.readers:
            if reader.socket is None:
                end = reader.connect(self._server.host, self._server.port)
                self._by_fileno[end.fileno()] = reader
                self._poll.register(end, select.EPOLLOUT)

    @property
    def is_gone(self) -> bool:
        return not self._by_fileno

    def all(self, claim: Callable[[Reader], bool]) -> bool:
        return all(map(claim, self.readers))

    def hear_until(self, condition: Callable[[], bool], within: float) -> float:
        """Take in what comes until it is so; returns the seconds it took."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < within, f"not within {within} s"
            for fileno, events in self._poll.poll(0.1):
                self._serve(self._by_fileno[fileno], fileno, events)
        return time.monotonic() - began

    def _serve(self, reader: Reader, fileno: int, events: int) -> None:
        if events == select.EPOLLOUT:
            reader.ask()
            self._poll.modify(fileno, select.EPOLLIN)
        elif not reader.take():
            self._poll.unregister(fileno)
            del self._by_fileno[fileno]
            reader.close()

    def close(self) -> None:
        for reader in self.readers:
            reader.close()
        self._poll.close()


@contextmanager
def audience(server: Server, count: int, cursor: int) -> Iterator[Audience]:
    """So many readers of the lobby, all of them live."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + FILES_BESIDE), hard))
    listening = Audience(server, count, cursor)
    try:
        listening.return_at_once()
        listening.hear_until(lambda: listening.all(lambda reader: reader.is_live), within=60)
        yield listening
    finally:
        listening.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
