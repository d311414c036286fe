"""Messages by program: post, post again, read by page, edit, remove."""

import re

import pytest


def test_what_is_acknowledged_is_the_message_and_durable(alice, chat):
    answer = alice.post("/rooms/lobby/messages", body="hi", client_id="k3-_Z")
    assert answer.status == 201
    message = answer.json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["created_at"])
    html, created_at = message.pop("html"), message.pop("created_at")
    assert message == {"id": message["id"], "room": "lobby", "author": alice.user, "body": "hi", "client_id": "k3-_Z",
                       "edited_at": None, "removed": False, "removed_at": None, "removed_by": None}
    assert html.startswith("<li") and created_at in html
    assert chat.query("SELECT body FROM messages WHERE id = ?", message["id"]) == [("hi",)]


@pytest.mark.parametrize(("typed", "kept"), [
    ("  hi \n", "hi"), ("one\r\ntwo\rthree", "one\ntwo\nthree"), ("\u2028hi", "hi"), ("a\u2028b", "a\u2028b"),
    ("\U0001f600" * 4000, "\U0001f600" * 4000), (" " * 5000 + "hi", "hi"),
    ("x\r\n" * 1999 + "xx", "x\n" * 1999 + "xx")])
def test_line_ends_are_one_and_the_ends_are_trimmed(alice, typed, kept):
    assert alice.say(typed)["body"] == kept


def test_the_same_client_id_again_brings_the_first_message_back(alice, bob):
    heard = bob.listen("room=lobby")
    first = alice.say("once", client_id="again")
    for body in ("once", "something else", "", "x" * 4001):
        answer = alice.post("/rooms/lobby/messages", body=body, client_id="again")
        assert (answer.status, answer.json) == (200, first)
    alice.say("marker")
    heard.expect_message("marker")
    assert heard.bodies == ["once", "marker"]


def test_two_authors_may_have_the_same_client_id(alice, bob):
    assert alice.say("hers", client_id="same")["id"] != bob.say("his", client_id="same")["id"]


def test_a_client_id_outlives_the_removal(alice):
    message = alice.say("gone soon", client_id="kept")
    alice.post(f"/messages/{message['id']}/remove")
    answer = alice.post("/rooms/lobby/messages", body="gone soon", client_id="kept")
    assert answer.status == 200
    assert answer.json["id"] == message["id"] and answer.json["removed"] is True and answer.json["body"] == ""


@pytest.mark.parametrize("client_id", ["x" * 65, "a b", "é", "a/b", "a\n"])
def test_a_client_id_of_other_characters_is_refused(alice, client_id):
    answer = alice.post("/rooms/lobby/messages", body="hi", client_id=client_id)
    assert (answer.code, answer.json["error"]["field"]) == ("invalid", "client_id")


def test_plain_forms_carry_no_client_id_of_the_servers(alice, garden):
    form = alice.look(f"/rooms/{garden}").form("/messages")
    assert form.fields.keys() == {"csrf_token", "form_id", "body"}


def ids_of(answer):
    return [message["id"] for message in answer["messages"]]


def test_the_past_is_read_by_page_in_any_direction(alice, garden):
    ids = [alice.say(str(number), room=garden)["id"] for number in range(7)]

    def page(query):
        return alice.get(f"/rooms/{garden}/messages?{query}").json

    newest = page("limit=3")
    assert (ids_of(newest), newest["more"]) == (ids[4:], True)
    assert newest["cursor"] >= ids[-1]
    older = page(f"limit=3&before={ids[4]}")
    assert (ids_of(older), older["more"]) == (ids[1:4], True)
    oldest = page(f"limit=3&before={ids[1]}")
    assert (ids_of(oldest), oldest["more"]) == (ids[:1], False)
    newer = page(f"limit=3&after={ids[1]}")
    assert (ids_of(newer), newer["more"]) == (ids[2:5], True)
    last = page(f"limit=3&after={ids[4]}")
    assert (ids_of(last), last["more"]) == (ids[5:], False)
    around = page(f"limit=3&around={ids[3]}")
    assert ids_of(around) == ids[2:5] and around["more"] is True
    assert ids_of(page(f"limit=1&around={ids[3]}")) == [ids[3]]
    assert ids_of(page(f"around={ids[3]}")) == ids
    assert page(f"after={ids[-1]}") | {"cursor": 0} == {"messages": [], "cursor": 0, "more": False}


def test_an_edit_shows_at_once_everywhere(alice, bob):
    heard = bob.listen("room=lobby")
    message = alice.say("tpyo")
    answer = alice.post(f"/messages/{message['id']}/edit", body=" typo ")
    assert answer.status == 200
    assert answer.json["body"] == "typo" and answer.json["edited_at"].endswith("Z")
    assert 'class="edited"' in answer.json["html"] and "tpyo" not in answer.text
    event = heard.expect("edit")
    assert event.data == answer.json
    assert event.id > event.data["id"] == message["id"]


def test_an_edit_that_changes_nothing_is_no_event(alice, bob):
    heard = bob.listen("room=lobby")
    message = alice.say("fine")
    assert alice.post(f"/messages/{message['id']}/edit", body="fine ").json == message
    alice.say("marker")
    heard.expect_message("marker")
    assert heard.named("edit") == []


def test_a_removal_leaves_a_tombstone(alice, bob):
    heard = bob.listen("room=lobby")
    message = alice.say("regretted")
    answer = alice.post(f"/messages/{message['id']}/remove")
    assert answer.status == 200 and "regretted" not in answer.text
    stone = answer.json
    assert (stone["body"], stone["removed"], stone["removed_by"]) == ("", True, "author")
    assert stone["removed_at"].endswith("Z") and 'class="gone by-author"' in stone["html"]
    assert heard.expect("remove").data == stone
    for act in ("edit", "remove"):
        assert alice.post(f"/messages/{message['id']}/{act}", body="back").code == "not_found"


@pytest.mark.parametrize("act", ["edit", "remove"])
def test_nobody_changes_what_another_wrote(alice, bob, hal, visitor, act):
    message = alice.say("mine")
    assert bob.post(f"/messages/{message['id']}/{act}", body="his").code == "forbidden"
    assert hal.post(f"/messages/{message['id']}/{act}", body="its").code == "forbidden"
    assert visitor.post(f"/messages/{message['id']}/{act}", body="whose").code == "sign_in"
    assert alice.post(f"/messages/987654321/{act}", body="none").code == "not_found"
    assert alice.get("/rooms/lobby/messages?limit=1").json["messages"] == [message]


def test_a_refused_edit_changes_nothing(alice):
    message = alice.say("mine")
    for body, code in (("", "invalid"), ("x" * 4001, "too_long"), ("\0", "invalid")):
        answer = alice.post(f"/messages/{message['id']}/edit", body=body)
        assert (answer.code, answer.json["error"]["field"]) == (code, "body")
    assert alice.get("/rooms/lobby/messages?limit=1").json["messages"] == [message]
