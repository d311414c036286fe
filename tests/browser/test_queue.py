"""The composer never blocks: what cannot be sent waits in the browser, outlives its tab, and is sent once, in order."""

import json
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Error, Request, Route, expect

from tests.browser.pages import Window
from tests.browser.windows import IN_THE_PAGE, LOST
from tests.support.proxy import proxy_before
from tests.support.serving import eventually

POSTS = "**/rooms/*/messages?*"
NEWS = "**/{stream,poll}?*"
TABS = 12
TEXTS = ["One", "Two", "Three", "Four", "Five"]
NO_WEB_LOCKS = "delete Navigator.prototype.locks"
NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })"
NOT_TOLD = "addEventListener('storage', event => { if (event.key === null) { event.stopImmediatePropagation(); } })"
FORGET_MARK = "Object.keys(localStorage).forEach(key => /[.]queue$/.test(key) && localStorage.removeItem(key))"
FILL_STORAGE = """() => {
    for (let size = 1 << 22; size >= 1; size >>= 1) {
        try { for (let i = 0; ; i += 1) { localStorage.setItem(`fill.${size}.${i}`, 'x'.repeat(size)); } }
        catch (full) { }
    }
}"""


@pytest.fixture
def line(chat):
    """A proxy before the shared server, which can be cut."""
    with proxy_before(chat.host, chat.port) as proxy:
        yield proxy


@pytest.fixture
def opened(window, carol, garden, line):
    """Opens Carol's window through the line, live in the garden."""
    def open_(*scripts: str) -> Window:
        hers = window(carol, at=f"http://{line.host}:{line.port}", forgives=f"{LOST}|status of 40[034]")
        for script in scripts:
            hers.context.add_init_script(script)
        return hers.enter(garden)
    return open_


@pytest.fixture
def said(alice, garden):
    """What was said in the garden, as the server has it."""
    return lambda: [each["body"] for each in alice.get(f"/rooms/{garden}/messages").json["messages"]]


class Sent:
    """The POSTs of messages that all tabs of a window's browser send: `texts`, in their order."""

    def __init__(self, window: Window) -> None:
        self.texts: list[str] = []
        window.context.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.method == "POST" and "/messages?" in request.url:
            self.texts.append(parse_qs(request.post_data or "")["body"][0])


def on_posts(window: Window, meet: Callable[[Route], object]) -> None:
    """The POSTs of this tab's messages are met so."""
    window.page.route(POSTS, lambda route: meet(route) if route.request.method == "POST" else route.continue_())


def say_all(window: Window, texts: list[str] = TEXTS) -> None:
    for text in texts:
        window.say(text)
    expect(window.pending.locator(".said")).to_have_text(texts)


def crash(window: Window) -> None:
    """The tab dies, with no last word."""
    with suppress(Error):
        window.page.goto("chrome://crash")


def close(window: Window) -> None:
    window.page.close()


def test_what_was_written_offline_is_sent_in_order_each_once(opened, said):
    hers = opened()
    sent = Sent(hers)
    hers.context.set_offline(True)
    say_all(hers)
    expect(hers.state).to_have_text("Offline, 5 waiting")
    expect(hers.pending.locator(".status")).to_have_text(["Waiting"] * 5)
    assert set(sent.texts) <= {"One"}, "the next was tried before the first was said"
    hers.context.set_offline(False)
    tried = len(sent.texts)
    hers.expect_said(*TEXTS)
    expect(hers.rows).to_have_count(5)
    assert said() == TEXTS
    assert sent.texts[-5:] == TEXTS and len(sent.texts) <= tried + 6


def test_the_tab_crashes_and_loses_nothing(opened, garden, line, said):
    hers = opened()
    line.cut()
    say_all(hers)
    crash(hers)
    line.resume()
    again = hers.beside().enter(garden)
    again.expect_said(*TEXTS)
    expect(again.rows).to_have_count(5)
    assert said() == TEXTS


