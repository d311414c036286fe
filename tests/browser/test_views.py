"""The compact view, which is a person's own, and what an empty room shows."""

import pytest
from playwright.sync_api import expect

from tests.browser.windows import Desk

USUAL_PX, COMPACT_PX = 60, 52


@pytest.fixture
def busy(people, chat, garden):
    for name in ("erin", "frank", "grace"):
        people(chat, name).say(f"A line by {name}", room=garden)
    return garden


def pitch(window):
    """From one message of a line to the next."""
    first, second = (window.box(window.messages.nth(index))["y"] for index in (1, 2))
    return second - first


def choose(window, view):
    window.go("/me").page.get_by_label(view).check()
    window.find("form[action$='/me/view'] button").click()
    expect(window.page.get_by_label(view)).to_be_checked()


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "plain"])
def test_the_compact_view_is_a_persons_own_and_goes_where_they_go(window, carol, bob, busy, has_script):
    options = {"java_script_enabled": has_script}
    hers, phone, his = window(carol, **options), window(carol, **options), window(bob, **options)
    assert pitch(his.go(f"/rooms/{busy}")) == USUAL_PX
    choose(hers, "Compact")
    assert pitch(hers.go(f"/rooms/{busy}")) == pitch(phone.go(f"/rooms/{busy}")) == COMPACT_PX
    assert pitch(his.go(f"/rooms/{busy}")) == USUAL_PX, "for her alone"
    choose(phone, "Comfortable")
    assert pitch(hers.go(f"/rooms/{busy}")) == USUAL_PX


def test_an_empty_room_greets_in_the_middle_and_gives_a_link_to_invite(browser, serving, people):
    server = serving(welcome="Welcome to the shed.")
    carol = people(server, "carol")
    desk = Desk(browser, server.base_url)
    hers = desk.window(carol, "lobby", permissions=["clipboard-read", "clipboard-write"])
    expect(hers.find("#empty")).to_contain_text("Welcome to the shed.")
    log, empty = hers.box("#log"), hers.box("#empty")
    assert abs(log["y"] + log["height"] / 2 - (empty["y"] + empty["height"] / 2)) < 24
    hers.press("Copy invite link")
    expect(hers.find("#invite")).to_have_text("Copied")
    assert hers.page.evaluate("navigator.clipboard.readText()") == f"{server.base_url}/rooms/lobby"
    hers.say("First")
    hers.expect_said("First")
    expect(hers.find("#empty")).to_be_hidden()
    assert hers.box(hers.messages.first)["y"] < log["y"] + log["height"] / 3, "no longer in the middle"
    plain = desk.window(java_script_enabled=False).go("/rooms/lobby")
    expect(plain.find("#empty")).to_be_hidden()
    carol.post("/rooms", name="Shed")
    expect(plain.go("/rooms/shed").find("#invite a")).to_have_text(f"{server.base_url}/rooms/shed")
    desk.close()
