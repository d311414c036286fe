"""The proxy of the soak does to connections what it is told, and nothing else."""

import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest

from bench.aside import aside
from bench.soak.proxy import carry
from tests.support.serving import kept_port

PATIENCE_SECONDS = 10
ALL = 1.0
POST = b"POST /rooms/lobby/messages HTTP/1.1\r\n\r\n"


@pytest.fixture
def target():
    """A server that says back what it hears, and tells how each connection ended."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        ended = []
        thread = threading.Thread(target=serve, args=(listener, ended))
        thread.start()
        yield listener.getsockname(), ended
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_SECONDS)


def serve(listener, ended):
    threads = []
    try:
        while True:
            connection, _ = listener.accept()
            threads.append(threading.Thread(target=echo, args=(connection, ended)))
            threads[-1].start()
    except OSError:
        for thread in threads:
            thread.join(PATIENCE_SECONDS)


def echo(connection, ended):
    with closing(connection):
        try:
            while heard := connection.recv(65536):
                connection.sendall(heard)
            ended.append("closed")
        except OSError:
            ended.append("reset")


@contextmanager
def proxy_before(address):
    """The proxy's process, and a connection through it on which a word has gone to and fro."""
    with aside(carry, address) as proxy, closing(socket.create_connection(("127.0.0.1", proxy.hear()))) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        yield proxy, client


def strike(proxy, kind, amount, seed=0):
    proxy.say((kind, seed, ALL, amount))
    return proxy.hear()


def read_to_the_end(client):
    heard = b""
    try:
        while piece := client.recv(65536):
            heard += piece
    except ConnectionResetError:
        pass
    return heard


def test_it_carries_much_and_ends_when_either_side_ends(target):
    address, ended = target
    with proxy_before(address) as (proxy, client):
        sent = bytes(range(256)) * 4000
        thread = threading.Thread(target=client.sendall, args=(sent,))
        thread.start()
        heard = b""
        while len(heard) < len(sent):
            heard += client.recv(65536)
        thread.join()
        assert heard == sent
        client.close()
        await_true(lambda: ended == ["closed"])
        proxy.say(None)
        assert proxy.hear() == 0


def test_it_cuts_in_the_middle(target):
    with proxy_before(target[0]) as (proxy, client):
        assert strike(proxy, "cut", 300, seed=1) == 1
        client.sendall(b"x" * 5000)
        assert 0 < len(read_to_the_end(client)) < 300


def test_it_delays_and_keeps_the_order(target):
    with proxy_before(target[0]) as (proxy, client):
        strike(proxy, "delay", 0.5)
        began = time.monotonic()
        client.sendall(b"one")
        client.sendall(b"two")
        heard = b""
        while len(heard) < 6:
            heard += client.recv(100)
        assert heard == b"onetwo"
        assert time.monotonic() - began > 0.1


def test_it_pauses_without_losing(target):
    with proxy_before(target[0]) as (proxy, client):
        began = time.monotonic()
        strike(proxy, "pause", 1.0)
        client.sendall(b"late")
        assert client.recv(100) == b"late"
        assert time.monotonic() - began > 0.4


def test_it_shuts_one_direction(target):
    ends = set()
    for seed in range(4):
        with proxy_before(target[0]) as (proxy, client):
            strike(proxy, "half_close", 0, seed)
            client.sendall(b"more")
            ends.add(read_to_the_end(client))
    assert ends == {b""}, "nothing that is said into a shut direction comes back"


def test_it_throws_the_answer_to_a_post_away_after_the_server_has_had_it(target):
    with proxy_before(target[0]) as (proxy, client):
        assert strike(proxy, "swallow", 1) == 1
        client.sendall(POST)
        assert read_to_the_end(client) == b""
        proxy.say(None)
        assert proxy.hear() == 1


def test_nobody_is_let_in_while_the_server_is_away():
    with closing(kept_port()) as nobody, aside(carry, nobody.getsockname()) as proxy:
        with closing(socket.create_connection(("127.0.0.1", proxy.hear()))) as client:
            client.settimeout(PATIENCE_SECONDS)
            assert read_to_the_end(client) == b""


def await_true(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