@pytest.mark.parametrize("scripts", [(), (NO_WEB_LOCKS,)], ids=["by Web Locks", "by localStorage"])
def test_twelve_tabs_that_find_the_same_queue_send_it_once(opened, garden, line, said, scripts):
    hers = opened(IN_THE_PAGE, *scripts)
    line.cut()
    say_all(hers)
    close(hers)
    line.resume()
    tabs = [hers.beside() for _ in range(TABS)]
    sent = Sent(tabs[0])
    for tab in tabs:
        tab.page.route(NEWS, lambda route: None)  # it is posting that counts here
        tab.page.evaluate("url => { location = url; }", f"{tab.base_url}/rooms/{garden}")
    eventually(lambda: tabs[0].page.title() and said() == TEXTS)
    for tab in tabs:
        expect(tab.state).to_have_text("Connecting")
        expect(tab.pending).to_have_count(0)
    assert sent.texts == TEXTS
    assert said() == TEXTS


@pytest.mark.parametrize(("scripts", "end"), [((), close), ((), crash), ((NO_WEB_LOCKS,), crash)],
                         ids=["closed, Web Locks", "crashed, Web Locks", "crashed, localStorage"])
def test_a_tab_that_ends_while_it_sends_leaves_the_rest_to_another(opened, said, scripts, end):
    one = opened(*scripts)
    other = one.beside().enter(one.room)
    held: list[Route] = []
    on_posts(one, held.append)
    sent = Sent(one)
    say_all(one)
    eventually(lambda: one.page.title() and held)
    expect(other.pending.locator(".said")).to_have_text(TEXTS)
    assert sent.texts == ["One"]
    end(one)
    other.expect_said(*TEXTS)
    expect(other.rows).to_have_count(5)
    assert [text for text in sent.texts if text != "One"] == TEXTS[1:]
    assert said() == TEXTS


def test_two_tabs_write_in_turns_offline_and_both_keep_their_order(opened, said):
    one = opened()
    other = one.beside().enter(one.room)
    sent = Sent(one)
    one.context.set_offline(True)
    for number, text in enumerate(TEXTS):
        (one, other)[number % 2].say(text)
    for tab in one, other:
        expect(tab.pending.locator(".said")).to_have_text(TEXTS)
        expect(tab.state).to_have_text("Offline, 5 waiting")
    tried = len(sent.texts)
    one.context.set_offline(False)
    for tab in one, other:
        tab.expect_said(*TEXTS)
        expect(tab.rows).to_have_count(5)
    assert said() == TEXTS
    assert [text for text in sent.texts[tried:] if text != "One"] == TEXTS[1:]


def test_a_server_killed_with_an_answer_lost_says_everything_once(window, serving, people):
    server = serving()
    carol = people(server, "carol")
    with proxy_before(server.host, server.port) as line:
        hers = window(carol, "lobby", at=f"http://{line.host}:{line.port}", forgives=LOST)

        def lose(route: Route) -> None:
            assert route.fetch().status == 201
            server.kill()
            route.abort()

        hers.page.route(POSTS, lose, times=1)
        for text in TEXTS:
            hers.say(text)
        expect(hers.pending.locator(".status").last).to_have_text("Waiting")
        expect(hers.pending.locator(".said").last).to_have_text("Five")
        server.start()
        hers.expect_said(*TEXTS)
        expect(hers.rows).to_have_count(5)
    carol.close()
    assert [each["body"] for each in carol.get("/rooms/lobby/messages").json["messages"]] == TEXTS


def test_a_reload_in_the_middle_of_sending_repeats_nothing(opened, said):
    hers = opened()
    answers = []
    hers.page.route(POSTS, lambda route: answers.append(route.fetch()), times=1)  # the page never hears of it
    for text in TEXTS:
        hers.say(text)
    eventually(lambda: hers.page.title() and answers)
    expect(hers.pending.locator(".said").last).to_have_text("Five")
    hers.reload()
    hers.expect_said(*TEXTS)
    expect(hers.rows).to_have_count(5)
    assert said() == TEXTS


