"""Edits and removals overwrite: no replay, ring or page at either worker shows the old text again."""

import pytest

pytestmark = pytest.mark.parametrize("chat", ["shared", "forgetful"], indirect=True)


@pytest.fixture(params=["edit", "remove"])
def change(request, alice):
    """Takes back what a message said."""
    def take_back(message):
        answer = alice.post(f"/messages/{message['id']}/{request.param}", body="nothing to see")
        assert answer.status == 200
        return answer.json
    return take_back


def test_no_replay_from_any_cursor_shows_the_old_text(chat, people, alice, garden, change):
    start = alice.cursor()
    message = alice.say("a secret", room=garden)
    alice.post(f"/messages/{message['id']}/edit", body="a secret, edited")
    witness = alice.listen(f"room={garden}&since={start}")
    witness.expect("edit")
    assert b"a secret" in witness.raw, "premise: it was to be heard before"
    now = change(message)
    assert now["body"] != "a secret"
    alice.say("marker", room=garden)
    for worker in chat.workers:
        reader = people(chat, worker=worker)
        for cursor in (0, start, message["id"] - 1, message["id"], message["id"] + 1):
            polled = reader.get(f"/poll?room={garden}&since={cursor}")
            assert "a secret" not in polled.text
            stream = reader.listen(f"room={garden}&since={cursor}")
            stream.expect_message("marker")
            assert stream.named("edit", "remove")[-1].data == now
            assert b"a secret" not in stream.raw
            stream.close()
        for path in (f"/rooms/{garden}", f"/messages/{message['id']}", f"/rooms/{garden}/messages",
                     f"/rooms/{garden}/refresh?since={start}"):
            assert "a secret" not in reader.get(path).text


def test_the_first_event_arrives_already_changed(bob, alice, garden, change):
    message = alice.say("a secret", room=garden)
    now = change(message)
    events = bob.poll(f"room={garden}&since={message['id'] - 1}")["events"]
    assert [event["data"] for event in events if event["event"] in ("message", "edit", "remove")] == [now, now]
    assert events[0]["event"] == "message" and events[0]["id"] == message["id"]


def test_nothing_of_it_stays_in_the_database(chat, alice, garden, change):
    message = alice.say("unforgettable words", room=garden)
    change(message)
    assert chat.query("SELECT 1 FROM events WHERE data LIKE '%unforgettable%'") == []
    assert chat.query("SELECT 1 FROM messages WHERE body || html LIKE '%unforgettable%'") == []
