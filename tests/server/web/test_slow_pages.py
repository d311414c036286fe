"""Who asks for pages and takes none of them costs so much and no more, and nobody else anything."""

from contextlib import ExitStack

import pytest

from chat.realtime import sending
from tests.support.clients import Person
from tests.support.serving import eventually, serve
from tests.support.slow import asked
from tests.support.watching import total

WORST = "http://a" + "'" * 3991 + "a"  # what becomes longest as html
LONGEST = "/rooms/lobby/messages?limit=200"
GREEDY = 90  # of whom each leaves some 200 KB


@pytest.fixture(scope="module")
def strict():
    """One worker that counts by address, with a list that is as long as any answer may be."""
    with serve(workers=1, limits="on", posts_per_minute=6000, heartbeat_seconds=1) as server:
        with Person(server) as carol:
            token = carol.sign_in("carol").token()
            for number in range(8):
                body = f"{number} {WORST[:3990]}"
                assert carol.post("/rooms/lobby/messages", token=token, body=body).status == 201
            assert len(carol.get(LONGEST).body) > 200_000, "premise: as long as an answer may be"
        yield server


def unsent(server):
    return total(server, "longwave_unsent_bytes")


def has_ended(connection):
    """Whether the server has cut this connection off."""
    connection.sock.setblocking(False)
    try:
        while connection.sock.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return False


def test_what_one_address_leaves_unread_is_bounded_and_others_are_served(strict, people):
    with ExitStack() as stack:
        modest = stack.enter_context(asked(strict, LONGEST, source="127.0.0.2"))
        assert modest.sock.recv(1) == b"H"
        greedy = [stack.enter_context(asked(strict, LONGEST)) for _ in range(GREEDY)]
        eventually(lambda: total(strict, "longwave_cut_off_total") > 0)
        assert people(strict).get("/rooms/lobby").status == 200
        eventually(lambda: 0 < unsent(strict) <= sending.NETWORK_BYTES)
        ended = [has_ended(connection) for connection in greedy]
        assert any(ended) and not ended[-1], "of those who have most on its way the oldest go"
        assert not has_ended(modest), "and nobody of another address"
    eventually(lambda: unsent(strict) == 0)


def test_streams_that_are_behind_are_counted_with_them(strict):
    with ExitStack() as stack:
        for _ in range(GREEDY):
            stack.enter_context(asked(strict, "/stream?room=lobby&since=0"))
        eventually(lambda: unsent(strict) > 0)
        assert unsent(strict) <= sending.NETWORK_BYTES


def test_a_reader_that_is_slow_but_takes_it_all_has_it_all(strict):
    with asked(strict, LONGEST) as connection:
        answer = connection.getresponse()
        whole = b"".join(iter(lambda: answer.read(1000), b""))
    assert len(whole) == int(answer.headers["Content-Length"])
