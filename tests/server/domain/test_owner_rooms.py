"""What the owner does with rooms: renamed, closed to all but those who are in, opened again, removed; seen at once."""

import time

import pytest

from tests.support.serving import eventually, once_within
from tests.support.town import held_up

AT_ONCE_SECONDS = 1.0


def owners_page(mayor, room):
    """The owner's page, at the part of its rooms that has this one."""
    return mayor.look_until("/owner", f"/owner/rooms/{room}", "rooms_from=")



@pytest.fixture
def bob(town, townsman, hall):
    """In the hall, at the second worker."""
    bob = townsman(town, "bob", worker=1)
    bob.post(f"/rooms/{hall}/join")
    return bob


@pytest.fixture
def carol(town, townsman, hall):
    """Not in the hall, where she was once."""
    carol = townsman(town, "carol", worker=1)
    carol.say("carol was here", room=hall)
    carol.post(f"/rooms/{hall}/leave")
    return carol


@pytest.fixture
def closed(mayor, hall, bob, carol):
    """The hall, after the owner has closed it, with something said in it before and after."""
    assert bob.look(f"/rooms/{hall}") and carol.post(f"/rooms/{hall}/leave")
    before = bob.say("before it was closed", room=hall)
    assert mayor.post(f"/owner/rooms/{hall}/close").status == 204
    eventually(lambda: carol.get(f"/rooms/{hall}").status == 404)
    after = bob.say("after it was closed", room=hall)
    return before, after


def test_a_room_is_renamed_and_its_topic_set_by_form_and_everybody_sees_it(mayor, bob, hall):
    heard = bob.listen(f"room={hall}")
    form = owners_page(mayor, hall).form(f"/owner/rooms/{hall}")
    answer = mayor.submit(form, name="Great Hall & <b>", topic="all <i> there is")
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/owner?") and "done=changed" in answer.headers["Location"]
    room = heard.expect("room").data
    assert room == {"slug": hall, "name": "Great Hall & <b>", "topic": "all <i> there is", "kind": "open"}
    page = bob.look(f"/rooms/{hall}")
    assert "Great Hall & <b>" in page.title and "all <i> there is" in page.text and "<i> there" not in page.raw


def test_everybody_sees_it_within_a_second(mayor, bob, hall):
    heard = bob.listen(f"room={hall}")

    def rename(number):
        began = time.monotonic()
        assert mayor.post(f"/owner/rooms/{hall}", name=f"Hall {number}").status in (200, 204)
        heard.expect("room", lambda room: room["name"] == f"Hall {number}")
        return time.monotonic() - began

    once_within(AT_ONCE_SECONDS, rename)


@pytest.mark.parametrize(("fields", "status"), [({"name": ""}, 400), ({"name": "x" * 61}, 413),
                                                ({"name": "Hall", "topic": "x" * 201}, 413), ({}, 400)])
def test_a_room_keeps_its_name_when_the_new_one_is_none(mayor, bob, hall, fields, status):
    mayor.post(f"/owner/rooms/{hall}", name=hall)  # by which it is found, however many halls there are
    assert mayor.post(f"/owner/rooms/{hall}", **fields).status == status
    page = mayor.post(f"/owner/rooms/{hall}?room={hall}", accept="text/html", **fields)
    assert page.status == status and next(page.page.find("span", role="alert"))
    assert bob.look(f"/rooms/{hall}").title.startswith(hall)


@pytest.mark.parametrize("act", ["", "/close", "/reopen", "/remove"])
def test_a_room_that_is_not_there_cannot_be_changed(mayor, act):
    assert mayor.post(f"/owner/rooms/nowhere{act}", name="x", sure="on").code == "not_found"


# Closed


