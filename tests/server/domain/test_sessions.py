"""Signing out, and taking another device along."""

from urllib.parse import urlsplit

import pytest

from chat.core import times
from tests.conftest import free_name


@pytest.fixture
def two_devices(chat, people):
    """One person at both workers, each with a session of their own."""
    phone = people(chat, "alice", worker=chat.workers[0])
    laptop = people(chat, worker=chat.workers[1])
    code = code_in(phone.post("/device").json["link"])
    assert laptop.post("/device/use", code=code).json["user"] == phone.user
    return phone, laptop


def code_in(link):
    return urlsplit(link).query.removeprefix("code=")


def test_signing_out_ends_the_sessions_streams_at_both_workers(chat, alice):
    elsewhere = alice.also_at(chat.workers[1])
    streams = [person.listen(query) for person in (alice, elsewhere) for query in ("", "room=lobby")]
    assert alice.post("/sign-out").status == 204
    for stream in streams:
        stream.expect_end()
        bye = stream.events[-1]
        assert bye.name == "bye" and bye.data["reason"] == "revoked"
        assert stream.retry_ms == bye.data["retry_ms"]
    assert elsewhere.user is None


def test_signing_out_ends_no_other_session_and_nobody_elses_stream(two_devices, bob):
    phone, laptop = two_devices
    others = laptop.listen("room=lobby"), bob.listen("room=lobby")
    assert phone.post("/sign-out").status == 204
    bob.say("still there?")
    for stream in others:
        stream.expect_message("still there?")
        assert not stream.named("bye")


def test_signing_out_ends_a_held_poll(alice):
    held = alice.ask(f"/poll?since={alice.cursor()}&wait=25&room=lobby")
    assert not held.comes_within(0.3)
    alice.post("/sign-out")
    assert held.answer().status == 200


def test_what_a_page_of_the_former_person_sends_is_not_said_by_the_next(chat, alice):
    free_name(chat, "dora")
    token = alice.token()
    assert alice.post("/rooms/lobby/messages", body="by alice", token=token).status == 201
    alice.sign_in("dora")
    assert alice.post("/rooms/lobby/messages", body="by whom?", token=token).code == "csrf"


def test_an_ended_session_opens_nothing_any_more(chat, people, alice):
    kept = alice.also_at(chat.workers[0])
    alice.post("/sign-out")
    assert alice.session_cookie not in alice.cookies, "the browser is told to forget it"
    assert kept.user is None
    assert kept.post("/rooms/lobby/messages", body="still me").code == "sign_in"
    stream = kept.listen()
    said = people(chat, "bob").say("to members")
    assert kept.poll(f"since={said['id'] - 1}")["events"] == []
    assert not stream.named("message")


def test_signing_out_twice_is_no_error(alice):
    page = alice.look("/sign-out")
    assert alice.submit(page.form("/sign-out")).headers["Location"] == "/"
    assert alice.submit(page.form("/sign-out")).status == 303


def test_signing_in_anew_ends_the_session_that_was(alice, chat):
    stream = alice.listen("room=lobby")
    first = alice.user
    alice.sign_in("alice in wonderland")
    assert alice.user["id"] != first["id"]
    assert stream.expect("bye").data["reason"] == "revoked"


def test_both_devices_are_one_person(two_devices):
    phone, laptop = two_devices
    assert phone.cookies[phone.session_cookie] != laptop.cookies[laptop.session_cookie]
    message = phone.say("from the phone")
    assert laptop.post(f"/messages/{message['id']}/edit", body="from the laptop").status == 200


def test_looking_at_the_link_does_not_use_it_up(chat, people, alice):
    link = alice.submit(alice.look("/device").form("/device")).page
    address = next(link.find("input", id="link"))["value"]
    assert address.startswith(chat.base_url)
    code = code_in(address)
    preview, phone = people(chat), people(chat)
    for _ in range(3):
        preview.get(f"/device?code={code}")
        preview.request("HEAD", f"/device?code={code}")
    assert preview.user is None
    answer = phone.submit(phone.look(f"/device?code={code}").form("/device/use"))
    assert answer.status == 303
    assert phone.user == alice.user


def test_whoever_is_somebody_already_is_told_that_the_link_ends_that(alice, bob, visitor):
    """Anybody can send such a link: whoever presses its button is that person from then on, and no longer their own."""
    address = f"/device?code={code_in(alice.post('/device').json['link'])}"
    text = bob.look(address).text
    assert "signed in here as bob. Signing in replaces that, and unless bob is also signed in on another device" in text
    assert "Signing in replaces that" not in visitor.look(address).text


def test_the_link_works_once(chat, people, alice):
    code = code_in(alice.post("/device").json["link"])
    first, second = people(chat), people(chat)
    form = second.look(f"/device?code={code}").form("/device/use")
    assert first.post("/device/use", code=code).status == 200
    answer = second.submit(form)
    assert answer.status == 400
    assert "has been used" in answer.page.text
    assert second.user is None


@pytest.mark.parametrize("code", ["", "guessed", "\0", "x" * 10_000])
def test_a_guessed_link_opens_nothing(visitor, code):
    assert visitor.post("/device/use", code=code).code == "invalid"
    assert visitor.user is None


def test_the_link_is_good_for_a_quarter_of_an_hour(chat, people, alice, visitor):
    code = code_in(alice.post("/device").json["link"])
    chat.query("UPDATE device_codes SET created_at = ?", times.ago(minutes=16))
    assert visitor.post("/device/use", code=code).code == "invalid"


def test_a_visitor_has_nothing_to_take_along(visitor):
    assert visitor.post("/device").code == "sign_in"
    assert visitor.get("/device", Accept="application/json").code == "sign_in"
