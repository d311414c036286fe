"""Rooms: opened, joined, left, read; and who is in them."""

import pytest

from tests.support.clients import FORM
from tests.support.serving import eventually, serve


@pytest.fixture
def village():
    """A chat of its own, so small that its rooms all stand on one page."""
    with serve(workers=1) as server:
        yield server


def test_anyone_with_a_name_opens_a_room(alice, bob):
    answer = alice.post("/rooms", name=" Café  au lait ", topic="Of milk")
    assert answer.status == 201
    assert answer.json == {"slug": "cafe-au-lait", "name": "Café au lait", "topic": "Of milk", "kind": "open"}
    assert "Café au lait" in bob.look("/").text
    assert "Of milk" in bob.look("/rooms/cafe-au-lait").text


def test_the_form_leads_into_the_room(alice):
    answer = alice.submit(alice.look("/rooms/new").form("/rooms"), name="Tea", slug="tea-room", topic="")
    assert (answer.status, answer.headers["Location"]) == (303, "/rooms/tea-room")


def test_a_visitor_opens_none(visitor):
    assert visitor.post("/rooms", name="Mine").code == "sign_in"
    assert visitor.post("/rooms", accept="text/html", name="Mine").status in (303, 401)


def test_rooms_whose_names_make_one_address_have_two(alice):
    slugs = [alice.post("/rooms", name=name).json["slug"] for name in ("Twins", "Twins!", "Twins?")]
    assert slugs == ["twins", "twins-2", "twins-3"]


@pytest.mark.parametrize("name", ["Shed", " shed ", "ＳＨＥＤ", "\u0405hed"])
def test_a_name_that_a_room_has_is_refused_and_leads_to_that_room(alice, bob, name):
    slug = alice.post("/rooms", name="Shed").json["slug"]
    answer = bob.post("/rooms", name=name)
    assert (answer.status, answer.code) == (409, "name_taken")
    assert answer.json["error"]["field"] == "name" and answer.json["error"]["room"] == slug
    page = bob.submit(bob.look("/rooms/new").form("/rooms"), name=name, topic="for spades")
    assert page.status == 409 and f"/rooms/{slug}" in page.page.addresses
    assert page.page.form("/rooms").fields.items() >= {"name": name, "topic": "for spades"}.items()


def test_a_name_from_right_to_left_turns_no_words_around_it(alice):
    alice.post("/rooms", name="גן")
    page = alice.submit(alice.look("/rooms/new").form("/rooms"), name="גן", topic="").page
    assert "called “\u2068גן\u2069”" in page.text


def test_of_two_who_open_a_room_of_one_name_at_once_one_is_refused(chat, alice, bob):
    tokens = {person: person.token() for person in (alice, bob)}
    pending = [person.send("POST", "/rooms", "name=Race", Content_Type=FORM, Accept="application/json",
                           X_CSRF_Token=token) for person, token in tokens.items() for _ in range(3)]
    assert sorted(each.answer().status for each in pending) == [201] + [409] * 5
    assert chat.query("SELECT count(*) FROM rooms WHERE name = 'Race' AND name_key = 'race'") == [(1,)]


def test_a_private_room_is_not_told_by_its_name(village, people):
    alice, bob = people(village, "alice"), people(village, "bob")
    private = alice.post("/rooms", name="Surprise party").json["slug"]
    village.query("UPDATE rooms SET kind = 'closed' WHERE slug = ?", private)
    answer = bob.post("/rooms", name="Surprise party")
    assert answer.status == 201, "bob may not learn that there is one"
    assert alice.post("/rooms", name="Surprise party").json["error"]["room"] in (private, answer.json["slug"])
    taken = bob.post("/rooms", name="Another party", slug=private)
    assert taken.code == "name_taken" and "room" not in taken.json["error"]
    assert f"/rooms/{private}" in alice.look("/").text.split(), "to alice there are two of the name"
    assert f'/rooms/{private}"' not in bob.look("/").raw


