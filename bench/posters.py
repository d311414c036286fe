"""Guests who post, each over a connection of its own that stays open: one process, epoll, little parsing."""

import re
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple
from urllib.parse import urlencode

from bench.guests import FORM, ROOM, Guest, head
from bench.verdict import Invalid

ANSWER_SECONDS = 20
CRLF = "\r\n"
WORDS = "the quick brown fox jumps over the lazy dog"  # with the client id before it some 60 characters

_HEAD = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n", re.DOTALL)
_ID = re.compile(rb'\{"id":(\d+),')


class Post(NamedTuple):
    """An acknowledged message; the times are the machine's monotonic clock, the same in all processes."""

    client_id: str
    id: int
    sent_ns: int
    answered_ns: int


class Poster:
    """One guest's connection, with at most one message on its way."""

    def __init__(self, address: tuple[str, int], guest: Guest, number: int) -> None:
        self._socket = socket.create_connection(address, ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fields = {
            "Accept": "application/json",
            "Content-Type": f"{FORM};charset=UTF-8",
            "Origin": f"http://{address[0]}:{address[1]}",
            "X-CSRF-Token": guest.token,
        }
        self._head = head("POST", f"/rooms/{ROOM}/messages", address, guest, fields)
        self._number = number
        self._count = 0
        self._client_id = ""
        self._sent_ns = 0
        self._answer = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, sent_ns: int) -> None:
        """Post the next message; `sent_ns` is when it was due."""
        self._count += 1
        self._client_id = f"bench-{self._number}-{self._count}"
        self._sent_ns = sent_ns
        self._answer = b""
        body = urlencode({"body": f"{self._client_id} {WORDS}", "client_id": self._client_id}).encode()
        self._socket.sendall(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body))

    def receive(self) -> Post | None:
        """Take what has come; the post, once its answer is complete."""
        received = self._socket.recv(65536)
        answered_ns = time.monotonic_ns()
        self._answer += received
        found = _HEAD.match(self._answer)
        if received and (not found or len(self._answer) < found.end() + int(found[2])):
            return None
        body = found and _ID.match(self._answer, found.end())
        if not found or found[1] != b"201" or not body:
            lines, _, text = self._answer.decode(errors="replace").partition(CRLF + CRLF)
            raise Invalid(f"a post was answered with “{lines.partition(CRLF)[0]}”, “{text[:300]}”")
        return Post(self._client_id, int(body[1]), self._sent_ns, answered_ns)


def post(
    pipe: Connection,
    address: tuple[str, int],
    guests: Sequence[Guest],
    warm_seconds: float,
    seconds: float,
    interval_seconds: float = 0,
    first: int = 0,
) -> tuple[list[Post], list[Post], int]:
    """Post, first to warm up, then to be measured; says "begun" and "ended" around the second part.

    Without an interval each guest posts again as soon as they are answered. Client ids are numbered from `first`, so
    that no two loads have the same. Returns the posts of both parts, and the time at which the second was over: later
    answers are of posts that were still on their way.
    """
    load = _Load([Poster(address, guest, number) for number, guest in enumerate(guests, first)])
    warm = load.run(time.monotonic_ns() + int(warm_seconds * 1e9), int(interval_seconds * 1e9))
    pipe.send("begun")
    until_ns = time.monotonic_ns() + int(seconds * 1e9)
    measured = load.run(until_ns, int(interval_seconds * 1e9))
    pipe.send("ended")
    return warm, measured, until_ns


class _Load:
    def __init__(self, posters: Sequence[Poster]) -> None:
        self._poll = select.epoll()
        self._by_fileno = {poster.fileno(): poster for poster in posters}
        for fileno in self._by_fileno:
            self._poll.register(fileno, select.EPOLLIN)
        self._idle = deque(posters)

    def run(self, until_ns: int, interval_ns: int) -> list[Post]:
        """Post until then, and wait for the last answers.

        With an interval one post is due at each of its ends, whether or not the server has kept up, and its
        delay counts from there: a server that stalls is not spared the posts that it kept from being made.
        """
        posts: list[Post] = []
        due_ns = now_ns = time.monotonic_ns()
        while now_ns < until_ns or len(self._idle) < len(self._by_fileno):
            while self._idle and due_ns <= now_ns < until_ns:
                self._idle.popleft().send(due_ns if interval_ns else now_ns)
                due_ns += interval_ns
            may_send = self._idle and now_ns < until_ns
            posts += self._receive((min(due_ns, until_ns) - now_ns) / 1e9 if may_send else ANSWER_SECONDS)
            now_ns = time.monotonic_ns()
        return posts

    def _receive(self, wait_seconds: float) -> list[Post]:
        """The posts that are answered next, or none after so long."""
        ready = self._poll.poll(wait_seconds)
        if not ready and wait_seconds == ANSWER_SECONDS:
            raise Invalid(f"no answer to a post for {ANSWER_SECONDS} s")
        posts = []
        for fileno, _ in ready:
            posted = self._by_fileno[fileno].receive()
            if posted:
                posts.append(posted)
                self._idle.append(self._by_fileno[fileno])
        return posts