def test_a_closed_room_is_found_by_its_members_alone(town, townsman, hall, bob, carol, closed):
    before, after = closed
    visitor = townsman(town)
    for outsider in (carol, visitor):
        assert hall not in [address.rpartition("/")[2] for address in outsider.look("/").addresses]
        for path in (f"/rooms/{hall}", f"/rooms/{hall}/messages", f"/rooms/{hall}/people",
                     f"/rooms/{hall}/refresh?since=0", f"/stream?room={hall}", f"/stream?room=lobby&room={hall}",
                     f"/poll?room={hall}", f"/poll?room=lobby&room={hall}&since=0", f"/messages/{before['id']}",
                     f"/messages/{after['id']}"):
            answer = outsider.get(path, Accept="application/json")
            assert (path, answer.status, answer.code) == (path, 404, "not_found")
    for path, fields in (("messages", {"body": "hi"}), ("join", {}), ("leave", {}), ("read", {"id": 1}), ("typing", {}),
                         ("here", {"state": "here"})):
        assert (path, carol.post(f"/rooms/{hall}/{path}", **fields).code) == (path, "not_found")
    assert [message["body"] for message in bob.get(f"/rooms/{hall}/messages").json["messages"]] \
        == ["carol was here", "before it was closed", "after it was closed"], "members keep the past"
    assert bob.look_until("/", f"/rooms/{hall}")


@pytest.mark.parametrize("act", ["edit", "remove"])
def test_a_message_in_a_closed_room_is_to_others_like_none_at_all(carol, closed, act):
    _, after = closed
    there, nowhere = (carol.post(f"/messages/{number}/{act}", body="x") for number in (after["id"], 987654321))
    assert there.status == 404
    assert there.json == nowhere.json, "word for word"


def test_what_is_said_in_a_closed_room_reaches_its_members_alone(town, townsman, mayor, hall, bob, carol):
    start = carol.cursor()
    visitor = townsman(town, worker=1)
    queries = f"room={hall}", f"room=lobby&room={hall}"
    named = [person.listen(query) for person in (carol, visitor) for query in queries]
    unnamed = carol.listen()
    members = bob.listen(f"room={hall}"), bob.listen()
    assert mayor.post(f"/owner/rooms/{hall}/close").status == 204
    for stream in named:
        assert stream.expect("bye").data["reason"] == "revoked"
    bob.say("among ourselves", room=hall)
    for stream in members:
        stream.expect_message("among ourselves")
        assert stream.named("room")[-1].data["kind"] == "closed" and stream.named("bye") == []
    carol.say("marker")
    unnamed.expect_message("marker")
    for stream in (*named, unnamed):
        assert b"among ourselves" not in stream.raw
    assert "among ourselves" not in str(carol.poll_on(start))
    assert f"'{hall}'" not in str(visitor.poll_on(0))
    assert "carol was here" in str(carol.poll_on(0)), "what she heard when she was in, she may hear again"


def test_a_held_poll_that_hears_of_it_late_gives_nothing_away(town, townsman, mayor, hall, bob):
    """The closing, and what was said after it, reach a busy worker in one."""
    there, member = townsman(town, "outside", worker=1), townsman(town, "inside")
    member.post(f"/rooms/{hall}/join")
    start = there.cursor()
    held = [there.ask(f"/poll?room={hall}&since={start}&wait=20"),
            there.ask(f"/rooms/{hall}/refresh?since={start}&seen={start}")]
    control = bob.ask(f"/poll?room={hall}&since={start}&wait=20")
    assert not [pending for pending in (*held, control) if pending.comes_within(0.2)], "premise: they are held"
    with held_up(town.workers[1]):
        assert mayor.post(f"/owner/rooms/{hall}/close").status == 204
        member.say("among ourselves", room=hall)
    assert "among ourselves" in control.answer().text, "premise"
    for pending in held:
        assert "among ourselves" not in pending.answer().text
    assert there.get(f"/poll?room={hall}&since={start}").status == 404


def test_who_leaves_a_closed_room_is_out(bob, hall, closed):
    stream = bob.listen(f"room={hall}")
    assert bob.post(f"/rooms/{hall}/leave").status == 204
    assert stream.expect("bye").data["reason"] == "revoked"
    assert bob.post(f"/rooms/{hall}/join").code == "not_found"


