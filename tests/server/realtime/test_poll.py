"""The same events without a stream: short polls and held ones."""

import time

from chat.core import times
from tests.support.serving import eventually

PIECE_EVENTS = 500


def names(answer):
    return [event["event"] for event in answer["events"]]


def test_a_poll_brings_what_a_stream_would(alice, bob, garden):
    start = alice.cursor()
    message = alice.say("tpyo", room=garden)
    alice.post(f"/messages/{message['id']}/edit", body="typo")
    alice.post(f"/rooms/{garden}/leave")
    stream = bob.listen(f"room={garden}&since={start}")
    stream.expect("leave")
    answer = bob.poll(f"room={garden}&since={start}")
    polled = [(event["event"], event["id"], event["data"]) for event in answer["events"] if event["id"]]
    assert polled == [tuple(event) for event in stream.named("join", "message", "edit", "leave")]
    assert answer["cursor"] >= polled[-1][1]
    assert answer["more"] is False
    assert bob.poll(f"room={garden}&since={answer['cursor']}&presence={answer['presence']}")["events"] == []


def test_its_answer_has_the_contracts_form(alice):
    answer = alice.get("/poll?room=lobby")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json.keys() >= {"cursor", "events", "more", "interval_ms", "presence"}
    assert answer.json["interval_ms"] == 4000
    assert answer.json["cursor"] == alice.cursor()
    assert names(answer.json) == ["presence"], "now, where no start is said"


def test_a_poll_without_wait_is_answered_at_once(alice):
    began = time.monotonic()
    alice.poll(f"room=lobby&since={alice.cursor()}")
    assert time.monotonic() - began < 15, "not held"


def test_a_held_poll_is_answered_by_the_first_event(alice, bob, garden):
    held = bob.ask(f"/poll?room={garden}&since={bob.cursor()}&wait=25")
    assert not held.comes_within(0.3)
    alice.say("elsewhere")
    assert not held.comes_within(0.3), "that was not for this reader"
    message = alice.say("here", room=garden)
    answer = held.answer().json
    assert message in [event["data"] for event in answer["events"]] or answer["events"][0]["event"] == "join"


def test_what_came_before_the_wait_is_not_waited_for(alice, bob):
    message = alice.say("already there")
    answer = bob.poll(f"room=lobby&since={message['id'] - 1}&wait=25")
    assert answer["events"][0]["data"] == message


def test_a_hold_ends_by_itself(bob, garden):
    began = time.monotonic()
    answer = bob.poll(f"room={garden}&since={bob.cursor()}&wait=1")
    assert time.monotonic() - began >= 1
    assert "message" not in names(answer)


def test_a_long_absence_is_caught_up_in_pieces(chat, alice, bob, garden):
    start = alice.cursor()
    alice.post(f"/rooms/{garden}/join")
    room_id, = chat.query("SELECT id FROM rooms WHERE slug = ?", garden)[0]
    count = 2 * PIECE_EVENTS + 100
    # As many as would take a while to say: rows of the log as another process would have written them.
    chat.append("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                " SELECT 'room:' || ?, 'message', '{\"number\":' || i || '}', ? FROM n", count, room_id, times.now())
    cursor, numbers, answers = start, [], 0
    while True:
        answer = bob.poll(f"room={garden}&since={cursor}")
        got = [event["data"]["number"] for event in answer["events"] if event["event"] == "message"]
        assert len(got) <= PIECE_EVENTS
        numbers += got
        answers += 1
        cursor = answer["cursor"]
        if not answer["more"]:
            break
    assert numbers == list(range(1, count + 1))
    assert answers == 3
    stream = bob.listen(f"room={garden}&since={start}")
    stream.expect("message", lambda data: data.get("number") == count)
    assert [event.data["number"] for event in stream.named("message")] == numbers


def test_more_is_asked_for_even_where_a_piece_held_nothing(chat, alice, bob, garden):
    """Hundreds of events of others lie between: the reader neither waits nor is sent in circles."""
    start = alice.cursor()
    chat.append("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
                " SELECT 'room:999999', 'message', '{}', ? FROM n", times.now())
    message = alice.say("beyond them", room=garden)
    cursor, found = start, []
    for _ in range(10):
        answer = bob.poll(f"room={garden}&since={cursor}")
        found += [event["data"] for event in answer["events"] if event["event"] == "message"]
        assert answer["cursor"] > cursor or not answer["more"]
        cursor = answer["cursor"]
        if not answer["more"]:
            break
    assert found == [message]


def test_a_cursor_from_the_future_brings_reset(alice, garden):
    alice.say("newest", room=garden)
    answer = alice.poll(f"room={garden}&since={alice.cursor() + 1000}&wait=25")
    reset = answer["events"][0]
    assert (reset["event"], reset["data"]["reason"]) == ("reset", "ahead")
    assert reset["data"]["cursor"] == reset["id"] == answer["cursor"] == alice.cursor()


def test_the_token_brings_who_is_here_only_when_that_has_changed(bob, carol, garden):
    first = bob.poll(f"room={garden}&since=0")
    whole = next(event for event in first["events"] if event["event"] == "presence")
    assert whole["id"] is None and whole["data"]["whole"] is True
    again = f"room={garden}&since={first['cursor']}&presence={first['presence']}"
    second = bob.poll(again)
    assert "presence" not in names(second) and second["presence"] == first["presence"]
    carol.listen(f"room={garden}")
    third = eventually(lambda: (answer := bob.poll(again))["presence"] != first["presence"] and answer)
    data = next(event["data"] for event in third["events"] if event["event"] == "presence")
    assert {user["id"] for user in data["here"]} == {bob.user["id"], carol.user["id"]}


def test_the_token_is_the_same_at_every_worker(chat, people, alice, garden):
    alice.listen(f"room={garden}")
    readers = [people(chat, worker=worker) for worker in chat.workers]
    eventually(lambda: len({reader.poll(f"room={garden}")["presence"] for reader in readers}) == 1)


def test_presence_and_typing_end_no_hold(alice, bob, carol, garden):
    alice.post(f"/rooms/{garden}/join")
    held = bob.ask(f"/poll?room={garden}&since={bob.cursor()}&wait=25")
    assert not held.comes_within(0.2)
    carol.listen(f"room={garden}")
    alice.post(f"/rooms/{garden}/typing")
    assert not held.comes_within(1.5), "a change of presence is told within a second"
    alice.say("now", room=garden)
    assert held.answer().json["events"][0]["data"]["body"] == "now"


def test_a_poller_is_here(alice, bob, garden):
    stream = alice.listen(f"room={garden}")
    bob.poll(f"room={garden}")
    assert bob.user in stream.expect("presence", lambda presence: bob.user in presence.get("came", [])).data["came"]


def test_a_visitor_polls_and_is_nobody(visitor, alice, garden):
    message = alice.say("hi", room=garden)
    answer = visitor.poll(f"room={garden}&since={message['id'] - 1}")
    assert answer["events"][0]["data"] == message
    assert visitor.poll(f"since={message['id'] - 1}")["events"] == []
    assert visitor.get(f"/rooms/{garden}/people").json["people"] == []
