"""What one has written and the server has not yet acknowledged: at once in the log, said once, never lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.pages import Window
from tests.browser.windows import LOST
from tests.support.serving import eventually

POSTS = "**/messages?*"
MUTED = {"error": {"code": "muted", "message": "You are muted for a minute.", "field": None}}


class Held:
    """The POSTs of one window's messages, which stand still on their way until they are let go."""

    def __init__(self, window: Window) -> None:
        self._routes: list[Route] = []
        self._is_open = False
        window.page.route(POSTS, self._meet)

    def _meet(self, route: Route) -> None:
        if route.request.method == "POST" and not self._is_open:
            self._routes.append(route)
        else:
            route.continue_()

    def drop(self) -> None:
        """Let go those that come from now on; what was held never arrives."""
        self._is_open = True

    def release(self) -> None:
        self._is_open = True
        for route in self._routes:
            route.continue_()


def first_post(window: Window, answer: Callable[[Route], object]) -> None:
    """The first POST of a message is answered so; those after it go their way."""
    answered: list[Route] = []

    def meet(route: Route) -> None:
        if route.request.method == "POST" and not answered:
            answered.append(route)
            answer(route)
        else:
            route.continue_()

    window.page.route(POSTS, meet)


def test_ones_own_message_stands_there_at_once_and_is_then_settled(window, carol, garden):
    hers = window(carol, garden)
    held = Held(hers)
    hers.say("On its way\nand `plain`")
    expect(hers.pending.locator(".said")).to_have_text("On its way\nand `plain`")
    expect(hers.pending.locator(".status")).to_have_text("Sending")
    expect(hers.messages).to_have_count(0)
    held.release()
    hers.expect_said("On its way\nand plain")
    expect(hers.pending).to_have_count(0)


def test_the_event_settles_a_message_whose_answer_is_still_on_the_way(window, carol, garden):
    hers = window(carol, garden)
    answers = []
    first_post(hers, lambda route: answers.append((route, route.fetch())))
    hers.say("Once")
    hers.expect_said("Once")
    expect(hers.rows).to_have_count(1)
    eventually(lambda: hers.page.title() and answers)
    route, answer = answers[0]
    route.fulfill(response=answer)
    hers.say("Twice")
    hers.expect_said("Once", "Twice")
    expect(hers.rows).to_have_count(2)


def test_a_message_whose_answer_is_lost_is_said_once(window, chat, alice, carol, garden):
    hers, others = window(carol, garden, forgives=LOST), window(alice, garden)

    def lose(route: Route) -> None:
        assert route.fetch().status == 201
        route.abort()

    first_post(hers, lose)
    hers.say("Did it arrive?")
    hers.say("And this?")
    for each in hers, others:
        each.expect_said("Did it arrive?", "And this?")
    assert [each["body"] for each in carol.get(f"/rooms/{garden}/messages").json["messages"]] == [
        "Did it arrive?", "And this?"]


def test_several_wait_in_their_order(window, carol, garden):
    hers = window(carol, garden)
    held = Held(hers)
    for text in ("One", "Two", "Three"):
        hers.say(text)
    expect(hers.pending.locator(".said")).to_have_text(["One", "Two", "Three"])
    held.release()
    hers.expect_said("One", "Two", "Three")
    expect(hers.pending).to_have_count(0)


def test_what_was_not_yet_sent_outlives_a_reload(window, carol, garden):
    hers = window(carol, garden)
    held = Held(hers)
    hers.say("Typed just before the reload")
    hers.pending.wait_for()
    held.drop()
    hers.reload()
    hers.expect_said("Typed just before the reload")
    expect(hers.pending).to_have_count(0)


@pytest.fixture
def refused(window, carol, garden):
    """Carol's window with a text in it that the server did not take."""
    hers = window(carol, garden, forgives="status of 403")
    first_post(hers, lambda route: route.fulfill(status=403, json=MUTED))
    hers.say("Is this kept?")
    hers.failed.wait_for()
    return hers


def test_a_refused_message_is_kept_with_the_reason_and_retry_says_it(refused):
    expect(refused.failed.locator(".said")).to_have_text("Is this kept?")
    expect(refused.failed.locator(".status")).to_have_text("Not sent")
    expect(refused.failed.locator(".failure")).to_contain_text("You are muted for a minute.")
    refused.press("Retry")
    refused.expect_said("Is this kept?")
    expect(refused.failed).to_have_count(0)


def test_a_refused_message_outlives_a_reload_and_does_not_hold_up_the_next(refused):
    refused.reload()
    refused.say("The next one")
    refused.expect_said("The next one")
    expect(refused.failed.locator(".said")).to_have_text("Is this kept?")


def test_a_refused_message_can_be_given_up(refused):
    refused.failed.locator(".discard").click()
    expect(refused.rows).to_have_count(0)
    refused.reload()
    expect(refused.rows).to_have_count(0)


def test_a_refused_message_is_edited_in_the_composer_before_what_stands_there(refused):
    refused.composer.fill("And this?")
    refused.failed.locator(".edit").focus()
    refused.page.keyboard.press("Enter")
    expect(refused.composer).to_be_focused()
    expect(refused.composer).to_have_value("Is this kept?\nAnd this?")
    expect(refused.rows).to_have_count(0)
    refused.page.keyboard.type(" Yes.")
    expect(refused.reload().composer).to_have_value("Is this kept? Yes.\nAnd this?")
    expect(refused.rows).to_have_count(0)
    refused.composer.press("Enter")
    refused.expect_said("Is this kept? Yes.\nAnd this?")


def test_one_tab_alone_takes_a_refused_message_back(refused):
    other = refused.beside().enter(refused.room)
    button = other.failed.get_by_role("button", name="Edit")
    other.failed.locator(".retry").focus()
    other.page.evaluate("Chat.emit('outbox')")
    expect(other.failed.locator(".retry")).to_be_focused()
    button.click()
    expect(other.composer).to_have_value("Is this kept?")
    for tab in refused, other:
        expect(tab.rows).to_have_count(0)
    expect(refused.composer).to_have_value("")


def test_what_was_refused_for_a_room_that_is_gone_is_shown_but_not_put_where_others_would_read_it(refused):
    refused.page.evaluate("""() => {
        const key = Object.keys(localStorage).find(key => /[.]outbox[.]/.test(key));
        localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), room: 'gone' }));
    }""")
    expect(refused.reload().failed.locator(".failure")).to_contain_text("#gone You are muted for a minute.")
    expect(refused.failed.locator(".said")).to_have_text("Is this kept?")
    expect(refused.failed.locator(".edit")).to_have_count(0)
    refused.failed.locator(".discard").click()
    expect(refused.rows).to_have_count(0)
