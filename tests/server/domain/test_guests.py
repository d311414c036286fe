"""A name is all that is asked: whose it is, what it may be, when it is free again."""

import unicodedata

import pytest

from chat.core import times

GUEST_DAYS = 30  # the default


@pytest.fixture
def away(chat):
    """Makes as if a person had not been here for so many days."""
    def be_away(person, days):
        chat.query("UPDATE users SET seen_at = ? WHERE id = ?", times.ago(days=days), person.user["id"])
    return be_away


def refusal(person, name):
    answer = person.post("/sign-in", name=name)
    assert person.user is None, "nobody is signed in by a refusal"
    return answer.code, answer.json["error"]["field"]


def test_a_name_makes_a_guest(visitor):
    answer = visitor.post("/sign-in", name="  dora\u00a0 the   explorer ")
    assert answer.json == {"user": visitor.user, "csrf_token": visitor.token()}
    assert visitor.user["name"] == "dora the explorer" and visitor.user["kind"] == "guest"


@pytest.mark.parametrize("name", ["dave", "DAVE", "d\u0430ve", "ｄａｖｅ", "d\u0430v\u0435", "dav\u0435", " dave "])
def test_a_name_in_use_and_its_look_alikes_are_taken(chat, people, visitor, name):
    people(chat, "dave")
    assert refusal(visitor, name) == ("name_taken", "name")


def test_both_unicode_forms_of_a_name_are_one(chat, people, visitor):
    name = "Zo\u00eb"
    people(chat, name)
    assert unicodedata.normalize("NFD", name) != name
    assert refusal(visitor, unicodedata.normalize("NFD", name)) == ("name_taken", "name")


def test_a_bots_name_is_taken(hal, visitor):
    assert hal.user["kind"] == "bot"
    assert refusal(visitor, "Hal") == ("name_taken", "name")


def test_a_name_that_is_merely_near_is_free(chat, people):
    people(chat, "dave")
    assert people(chat, "davey").user and people(chat, "Dave 2").user


@pytest.mark.parametrize(("name", "code"), [
    ("", "invalid"), ("   ", "invalid"), ("\u3000", "invalid"), ("a\nb", "invalid"), ("a\0b", "invalid"),
    ("a\u202eb", "invalid"), ("a\u2066b", "invalid"), ("\u200b", "invalid"), ("a\u00adb", "invalid"),
    ("\u3164", "invalid"), ("x" * 33, "too_long"), ("\U0001f600" * 33, "too_long")])
def test_a_name_that_cannot_be_seen_or_said_is_refused(visitor, name, code):
    assert refusal(visitor, name) == (code, "name")


def test_a_name_may_have_32_characters_of_any_script(chat, people):
    for name in ("x" * 32, "\U0001f600" * 32, "محمد", "山田太郎"):
        assert people(chat, name).user["name"] == name


def test_a_missing_name_is_refused(visitor):
    answer = visitor.post("/sign-in")
    assert (answer.code, answer.json["error"]["field"]) == ("invalid", "name")


def test_the_refused_form_comes_back_with_the_name_and_the_way_on(chat, people, visitor):
    people(chat, "dave")
    answer = visitor.submit(visitor.look("/sign-in?next=/rooms/new").form("/sign-in"), name="Dave & <b>")
    assert answer.status == 303, "premise: this one is free"
    other = people(chat)
    answer = other.submit(other.look("/sign-in?next=/rooms/new").form("/sign-in"), name="DAVE")
    assert answer.status == 409
    again = answer.page.form("/sign-in")
    assert again.fields["name"] == "DAVE" and again.fields["next"] == "/rooms/new"
    assert other.submit(again, name="dave's friend").headers["Location"] == "/rooms/new"


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "/\t/evil.example",
                                       "evil.example", "javascript:alert(1)", "\\\\evil.example", "/\n/evil.example"])
def test_signing_in_leads_nowhere_else(chat, people, elsewhere):
    somebody = people(chat)
    form = somebody.look("/sign-in").form("/sign-in")
    answer = somebody.submit(form, name=f"led {elsewhere.encode().hex()[:20]}", next=elsewhere)
    assert (answer.status, answer.headers["Location"]) == (303, "/rooms/lobby")


def test_who_is_signed_in_is_not_asked_again(alice):
    answer = alice.get("/sign-in?next=/rooms/new")
    assert (answer.status, answer.headers["Location"]) == (303, "/rooms/new")


def test_a_name_is_free_after_a_month_without_a_visit(chat, people, visitor, away):
    first = people(chat, "dave")
    earlier = first.user
    away(first, GUEST_DAYS + 1)
    visitor.sign_in("dave")
    assert visitor.user["name"] == "dave"
    assert visitor.user["id"] != earlier["id"], "another person"


def test_a_name_is_kept_for_a_month(chat, people, visitor, away):
    away(people(chat, "dave"), GUEST_DAYS - 1)
    assert refusal(visitor, "dave") == ("name_taken", "name")


def test_a_bots_name_is_never_free(chat, hal, visitor):
    chat.query("UPDATE users SET seen_at = '2001-01-01T00:00:00.000Z' WHERE id = ?", hal.user["id"])
    assert refusal(visitor, "hal") == ("name_taken", "name")


def test_whoever_takes_a_name_is_visibly_another_person(chat, people, visitor, away):
    first = people(chat, "erin")
    before = first.say("mine")
    away(first, GUEST_DAYS + 1)
    visitor.sign_in("erin")
    after = visitor.say("mine, too")
    assert ">E</span>" in before["html"] and ">E2</span>" in after["html"]
    assert 'class="avatar' in before["html"]
    assert before["html"].split('class="avatar')[1][:5] != after["html"].split('class="avatar')[1][:5], "its colour"
    assert visitor.post(f"/messages/{before['id']}/edit", body="stolen").code == "forbidden"


def test_its_former_bearer_is_asked_for_another(chat, people, visitor, away):
    first = people(chat, "dave")
    away(first, GUEST_DAYS + 1)
    visitor.sign_in("dave")
    assert first.user is None
    assert first.post("/rooms/lobby/messages", body="still me").code == "sign_in"
    question = first.look("/sign-in")
    assert question.form("/sign-in").fields["name"] == "dave"
    assert "your name was released" in question.text
    assert first.submit(question.form("/sign-in"), name="dave the first").status == 303
    assert first.user["name"] == "dave the first"


def test_a_visit_keeps_the_name(chat, people, visitor, away):
    dave = people(chat, "dave")
    away(dave, GUEST_DAYS + 1)
    chat.query("UPDATE sessions SET seen_at = ? WHERE user_id = ?", times.ago(days=GUEST_DAYS + 1), dave.user["id"])
    assert dave.user, "back in time"
    assert refusal(visitor, "dave") == ("name_taken", "name")
