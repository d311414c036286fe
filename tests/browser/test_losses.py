"""What goes wrong on the way: a server that restarts, a line that breaks or falls silent, a session that ends."""

import time

import pytest
from playwright.sync_api import expect

from tests.browser.pages import LIVE
from tests.browser.test_trouble import NO_STREAMS
from tests.browser.windows import LOST, Desk, chromium_again
from tests.support.proxy import proxy_before
from tests.support.serving import eventually

CUT_SECONDS = 5.0


@pytest.fixture
def line(chat):
    """A proxy before the shared server, which can be cut."""
    with proxy_before(chat.host, chat.port) as proxy:
        yield proxy


def through(line) -> str:
    return f"http://{line.host}:{line.port}"


def said_in(room, person):
    return [each["body"] for each in person.get(f"/rooms/{room}/messages").json["messages"]]


def test_a_restart_in_between_loses_nothing_and_the_page_recovers_by_itself(window, serving, people):
    server = serving()
    alice, carol = people(server, "alice"), people(server, "carol")
    hers = window(carol, "lobby", at=server.base_url, forgives=LOST)
    alice.say("Before")
    hers.expect_said("Before")
    hers.composer.fill("Half a sen")
    server.stop()
    expect(hers.state).not_to_have_class(LIVE)
    server.start()
    alice.close()
    alice.say("After")
    hers.expect_said("Before", "After")
    hers.expect_live()
    expect(hers.composer).to_have_value("Half a sen")  # the page was not loaded anew
    hers.composer.press("Enter")
    hers.expect_said("Before", "After", "Half a sen")


def test_what_is_typed_while_the_server_restarts_is_said_once(window, serving, people):
    server = serving()
    carol = people(server, "carol")
    hers = window(carol, "lobby", at=server.base_url, forgives=LOST)
    server.stop()
    hers.say("Into the void")
    expect(hers.pending.locator(".status")).to_have_text("Waiting")
    server.start()
    hers.expect_said("Into the void")
    carol.close()
    assert said_in("lobby", carol) == ["Into the void"]


def test_a_cut_of_five_seconds_loses_nothing_and_repeats_nothing(window, alice, carol, garden, line):
    hers, others = window(carol, garden, at=through(line), forgives=LOST), window(alice, garden)
    alice.say("Before", room=garden)
    hers.expect_said("Before")
    line.cut()
    is_over = time.monotonic() + CUT_SECONDS
    expect(hers.state).to_contain_text("Reconnecting in")
    alice.say("Meanwhile", room=garden)
    hers.say("Typed one")
    hers.say("Typed two")
    expect(hers.pending.locator(".status")).to_have_text(["Waiting", "Waiting"])
    eventually(lambda: time.monotonic() > is_over)
    line.resume()
    hers.expect_said("Before", "Meanwhile", "Typed one", "Typed two")
    hers.expect_live()
    expect(hers.rows).to_have_count(4)
    others.expect_said("Before", "Meanwhile", "Typed one", "Typed two")
    assert said_in(garden, alice) == ["Before", "Meanwhile", "Typed one", "Typed two"]


def test_an_edit_and_a_removal_during_a_cut_are_caught_up_with(window, alice, carol, garden, line):
    changed, removed = (alice.say(text, room=garden) for text in ("Misspelt", "Regretted"))
    hers = window(carol, garden, at=through(line), forgives=LOST)
    line.cut()
    expect(hers.state).to_contain_text("Reconnecting")
    alice.post(f"/messages/{changed['id']}/edit", body="Well spelt")
    alice.post(f"/messages/{removed['id']}/remove")
    line.resume()
    hers.expect_said("Well spelt")
    expect(hers.messages.locator(".gone")).to_have_text("Message deleted")


def test_a_line_that_falls_silent_is_found_and_left(window, serving, people):
    server = serving(heartbeat_seconds=1)
    alice, carol = people(server, "alice"), people(server, "carol")
    with proxy_before(server.host, server.port) as line:
        hers = window(carol, "lobby", at=through(line), forgives=LOST)
        line.pause()
        expect(hers.state).not_to_have_class(LIVE)  # nothing was closed: it is the silence that tells
        alice.say("In the dead spot")
        line.resume()
        hers.expect_said("In the dead spot")
        hers.expect_live()