@pytest.mark.parametrize("is_older", [False, True], ids=["of this edition", "of one that set no mark"])
def test_what_is_given_up_in_one_tab_is_gone_from_all(opened, said, is_older):
    one = opened()
    other = one.beside().enter(one.room)
    for tab in one, other:
        on_posts(tab, lambda route: route.fulfill(status=403, json={"error": {"code": "x", "message": "No."}}))
    one.say("Regretted")
    for tab in one, other:
        expect(tab.failed.locator(".failure")).to_contain_text("No.")
    if is_older:
        one.page.evaluate(FORGET_MARK)
        for tab in one, other:
            expect(tab.reload().failed).to_have_count(1)
    other.failed.locator(".discard").click()
    for tab in one, other:
        expect(tab.rows).to_have_count(0)
    assert said() == []


def test_a_queue_is_its_persons_own(opened, bob, said):
    hers = opened()
    on_posts(hers, Route.abort)
    say_all(hers, ["For carol's eyes"])
    hers.context.add_cookies([{"name": name, "value": value, "url": f"{hers.base_url}/"}
                              for name, value in bob.cookies.items()])
    his = hers.beside().enter(hers.room)
    expect(his.rows).to_have_count(0)
    expect(his.here).to_contain_text(["bob"])
    hers.page.unroute_all()
    hers.page.evaluate("window.dispatchEvent(new Event('online'))")  # a try is worth it now
    expect(hers.failed.locator(".failure")).to_contain_text("Someone else has signed in on this browser.")
    expect(hers.state).to_contain_text("Signed out")
    expect(his.reload().rows).to_have_count(0)
    assert said() == []


@pytest.mark.parametrize("refuse", ["full", "forbidden"])
def test_where_nothing_can_be_stored_the_page_alone_keeps_it_and_says_so(opened, line, said, refuse):
    hers = opened(*([NO_STORAGE] if refuse == "forbidden" else []))
    if refuse == "full":
        hers.page.evaluate(FILL_STORAGE)
    problem = hers.find("#problem")
    hers.say("While all is well")
    hers.expect_said("While all is well")
    expect(problem).to_be_hidden()
    line.cut()
    for text in TEXTS:
        hers.say(text)
    expect(problem).to_contain_text("Keep this page open until they're sent.")
    asked = []
    hers.page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    hers.page.close(run_before_unload=True)
    eventually(lambda: hers.page.title() and asked == ["beforeunload"])
    line.resume()
    hers.expect_said("While all is well", *TEXTS)
    expect(problem).to_be_hidden()
    assert said() == ["While all is well", *TEXTS]


@pytest.mark.parametrize("scripts", [(), (NOT_TOLD,)], ids=["told of it", "not yet told"])
def test_storage_that_is_emptied_by_others_loses_nothing(opened, line, said, scripts):
    one = opened(*scripts)
    other = one.beside().enter(one.room)
    line.cut()
    say_all(one)
    one.page.evaluate("localStorage.setItem('mine', 1)")
    eventually(lambda: other.page.evaluate("localStorage.getItem('mine')"))
    other.page.evaluate("localStorage.clear()")
    eventually(lambda: one.page.evaluate("localStorage.getItem('mine')") is None)
    one.say("Six")
    expect(one.pending.locator(".said")).to_have_text([*TEXTS, "Six"])
    eventually(lambda: one.page.title() and other.page.evaluate("Object.keys(localStorage).length") > len(TEXTS))
    line.resume()
    one.expect_said(*TEXTS, "Six")
    assert said() == [*TEXTS, "Six"]


