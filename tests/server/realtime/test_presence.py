"""Who is here, in every worker; who is away; who is typing."""

import pytest

from chat.core import times
from tests.support.serving import eventually, serve

GRACE_SECONDS, NOTICED_SECONDS = 20, 60


def people_in(reader, room):
    """The roster as (name, state)."""
    people = reader.get(f"/rooms/{room}/people").json["people"]
    return {(person["name"], person["state"]) for person in people}


def test_whoever_opens_a_stream_is_here_in_every_worker(chat, people, alice, bob, garden):
    watching = bob.listen(f"room={garden}")
    alice.listen(f"room={garden}")
    came = watching.expect("presence", lambda presence: alice.user in presence.get("came", []))
    assert came.data.keys() == {"room", "count", "came", "went", "away"}
    assert (came.data["room"], came.data["count"], came.data["went"]) == (garden, 2, [])
    for worker in chat.workers:
        reader = people(chat, worker=worker)
        eventually(lambda reader=reader: people_in(reader, garden) == {("alice", "here"), ("bob", "here")})
        whole = reader.listen(f"room={garden}").expect("presence").data
        assert {user["name"] for user in whole["here"]} == {"alice", "bob"}
        page = reader.look(f"/rooms/{garden}")
        assert {item["data-user"] for item in page.find("li") if "data-user" in item} \
            == {str(alice.user["id"]), str(bob.user["id"])}


def test_a_visitor_is_nobody(visitor, bob, garden):
    visitor.listen(f"room={garden}")
    assert bob.listen(f"room={garden}").expect("presence").data["count"] == 1


def test_two_streams_of_one_person_are_one_person(alice, bob, garden):
    watching = bob.listen(f"room={garden}")
    first, second = alice.listen(f"room={garden}"), alice.also_at(bob.worker).listen(f"room={garden}")
    watching.expect("presence", lambda presence: alice.user in presence.get("came", []))
    assert second.expect("presence").data["count"] == 2
    first.close()
    assert ("alice", "here") in people_in(bob, garden)


def test_without_named_rooms_one_is_here_in_ones_own(alice, bob, garden):
    alice.post(f"/rooms/{garden}/join")
    watching = bob.listen(f"room={garden}")
    stream = alice.listen()
    watching.expect("presence", lambda presence: alice.user in presence.get("came", []))
    assert {event.data["room"] for event in stream.named("presence")} <= {garden}
    alice.post(f"/rooms/{garden}/leave")
    stream.expect("leave")
    alice.post(f"/rooms/{garden}/join")
    whole = stream.expect("presence", lambda presence: presence.get("whole"))
    assert whole.data["room"] == garden, "told anew when one is in it again"


def test_away_and_here_are_told(chat, people, alice, bob, garden):
    watching = bob.listen(f"room={garden}")
    alice.listen(f"room={garden}")
    watching.expect("presence", lambda presence: alice.user in presence.get("came", []))
    assert alice.post(f"/rooms/{garden}/here", state="away").status == 204
    change = watching.expect("presence", lambda presence: presence.get("away"))
    assert change.data == {"room": garden, "count": 1, "came": [], "went": [], "away": [alice.user]}
    assert people_in(bob, garden) == {("alice", "away"), ("bob", "here")}
    whole = people(chat).listen(f"room={garden}").expect("presence").data
    assert (whole["here"], whole["away"], whole["count"]) == ([bob.user], [alice.user], 1)
    assert alice.post(f"/rooms/{garden}/here", accept="text/html", state="here").status == 303
    change = watching.expect("presence", lambda presence: presence.get("came"))
    assert change.data == {"room": garden, "count": 2, "came": [alice.user], "went": [], "away": []}


@pytest.mark.parametrize("state", ["", "gone", "HERE"])
def test_one_is_here_or_away_and_nothing_else(alice, state):
    answer = alice.post("/rooms/lobby/here", state=state)
    assert (answer.code, answer.json["error"]["field"]) == ("invalid", "state")
    assert alice.post("/rooms/lobby/here").code == "invalid"


def test_typing_is_told_in_every_worker_and_has_no_id(chat, people, alice, garden):
    readers = [people(chat, worker=worker).listen(f"room={garden}") for worker in chat.workers]
    elsewhere = people(chat).listen("room=lobby")
    assert alice.post(f"/rooms/{garden}/typing").status == 204
    for reader in readers:
        event = reader.expect("typing")
        assert event.data == {"room": garden, "user": alice.user, "expires_in_ms": 6000}
        assert b"event: typing\ndata: " in reader.raw
    alice.say("marker")
    elsewhere.expect_message("marker")
    assert elsewhere.named("typing") == []
    assert people(chat).listen(f"room={garden}&since=0").named("typing") == [], "it is not in the log"


def test_presence_never_moves_the_cursor(alice, bob, garden):
    watching = bob.listen(f"room={garden}")
    before = watching.last_id
    alice.listen(f"room={garden}")
    watching.expect("presence", lambda presence: alice.user in presence.get("came", []))
    assert b"\nid: " not in watching.raw.split(b"event: presence")[1].split(b"\n\n")[0]
    assert watching.last_id == before


def test_a_crowd_is_counted_not_listed(people):
    with serve(workers=1, roster_max=2) as server:
        crowd = [people(server, name) for name in ("alice", "bob", "carol", "dave")]
        streams = [person.listen("room=lobby") for person in crowd]
        told = streams[0].expect("presence", lambda presence: presence["count"] == 4).data
        assert told == {"room": "lobby", "count": 4}
        whole = people(server).listen("room=lobby").expect("presence").data
        assert (whole["count"], whole["here"]) == (4, [])


def test_a_closed_connection_is_noticed_and_a_short_break_is_not(parting, lively, people):
    alice, carol, watching, gone_at = parting
    went = watching.expect("presence", lambda presence: presence.get("went"), within=40)
    assert went.data == {"room": "lobby", "count": 2, "came": [], "went": [carol.user], "away": []}
    next_ping = watching.expect("ping")
    took_seconds = times.moment_of(next_ping.data["time"]).timestamp() - gone_at
    assert GRACE_SECONDS < took_seconds < NOTICED_SECONDS
    assert [event for event in watching.named("presence") if event.data.get("went")] == [went]
    assert people_in(people(lively), "lobby") == {("alice P.", "here"), ("bob P.", "here")}
