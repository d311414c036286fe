"""What lists of rooms show follows the log: for everybody what all may find, and for nobody else's eyes the rest."""

import pytest


def lines_of(person, room=""):
    answer = person.get(f"/rooms?near={room}", Accept="application/json").json
    return {line["slug"]: line for line in answer["rooms"]}


@pytest.fixture
def outsider(town, townsman):
    """At the second worker, and in the lobby alone."""
    outsider = townsman(town, "outsider", worker=1)
    outsider.post("/rooms/lobby/join")
    return outsider


def listed_since(person, cursor):
    return [event["data"] for event in person.get(f"/poll?since={cursor}").json["events"] if event["event"] == "listed"]


def test_everybody_hears_of_a_room_that_is_opened(alice, bob, visitor):
    heard = [bob.listen(), bob.listen("room=lobby"), visitor.listen("room=lobby")]
    start = bob.cursor()
    room = alice.post("/rooms", name="Garden", topic="Beans").json
    for stream in heard:
        assert stream.expect("listed", lambda data: data["slug"] == room["slug"]).data == room
    assert room in listed_since(bob, start)


def test_of_a_room_that_is_renamed_the_last_name_counts(mayor, outsider, hall):
    start = outsider.cursor()
    heard = outsider.listen()
    for name in ("Orchard", "Wood"):
        assert mayor.post(f"/owner/rooms/{hall}", name=name, topic="Trees").status == 204
        assert heard.expect("listed").data == {"slug": hall, "name": name, "topic": "Trees", "kind": "open"}
    assert [room["name"] for room in listed_since(outsider, start)] == ["Wood"]


@pytest.mark.parametrize("act", ["close", "remove"])
def test_of_a_room_that_is_closed_or_removed_others_hear_neither_name_nor_address(mayor, outsider, hall, act):
    start = outsider.cursor()
    heard = outsider.listen()
    assert mayor.post(f"/owner/rooms/{hall}/{act}", sure="on").status == 204
    assert heard.expect("unlisted").data == {}
    if act == "close":
        mayor.post(f"/owner/rooms/{hall}", name="Secret", topic="Hidden")
    marker = mayor.post("/rooms", name="Marker").json
    assert heard.expect("listed").data == marker, "nothing was told of the secret one"
    assert listed_since(outsider, start) == [marker]
    assert hall not in [room["slug"] for room in listed_since(outsider, 0)]
    assert hall not in lines_of(outsider, hall)


def test_a_room_that_is_reopened_is_told_as_it_is_now(mayor, outsider, hall):
    mayor.post(f"/owner/rooms/{hall}/close")
    mayor.post(f"/owner/rooms/{hall}", name="Renamed meanwhile", topic="")
    heard = outsider.listen()
    mayor.post(f"/owner/rooms/{hall}/reopen")
    assert heard.expect("listed").data["name"] == "Renamed meanwhile"


def test_the_rooms_are_told_as_of_one_event(alice, bob, visitor, garden):
    bob.post(f"/rooms/{garden}/join")
    said = [alice.say(text, room=garden) for text in ("one", "two", "three")]
    alice.post(f"/messages/{said[0]['id']}/remove")
    answer = bob.get(f"/rooms?near={garden}", Accept="application/json").json
    line = next(room for room in answer["rooms"] if room["slug"] == garden)
    assert answer["user"] == bob.user and answer["cursor"] > said[-1]["id"]
    assert (line["is_member"], line["unread"], line["read_id"] < said[0]["id"]) == (True, 2, True)
    theirs = visitor.get("/rooms", Accept="application/json").json
    assert theirs["user"] is None and theirs["rooms"]
    assert {(room["is_member"], room["unread"], room["read_id"]) for room in theirs["rooms"]} == {(False, 0, None)}


def test_a_person_who_asks_for_the_rooms_is_led_to_the_first_page(alice):
    answer = alice.get("/rooms", Accept="text/html")
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_a_closed_room_is_listed_for_its_members_alone(mayor, outsider, hall):
    mayor.post(f"/owner/rooms/{hall}/close")
    assert lines_of(mayor, hall)[hall]["kind"] == "closed"
    assert hall not in lines_of(outsider, hall)


# Reading changes nothing


@pytest.mark.parametrize("headers", [
    {"Sec_Purpose": "prefetch"}, {"Sec_Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"},
    {"X_Purpose": "preview"}, {"X_Moz": "prefetch"}, {"Sec_Fetch_Dest": "empty"}])
def test_a_page_that_is_looked_at_before_it_is_opened_joins_nobody(bob, garden, headers):
    expected = 200 if "Sec_Fetch_Dest" in headers else 503
    assert bob.get(f"/rooms/{garden}", **headers).status == expected
    assert not lines_of(bob, garden)[garden]["is_member"]
    assert bob.get(f"/rooms/{garden}", Sec_Fetch_Dest="document").status == 200
    assert lines_of(bob, garden)[garden]["is_member"]
    assert bob.get(f"/rooms/{garden}", **headers).status == 200, "who is in it may have it beforehand"


def test_the_head_of_a_page_joins_nobody_and_marks_nothing_as_read(alice, bob, garden):
    assert bob.request("HEAD", f"/rooms/{garden}").status == 200
    assert not lines_of(bob, garden)[garden]["is_member"]
    bob.post(f"/rooms/{garden}/join")
    said = alice.say("unread", room=garden)
    for path in (f"/rooms/{garden}?seen={said['id']}", f"/rooms/{garden}/refresh?since={said['id']}"):
        assert bob.request("HEAD", path).status == 200
    assert lines_of(bob, garden)[garden]["unread"] == 1


def test_the_list_of_rooms_marks_nothing_as_read(alice, bob, garden):
    bob.post(f"/rooms/{garden}/join")
    alice.say("unread", room=garden)
    for _ in range(2):
        assert lines_of(bob, garden)[garden]["unread"] == 1