def test_the_owner_manages_a_closed_room_without_reading_it(mayor, hall, closed):
    mayor.post(f"/rooms/{hall}/leave")
    assert mayor.get(f"/rooms/{hall}", Accept="application/json").status == 404
    led = mayor.get(f"/rooms/{hall}")
    assert led.status == 303 and led.headers["Location"].startswith("/owner?"), "to its place there"
    page = owners_page(mayor, hall)
    assert page.form(f"/owner/rooms/{hall}/reopen") and page.form(f"/owner/rooms/{hall}/remove")
    assert "after it was closed" not in page.text
    _, after = closed
    assert mayor.post(f"/messages/{after['id']}/remove").json["removed_by"] == "owner"


def test_a_room_that_is_opened_again_is_everybodys(town, townsman, mayor, hall, carol, closed):
    answer = mayor.submit(owners_page(mayor, hall).form(f"/owner/rooms/{hall}/reopen"))
    assert answer.status == 303
    visitor = townsman(town, worker=1)
    eventually(lambda: visitor.get(f"/rooms/{hall}").status == 200)
    assert visitor.look_until("/", f"/rooms/{hall}")
    heard = visitor.listen(f"room={hall}")
    carol.say("back", room=hall)
    heard.expect_message("back")


def test_the_command_lists_closed_rooms_too(town, hall, closed):
    rows = [line.split("\t") for line in town.command("room", "list").stdout.splitlines()]
    assert hall in [row[0] for row in rows]


# Removed


def test_a_room_is_removed_only_when_it_is_meant(town, mayor, bob, carol, hall):
    message = bob.say("gone with the room", room=hall)
    streams = [person.listen(f"room={hall}") for person in (bob, carol)]
    form = owners_page(mayor, hall).form(f"/owner/rooms/{hall}/remove")
    form.fields.pop("sure", None)
    answer = mayor.submit(form)
    assert answer.status == 400 and next(answer.page.find("span", role="alert"))
    assert bob.get(f"/rooms/{hall}").status == 200, "a slip removes nothing"
    assert mayor.submit(form, sure="on").status == 303
    for stream in streams:
        assert stream.expect("bye").data["reason"] == "revoked"
    for path in (f"/rooms/{hall}", f"/messages/{message['id']}", f"/stream?room={hall}"):
        assert bob.get(path).status == 404
    assert mayor.post("/rooms", name="Hall", slug=hall).status == 201, "its address is free"
    for worker in (0, 1):
        for cursor in (0, message["id"] - 1):
            assert "gone with the room" not in bob.tab(worker).get(f"/poll?room={hall}&since={cursor}").text
            assert "gone with the room" not in bob.tab(worker).get(f"/poll?since={cursor}").text


def test_a_name_that_another_room_has_is_refused_also_of_a_private_one(mayor, bob, hall):
    barn = mayor.post("/rooms", name="Barn").json["slug"]
    form = owners_page(mayor, hall).form(f"/owner/rooms/{hall}")
    answer = mayor.submit(form, name="bArN", topic="kept")
    assert answer.status == 409 and f"/rooms/{barn}" in answer.page.addresses
    assert mayor.post(f"/owner/rooms/{barn}/close").status == 204
    assert mayor.post(f"/owner/rooms/{hall}", name="Barn", topic="").code == "name_taken", "the owner knows all rooms"
    assert mayor.post(f"/owner/rooms/{barn}", name="BARN", topic="its own name, of course").status == 204
    mine = bob.post("/rooms", name="Barn")
    assert mine.status == 201, "bob knows of no other"
    refused = mayor.post(f"/owner/rooms/{barn}/reopen")
    assert refused.code == "name_taken" and refused.json["error"]["room"] == mine.json["slug"]
    assert mayor.post(f"/owner/rooms/{barn}/remove", sure="on").status == 204
    assert mayor.post(f"/owner/rooms/{hall}", name="Barn 2", topic="").status == 204
