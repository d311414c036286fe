"""Servers that are not ours: the app sees what they bear, and readers never take the last place."""

import sys
import threading
import time

import pytest

from tests.conftest import free_room_names
from tests.support.clients import Person
from tests.support.serving import eventually, serve
from tests.support.watching import total

THREADS = 4
HELD = THREADS - 1
WAITRESS = f"""
import os
from waitress.server import create_server
from wsgi import app
server = create_server(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads={THREADS})
print(f"Longwave is at http://127.0.0.1:{{server.effective_port}}", flush=True)
server.run()
"""
POOLS = {
    "gthread": {"arguments": ("-k", "gthread", "--threads", str(THREADS))},
    "waitress": {"command": (sys.executable, "-c", WAITRESS)},
}
SYNC = ("-k", "sync", "--threads", "1")


@pytest.fixture(scope="module", params=POOLS)
def a_pool(request):
    """A server of four threads, of which nobody has told the chat."""
    with serve(workers=1, heartbeat_seconds=1, **POOLS[request.param]) as server:
        with Person(server) as first:
            first.look("/")
        yield server


@pytest.fixture
def pool(a_pool, people):
    """The same when the last test's readers are gone: a thread learns of that when it next has something to say."""
    eventually(lambda: total(a_pool, "longwave_readers") == 0)
    return a_pool


@pytest.fixture(scope="module")
def sync():
    with serve(workers=2, arguments=SYNC) as server:
        yield server


def is_held(stream):
    """Whether it was let in: `mode` comes with `hello`."""
    return b"event: mode" not in stream.raw


# Threads

def test_streams_take_all_places_but_one(pool, people):
    alice = people(pool, "alice")
    streams = [people(pool).listen("room=lobby") for _ in range(THREADS + 2)]
    assert [is_held(stream) for stream in streams] == [True] * HELD + [False] * 3
    said = alice.say("there is a place for this")
    for stream in streams[:HELD]:
        assert stream.expect("message").data == said
    assert alice.get("/rooms/lobby").status == 200
    assert people(pool).poll(f"room=lobby&since={said['id']}&wait=25")["events"], "answered at once, with who is here"


def test_held_polls_take_all_places_but_one(pool, people):
    alice = people(pool, "alice")
    alice.say("to be here")
    query = f"room=lobby&since={alice.cursor()}&wait=25"
    held = [people(pool).ask(f"/poll?{query}") for _ in range(HELD)]
    eventually(lambda: total(pool, "longwave_readers", transport="poll") == HELD)
    began = time.monotonic()
    assert people(pool).poll(query)["interval_ms"] == 4000
    assert not is_held(people(pool).listen("room=lobby"))
    assert time.monotonic() - began < 15, "neither was held for 25 s"
    said = alice.say("for those who wait")
    for each in held:
        assert said in [event["data"] for event in each.answer().json["events"]]


def test_who_has_no_script_is_not_held_in_the_last_place_either(pool, people):
    alice = people(pool, "alice")
    seen = alice.say("to be here")["id"]
    held = [people(pool).ask(f"/rooms/lobby/refresh?since={seen}&seen={seen}") for _ in range(THREADS)]
    eventually(lambda: sum(each.comes_within(0) for each in held) == THREADS - HELD)
    eventually(lambda: total(pool, "longwave_readers", transport="poll") == HELD)
    alice.say("there is a place for this")
    assert all(each.answer().status == 200 for each in held)


