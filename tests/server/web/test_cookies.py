"""Browsers that keep no cookies, or not all: they are told so, in words, and what to do."""

import pytest

from tests.support.clients import FORM

SAYS_SO = "This browser is blocking cookies"


@pytest.fixture
def refuser(chat, people):
    """Somebody whose browser keeps no cookie, or none of the given name."""
    def come(refused=None):
        person = people(chat)
        keep = person._remember

        def remember(connection, answer):
            kept = keep(connection, answer)
            for name in list(person.cookies):
                if refused in (None, name):
                    del person.cookies[name]
            return kept
        person._remember = remember
        return person
    return come


def test_a_first_visit_without_cookies_says_so_and_takes_no_name(chat, refuser):
    person = refuser()
    for path in ("/sign-in", "/", "/rooms/lobby"):
        answer = person.submit(person.look(path).form("/sign-in"), name="Cookie hater")
        assert answer.status == 400
        assert SAYS_SO in answer.page.text and "Allow cookies for this site" in answer.page.text
        assert answer.page.form("/sign-in").fields["name"] == "Cookie hater", "what was typed stands there again"
    assert not chat.query("SELECT 1 FROM users WHERE name = 'Cookie hater'")


def test_whoever_allows_them_then_sends_the_same_page_again(people, chat, refuser):
    person = refuser()
    refused = person.submit(person.look("/sign-in").form("/sign-in"), name="Convert")
    allowing = people(chat)
    allowing._remember(*_as_answer(refused))
    assert allowing.submit(refused.page.form("/sign-in"), name="Convert").status == 303


def _as_answer(answer):
    """The answer as a browser takes it in."""
    class Read:
        status, headers = answer.status, answer.headers

        @staticmethod
        def read():
            return answer.body
    return None, Read


@pytest.mark.parametrize("path", ["/sign-out", "/rooms/lobby/messages", "/rooms/lobby/leave", "/rooms",
                                  "/messages/1/edit", "/device/use", "/owner/claim", "/me/forget"])
def test_every_other_form_says_so_too(visitor, path):
    answer = visitor.request("POST", path, "csrf_token=x&body=x", Content_Type=FORM, Accept="text/html", Cookie="a=b")
    assert answer.status == 400 and SAYS_SO in answer.page.text
    program = visitor.request("POST", path, "csrf_token=x", Content_Type=FORM, Accept="application/json", Cookie="a=b")
    assert program.code == "csrf" and SAYS_SO in program.json["error"]["message"]


def test_a_page_that_is_only_old_is_told_so_instead(alice):
    answer = alice.request("POST", "/rooms/lobby/messages", "csrf_token=x&body=x", Content_Type=FORM)
    assert answer.status == 400 and SAYS_SO not in answer.page.text and "This page expired" in answer.page.text


def test_a_sign_in_whose_cookie_does_not_come_back_says_so(chat, refuser):
    person = refuser(chat.cookie())
    answer = person.submit(person.look("/rooms/lobby").form("/sign-in"), name="Half a convert")
    assert answer.status == 303
    for path in (answer.headers["Location"], "/", "/sign-in"):
        page = person.look(path)
        assert "This browser didn't save the cookie that keeps you signed in" in page.text
        assert page.form("/sign-in")


def test_who_signed_out_or_never_came_is_told_nothing_of_the_kind(people, chat, visitor):
    person = people(chat, "Cookie lover")
    person.post("/sign-out")
    for somebody in (person, visitor):
        assert "cookie" not in somebody.look("/").text
