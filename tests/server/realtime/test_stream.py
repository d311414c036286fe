"""The event stream as the wire contract has it: its head, its order, where it starts, what it carries."""

import re
import time

import pytest

from chat import __version__
from tests.support.clients import query_of

CURSOR_MAX = 2**53 - 1


def test_the_head_keeps_everything_between_from_holding_it_back(alice):
    stream = alice.listen("room=lobby", Accept="text/event-stream", Accept_Encoding="gzip, br")
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["Cache-Control"] == "no-store, no-transform"
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert "Content-Encoding" not in stream.headers
    assert "Content-Length" not in stream.headers


def test_it_begins_with_retry_then_hello_then_who_is_here_then_events(alice, bob, garden):
    old = alice.say("before", room=garden)
    stream = bob.listen(f"room={garden}&since={old['id'] - 1}")
    stream.expect_message("before")
    assert [event.name for event in stream.events][:3] == ["hello", "presence", "message"]
    blocks = stream.raw.decode().split("\n\n")
    assert re.fullmatch(r"retry: \d+", blocks[0])
    assert 500 <= stream.retry_ms <= 1200
    hello, presence, message = stream.events[:3]
    assert hello.data == {"cursor": old["id"] - 1, "heartbeat_seconds": 15, "version": __version__}
    assert hello.id == old["id"] - 1, "the reader's own start"
    assert presence.data.keys() == {"room", "whole", "count", "here", "away", "cursor"}
    assert (presence.data["room"], presence.data["whole"]) == (garden, True)
    assert (message.id, message.data) == (old["id"], old)
    assert re.fullmatch(rf"event: hello\nid: {hello.id}\ndata: {{.*}}", blocks[1])
    assert re.fullmatch(r"event: presence\ndata: {.*}", blocks[2]), "it has no id"
    assert re.fullmatch(rf"event: message\nid: {old['id']}\ndata: {{.*}}", blocks[3])


def test_every_reader_is_told_another_time_to_come_back(alice):
    assert len({alice.listen("room=lobby").retry_ms for _ in range(5)}) > 1


def test_it_starts_now_where_nothing_is_said(alice, bob):
    old = alice.say("old")
    stream = bob.listen("room=lobby")
    assert stream.events[0].id >= old["id"]
    alice.say("new")
    stream.expect_message("new")
    assert stream.bodies == ["new"]


def test_it_starts_where_the_first_of_header_and_parameters_says(alice, garden):
    ids = [alice.say(str(number), room=garden)["id"] for number in range(5)]
    order = ["Last-Event-ID", "last_event_id", "lastEventId", "since"]
    starts = dict(zip(order, ids, strict=False))
    while starts:
        query = query_of(room=garden, **{name: start for name, start in starts.items() if name != "Last-Event-ID"})
        header = {"Last-Event-ID": str(starts["Last-Event-ID"])} if "Last-Event-ID" in starts else {}
        assert alice.listen(query, **header).events[0].id == starts[order[0]], starts
        del starts[order.pop(0)]


@pytest.mark.parametrize("cursor", ["-1", "abc", "1e3", "1.0", "", " ", "0x10", "+1", "\u0661", str(CURSOR_MAX + 1),
                                    "9" * 5000, "1,2", "null"])
def test_a_cursor_that_is_none_is_refused(alice, cursor):
    for path in ("/stream", "/poll"):
        for name in ("since", "last_event_id", "lastEventId"):
            answer = alice.get(f"{path}?{query_of(room='lobby', **{name: cursor})}")
            assert (answer.status, answer.code) == (400, "invalid")
        if cursor.isascii() and cursor.strip():
            assert alice.get(f"{path}?room=lobby&since=0", Last_Event_ID=cursor).code == "invalid", "no falling back"


def test_a_cursor_from_the_future_is_reset(alice, bob, garden):
    newest = alice.say("newest", room=garden)["id"]
    for ahead in (newest + 1000, CURSOR_MAX):
        stream = bob.listen(f"room={garden}&since={ahead}")
        assert stream.events[0].id == ahead, "its own start"
        reset = stream.expect("reset")
        assert reset.data == {"reason": "ahead", "cursor": reset.id}
        assert newest <= reset.id < ahead
        alice.say("after", room=garden)
        assert stream.expect("message").data["body"] == "after"
        assert [event.name for event in stream.events][:2] == ["hello", "reset"]


