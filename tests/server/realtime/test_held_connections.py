"""The connection of a held poll: what comes on it meanwhile is for the next request; its head may be as long as any."""

import contextlib
import json
import socket

import pytest

from tests.support.serving import connect, eventually, serve

FIELD_BYTES = 16_380  # of a header with its line's end, as gunicorn.conf.py allows them


@pytest.fixture(scope="module")
def quiet():
    """One worker without a ping for as long as these tests last."""
    with serve(workers=1, heartbeat_seconds=55) as server:
        yield server


@pytest.fixture
def alice(quiet, people):
    """She is in the lobby."""
    alice = people(quiet, "alice")
    alice.say("by which she joins")
    return alice


@pytest.fixture
def held(quiet, people):
    """Begins a poll that is held; gives its connection, and the answers on it as a file."""

    @contextlib.contextmanager
    def held(*headers, path="/poll?room=lobby&wait=25"):
        visitor = people(quiet)
        with connect(quiet.host, quiet.port) as connection, connection.makefile("rb") as answers:
            connection.sendall(request_of(path + f"&since={visitor.cursor()}", *headers))
            eventually(lambda: 'longwave_readers{transport="poll",worker="1"} 1.0\n' in visitor.get("/metrics").text)
            yield connection, answers

    return held


def request_of(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def logged(body):
    """What a poll's answer says of the log."""
    return [event for event in json.loads(body)["events"] if event["id"] is not None]


def read_answer(answers):
    """The next answer on a connection: its status, and its body."""
    status = int(answers.readline().split()[1])
    length = 0
    while line := answers.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, answers.read(length)


def test_the_next_request_on_the_connection_of_a_held_poll_is_answered_after_it(alice, held):
    with held() as (connection, answers):
        connection.sendall(request_of("/session")[:20])
        alice.say("there is news")
        status, body = read_answer(answers)
        assert (status, logged(body)[0]["data"]["body"]) == (200, "there is news")
        connection.sendall(request_of("/session")[20:])
        status, body = read_answer(answers)
        assert status == 200 and "csrf_token" in json.loads(body)


def test_who_will_send_no_more_is_answered_at_once(held):
    """As `nc -N` does. Whoever has closed the whole connection looks the same, and does not mind."""
    with held() as (connection, answers):
        connection.shutdown(socket.SHUT_WR)
        status, body = read_answer(answers)
        assert (status, logged(body)) == (200, [])
        assert answers.read() == b"", "and then the server closes, too"


def test_who_sends_the_next_request_and_no_more_is_answered_twice(held):
    with held() as (connection, answers):
        connection.sendall(request_of("/session"))
        connection.shutdown(socket.SHUT_WR)
        assert logged(read_answer(answers)[1]) == []
        assert "csrf_token" in json.loads(read_answer(answers)[1])


@pytest.mark.parametrize("spaces", ["", " "])
def test_a_head_that_is_just_short_enough_for_a_page_is_so_for_a_held_poll(alice, held, spaces):
    name = f"X-Long:{spaces}"
    with held(name + "x" * (FIELD_BYTES - len(name) - 2)) as (_, answers):
        alice.say("there is news")
        assert read_answer(answers)[0] == 200


@pytest.mark.parametrize("path", ["/poll?wait=25", "/rooms/lobby/refresh?wait=25"])
def test_what_a_proxy_brought_is_answered_as_the_proxy_s(people, path):
    """By HTTPS a session's cookie has another name, so that whoever asks is nobody where the proxy is not believed."""
    with serve(workers=1, trusted_proxies="127.0.0.1", public="off") as server:
        alice = people(server, "alice", X_Forwarded_Proto="https", X_Forwarded_For="203.0.113.9")
        alice.say("by which she joins")
        cursor = alice.cursor()
        pending = alice.ask(f"{path}&since={cursor}&seen={cursor}")
        eventually(lambda: 'longwave_readers{transport="poll",worker="1"} 1.0\n' in people(server).get("/metrics").text)
        alice.say("what she waits for")
        answer = pending.answer()
    assert answer.status == 200 and "what she waits for" in answer.text
