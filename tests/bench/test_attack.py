"""The greedy clients of the benchmarks do what they are told to, and count truly what becomes of it."""

import socket
import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest

from bench.attack import MARK, Lane, attackers

ASKED = f"GET /{MARK} HTTP/1.1\r\n\r\n".encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2;x=y\r\n\r\n\r\n0\r\n\r\n"
REFUSED = b"HTTP/1.1 429 Slow Down\r\nContent-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 204 No Content\r\n\r\n"
PATIENCE_SECONDS = 20


@contextmanager
def server(serve: Callable[[socket.socket], None]):
    """Its address; `serve` is called with each connection, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run(connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_SECONDS)
        with connection:
            try:
                serve(connection)
            except OSError:  # they left
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=run, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def answering(*answers: bytes, received: list[bytes] | None = None) -> Callable[[socket.socket], None]:
    """Answer request after request with these in turn, each in pieces."""

    def serve(connection: socket.socket) -> None:
        waiting, number = b"", 0
        while piece := connection.recv(65536):
            waiting += piece
            while b"\r\n\r\n" in waiting:
                request, _, waiting = waiting.partition(b"\r\n\r\n")
                if received is not None:
                    received.append(request)
                answer = answers[number % len(answers)]
                number += 1
                for start in range(0, len(answer), 7):
                    connection.sendall(answer[start : start + 7])

    return serve


def test_so_many_requests_are_made_as_are_wished_each_with_a_number_of_its_own():
    received: list[bytes] = []
    with server(answering(OK, CHUNKED, GONE, received=received)) as address:
        with attackers(address, [Lane("127.0.0.2", [ASKED])] * 2) as attack:
            attack.begin(20)
            deeds = attack.deeds()
            assert (deeds.asked, deeds.answered, deeds.cut_off) == (20, 20, 0)
            attack.begin(10)
            deeds = attack.deeds()
    assert deeds.answered == len(set(received)) == 30 and deeds.opened == deeds.open == 2
    assert set(deeds.statuses) == {"200", "204"}


def test_the_requests_of_a_lane_are_made_in_turn_from_its_address():
    received: list[bytes] = []
    peers: list[str] = []
    serve = answering(OK, received=received)

    def serve_noting(connection):
        peers.append(connection.getpeername()[0])
        serve(connection)

    with server(serve_noting) as address:
        with attackers(address, [Lane("127.0.0.9", [b"GET /a\r\n\r\n", b"GET /b\r\n\r\n"])]) as attack:
            attack.begin(4)
            attack.deeds()
    assert received == [b"GET /a", b"GET /b"] * 2 and peers == ["127.0.0.9"]


def test_the_next_request_lies_ready_before_the_last_is_answered():
    lay_ready = threading.Event()

    def serve(connection):
        waiting = b""
        while waiting.count(b"\r\n\r\n") < 2:
            waiting += connection.recv(65536)
        lay_ready.set()
        connection.sendall(OK * 2)
        connection.recv(1)

    with server(serve) as address, attackers(address, [Lane("127.0.0.2", [ASKED])], depth=2) as attack:
        attack.begin(2)
        assert attack.deeds().answered == 2
    assert lay_ready.is_set()


def test_refusals_are_counted():
    with server(answering(REFUSED, OK)) as address, attackers(address, [Lane("127.0.0.2", [ASKED])]) as attack:
        attack.begin(6)
        deeds = attack.deeds()
    assert (deeds.answered, deeds.refused, deeds.failed) == (6, 3, 0)


def test_a_connection_that_is_cut_off_unanswered_is_opened_anew():
    calls: list[int] = []

    def serve(connection):
        calls.append(1)
        if len(calls) == 1:
            connection.recv(65536)
        else:
            answering(OK)(connection)

    with server(serve) as address, attackers(address, [Lane("127.0.0.2", [ASKED])], again=1) as attack:
        attack.begin(3)
        deeds = attack.deeds()
    assert (deeds.answered, deeds.cut_off, deeds.opened) == (3, 1, 2)


def test_an_answer_that_ends_the_connection_is_no_fault():
    def serve(connection):
        connection.recv(65536)
        connection.sendall(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    with server(serve) as address, attackers(address, [Lane("127.0.0.2", [ASKED])]) as attack:
        attack.begin(5)
        deeds = attack.deeds()
    assert (deeds.answered, deeds.cut_off, deeds.opened) == (5, 0, 5)


def test_who_takes_nothing_leaves_all_of_it_with_the_server():
    stuck = threading.Event()

    def serve(connection):
        connection.recv(65536)
        connection.settimeout(1)
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except TimeoutError:
            stuck.set()

    with server(serve) as address, attackers(address, [Lane("127.0.0.2", [ASKED])], take=0) as attack:
        attack.begin()
        assert stuck.wait(PATIENCE_SECONDS)
        deeds = attack.end()
    assert deeds.received_bytes == 0 and deeds.asked == 1


def test_a_request_drips_byte_by_byte():
    pieces: list[bytes] = []
    request = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"x" * 20

    def serve(connection):
        while sum(map(len, pieces)) < len(request):
            pieces.append(connection.recv(65536))
        connection.sendall(OK)
        connection.recv(1)

    with server(serve) as address, attackers(address, [Lane("127.0.0.2", [request])], drip=5) as attack:
        attack.begin(1)
        attack.deeds()
    assert b"".join(pieces) == request and len(pieces) > 2


@pytest.mark.parametrize("begin", [b"retry: 500\n\nevent: hello\nid: 1\n\n", b"event: hello\n\nevent: mode\n\n"])
def test_a_stream_is_left_when_it_has_said_hello(begin):
    left: list[bytes] = []

    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + begin)
        left.append(connection.recv(1))

    with server(serve) as address, attackers(address, [Lane("127.0.0.2", [ASKED])], hello=1) as attack:
        attack.begin(3)
        deeds = attack.deeds()
    assert (deeds.answered, deeds.cut_off) == (3, 0) and deeds.statuses == {"200": 3}
    assert (deeds.sent_away > 0) == (b"mode" in begin)
