"""However much one sender asks at once, everybody else is answered between."""

import contextlib
import itertools
import re
import socket
import threading

import pytest

from tests.support.serving import PATIENCE_SECONDS, eventually, serve
from tests.support.town import held_up

GREEDY, STRANGER, PROXY = "127.0.0.1", "127.0.0.2", "127.0.0.3"
CONNECTIONS, GREEDY_REQUESTS, STRANGERS_REQUESTS = 40, 1600, 10
PAGE = "/rooms/lobby"
GREEDY_BODIES, CHUNKS = 8, 100_000


@pytest.fixture(scope="module")
def one(kind_of_database):
    """One worker whose log tells senders apart."""
    with serve(workers=1, log_addresses="full") as server:
        yield server


@pytest.fixture(scope="module")
def proxied(kind_of_database):
    """One worker behind a proxy, which is this process."""
    with serve(workers=1, log_addresses="full", trusted_proxies=PROXY) as server:
        yield server


def request_of(path, sender=GREEDY):
    return f"HEAD {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {sender}\r\n\r\n".encode()


@contextlib.contextmanager
def connections_of(server, address, count):
    """So many connections from this address, each answered once."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = socket.create_connection((server.host, server.port), PATIENCE_SECONDS, (address, 0))
            opened.append(stack.enter_context(connection))
            connection.sendall(request_of("/session"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        yield opened


@pytest.mark.parametrize("way", ["directly", "by a proxy"])
def test_a_stranger_s_requests_are_answered_between_those_of_greedy_connections(way, request):
    """They leave the loop no cause to look at others: the next request of each lies ready when one is answered."""
    server = request.getfixturevalue("one" if way == "directly" else "proxied")
    greedy_at, stranger_at = (GREEDY, STRANGER) if way == "directly" else (PROXY, PROXY)
    with (
        connections_of(server, greedy_at, CONNECTIONS) as greedy,
        connections_of(server, stranger_at, 1) as (stranger,),
    ):
        said = len(server.log)
        with held_up(server.workers[0]):  # so that it finds them all, whatever this process is kept from meanwhile
            for connection in greedy:
                connection.sendall(request_of(PAGE) * (GREEDY_REQUESTS // CONNECTIONS))
        for _ in range(STRANGERS_REQUESTS):
            stranger.sendall(request_of(PAGE, STRANGER))
            assert stranger.recv(65536).startswith(b"HTTP/1.1 200 ")
    senders = eventually(
        lambda: (found := senders_of(server.log[said:])).count(STRANGER) == STRANGERS_REQUESTS and found
    )
    places = [place for place, sender in enumerate(senders) if sender == STRANGER]
    between = sorted(later - earlier for earlier, later in itertools.pairwise(places))
    assert between[len(between) // 2] < CONNECTIONS // 2, f"so many of theirs come before each of the others: {between}"


def test_bodies_of_tiny_chunks_are_gone_through_in_turns(one):
    """Each chunk costs as much as a request's line, and nothing else was looked at before the last of them."""
    chunks = b"1\r\na\r\n" * CHUNKS
    post = f"POST {PAGE}/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with connections_of(one, GREEDY, GREEDY_BODIES) as greedy, connections_of(one, STRANGER, 1) as (stranger,):
        said = len(one.log)
        senders = [threading.Thread(target=each.sendall, args=(post + chunks + b"0\r\n\r\n",)) for each in greedy]
        for sender in senders:
            sender.start()
        for _ in range(STRANGERS_REQUESTS):
            stranger.sendall(request_of(PAGE))
            assert stranger.recv(65536).startswith(b"HTTP/1.1 200 ")
        answered_before = one.log[said:].count("POST ")
        for sender, each in zip(senders, greedy, strict=True):
            sender.join(PATIENCE_SECONDS)
            assert each.recv(65536).startswith(b"HTTP/1.1 400 "), "premise: the whole body is read"
    assert answered_before == 0


def senders_of(log):
    """Who sent the requests of the page, in the order in which they were answered."""
    return re.findall(rf"HEAD {PAGE} 200 \d+ ms ([\d.]+)", log)