HALF = "cut off here \ud83d"
MADE_WHOLE = "cut off here \ufffd"
# What lies in the queue of whoever was here with another edition, or with something else at work in their storage.
STRANGE = {
    "half": {"clientId": "half", "room": "%s", "body": HALF, "at": 1, "order": 1, "isFailed": False, "reason": ""},
    "roomless": {"clientId": "roomless", "body": "For no room", "at": 2, "order": 2},
    "nested": {"clientId": "nested", "room": "%s", "body": {"text": "Of another edition"}, "at": 3, "order": 3},
    "numeric": {"clientId": 4, "room": 5, "body": 6, "at": "then", "order": "four", "isFailed": "no"},
    "timeless": {"room": "%s", "body": "Without a time", "at": {}, "order": 5, "added": ["later"]},
    "nowhere": {"clientId": "nowhere", "room": "../\ud83d", "body": "For a strange room", "at": 6, "order": 6},
    "empty": {}, "list": [1], "text": "text", "number": 8, "none": None}
PUT = """([start, entries]) => {
    for (const id in entries) { localStorage.setItem(start + id, JSON.stringify(entries[id])); }
    localStorage.setItem(start + 'broken', '{"body": "half');
    localStorage.setItem(start.replace('outbox.', 'pace'), '{"setAt": 1, "notBefore": 1e300, "failures": 0}');
}"""


def test_half_a_surrogate_pair_is_made_whole_and_holds_up_nothing(opened, said):
    one = opened()
    other = one.beside().enter(one.room)
    one.say(HALF)
    other.say("Behind it")
    for tab in one, other:
        tab.expect_said(MADE_WHOLE, "Behind it")
        expect(tab.pending).to_have_count(0)
    assert said() == [MADE_WHOLE, "Behind it"]


def test_a_message_is_changed_to_a_text_with_half_a_pair(opened, said):
    hers = opened()
    hers.say("Whole")
    hers.expect_said("Whole")
    hers.composer.press("ArrowUp")
    hers.find(".edit-form textarea").fill(HALF)
    hers.press("Save")
    hers.expect_said(MADE_WHOLE)
    assert said() == [MADE_WHOLE]


@pytest.mark.parametrize("scripts", [(), (NO_WEB_LOCKS,)], ids=["by Web Locks", "by localStorage"])
def test_whatever_lies_in_the_queue_holds_up_no_other(opened, said, scripts):
    one = opened(*scripts)
    start = one.page.evaluate("Chat.drawer") + "outbox."
    entries = json.loads(json.dumps(STRANGE).replace("%s", one.room))
    one.page.evaluate(PUT, [start, entries])
    tabs = [one.reload(), one.beside().enter(one.room)]
    one.say("After all that")
    for tab in tabs:
        tab.expect_said(MADE_WHOLE, "Without a time", "After all that")
        expect(tab.pending).to_have_count(0)
        expect(tab.failed.locator(".said")).to_have_text(
            ["For no room", '{"text":"Of another edition"}', "For a strange room", "6"])
        expect(tab.failed.first.locator(".failure")).to_contain_text("can't be sent as it is")
    assert said() == [MADE_WHOLE, "Without a time", "After all that"]
    one.failed.first.locator(".retry").click()
    one.expect_said(MADE_WHOLE, "Without a time", "After all that", "For no room")
    tabs[1].failed.last.locator(".discard").click()
    for tab in tabs:
        expect(tab.failed.locator(".said")).to_have_text(['{"text":"Of another edition"}', "For a strange room"])


def test_what_throws_when_it_is_sent_fails_alone(opened, said):
    hers = opened()
    hers.page.evaluate("""() => {
        const encode = window.encodeURIComponent;
        window.encodeURIComponent = text => encode(text === 'Poison' ? '\\ud83d' : text);
    }""")
    hers.say("Poison")
    hers.say("Behind it")
    hers.expect_said("Behind it")
    expect(hers.failed.locator(".said")).to_have_text("Poison")
    expect(hers.failed.locator(".failure")).to_contain_text("can't be sent as it is")
    expect(hers.reload().failed.locator(".said")).to_have_text("Poison")
    hers.failed.locator(".retry").click()
    hers.expect_said("Behind it", "Poison")
    assert said() == ["Behind it", "Poison"]
