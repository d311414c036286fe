"""The live frame of the page without script."""

import re

import pytest


def next_of(page) -> str:
    """Where the frame asks to be loaded from again."""
    return re.search(r'http-equiv="refresh" content="(\d+); url=([^"]+)"', page.raw)[2].replace("&amp;", "&")


@pytest.fixture
def frame(bob, garden):
    """The address in the frame of bob's page."""
    page = bob.look(f"/rooms/{garden}")
    return next(found["src"] for found in page.find("iframe"))


def test_the_first_load_is_answered_at_once(bob, frame):
    page = bob.ask(frame).answer().page
    assert not list(page.find("li", **{"class": "message"}))
    assert re.search(r"since=\d+", frame)[0] in next_of(page), "the page's cursor stays"
    assert "seen=" in next_of(page)


def test_it_is_held_before_its_first_byte_until_there_is_news(alice, bob, frame, garden):
    held = bob.ask(next_of(bob.look(frame)))
    assert not held.comes_within(0.3)
    alice.say("elsewhere")
    assert not held.comes_within(0.3)
    alice.say("news", room=garden)
    page = held.answer().page
    assert "news" in page.text
    held = bob.ask(next_of(page))
    alice.say("more", room=garden)
    eventual = held.answer().page
    assert "news" in eventual.text and "more" in eventual.text, "everything since the page"
    assert not list(eventual.find("textarea")), "the form is another's"


def test_what_came_between_two_loads_is_not_waited_for(alice, bob, frame, garden):
    following = next_of(bob.look(frame))
    alice.say("between", room=garden)
    assert "between" in bob.look(following).text


def test_past_a_hundred_rows_it_offers_the_page_anew(alice, bob, frame, garden):
    for number in range(100):
        alice.say(str(number), room=garden)
    assert "refresh" in bob.look(frame).raw.split("<body")[0]
    alice.say("one more", room=garden)
    page = bob.look(frame)
    assert 'http-equiv="refresh"' not in page.raw
    assert next(page.find("a", target="_top"))["href"] == f"/rooms/{garden}"


def test_an_edit_shows_in_the_frame(alice, bob, frame, garden):
    message = alice.say("tpyo", room=garden)
    held = bob.ask(next_of(bob.look(frame)))
    alice.post(f"/messages/{message['id']}/edit", body="typo")
    page = held.answer().page
    assert "typo" in page.text and "tpyo" not in page.text


def test_whoever_reads_by_frame_is_here(bob, visitor, frame, garden):
    bob.look(frame)
    assert [person["name"] for person in bob.get(f"/rooms/{garden}/people").json["people"]] == ["bob"]
    visitor.look(frame)
    assert len(bob.get(f"/rooms/{garden}/people").json["people"]) == 1


def test_a_frame_is_not_kept_by_browsers(bob, frame):
    assert {"no-cache", "no-store"} & set(bob.get(frame).headers["Cache-Control"].split(", "))