def test_offline_is_said_in_words_with_what_waits(window, carol, garden):
    hers = window(carol, garden, forgives=LOST)
    hers.context.set_offline(True)
    expect(hers.state).to_have_text("Offline")
    hers.say("Later then")
    expect(hers.state).to_have_text("Offline, 1 waiting")
    hers.context.set_offline(False)
    hers.expect_said("Later then")
    hers.expect_live()


def test_a_page_whose_token_is_stale_posts_all_the_same(window, carol, garden):
    hers = window(carol, garden, forgives="status of 400")
    hers.page.evaluate("document.querySelector('meta[name=csrf-token]').setAttribute('content', 'of the last version')")
    hers.say("Eight days later")
    hers.expect_said("Eight days later")
    expect(hers.failed).to_have_count(0)
    hers.edit("Eight days later", "Nine days later")
    hers.expect_said("Nine days later")


def test_a_page_whose_session_was_ended_says_so_in_words_and_keeps_the_text(window, carol, garden):
    hers = window(carol, garden, forgives="status of 40[01]")
    hers.composer.fill("Half a sentence")
    carol.post("/sign-out")
    expect(hers.state).to_contain_text("Signed out")
    expect(hers.composer).to_have_value("Half a sentence")
    hers.composer.press("Enter")
    expect(hers.failed.locator(".said")).to_have_text("Half a sentence")
    expect(hers.failed.locator(".failure")).to_contain_text("Pick a name first")
    hers.follow("Sign in again")
    expect(hers.page.get_by_label("Your name")).to_be_visible()


def test_a_name_that_another_person_took_ends_the_session_of_its_former_bearer(window, chat, people, carol, garden):
    hers = window(carol, garden, forgives="status of 401")
    chat.query("UPDATE users SET seen_at = '2001-01-01T00:00:00.000Z' WHERE name = 'carol'")
    people(chat).sign_in("carol")
    expect(hers.state).to_contain_text("Signed out")
    hers.follow("Sign in again")
    expect(hers.find(".problem")).to_contain_text("your name was released")


@pytest.fixture
def caching(browser, chat):
    """Opens windows that keep the pages that one leaves, as browsers do where nobody drives them."""
    with chromium_again(browser, ignore_default_args=["--disable-back-forward-cache"]) as another:
        desk = Desk(another, chat.base_url)
        yield desk.window
        desk.close()


def test_a_page_that_comes_back_from_the_cache_goes_on_listening_and_sending(caching, alice, carol, garden):
    hers = caching(carol, garden)
    hers.page.evaluate("window.addEventListener('pageshow', shown => { window.isBack = shown.persisted; })")
    hers.go("/")
    alice.say("While away", room=garden)
    hers.page.go_back(wait_until="commit")
    hers.expect_said("While away")
    hers.expect_live()
    assert hers.page.evaluate("window.isBack"), "the page was loaded anew"
    alice.say("And now", room=garden)
    hers.expect_said("While away", "And now")
    hers.say("I am back")
    hers.expect_said("While away", "And now", "I am back")


def test_a_browser_without_streams_hears_by_polls(window, alice, carol, garden):
    hers = window(carol)
    hers.page.add_init_script(NO_STREAMS)
    hers.enter(garden)
    alice.say("By poll", room=garden)
    hers.expect_said("By poll")
    expect(hers.here).to_contain_text(["carol"])
    hers.say("And back")
    hers.expect_said("By poll", "And back")


def test_a_browser_too_old_for_the_script_gets_the_live_frame(window, alice, carol, garden):
    hers = window(carol)
    hers.page.add_init_script("Date.now = undefined")
    hers.go(f"/rooms/{garden}")
    hers.composer.fill("Not to be lost")
    alice.say("Plain news", room=garden)
    expect(hers.page.frame_locator("#plain-live iframe").locator(".message .text")).to_have_text("Plain news")
    expect(hers.composer).to_have_value("Not to be lost")
    hers.press("Send")
    hers.expect_said("Plain news", "Not to be lost")


def test_a_hidden_window_that_comes_to_the_front_does_not_wait_for_its_turn(window, alice, carol, garden, line):
    hers = window(carol, garden, at=through(line), forgives=LOST)
    hers.hide()
    line.cut()
    expect(hers.state).to_contain_text("Reconnecting")
    eventually(lambda: "Reconnecting in" in hers.state.inner_text() and not line.connections)
    line.resume()
    hers.show()
    hers.expect_live()
