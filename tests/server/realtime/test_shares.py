"""Nobody takes every place: visitors from one address have a share, beyond which they poll; others come in."""

import time
from contextlib import ExitStack, closing, contextmanager

import pytest

from chat.core import addresses, shares
from tests.support.clients import Stream
from tests.support.serving import eventually, serve
from tests.support.slow import asked

PLACES = 24
WAIT_SECONDS = 25
FIRST = ("presence", "mode")  # what a stream is told after `hello`: that it is held, or that it is not
SHARE = shares.share("192.0.2.1", PLACES)


@pytest.fixture(scope="module")
def counted():
    """A server of few places that counts by address."""
    with serve(workers=1, limits="on", streams=PLACES, look_seconds=0) as server:
        yield server


@contextmanager
def streams(server, count, **headers):
    """So many streams of visitors, all from this machine's own address; gives them with what they were told first."""
    with ExitStack() as stack:
        yield [stack.enter_context(opened(server, **headers)) for _ in range(count)]


@contextmanager
def opened(server, source="127.0.0.1", **headers):
    with asked(server, "/stream?room=lobby", source, **headers) as connection:
        with closing(Stream(connection, connection.getresponse())) as stream:
            stream.expect("hello")
            stream.expect(FIRST)
            yield stream


def told(those):
    """What each of these streams was told after `hello`."""
    return [stream.events[1].name for stream in those]


def test_a_visitors_address_has_a_share_and_others_come_in(counted, people):
    assert 0 < SHARE < PLACES, "premise: more than one address is needed to take all"
    with streams(counted, SHARE + 2) as those:
        assert told(those) == ["presence"] * SHARE + ["mode"] * 2
        with opened(counted, source="127.0.0.2") as elsewhere:
            assert told([elsewhere]) == ["presence"]
        people(counted, "alice").listen("room=lobby").expect("presence")  # who has a name, from the same address
        visitor = people(counted)
        began = visitor.get("/poll?room=lobby").json
        since, token = began["cursor"], began["presence"]
        asked_at = time.monotonic()
        answer = visitor.get(f"/poll?room=lobby&since={since}&presence={token}&wait={WAIT_SECONDS}")
        assert answer.json["events"] == [] and time.monotonic() - asked_at < WAIT_SECONDS, "it was not held"
        frame = visitor.look(f"/rooms/lobby/refresh?since=0&seen={since}")
        assert 'content="10;' in frame.raw, "and the frame waits between two loads"
    eventually(lambda: has_place(counted))


def has_place(server):
    with opened(server) as stream:
        return told([stream]) == ["presence"]


def test_held_polls_take_of_the_same_share(counted, people):
    eventually(lambda: has_place(counted))
    visitor = people(counted)
    cursor = visitor.get("/poll?room=lobby").json["cursor"]
    with ExitStack() as stack:
        for _ in range(SHARE):
            stack.enter_context(asked(counted, f"/poll?room=lobby&since={cursor}&wait=25"))
        eventually(lambda: not has_place(counted))
    eventually(lambda: has_place(counted))


def test_a_person_has_a_share_of_their_own(counted, people):
    assert shares.share("user:3", 800) == 100 and shares.share("user:3", PLACES) == PLACES
    with streams(counted, SHARE):
        person = people(counted, "carol")
        for _ in range(3):
            person.listen("room=lobby").expect("presence")


def test_without_limits_nobody_is_counted(people):
    with serve(workers=1, streams=PLACES, look_seconds=0) as server, streams(server, PLACES + 1) as those:
        assert told(those) == ["presence"] * PLACES + ["mode"]


def test_a_proxys_own_address_is_nobodys_and_whom_it_names_is_counted(people):
    settings = {"limits": "on", "streams": PLACES, "look_seconds": 0, "trusted_proxies": "127.0.0.1"}
    with serve(workers=1, **settings) as server:
        with streams(server, PLACES) as those:
            assert told(those) == ["presence"] * PLACES
        eventually(lambda: has_place(server))
        with streams(server, SHARE + 1, X_Forwarded_For="192.0.2.7") as those:
            assert told(those) == ["presence"] * SHARE + ["mode"]
            with streams(server, 1, X_Forwarded_For="192.0.2.8") as others:
                assert told(others) == ["presence"]


def test_whoever_has_a_48_has_not_65536_shares():
    network, wide = addresses.networks_of("2001:db8:1:2::3")
    assert shares.share(network, 8000) < shares.share(wide, 8000) <= 8000 / 2
