"""Requests that never come whole: each has a time, and the connections of one network have a number, waiting or not."""

import contextlib
import resource
import socket
import time
from pathlib import Path

import pytest

from tests.support.clients import FORM
from tests.support.serving import GUNICORN, PATIENCE_SECONDS, connect, serve

QUICK = ("-c", str(Path(__file__).with_name("quick_bodies.py")))
FILES = 240
GREEDY, STRANGER = "127.0.0.1", "127.0.0.2"
POST = f"POST /rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Type: {FORM}\r\n"
UNFINISHED = {
    "a body": f"{POST}Content-Length: 100\r\n\r\nbody=".encode(),
    "a chunk": f"{POST}Transfer-Encoding: chunked\r\n\r\n64\r\nbody=".encode(),
    "a head": POST.encode(),
    "nothing": b"",
    "what comes after an answer": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture(scope="module")
def quick():
    with serve(workers=1, arguments=QUICK) as server:
        yield server


@pytest.fixture(scope="module")
def small():
    """One worker that may open few files."""
    shell = ("sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh")
    with serve(workers=1, command=(*shell, *GUNICORN), limits="on") as server:
        assert resource.prlimit(server.workers[0], resource.RLIMIT_NOFILE)[1] == FILES, "premise"
        yield server


def answer_on(connection):
    """All that comes until the connection ends."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("kind", ["a body", "a chunk"])
def test_a_body_that_does_not_come_is_given_up(quick, kind):
    with connect(quick.host, quick.port) as connection:
        connection.sendall(UNFINISHED[kind])
        answer = answer_on(connection)
    assert answer.startswith(b"HTTP/1.1 408 ") and b'"too_slow"' in answer
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_a_body_that_comes_by_and_by_is_waited_for(quick):
    """It takes longer than one that does not come may."""
    *pieces, last = [b"body=" + b"x" * 995] + [b"x" * 1000] * 60
    with connect(quick.host, quick.port) as connection:
        connection.sendall(f"{POST}Content-Length: {1000 * (len(pieces) + 1)}\r\n\r\n".encode())
        began = time.monotonic()
        connection.settimeout(0.03)
        for piece in pieces:
            connection.sendall(piece)
            with pytest.raises(TimeoutError):
                connection.recv(100)
        took = time.monotonic() - began
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(last)
        answer = connection.recv(65536)
    assert took > 1, "premise"
    assert answer.startswith(b"HTTP/1.1 400 ") and b'"csrf"' in answer, "it was read, and found to have no token"


@pytest.mark.parametrize("kind", UNFINISHED)
def test_connections_that_wait_leave_room_for_others(small, kind):
    with contextlib.ExitStack() as stack:
        greedy = []
        for _ in range(2 * FILES):
            greedy.append(stack.enter_context(socket.create_connection((small.host, small.port), PATIENCE_SECONDS)))
            greedy[-1].sendall(UNFINISHED[kind])
        for address in (STRANGER, GREEDY):
            other = socket.create_connection((small.host, small.port), PATIENCE_SECONDS, (address, 0))
            stack.enter_context(other)
            other.sendall(b"GET /session HTTP/1.1\r\nHost: x\r\n\r\n")
            assert other.recv(65536).startswith(b"HTTP/1.1 200 "), address
        given_up = answer_on(greedy[0])
        assert not given_up or given_up.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 200 "))


def test_connections_that_are_never_done_with_leave_room_for_others(small):
    """As many as the process may have, each with requests for longer than anybody waits."""
    with contextlib.ExitStack() as stack:
        for _ in range(2 * FILES):
            greedy = socket.create_connection((small.host, small.port), PATIENCE_SECONDS)
            stack.enter_context(greedy)
            with contextlib.suppress(ConnectionError):  # those that are too many are closed
                greedy.sendall(b"GET /session HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        said = len(small.log)
        other = socket.create_connection((small.host, small.port), PATIENCE_SECONDS, (STRANGER, 0))
        stack.enter_context(other)
        other.sendall(b"GET /session HTTP/1.1\r\nHost: x\r\n\r\n")
        assert other.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert small.log[said:].count("GET /session") < 5000, "it did not wait for theirs"


def test_readers_and_idle_connections_from_everywhere_leave_a_file_for_whoever_comes(small):
    """Each within its share, all together more than the process may open."""
    with contextlib.ExitStack() as stack:
        for number in range(2 * FILES):
            source = f"127.0.1.{number // 8 + 1}", 0
            greedy = socket.create_connection((small.host, small.port), PATIENCE_SECONDS, source)
            stack.enter_context(greedy)
            if number % 2:
                greedy.sendall(b"GET /stream?room=lobby HTTP/1.1\r\nHost: x\r\n\r\n")
                assert greedy.recv(65536).startswith(b"HTTP/1.1 200 ")
        other = socket.create_connection((small.host, small.port), PATIENCE_SECONDS, (STRANGER, 0))
        stack.enter_context(other)
        other.sendall(b"GET /session HTTP/1.1\r\nHost: x\r\n\r\n")
        assert other.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert "Too many open files" not in small.log