def test_rooms_of_one_name_from_before_are_told_apart_by_their_addresses(village, people):
    alice, carol = people(village, "alice"), people(village, "carol")
    slugs = [alice.post("/rooms", name=name).json["slug"] for name in ("Old name", "Old name!")]
    assert not any(slug in carol.look("/").text for slug in slugs)
    village.query("UPDATE rooms SET name = 'Old name', name_key = 'old name' WHERE slug = ?", slugs[1])
    assert all(f"/rooms/{slug}" in carol.look("/").text for slug in slugs)
    assert all(slug in carol.look("/rooms/lobby").text for slug in slugs)


def test_an_address_in_use_is_taken(alice, garden):
    answer = alice.post("/rooms", name="Another", slug=garden)
    assert (answer.status, answer.code, answer.json["error"]["field"]) == (409, "name_taken", "slug")


@pytest.mark.parametrize(("fields", "code", "field"), [
    ({"slug": "../etc"}, "invalid", "slug"), ({"slug": "a/b"}, "invalid", "slug"), ({"slug": "new"}, "invalid", "slug"),
    ({"slug": "Caps"}, "invalid", "slug"), ({"slug": "."}, "invalid", "slug"), ({"slug": "a b"}, "invalid", "slug"),
    ({"slug": "\u0430"}, "invalid", "slug"), ({"slug": "x\n"}, None, None), ({"slug": "x" * 41}, "too_long", "slug"),
    ({"name": ""}, "invalid", "name"), ({"name": " \u3000"}, "invalid", "name"),
    ({"name": "x" * 61}, "too_long", "name"), ({"name": "a\u202eb"}, "invalid", "name"),
    ({"topic": "x" * 201}, "too_long", "topic"), ({"topic": "a\nb"}, "invalid", "topic")])
def test_what_a_room_cannot_be_called_is_refused(alice, fields, code, field):
    answer = alice.post("/rooms", **{"name": "Fine"} | fields)
    assert answer.code == code
    if code:
        assert answer.json["error"]["field"] == field


def test_the_refused_form_comes_back_with_all_that_was_typed(alice):
    typed = {"name": "Tea & <b>", "slug": "../etc", "topic": 'of "leaves"'}
    answer = alice.submit(alice.look("/rooms/new").form("/rooms"), **typed)
    assert answer.status == 400
    assert answer.page.form("/rooms").fields.items() >= typed.items()
    assert alice.submit(answer.page.form("/rooms"), slug="leaves").headers["Location"] == "/rooms/leaves"


@pytest.mark.parametrize("act", ["join", "leave", "read", "typing", "here", "messages"])
def test_a_room_that_is_not_there_is_not_found(alice, visitor, act):
    fields = {"id": "1", "state": "here", "body": "hi"}
    assert alice.post(f"/rooms/nowhere/{act}", **fields).code == "not_found"
    assert alice.post(f"/rooms/nowhere/{act}", accept="text/html", **fields).status == 404
    assert visitor.post(f"/rooms/lobby/{act}", **fields).code == "sign_in"


def test_joining_and_leaving_are_told_once(alice, bob, garden):
    heard = bob.listen(f"room={garden}")
    room = alice.post(f"/rooms/{garden}/join")
    assert room.status == 200 and room.json["slug"] == garden
    assert alice.post(f"/rooms/{garden}/join").json == room.json
    assert alice.post(f"/rooms/{garden}/leave").status == 204
    assert alice.post(f"/rooms/{garden}/leave").status == 204
    bob.say("marker", room=garden)
    heard.expect_message("marker")
    changes = [(event.name, event.data) for event in heard.named("join", "leave") if event.data["user"] == alice.user]
    assert changes == [(name, {"room": garden, "user": alice.user}) for name in ("join", "leave")]


def test_the_form_of_the_page_leaves(alice, garden):
    page = alice.look(f"/rooms/{garden}")
    answer = alice.submit(page.form("/leave"))
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_opening_a_room_joins_it_and_so_does_posting(alice, bob, carol, garden):
    heard = bob.listen(f"room={garden}")
    alice.look(f"/rooms/{garden}")
    alice.look(f"/rooms/{garden}")
    carol.say("hi", room=garden)
    heard.expect_message("hi")
    assert [event.data["user"] for event in heard.named("join")] == [alice.user, carol.user]