def test_the_newest_cursor_is_not_ahead(alice, bob, garden):
    """The other worker may not have heard of it yet."""
    for _ in range(10):
        newest = alice.say("newest", room=garden)["id"]
        stream = bob.listen(f"room={garden}&since={newest}")
        assert [event.name for event in stream.events][:2] in (["hello"], ["hello", "presence"])
        stream.close()


def test_a_cursor_before_the_pruned_part_is_reset(alice, bob, garden, chat):
    newest = alice.say("kept", room=garden)["id"]
    was = chat.query("SELECT value FROM facts WHERE name = 'pruned_to'")
    put = "INSERT INTO facts VALUES ('pruned_to', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    chat.query(put, "3")
    try:
        assert bob.listen("room=lobby&since=2").expect("reset").data["reason"] == "pruned"
        assert bob.poll("room=lobby&since=2")["events"][0]["data"]["reason"] == "pruned"
        stream = bob.listen(f"room={garden}&since=3")
        stream.expect_message("kept")
        assert stream.named("reset") == [] and newest > 3
    finally:
        chat.query(put, was[0][0] if was else "0")


def test_head_is_the_head_alone(alice):
    began = time.monotonic()
    answer = alice.request("HEAD", "/stream?room=lobby")
    assert time.monotonic() - began < 5
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert alice.request("HEAD", "/stream?room=nowhere").status == 404
    assert alice.request("HEAD", "/stream?since=x").status == 400


def test_data_is_one_line_whatever_is_in_it(alice, bob):
    body = "a\nb\u2028c\u2029d\x85e\x0bf\u00e9\U0001f600"
    stream = bob.listen("room=lobby")
    message = alice.say(body)
    assert stream.expect("message").data == message
    assert message["body"] == body
    text = stream.raw.decode("utf-8")
    assert "\u2028" not in text and "\u2029" not in text and "\r" not in text
    assert "\\u2028" in text and "\u00e9" in text, "escaped where scripts need it, nowhere else"
    assert not text.startswith("\ufeff")
    polled = bob.get(f"/poll?room=lobby&since={message['id'] - 1}")
    assert polled.json["events"][0]["data"] == message
    assert "\u2028" not in polled.text


def test_events_come_in_the_order_of_their_ids_whatever_their_rooms_and_once(alice, bob, garden):
    start = alice.cursor()
    live = bob.listen(f"room=lobby&room={garden}&room=lobby")
    said = [person.say("hi", room=room) for _ in range(5) for room in ("lobby", garden) for person in (alice, bob)]
    alice.say("marker")
    live.expect_message("marker")
    later = bob.listen(f"room=lobby&room={garden}&since={start}")
    later.expect_message("marker")
    for stream in (live, later):
        ids = [event.id for event in stream.named("message", "join", "leave", "edit", "remove", "read")]
        assert ids == sorted(set(ids))
        assert [event.data for event in stream.named("message")][:-1] == said


def test_a_visitor_hears_the_rooms_that_they_name_and_no_others(visitor, alice, garden):
    stream, silent = visitor.listen(f"room={garden}"), visitor.listen()
    alice.say("elsewhere")
    alice.say("here", room=garden)
    stream.expect_message("here")
    assert stream.bodies == ["here"]
    assert [event.name for event in silent.events] == ["hello"]


def test_unknown_parameters_are_ignored(alice):
    assert alice.listen("room=lobby&padding=0&_=12345&since=0&x=%ff").events[0].id == 0


def test_silence_is_broken_by_pings_that_move_the_cursor_past_what_was_for_others(lively, people):
    alice, reader = people(lively, "alice"), people(lively)
    stream = reader.listen("room=lobby")
    assert stream.events[0].data["heartbeat_seconds"] == 1
    garden = alice.post("/rooms", name="Garden of pings").json["slug"]
    elsewhere = alice.say("elsewhere", room=garden)
    # One that was on its way before that was said knows nothing of it.
    ping = next(ping for ping in iter(lambda: stream.expect("ping"), None) if ping.id >= elsewhere["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ping.data["time"])
    assert ping.id == elsewhere["id"]
    assert stream.bodies == []
    alice.say("here")
    again = reader.listen(f"room=lobby&since={ping.id}")
    assert again.expect("message").data["body"] == "here"
