"""Parked readers: gone when their connection is, no burden to others when they are slow, and never too many."""

import json
import socket
import time
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.support.clients import Person
from tests.support.eventsource import EventSource
from tests.support.serving import connect, eventually, open_files, serve
from tests.support.town import held_up


@pytest.fixture(scope="module")
def quiet():
    """One worker without a ping for as long as these tests last; a short ring."""
    with serve(workers=1, heartbeat_seconds=55, ring_events=64) as server:
        yield server


@pytest.fixture
def alice(quiet, people):
    return people(quiet, "alice")


def sockets_of(server):
    return sum(name.startswith("socket:") for name in open_files(server.workers[0]))


def request_of(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def test_a_closed_connection_is_let_go_at_once(quiet, alice, people):
    """No ping and no message is on its way that would find out."""
    watching = people(quiet, "bob").listen("room=lobby")
    before = sockets_of(quiet)
    carol = people(quiet, "carol")
    streams = [carol.listen("room=lobby") for _ in range(5)]
    pages = ("/poll?room=lobby&wait=25", "/rooms/lobby/refresh?since=999999&seen=999999")
    held = [carol.ask(page) for page in pages for _ in range(3)]
    eventually(lambda: sockets_of(quiet) >= before + len(streams) + len(held))
    for each in (*streams, *held):
        each.close()
    eventually(lambda: sockets_of(quiet) <= before + 1)
    alice.say("and nobody else is disturbed")
    watching.expect_message("and nobody else is disturbed")


def test_what_a_reader_says_on_its_stream_is_passed_over(quiet, alice):
    with connect(quiet.host, quiet.port) as connection:
        connection.sendall(request_of("/stream?room=lobby"))
        received = read_until(connection, b"event: hello")
        connection.sendall(b"nobody asked for this" * 100)
        alice.say("all the same")
        received += read_until(connection, b"all the same")
    assert received.startswith(b"HTTP/1.1 200 ")


def test_who_asks_again_and_again_keeps_nobody_waiting(quiet):
    """A connection whose next request is there already gives the loop no cause to look at others."""
    question, count = request_of("/session"), 400
    with connect(quiet.host, quiet.port) as greedy, connect(quiet.host, quiet.port) as other:
        for connection in (greedy, other):
            connection.sendall(question)
            read_until(connection, b" 200 ")
        said = len(quiet.log)
        with held_up(quiet.workers[0]):  # so that it finds both, whatever this process is kept from meanwhile
            greedy.sendall(question * count)
            other.sendall(request_of("/rooms/of-the-other"))
        answers = read_until(greedy, b" 200 ")
        while answers.count(b"HTTP/1.1 200 ") < count:
            answers += read_until(greedy, b" 200 ")
        read_until(other, b" 404 ")
    # Lines come a little later; some of those from before may, too.
    noted = eventually(lambda: (log := quiet.log[said:]).count("GET /session") >= count and log)
    assert "GET /session" in noted.partition("/rooms/of-the-other")[2], "the other had to wait for all of them"


def test_a_request_behind_the_stream_s_own_goes_the_ordinary_way(quiet, alice):
    with connect(quiet.host, quiet.port) as connection:
        connection.sendall(request_of("/stream?room=lobby") + request_of("/healthz"))
        head = read_until(connection, b"event: hello").partition(b"\r\n\r\n")[0]
        assert b"chunked" in head, "premise: not parked"
        alice.say("by a greenlet")
        read_until(connection, b"by a greenlet")


def read_until(connection, wanted):
    received = b""
    while wanted not in received:
        piece = connection.recv(65536)
        assert piece, f"ended after {received!r}"
        received += piece
    return received


def test_a_reader_that_takes_nothing_holds_up_nobody_and_is_asked_to_come_back(quiet, alice, people):
    """What it did take is without a gap, and the rest comes by its last id."""
    other = people(quiet, "bob").listen("room=lobby")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((quiet.host, quiet.port))
        connection.settimeout(20)
        connection.sendall(request_of(f"/stream?room=lobby&since={alice.cursor()}"))
        said = []
        for number in range(150):
            said.append(alice.say(f"{number} " + "long " * 790)["id"])
            assert other.expect("message").id == said[-1]
        source = EventSource()
        events = []
        received = read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")[2]
        while received:
            events += source.feed(received)
            received = connection.recv(65536)
    heard = [json.loads(data)["id"] for name, data, _ in events if name == "message"]
    assert heard == said[: len(heard)], "in order, without a gap"
    assert 0 < len(heard) < len(said), "premise: it fell off"
    name, data, _ = events[-1]
    assert (name, json.loads(data)["reason"]) == ("bye", "slow")
    rest = people(quiet).listen("room=lobby", Last_Event_ID=source.last_event_id)
    rest.expect("message", lambda message: message["id"] == said[-1])
    assert [event.id for event in rest.named("message")] == said[len(heard) :]


def test_over_the_budget_one_polls_and_short_requests_always_get_in(people):
    with serve(workers=1, streams=2) as server:
        alice = people(server, "alice")
        streams = [alice.listen("room=lobby") for _ in range(2)]
        message = alice.say("for those who have a stream")
        refused = people(server).listen(f"room=lobby&since={message['id'] - 1}")
        assert refused.expect("mode").data == {"transport": "poll", "interval_ms": 4000}
        assert refused.retry_ms == 60_000
        refused.expect_end()
        assert [event.name for event in refused.events] == ["hello", "mode"]
        assert refused.last_id == message["id"] - 1, "it goes on by polls from where it was"
        began = time.monotonic()
        polled = people(server).poll(f"room=lobby&since={message['id']}&wait=25")
        assert time.monotonic() - began < 10 and polled["interval_ms"] == 4000, "no room to hold it, so not held"
        streams.pop().close()
        again = eventually(lambda: (stream := people(server).listen("room=lobby")) and listens(stream) and stream)
        alice.say("room for one more")
        again.expect_message("room for one more")


def listens(stream):
    """Whether it was let in: `mode` comes with `hello`."""
    return b"event: mode" not in stream.raw


def test_a_worker_that_has_answered_its_number_says_bye():
    with serve(workers=1, arguments=("--max-requests", "12")) as server:
        first = server.workers
        with Person(server) as alice:
            alice.sign_in("alice")
            stream = alice.listen("room=lobby")
            with suppress(OSError, HTTPException):  # the worker ends with the last, and waits for nobody who is slow
                for _ in range(12):
                    alice.get("/healthz")
            assert stream.expect("bye").data["reason"] == "restart"
            stream.expect_end()
        eventually(lambda: server.workers and server.workers != first)
