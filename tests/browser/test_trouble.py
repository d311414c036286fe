"""A server in trouble, or something that speaks in its place: the page waits as it is told, and says so in words."""

import re
import time
from functools import partial
from itertools import pairwise

import pytest
from playwright.sync_api import Route, expect

from tests.browser.pages import Window
from tests.browser.windows import IN_THE_PAGE, LOST
from tests.support.proxy import proxy_before
from tests.support.serving import eventually

STREAM, POLL = "**/stream?*", "**/poll?*"
NO_STREAMS = "delete window.EventSource; delete XMLHttpRequestEventTarget.prototype.onprogress"
ASKED_SECONDS = 2
HELD_UP = re.compile(r"Reconnecting in \d s$")
NOTE_DELAYS = """() => {
    window.delays = [];
    Math.random = () => 0.5;
    Chat.on('state', (name, delayMs) => { if (name === 'held') { window.delays.push(delayMs); } });
}"""


class Refusals:
    """Requests of one kind that are answered in the server's place, and when each came."""

    def __init__(self, window: Window, url: str, **answer: object) -> None:
        self.times: list[float] = []
        self._window = window
        self._url = url
        self._answer = answer
        window.page.route(url, self._meet)

    def _meet(self, route: Route) -> None:
        self.times.append(time.monotonic())
        route.fulfill(**self._answer)

    def end(self) -> None:
        self._window.page.unroute(self._url)


@pytest.fixture
def window(window):
    """Without a SharedWorker: what that asks is out of a route's reach."""
    return partial(window, scripts=[IN_THE_PAGE])


def busy(status: int) -> dict[str, object]:
    error = {"error": {"code": "busy", "message": "That's too large.", "field": None}}
    return {"status": status, "json": error, "headers": {"Retry-After": str(ASKED_SECONDS)}}


def test_a_refused_stream_asks_the_poll_once_and_waits_as_long_as_that_says(window, alice, carol, garden):
    hers = window(carol, forgives="status of 503")
    streams, polls = Refusals(hers, STREAM, status=503), Refusals(hers, POLL, **busy(503))
    hers.go(f"/rooms/{garden}")
    expect(hers.state).to_have_text(HELD_UP)
    hers.page.evaluate("window.dispatchEvent(new Event('online'))")  # no reason to come earlier
    eventually(lambda: hers.page.title() and len(polls.times) >= 2)
    asked = sorted([(at, "stream") for at in streams.times] + [(at, "poll") for at in polls.times])[:4]
    assert [what for _, what in asked] == ["stream", "poll"] * 2
    assert asked[2][0] - asked[1][0] >= ASKED_SECONDS
    streams.end()
    polls.end()
    alice.say("When all is well again", room=garden)
    hers.expect_said("When all is well again")
    hers.expect_live()


def test_a_refused_poll_waits_as_long_as_it_is_told(window, alice, carol, garden):
    hers = window(carol, forgives="status of 429")
    hers.page.add_init_script(NO_STREAMS)
    polls = Refusals(hers, POLL, **busy(429))
    hers.go(f"/rooms/{garden}")
    expect(hers.state).to_have_text(HELD_UP)
    eventually(lambda: hers.page.title() and len(polls.times) >= 2)
    assert polls.times[1] - polls.times[0] >= ASKED_SECONDS
    polls.end()
    alice.say("When all is well again", room=garden)
    hers.expect_said("When all is well again")
    hers.expect_live()


def test_a_post_that_is_refused_so_is_sent_when_it_may_be(window, carol, garden):
    hers = window(carol, garden, forgives="status of 503")
    posts = Refusals(hers, f"**/rooms/{garden}/messages?*", **busy(503))
    hers.say("In a moment")
    expect(hers.pending.locator(".status")).to_have_text(re.compile(r"^Sending in \d s$"))
    posts.end()
    hers.expect_said("In a moment")
    tries = [*posts.times, time.monotonic()]
    assert all(later - earlier >= ASKED_SECONDS for earlier, later in pairwise(tries)), tries


@pytest.mark.parametrize("scripts", [(), (NO_STREAMS,)], ids=["by stream", "by poll"])
def test_a_gate_that_answers_everything_with_its_own_page_is_waited_out(window, alice, carol, garden, scripts):
    hers = window(carol, forgives="MIME type")
    for script in scripts:
        hers.page.add_init_script(script)
    hers.enter(garden)
    gates = [Refusals(hers, url, status=200, content_type="text/html", body="<h1>Pay for the network first</h1>")
             for url in (STREAM, POLL, "**/messages?*")]
    hers.page.evaluate("Chat.connection.close(); Chat.connection.open()")
    expect(hers.state).to_contain_text("Reconnecting in")
    hers.say("Behind the gate")
    expect(hers.pending.locator(".status")).to_have_text("Waiting")
    alice.say("Meanwhile", room=garden)
    for gate in gates:
        assert gate.times or scripts, "the gate was not met"
        gate.end()
    expect(hers.message("Meanwhile")).to_have_count(1)
    expect(hers.message("Behind the gate")).to_have_count(1)
    expect(hers.rows).to_have_count(2)
    hers.expect_live()


def test_a_closed_stream_does_what_the_polls_status_says(window, carol, garden):
    hers = window(carol, forgives="status of 404")
    gone = {"status": 404, "json": {"error": {"code": "not_found", "message": "Gone.", "field": None}}}
    Refusals(hers, STREAM, **gone)
    polls = Refusals(hers, POLL, **gone)
    hers.go(f"/rooms/{garden}")
    expect(hers.state).to_have_text("This room is now private")
    hers.page.evaluate("window.dispatchEvent(new Event('online'))")
    assert len(polls.times) == 1


def test_after_some_quick_tries_each_failure_draws_the_delay_from_twice_the_span(window, chat, carol, garden):
    with proxy_before(chat.host, chat.port) as line:
        hers = window(carol, garden, at=f"http://{line.host}:{line.port}", forgives=LOST)
        hers.page.evaluate(NOTE_DELAYS)
        line.cut()
        eventually(lambda: hers.page.evaluate("window.delays.length") >= 10)
        delays = [round(delay / 100) for delay in hers.page.evaluate("window.delays.slice(0, 10)")]
        assert delays == [5] * 8 + [9, 17]  # 0.1 s, and half of 0.8, 1.6, 3.2


def test_a_page_in_the_cache_hears_nothing_and_goes_on_when_it_is_back(window, alice, carol, garden):
    hers = window(carol, garden)
    opened = []
    hers.page.on("request", lambda request: opened.append(request.url) if "/stream" in request.url else None)
    leave = "name => window.dispatchEvent(new PageTransitionEvent(name, { persisted: true }))"
    hers.page.evaluate(leave, "pagehide")
    alice.say("While in the cache", room=garden)
    hers.say("Typed in the last moment")
    expect(hers.message("Typed in the last moment")).to_have_count(1)
    assert not opened and hers.message("While in the cache").count() == 0
    hers.page.evaluate(leave, "pageshow")
    hers.expect_said("While in the cache", "Typed in the last moment")
    assert len(opened) == 1
