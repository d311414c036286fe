"""Streams for browsers without EventSource: by XMLHttpRequest with `padding=1`, and in the dialect of Opera 9."""

import json
from typing import NamedTuple

import pytest

from tests.server.server.test_ways import UNTRIED
from tests.support.eventsource import EventSource
from tests.support.serving import eventually, serve

PADDING = b":" + b" " * 2048 + b"\n"
XHR_BYTES = 128 * 1024
DOM = "application/x-dom-event-stream"
LONG = "a long one " * 300


@pytest.fixture(scope="module", params=["parked", "greenlets"])
def server(request):
    arguments = UNTRIED if request.param == "greenlets" else ()
    with serve(workers=1, heartbeat_seconds=1, arguments=arguments) as server:
        yield server


@pytest.fixture
def alice(server, people):
    return people(server, "alice")


@pytest.fixture
def bob(server, people):
    return people(server, "bob")


class Told(NamedTuple):
    name: str
    data: str


def told_by_draft(text: str) -> list[Told]:
    """The events that the draft of 2006 makes of a stream: a block is one, `Event` its name; `;` begins a comment.

    A line that begins with a colon is a command, of which that draft defined none.
    """
    told = []
    for block in text.split("\n\n")[:-1]:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            if line and line[0] not in ";:":
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
        told.append(Told(fields.get("Event", "message without a name"), fields.get("data", "")))
    return told


def start_of(alice):
    """A cursor after which things of several kinds have happened."""
    cursor = alice.cursor()
    message = alice.say("tpyo \u2028 \U0001f600 event: message\n\nevent: forged")
    alice.post(f"/messages/{message['id']}/edit", body="typo")
    alice.say("and so on")
    return cursor


# padding=1


def test_padding_begins_with_a_comment_of_two_kilobytes(alice, bob):
    start = start_of(alice)
    usual, padded = bob.listen(f"room=lobby&since={start}"), bob.listen(f"room=lobby&since={start}&padding=1")
    live = alice.say("live")
    for stream in (usual, padded):
        stream.expect_message(live["body"])
    assert padded.raw.startswith(PADDING + b"retry: ")
    assert padded.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert b"  " not in usual.raw
    names = "message", "edit", "join"
    assert padded.named(*names) == usual.named(*names)


def test_other_words_for_padding_are_none(bob):
    for query in ("padding=0", "padding=", "padding=yes"):
        assert bob.listen(f"room=lobby&{query}").raw.startswith(b"retry: ")


def test_a_padded_stream_ends_after_128_kilobytes_and_the_next_one_goes_on(alice, bob, server):
    start = alice.cursor()
    padded, usual = bob.listen(f"room=lobby&since={start}&padding=1"), bob.listen(f"room=lobby&since={start}")
    said = []
    while len(padded.raw) < XHR_BYTES:
        said.append(alice.say(f"{len(said)} {LONG}")["body"])
        padded.expect_message(said[-1])
    bye = padded.expect("bye")
    padded.expect_end()
    assert bye.data["reason"] == "lifetime"
    assert padded.retry_ms == bye.data["retry_ms"]
    assert XHR_BYTES <= len(padded.raw) < XHR_BYTES + 30_000, "the piece that crosses it is the last"
    alice.say("and after that")
    usual.expect_message("and after that")
    assert not usual.named("bye"), "it is no XHR's"
    again = bob.listen(f"room=lobby&since={padded.last_id}&padding=1")
    again.expect_message("and after that")
    assert padded.bodies + again.bodies == [*said, "and after that"]


def test_a_padded_stream_that_catches_up_far_ends_just_so(alice, bob):
    start = alice.cursor()
    said = [alice.say(f"{number} {LONG}")["body"] for number in range(40)]
    heard, cursor, streams = [], start, 0
    while len(heard) < len(said):
        stream = bob.listen(f"room=lobby&since={cursor}&padding=1")
        streams += 1
        eventually(lambda stream=stream: stream.expect("message") and (
            stream.named("bye") or said[-1] in stream.bodies))
        heard += stream.bodies
        cursor = stream.last_id
    assert heard == said
    assert streams > 1, "premise: it is more than one XHR may hold"


# The older dialect


@pytest.mark.parametrize("asked_by", ["header", "query"])
def test_the_older_dialect_has_the_same_events(alice, bob, asked_by):
    start = start_of(alice)
    usual = bob.listen(f"room=lobby&since={start}")
    if asked_by == "header":
        older = bob.ask(f"/stream?room=lobby&since={start}", Accept=f"text/html, {DOM};q=0.9")
    else:
        older = bob.ask(f"/stream?room=lobby&since={start}&dialect=dom")
    answer = older.head()
    live = alice.say("live")
    usual.expect_message("live")
    raw = b""
    while b'"live"' not in raw:
        raw += answer.read1(65536)
    assert answer.headers["Content-Type"] == DOM
    assert answer.headers["X-Accel-Buffering"] == "no"

    told = told_by_draft(raw.decode())
    assert [each.name for each in told][:2] == ["hello", "presence"]
    assert "message without a name" not in [each.name for each in told]
    names = ("message", "edit", "join", "leave")
    assert [(each.name, json.loads(each.data)) for each in told if each.name in names] == [
        (event.name, event.data) for event in usual.named(*names)]
    assert json.loads(told[-1].data) == live
    assert b"\nevent: " not in raw and b"retry" not in raw.partition(b"hello")[0]


def test_who_knows_the_new_dialect_only_hears_no_names_in_the_old_one(alice, bob):
    """Both cannot be told by one stream, so none is told the other's."""
    answer = bob.ask("/stream?room=lobby&dialect=dom").head()
    alice.say("live")
    raw = b""
    while b'"live"' not in raw:
        raw += answer.read1(65536)
    assert {event.type for event in EventSource().feed(raw)} == {"message"}
    assert bob.listen("room=lobby&dialect=other").events[0].name == "hello"


def test_pings_and_farewells_are_in_the_older_dialect_too(server, alice, bob):
    with serve(workers=1, heartbeat_seconds=1) as other:
        pending = type(bob)(other).ask("/stream?dialect=dom")
        answer = pending.head()
        raw = answer.read1(65536)
        while b"ping" not in raw:
            raw += answer.read1(65536)
        other.stop()
        raw += answer.read()
        pending.close()
    told = told_by_draft(raw.decode())
    assert [each.name for each in told if each.name != "ping"] == ["hello", "bye"]
    assert json.loads(told[-1].data)["reason"] == "restart"


def test_where_there_is_no_room_it_is_said_in_both_ways(people):
    with serve(workers=1, streams=0) as full:
        visitor = people(full)
        padded = visitor.get("/stream?padding=1").body
        assert padded.startswith(PADDING + b"retry: ")
        assert [event.type for event in EventSource().feed(padded)] == ["hello", "mode"]
        older = visitor.get("/stream?dialect=dom")
        assert older.headers["Content-Type"] == DOM
        assert [each.name for each in told_by_draft(older.text)] == ["hello", "mode"]


def test_refusals_are_the_same_and_head_is_the_head_alone(bob):
    for query in ("dialect=dom", "padding=1"):
        assert bob.get(f"/stream?room=nowhere&{query}").code == "not_found"
        assert bob.get(f"/stream?since=x&{query}").code == "invalid"
        head = bob.request("HEAD", f"/stream?{query}")
        assert (head.status, head.body) == (200, b"")
    assert bob.request("HEAD", "/stream?dialect=dom").headers["Content-Type"] == DOM
