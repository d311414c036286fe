"""The self-test's page without script, and its clock: each second, with ids, for a while, and never too many."""

import re

import pytest

from chat.realtime.selftest_clock import MOST
from tests.server.server.test_ways import UNTRIED
from tests.support.clients import Person
from tests.support.eventsource import EventSource
from tests.support.serving import eventually, serve

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(scope="module", params=[(), UNTRIED], ids=["parked", "greenlets"])
def way(request):
    return request.param


@pytest.fixture(scope="module")
def server(way):
    with serve(workers=1, arguments=way) as server:
        yield server


@pytest.fixture
def visitor(server, people):
    return people(server)


def ticks_of(body):
    return [(event.type, int(event.last_event_id)) for event in EventSource().feed(body)]


def test_the_clock_ticks_with_and_without_names_and_ends_by_itself(visitor):
    answer = visitor.get("/selftest/stream?seconds=4")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert answer.headers["X-Accel-Buffering"] == "no"
    source = EventSource()
    events = source.feed(answer.body)
    assert [(event.type, event.last_event_id) for event in events] == [
        ("time", "1"), ("time", "2"), ("message", "3"), ("time", "4")]
    assert all(re.fullmatch(f'{{"time":"{TIME}"}}', event.data) for event in events)
    seconds = [event.data[-8:-5] for event in events]
    assert len(set(events)) == len(seconds) == 4
    assert source.reconnection_time_ms == 1000


def test_it_goes_on_from_the_last_id_however_that_is_said(visitor):
    ticks = ticks_of(visitor.get("/selftest/stream?seconds=2", Last_Event_ID="40").body)
    assert ticks == [("time", 41), ("message", 42)]
    for name in ("last_event_id", "lastEventId", "since"):
        answer = visitor.get(f"/selftest/stream?seconds=2&{name}=7")
        assert [number for _, number in ticks_of(answer.body)] == [8, 9]


def test_its_first_tick_is_at_once_and_padded_where_that_is_asked(visitor):
    answer = visitor.ask("/selftest/stream?padding=1").head()
    first = answer.read1(65536)
    assert first.startswith(b":" + b" " * 2048 + b"\nretry: 1000\n\nevent: time\nid: 1\n")


@pytest.mark.parametrize("query", ["seconds=1", "seconds=21", "seconds=x", "since=-1", "since=" + "9" * 20])
def test_what_makes_no_sense_is_refused(visitor, query):
    assert visitor.get(f"/selftest/stream?{query}").code == "invalid"


def test_head_is_the_head_alone(visitor):
    answer = visitor.request("HEAD", "/selftest/stream")
    assert (answer.status, answer.body) == (200, b"")


def test_the_clocks_of_one_process_are_limited_and_their_places_come_back(way, people):
    with serve(workers=1, arguments=way) as server:
        visitor, alice = people(server), people(server, "alice")
        clocks = [visitor.ask("/selftest/stream").head() for _ in range(MOST)]
        assert all(b"event: time" in clock.read1(4096) for clock in clocks)
        assert ticks_of_names(visitor.get("/selftest/stream").body) == ["mode"]
        assert alice.listen("room=lobby").events[0].name == "hello", "the chat's own streams are not kept out"
        for clock in clocks:
            clock.close()
        visitor.close()
        eventually(lambda: ticks_of_names(alice.get("/selftest/stream?seconds=2").body)[0] == "time")


def ticks_of_names(body):
    return [event.type for event in EventSource().feed(body)]


def test_it_holds_to_the_budget_of_streams(people):
    with serve(workers=1, streams=1) as server:
        alice = people(server, "alice")
        stream = alice.listen("room=lobby")
        assert ticks_of_names(people(server).get("/selftest/stream").body) == ["mode"]
        assert "full, so your browser polls for now" in alice.look("/selftest").text
        stream.close()


def test_a_clock_says_farewell_with_its_server():
    with serve(workers=1) as server, Person(server) as visitor:
        clock = visitor.ask("/selftest/stream").head()
        body = clock.read1(65536)
        server.stop()
        body += clock.read()
        names = ticks_of_names(body)
        assert names[0] == "time" and names[-1] == "bye"


# The page


def test_without_script_the_page_says_what_the_server_sees(people):
    with serve(workers=1, trusted_proxies="127.0.0.1") as server:
        visitor = people(server, User_Agent="Lynx/2.8", X_Forwarded_For="9.8.7.6", X_Forwarded_Proto="https",
                         Via="1.1 varnish")
        text = visitor.look("/selftest").text
        for seen in ("9.8.7.6", "Lynx/2.8", "HTTPS, HTTP/1.1", "Via", "none (visitor)", "none yet"):
            assert seen in text, seen
        assert "go to the rooms" in text
        again = visitor.look("/selftest").text
        assert "sent" in again


@pytest.mark.parametrize("settings", [{"public": "off"}, {"entry_word": "sesame"}, {"streams": 0}])
def test_everybody_may_test_whether_they_may_read_or_not(people, settings):
    with serve(workers=1, **settings) as server:
        visitor = people(server)
        assert "What the server sees" in visitor.look("/selftest").text
        assert visitor.get("/selftest/stream?seconds=2").status == 200


def test_what_a_browser_calls_itself_is_shown_as_text(people, server):
    visitor = people(server, User_Agent="<script>alert(1)</script>")
    answer = visitor.get("/selftest")
    assert "<script>alert" not in answer.text and "&lt;script&gt;alert" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