def test_looking_around_joins_nothing(alice, visitor, hal, bob, garden):
    heard = bob.listen(f"room={garden}")
    alice.look("/")
    alice.get(f"/rooms/{garden}/messages")
    alice.poll(f"room={garden}")
    visitor.look(f"/rooms/{garden}")
    hal.get(f"/rooms/{garden}")
    hal.post(f"/rooms/{garden}/messages", body="beep")
    heard.expect_message("beep")
    assert heard.named("join") == []


@pytest.mark.parametrize(("act", "fields"), [
    ("join", {}), ("read", {"id": 0}), ("typing", {}), ("here", {"state": "here"})])
def test_an_act_by_form_leads_back_to_the_room(alice, garden, act, fields):
    answer = alice.post(f"/rooms/{garden}/{act}", accept="text/html", **fields)
    assert (answer.status, answer.headers["Location"]) == (303, f"/rooms/{garden}")


def unread_of(person, room):
    """The number beside the room in the list of rooms."""
    page = person.look_until("/", f"/rooms/{room}")
    row = page.raw.split(f'href="/rooms/{room}"')[1].split("</li>")[0]
    attributes, _, shown = row.split('class="badge"')[1].split("<")[0].partition(">")
    assert ("hidden" in attributes) == (not shown), "a room without news shows no number"
    return int(shown or 0)


def test_reading_is_told_to_ones_own_devices_and_nobody_else(alice, bob, garden):
    for person in (alice, bob):
        person.post(f"/rooms/{garden}/join")
    own, others = alice.listen(), bob.listen()
    said = [bob.say(body, room=garden) for body in ("one", "two", "three")]
    assert unread_of(alice, garden) == 3 and unread_of(bob, garden) == 0
    assert alice.post(f"/rooms/{garden}/read", id=said[0]["id"]).status == 204
    assert own.expect("read").data == {"room": garden, "read_id": said[0]["id"], "unread": 2}
    assert unread_of(alice, garden) == 2
    assert alice.post(f"/rooms/{garden}/read", id=2**53 - 1).status == 204
    assert own.expect("read").data == {"room": garden, "read_id": said[2]["id"], "unread": 0}
    assert alice.post(f"/rooms/{garden}/read", id=said[0]["id"]).status == 204, "nobody unreads"
    bob.say("four", room=garden)
    own.expect_message("four")
    others.expect_message("four")
    assert len(own.named("read")) == 2 and others.named("read") == []
    assert unread_of(alice, garden) == 1


def test_removed_messages_and_own_ones_are_not_unread(alice, bob, garden):
    alice.post(f"/rooms/{garden}/join")
    alice.say("mine", room=garden)
    gone = bob.say("gone", room=garden)
    bob.say("stays", room=garden)
    bob.post(f"/messages/{gone['id']}/remove")
    assert unread_of(alice, garden) == 1


@pytest.mark.parametrize("read_id", ["", "x", "-1", "1.5", "9007199254740992", "9" * 5000, "\u0661"])
def test_reading_up_to_nothing_is_refused(alice, read_id):
    answer = alice.post("/rooms/lobby/read", id=read_id)
    assert (answer.code, answer.json["error"]["field"]) == ("invalid", "id")


def test_reading_up_to_somewhere_needs_a_somewhere(alice):
    assert alice.post("/rooms/lobby/read").code == "invalid"


def test_people_are_paged(chat, people, garden):
    crowd = [people(chat, f"friend {number}") for number in range(3)]
    streams = [friend.listen(f"room={garden}") for friend in crowd]
    streams[0].expect("presence", lambda presence: presence["count"] == 3)
    everybody = f"/rooms/{garden}/people"
    eventually(lambda: crowd[0].get(everybody).json["count"] == 3)  # the other worker may hear of it later
    page = crowd[0].get(f"{everybody}?limit=2").json
    assert page == {"count": 3, "people": [friend.user | {"state": "here"} for friend in crowd[:2]], "more": True}
    rest = crowd[0].get(f"{everybody}?after={page['people'][-1]['id']}&limit=2").json
    assert rest == {"count": 3, "people": [crowd[2].user | {"state": "here"}], "more": False}
