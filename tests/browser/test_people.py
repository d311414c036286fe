"""Who is here, who is away, who is typing."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

AWAY_AFTER = "02:01"  # minutes out of sight
TYPING_SHOWN = "00:07"
PAUSED_AFTER = timedelta(seconds=30)  # a clock can only be stopped where it has not been yet


def test_a_third_who_joins_appears_in_both_rosters(window, people, chat, alice, bob, garden):
    hers, his = window(alice, garden), window(bob, garden)
    for each in hers, his:
        expect(each.here).to_have_count(2)
    window(people(chat, "dora"), garden)
    expect(hers.here).to_have_text(["alice", "bob", "dora"])  # oneself first
    expect(his.here).to_have_text(["bob", "alice", "dora"])
    for each in hers, his:
        expect(each.find("#here-count")).to_have_text("3")
    expect(hers.find("#roster-here li").first).to_have_text("alice (you)")


def test_a_visitor_sees_who_is_here_and_is_not_among_them(window, alice, garden):
    window(alice, garden)
    visitor = window().enter(garden)
    expect(visitor.here).to_have_text(["alice"])


def test_two_minutes_out_of_sight_is_away_and_a_look_is_here_again(window, alice, carol, garden):
    hers, others = window(carol), window(alice, garden)
    hers.page.clock.install()
    hers.enter(garden)
    expect(others.here).to_have_text(["alice", "carol"])
    hers.hide()
    hers.page.clock.fast_forward(AWAY_AFTER)
    expect(others.away).to_have_text(["carol"])
    expect(others.here).to_have_text(["alice"])
    hers.show()
    expect(others.here).to_have_text(["alice", "carol"])
    expect(others.away).to_have_count(0)


@pytest.fixture
def listener(window, alice, garden):
    """Alice's window, in which no time passes but what the test puts its clock forward."""
    hers = window(alice)
    hers.page.clock.install()
    hers.enter(garden)
    hers.page.clock.pause_at(datetime.now() + PAUSED_AFTER)
    return hers


def test_typing_shows_until_the_message_comes(window, listener, carol, garden):
    hers = window(carol, garden)
    hers.composer.type("Wonder")
    expect(listener.typing).to_have_text("\u2068carol\u2069 is typing…")
    expect(hers.typing).to_have_text("")
    hers.composer.type("ful!")
    hers.composer.press("Enter")
    listener.expect_said("Wonderful!")
    expect(listener.typing).to_have_text("")


def test_typing_that_stops_is_forgotten(window, listener, carol, garden):
    window(carol, garden).composer.type("Hm")
    expect(listener.typing).to_contain_text("is typing…")
    listener.page.clock.fast_forward(TYPING_SHOWN)
    expect(listener.typing).to_have_text("")


def test_two_who_type_are_both_named_and_more_are_several(window, people, chat, listener, bob, carol, garden):
    dora = people(chat, "dora")
    for person in bob, carol:
        person.post(f"/rooms/{garden}/typing")
    expect(listener.typing).to_contain_text("are typing…")
    expect(listener.typing).to_contain_text("carol")
    dora.post(f"/rooms/{garden}/typing")
    expect(listener.typing).to_have_text("Several people are typing…")


def test_typing_moves_nothing(window, alice, carol, garden):
    hers = window(carol, garden)
    before = hers.box("#composer")
    alice.post(f"/rooms/{garden}/typing")
    expect(hers.typing).to_contain_text("alice")
    assert hers.box("#composer") == before


def test_whoever_takes_a_name_that_became_free_looks_different(window, chat, people, carol, garden):
    hers = window(carol, garden, forgives="status of 401")
    carol.say("I was here first", room=garden)
    chat.query("UPDATE users SET seen_at = '2001-01-01T00:00:00.000Z' WHERE name = 'carol' AND released_at IS NULL")
    other = people(chat).sign_in("carol")
    other.say("And I am another", room=garden)
    shown = window(other, garden)
    squares = shown.messages.locator(".avatar")
    expect(squares).to_have_count(2)
    first, second = squares.all()
    assert first.inner_text() != second.inner_text()
    assert first.get_attribute("class") != second.get_attribute("class")
    expect(hers.state).to_contain_text("Signed out")


def test_those_who_listen_hear_what_others_say(window, alice, carol, garden):
    hers = window(carol, garden)
    live = hers.find("#announcer")
    expect(live).to_have_attribute("aria-live", "polite")
    hers.say("My own is not read out")
    hers.message("My own").wait_for()
    alice.say("Can you hear me?", room=garden)
    expect(live).to_have_text("alice says: Can you hear me?")
