"""What a reader hears that names no room: each room from its own join to its own leave, live and in catch-up alike."""

import pytest

pytestmark = pytest.mark.parametrize("chat", ["shared", "forgetful"], indirect=True)

LOGGED = ("message", "edit", "remove", "join", "leave", "read")


@pytest.fixture
def told(alice, bob, garden):
    """A life in the garden, half of it away: what of it alice may hear, and her stream that was open all the while."""
    start = alice.cursor()
    live = alice.listen(f"since={start}")
    bob.say("before she came", room=garden)
    alice.post(f"/rooms/{garden}/join")
    message = bob.say("first", room=garden)
    bob.post(f"/messages/{message['id']}/edit", body="first, edited")
    alice.say("second", room=garden)
    alice.post(f"/rooms/{garden}/leave")
    missed = bob.say("while she was away", room=garden)
    bob.post(f"/messages/{message['id']}/edit", body="edited while she was away")
    bob.post(f"/messages/{missed['id']}/remove")
    alice.post(f"/rooms/{garden}/join")
    bob.say("third", room=garden)
    live.expect_message("third")
    return live, start


def heard(events):
    """Events as (name, body or room), without the second copy of one's own joins and leaves."""
    seen, told = set(), []
    for name, event_id, data in events:
        if name in ("join", "leave") and (name, data["user"]["id"], event_id - 1) in seen:
            continue
        seen.add((name, data.get("user", {}).get("id"), event_id))
        told.append((name, data["body"] if "body" in data else data["user"]["name"]))
    return told


EXPECTED = ["join", "message", "edit", "message", "leave", "join", "message"]


def test_live_one_hears_a_room_from_join_to_leave(told):
    live, _ = told
    events = heard(live.named(*LOGGED))
    assert [name for name, _ in events] == EXPECTED
    assert [words for _, words in events] == ["alice", "first", "first, edited", "second", "alice", "alice", "third"]


def test_in_catch_up_one_hears_the_same_with_todays_text(told, alice):
    """But for the edit that another has taken the place of, which was made while she was away."""
    live, start = told
    again = alice.listen(f"since={start}")
    again.expect_message("third")
    polled = alice.poll(f"since={start}")["events"]
    first = "edited while she was away"
    for events in (again.named(*LOGGED), [(each["event"], each["id"], each["data"]) for each in polled if each["id"]]):
        assert [event[1] for event in events] == [event.id for event in live.named(*LOGGED) if event.name != "edit"]
        assert [words for _, words in heard(events)] == ["alice", first, "second", "alice", "alice", "third"]


def test_joins_and_leaves_are_told_to_the_room_and_to_oneself(told, alice):
    live, _ = told
    own = [event for event in live.named("join", "leave") if event.data["user"] == alice.user]
    assert [event.name for event in own] == ["join", "join", "leave", "leave", "join", "join"]
    assert own[0].data == own[1].data


def test_whoever_names_the_room_hears_all_of_it(told, alice, garden):
    _, start = told
    named = alice.listen(f"room={garden}&since={start}")
    named.expect_message("third")
    assert named.bodies == ["before she came", "edited while she was away", "second", "", "third"]


def test_a_membership_elsewhere_reaches_every_stream_of_the_person(alice, bob, garden):
    streams = alice.listen(), alice.also_at(bob.worker).listen()
    alice.post(f"/rooms/{garden}/join")
    bob.say("hi", room=garden)
    for stream in streams:
        stream.expect_message("hi")
        assert garden in [event.data["room"] for event in stream.named("presence")], "who is there, before what is said"
    alice.post(f"/rooms/{garden}/leave")
    bob.say("not for her", room=garden)
    alice.post("/rooms/lobby/join")
    bob.say("marker")
    for stream in streams:
        stream.expect_message("marker")
        assert "not for her" not in stream.bodies


def test_nobody_hears_anothers_own_channel(alice, bob, garden):
    bob.post(f"/rooms/{garden}/join")
    others = bob.listen(f"room={garden}")
    alice.post("/rooms/lobby/join")
    message = bob.say("hi")
    alice.post("/rooms/lobby/read", id=message["id"])
    bob.say("marker", room=garden)
    others.expect_message("marker")
    assert others.named("read") == []
    assert not [event for event in others.named("join") if event.data["user"] == alice.user]


def test_the_own_channel_is_always_in(alice, bob, garden):
    stream = alice.listen("room=lobby")
    alice.post(f"/rooms/{garden}/join")
    assert stream.expect("join").data["room"] == garden
    message = bob.say("hi", room=garden)
    alice.post(f"/rooms/{garden}/read", id=message["id"])
    assert stream.expect("read").data["read_id"] == message["id"]
    assert stream.bodies == []


def test_a_removed_room_ends_for_its_members(chat, alice, gardener):
    room = gardener.post("/rooms", name="Passing").json["slug"]
    secret = alice.say("gone with the room", room=room)
    stream = alice.listen()
    assert chat.command("room", "remove", room, "--yes").returncode == 0
    assert stream.expect("leave", lambda change: change["user"] == alice.user).data["room"] == room
    assert alice.get(f"/rooms/{room}").status == 404
    assert alice.get(f"/messages/{secret['id']}").status == 404
    assert alice.get(f"/stream?room={room}").code == "not_found"
    replay = alice.get(f"/poll?since={secret['id'] - 1}")
    assert "gone with the room" not in replay.text