def test_of_many_who_come_at_once_no_more_are_held(pool, people):
    come = threading.Barrier(12)
    streams = []

    def listen(reader):
        come.wait()
        streams.append(reader.listen("room=lobby"))

    threads = [threading.Thread(target=listen, args=(people(pool),)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= sum(map(is_held, streams)) <= HELD
    assert people(pool, "alice").say("there is a place for this")


def test_a_place_that_was_left_is_free_again(pool, people):
    alice = people(pool, "alice")
    streams = [people(pool).listen("room=lobby") for _ in range(HELD)]
    assert all(map(is_held, streams))
    for stream in streams:
        stream.close()
    eventually(lambda: total(pool, "longwave_readers") == 0)
    again = people(pool).listen("room=lobby")
    alice.say("for the next")
    again.expect_message("for the next")


def test_the_operator_s_number_does_not_take_the_last_place(people):
    with serve(workers=1, streams=100, **POOLS["gthread"]) as server:
        streams = [people(server).listen("room=lobby") for _ in range(THREADS)]
        assert [is_held(stream) for stream in streams] == [True] * HELD + [False]


# One request at a time

def test_where_one_request_is_answered_at_a_time_nobody_is_held(sync, people):
    alice = people(sync, "alice")
    stream = people(sync).listen("room=lobby")
    assert stream.expect("mode").data == {"transport": "poll", "interval_ms": 4000}
    stream.expect_end()
    began = time.monotonic()
    cursor = people(sync).poll("room=lobby&wait=25")["cursor"]
    assert time.monotonic() - began < 15, "not held for 25 s"
    said = alice.say("by poll")
    assert said in [event["data"] for event in people(sync).poll(f"room=lobby&since={cursor}")["events"]]


# Streams that end by themselves

def test_a_stream_ends_after_its_seconds_and_the_next_goes_on_from_there(people):
    with serve(workers=1, stream_seconds=1, heartbeat_seconds=1) as server:
        alice, bob = people(server, "alice"), people(server)
        stream = bob.listen("room=lobby")
        alice.say("one")
        bye = stream.expect("bye")
        assert bye.data["reason"] == "lifetime" and 500 <= bye.data["retry_ms"] <= 3000
        stream.expect_end()
        alice.say("two")
        again = bob.listen("room=lobby", Last_Event_ID=str(stream.last_id))
        again.expect_message("two")
        assert [*stream.bodies, *again.bodies] == ["one", "two"]


@pytest.fixture(scope="module", params=["sync", "parked"])
def brief(request):
    """Servers whose streams end with all that there is."""
    arguments = SYNC if request.param == "sync" else ()
    with serve(workers=1, stream_seconds=0, arguments=arguments) as server:
        yield server


def test_a_stream_that_ends_with_all_that_there_is_loses_nothing(brief, people):
    alice, bob = people(brief, "alice"), people(brief, "bob")
    alice.say("to be here")
    stream = bob.listen("room=lobby")
    stream.expect_end()
    assert [event.name for event in stream.events] == ["hello", "presence", "ping", "bye"]
    bye = stream.events[-1].data
    assert bye["reason"] == "lifetime" and 3200 <= bye["retry_ms"] == stream.retry_ms <= 4800
    heard = []
    for number in range(3):
        alice.say(f"number {number}")
        alice.say(f"and {number}")
        stream = bob.listen("room=lobby", Last_Event_ID=str(stream.last_id))
        stream.expect_end()
        heard += stream.bodies
    assert heard == [f"{word} {number}" for number in range(3) for word in ("number", "and")]
    people_here = next(event.data for event in stream.events if event.name == "presence")["here"]
    assert {user["name"] for user in people_here} >= {"bob"}, "who comes back so is here"


def test_it_holds_nobody_s_place(brief, people):
    """The sync server answers one request at a time: more readers than that, all at once."""
    readers = [people(brief).listen("room=lobby") for _ in range(5)]
    for stream in readers:
        stream.expect_end()
        assert stream.events[-1].name == "bye" and is_held(stream)


def test_it_moves_past_what_was_not_for_its_reader(brief, people, garden_of):
    alice = people(brief, "alice")
    garden = garden_of(alice)
    stream = people(brief).listen(f"room={garden}")
    stream.expect_end()
    said = alice.say("elsewhere")
    again = people(brief).listen(f"room={garden}", Last_Event_ID=str(stream.last_id))
    again.expect_end()
    assert again.bodies == [] and again.last_id >= said["id"]


@pytest.fixture
def garden_of(brief):
    free_room_names(brief)
    return lambda person: person.post("/rooms", name="Garden").json["slug"]


def test_a_cursor_from_elsewhere_is_reset_in_it_too(brief, people):
    stream = people(brief).listen("room=lobby", Last_Event_ID="900000000")
    stream.expect_end()
    assert stream.events[1].name == "reset" and stream.last_id == stream.events[1].data["cursor"]


def test_more_than_fits_comes_at_once_with_the_next(brief, people):
    alice = people(brief, "alice")
    cursor = alice.cursor()
    said = [alice.say(f"{number} " + "long " * 790)["id"] for number in range(30)]
    heard, came = [], 0
    while said[-1] not in heard:
        stream = people(brief).listen("room=lobby", Last_Event_ID=str(cursor))
        stream.expect_end()
        heard += [event.id for event in stream.named("message")]
        came, cursor = came + 1, stream.last_id
        assert said[-1] in heard or stream.retry_ms < 1000
    assert heard == said and came > 1, "each once, in more than one"


# In words

@pytest.mark.parametrize(("options", "words"), [
    ({"arguments": SYNC}, ["gunicorn answers one request at a time",
                           "With 50 people here: 0 live, 50 polling, 750 requests a minute"]),
    ({**POOLS["gthread"]}, [f"{THREADS} requests at once", "Up to 3", "25 to 55 s"]),
    ({"stream_seconds": 0}, ["own worker", "Live connections end with the latest news"]),
    ({"streams": 7}, ["own worker", "up to 7", "48 to 72 minutes"]),
])
def test_the_command_line_and_the_owner_read_what_was_found(people, options, words):
    with serve(workers=1, **options) as server:
        alice = people(server, "alice")
        assert alice.post("/owner/claim", code=(server.instance / "owner-code").read_text().strip()).status == 204
        page = " ".join(alice.look("/owner").text.split())
        said = server.command("check")
        assert said.returncode == 0
        for part in words:
            assert part in said.stdout and part in page
