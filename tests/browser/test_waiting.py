"""A form that was sent too soon counts down and goes on by itself, once; without script one press suffices."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.clients import Person

ALL_MS = 301_000  # after three rooms the next may be opened in five minutes


@pytest.fixture
def server(serving):
    return serving(limits="on", posts_per_minute=1)


@pytest.fixture
def open_page(server, browser):
    """Opens pages for a person, with a clock that only the test moves."""
    opened = []

    def page(person, path, **options):
        context = browser.new_context(base_url=server.base_url, **options)
        opened.append(context)
        context.add_cookies([{"name": name, "value": value, "url": server.base_url}
                             for name, value in person.cookies.items()])
        page = context.new_page()
        page.clock.install()
        page.goto(path)
        return page

    yield page
    for context in opened:
        context.close()


@pytest.fixture
def eager(server, open_page):
    """Opens windows of somebody who has opened three rooms, and tries a fourth."""
    def window(**options):
        with Person(server) as carol:
            carol.sign_in("carol")
            assert {carol.post("/rooms", name=f"Room {number}").status for number in range(3)} == {201}
            page = open_page(carol, "/rooms/new", **options)
        page.fill("#name", "Fourth")
        page.click(".sheet form .button.main")
        return page

    return window


def let_time_pass(server):
    """Everybody has waited for long enough, as the server sees it."""
    with open(server.instance / "limits", "r+b") as counters:
        counters.truncate(0)


def seconds_left(page):
    expect(page.locator("#wait")).to_contain_text("Sending in")
    minutes, seconds = re.search(r"(\d+):(\d\d)", page.inner_text("#wait")).groups()
    return 60 * int(minutes) + int(seconds)


def test_it_counts_down_and_sends_what_stands_there_by_then(server, eager):
    page = eager()
    before = seconds_left(page)
    page.clock.run_for(60_000)
    assert seconds_left(page) <= before - 60
    assert page.input_value("#name") == "Fourth"
    page.fill("#topic", "of patience")
    let_time_pass(server)
    page.clock.run_for(ALL_MS)
    expect(page).to_have_url(f"{server.base_url}/rooms/fourth")
    expect(page.locator("#room-topic")).to_have_text("of patience")


def test_it_can_be_cancelled(server, eager):
    page = eager()
    page.click("#wait .link")
    let_time_pass(server)
    page.clock.run_for(ALL_MS)
    expect(page.locator("#wait")).to_have_text("You can try again now.")
    assert page.input_value("#name") == "Fourth"
    page.click(".sheet form .button.main")
    expect(page).to_have_url(f"{server.base_url}/rooms/fourth")


def test_it_is_sent_again_only_once(eager):
    page = eager()
    expect(page.locator("#wait")).to_contain_text("Sending in")
    page.clock.run_for(ALL_MS)  # by this clock; by the server's it is too soon
    expect(page.locator("#wait")).to_contain_text("Try again in")
    page.clock.run_for(ALL_MS)
    expect(page.locator("#wait")).to_have_text("You can try again now.")


def test_without_script_nothing_is_sent_by_itself(server, eager):
    page = eager(java_script_enabled=False)
    expect(page.locator("#wait")).to_contain_text("Try again in 5 minutes")
    assert page.locator("meta[http-equiv=refresh]").count() == 0
    let_time_pass(server)
    page.click(".sheet form .button.main")
    expect(page).to_have_url(f"{server.base_url}/rooms/fourth")


# The room's own page, where its script has not begun yet, or never will

OLD_EXPLORER = "document.documentMode = 9"


@pytest.fixture(params=[None, OLD_EXPLORER], ids=["script", "old browser"])
def talkative(request, server, people, open_page):
    """The room's page of somebody whose plain form was refused, because she sends too quickly."""
    carol = people(server, "carol")
    quick = [carol.post("/rooms/lobby/messages", body=f"Quick {number}").status for number in range(3)]
    assert quick[-1] == 429, "a premise"
    page = open_page(carol, "/rooms/lobby")
    if request.param:
        page.add_init_script(request.param)
    page.fill("#body", "One too many")
    page.evaluate("document.getElementById('composer').submit()")
    expect(page.locator("#wait")).to_contain_text("Sending in")
    assert page.input_value("#body") == "One too many"
    return page


def said(server):
    return [body for (body,) in server.query("SELECT body FROM messages WHERE body NOT LIKE 'Quick%' ORDER BY id")]


def test_a_message_goes_on_by_itself_once_and_leaves_nothing_behind(server, talkative):
    let_time_pass(server)
    talkative.clock.run_for(ALL_MS)
    expect(talkative.locator(".message .text").last).to_have_text("One too many")
    expect(talkative.locator("#wait")).to_have_count(0)
    expect(talkative.locator("#body")).to_have_value("")
    talkative.clock.run_for(ALL_MS)
    assert said(server) == ["One too many"]


def test_a_message_that_is_sent_meanwhile_is_not_sent_again(server, talkative):
    let_time_pass(server)
    talkative.click("#composer .button.main")
    expect(talkative.locator(".message .text").last).to_have_text("One too many")
    talkative.fill("#body", "Half a sent")
    talkative.clock.run_for(ALL_MS)
    expect(talkative.locator("#body")).to_have_value("Half a sent")
    assert said(server) == ["One too many"]


def test_a_message_can_be_cancelled(server, talkative):
    talkative.click("#wait .link")
    let_time_pass(server)
    talkative.clock.run_for(ALL_MS)
    expect(talkative.locator("#wait")).to_have_text("You can try again now.")
    assert talkative.input_value("#body") == "One too many" and said(server) == []
