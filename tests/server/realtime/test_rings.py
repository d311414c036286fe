"""Between the workers: rings alone, with the once-a-second look switched off; and coming back with the last id."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.clients import Person
from tests.support.proxy import proxy_before
from tests.support.serving import eventually

pytestmark = pytest.mark.parametrize("chat", ["shared", "forgetful"], indirect=True)


def test_a_message_posted_to_one_worker_is_on_streams_of_both_by_its_ring(chat, people, alice):
    readers = [people(chat, worker=worker).listen("room=lobby") for worker in chat.workers for _ in range(2)]
    said = [alice.say("from one"), people(chat, "bob", worker=chat.workers[1]).say("from the other")]
    for reader in readers:
        reader.expect_message("from the other")
        assert [event.data for event in reader.named("message")] == said


def test_a_reconnect_with_the_last_id_brings_exactly_the_rest(chat, people, alice, bob, garden):
    bodies = [f"number {number}" for number in range(12)]
    first = bob.listen(f"room={garden}")
    for body in bodies[:4]:
        alice.say(body, room=garden)
    first.expect_message(bodies[3])
    first.close()
    for body in bodies[4:8]:
        alice.say(body, room=garden)
    for worker in chat.workers:
        again = people(chat, worker=worker).listen(f"room={garden}", Last_Event_ID=str(first.last_id))
        again.expect_message(bodies[7])
        assert again.bodies == bodies[4:8]
    last = bob.listen(f"room={garden}&since=0", Last_Event_ID=str(again.last_id))
    for body in bodies[8:]:
        alice.say(body, room=garden)
    last.expect_message(bodies[11])
    assert last.bodies == bodies[8:], "live goes on where catch-up ended"


def test_from_whichever_cursor_one_comes_back_it_is_exactly_the_rest(chat, people, alice, garden):
    """Also where the ring ends and the store begins."""
    ids = [alice.say(f"number {number}", room=garden)["id"] for number in range(40)]
    for worker in chat.workers:
        reader = people(chat, worker=worker)
        for cursor in range(ids[0] - 1, ids[-1] + 1):
            events = reader.poll(f"room={garden}&since={cursor}")["events"]
            assert [event["id"] for event in events if event["event"] == "message"] == [id for id in ids if id > cursor]


def test_a_reader_that_comes_while_others_write_misses_nothing(chat, people, garden):
    """Register first, then read, then wait: whatever falls between is there once."""
    writers = [people(chat, name, worker=worker) for name, worker in zip(("alice", "bob"), chat.workers, strict=True)]
    start = writers[0].cursor()

    readers = []

    def write(writer):
        said = []
        while len(said) < 60 or len(readers) <= 5:
            said.append(writer.say(f"{writer.name} {len(said)}", room=garden)["body"])
        return said

    with ThreadPoolExecutor(2) as pool:
        written = [pool.submit(write, writer) for writer in writers]
        while not all(each.done() for each in written):
            reader = people(chat, worker=chat.workers[len(readers) % 2])
            readers.append((reader, reader.listen(f"room={garden}&since={start}")))
    expected = {body for each in written for body in each.result()}
    writers[0].say("marker", room=garden)
    assert len(readers) > 5, "premise: some came in the middle"
    for reader, stream in readers:
        heard = read_to_the_marker(reader, stream, garden)
        assert len(heard) == len(expected) + 1 and {message.data["body"] for message in heard} == expected | {"marker"}
        ids = [message.id for message in heard]
        assert ids == sorted(ids)


def read_to_the_marker(reader, stream, room):
    """All messages as far as that; of a ring of 16 events a reader may fall off on a busy machine, and comes back."""
    heard = []
    while True:
        last = stream.expect(("message", "bye"), lambda data: data.get("body", "marker") == "marker")
        heard += stream.named("message")
        if last.name == "message":
            return heard
        stream = reader.listen(f"room={room}", last_event_id=str(stream.last_id))


@pytest.mark.parametrize("how", ["cut", "pause"])
def test_what_a_network_held_up_arrives_once(chat, alice, how):
    """A proxy between a reader and the server loses the connection, or merely lets nothing through for a while."""
    with proxy_before(chat.host, chat.port) as proxy, Person(chat) as bob:
        bob.sign_in(f"bob, proxy will {how}")
        bob.move_to(proxy.host, proxy.port)
        stream = bob.listen("room=lobby")
        alice.say("before")
        stream.expect_message("before")
        getattr(proxy, how)()
        said = [alice.say(f"meanwhile {number}")["body"] for number in range(3)]
        if how == "cut":
            stream.expect_end()
            eventually(lambda: proxy.connections == 0)
        proxy.resume()
        if how == "cut":
            bob.close()
            stream = bob.listen("room=lobby", Last_Event_ID=str(stream.last_id))
        alice.say("after")
        stream.expect_message("after")
        assert [body for body in stream.bodies if body != "before"] == [*said, "after"]


def test_a_ring_reaches_a_reader_at_once(chat, people, alice, bob):
    """The shared server has no look, and no ping comes before fifteen seconds."""
    stream = bob.listen("room=lobby")
    began = time.monotonic()
    alice.say("now")
    stream.expect_message("now")
    assert time.monotonic() - began < 15
