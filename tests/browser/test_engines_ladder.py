"""The whole ladder in every engine, each step forced by what stands between.

The oracle of each test: everything that was posted while steps change is on the page, once and in its order, and the
words about the connection are right.
"""

import pytest

from tests.browser import obstacles
from tests.browser.engines.talking import CHECKING, HELD_UP, LIVE, Talk
from tests.browser.obstacles import POLL, STREAM, obstacles_before
from tests.browser.windows import LOST
from tests.support.proxy import proxy_before
from tests.support.serving import eventually

# The page has its own line then, as in a browser that cannot share one.
ALONE = "delete self.SharedWorker;"
NO_EVENTSOURCE = f"{ALONE} delete self.EventSource;"
# What engines write by themselves of a request that is not answered, or not by the chat.
FORGIVEN = f"{LOST}|status of|MIME type|can.t establish a connection|was interrupted while the page|NetworkError"
PAGE = "<!doctype html><title>Oh</title><h1>This is not the chat</h1>"


class Reader:
    """Carol at her browser, and what alice says meanwhile from a better place."""

    def __init__(self, talk, alice, room):
        self.talk = talk
        self._alice = alice
        self._room = room
        self._said = []

    def hear(self, *texts):
        """Alice says these, one after the other, and Carol has all that was said so far."""
        for text in texts:
            self._alice.say(text, room=self._room)
            self._said.append(text)
        self.talk.expect_said(*self._said)

    def say(self, text):
        """Carol says so, and it is in the room."""
        self.talk.say(text)
        self._said.append(text)
        self.talk.expect_said(*self._said)
        messages = self._alice.get(f"/rooms/{self._room}/messages").json["messages"]
        assert [message["body"] for message in messages] == self._said

    def miss(self, text):
        """Alice says so; Carol will hear it later."""
        self._alice.say(text, room=self._room)
        self._said.append(text)


@pytest.fixture
def way(chat):
    with obstacles_before(chat.host, chat.port) as way:
        yield way


@pytest.fixture
def reader(engine, way, alice, carol, garden):
    """Opens the room for Carol behind the obstacles; `before` runs before the page's script."""
    def open_(before="", at=None):
        page = engine.open(f"{at or way.base_url}/rooms/{garden}", carol.cookies, before=before, forgives=FORGIVEN)
        return Reader(Talk(page), alice, garden)
    return open_


# Streams

@pytest.mark.shows("stream")
def test_a_stream_that_is_cut_again_and_again_loses_nothing(reader, way):
    way.put(STREAM, obstacles.cuts_after(2))
    hers = reader()
    for number in range(1, 4):
        eventually(lambda: len(way.asked(STREAM)) >= number)  # noqa: B023 (called at once)
        hers.miss(f"Soon after it opened, {number}")
        hers.hear(f"And then, {number}")
    hers.say("And back")
    hers.talk.expect_state(LIVE)


@pytest.mark.shows("stream by XMLHttpRequest")
def test_without_eventsource_the_stream_is_read_by_xmlhttprequest(reader, way):
    way.put(STREAM, obstacles.cuts_in_a_character(), times=1)
    hers = reader(NO_EVENTSOURCE)
    hers.talk.expect_state(LIVE)
    hers.hear("Grüße, 世界 🎉")
    hers.hear(*(f"Line {number}" for number in range(5)))
    hers.say("And back")
    hers.talk.expect_state(LIVE)
    assert all("padding=1" in asked for asked in way.asked(STREAM))
    assert len(way.asked(STREAM)) == 2


@pytest.mark.shows("stream")
def test_a_stream_cut_in_the_middle_of_a_character_is_taken_up_again(reader, way):
    way.put(STREAM, obstacles.cuts_in_a_character(), times=1)
    hers = reader()
    hers.talk.expect_state(LIVE)
    hers.hear("Before", "Grüße, 世界 🎉", "After")
    hers.talk.expect_state(LIVE)


# Polls

@pytest.mark.shows("held poll")
@pytest.mark.parametrize(("obstacle", "before"), [
    (obstacles.buffers, ""), (obstacles.holds_the_body, ""), (obstacles.buffers, NO_EVENTSOURCE),
], ids=["that buffers", "that holds the first event", "that buffers, without EventSource"])
def test_behind_a_proxy_that_lets_no_stream_through_polls_are_held(reader, way, obstacle, before):
    way.put(STREAM, obstacle)
    hers = reader(before)
    eventually(lambda: way.asked(STREAM))
    hers.miss("Before it is clear")
    hers.talk.expect_state(LIVE)
    hers.hear("By poll")
    hers.say("And back")
    hers.hear("Once more")
    assert any("wait=25" in asked for asked in way.asked(POLL))
    assert len(way.asked(STREAM)) == 1


@pytest.mark.shows("short poll")
@pytest.mark.parametrize("chat", ["full"], indirect=True)
def test_a_server_that_says_mode_is_asked_at_the_interval_that_it_says(reader, way):
    hers = reader()
    hers.talk.expect_state(CHECKING)
    hers.hear("News")
    hers.say("And back")
    hers.talk.expect_state(CHECKING)
    assert len(way.asked(STREAM)) == 1
    assert not any("wait=25" in asked for asked in way.asked(POLL))


# Nothing but pages, or nothing at all

@pytest.mark.shows("page refresh")
def test_where_only_pages_come_through_the_page_is_loaded_anew_when_there_is_news(reader, way):
    for where in (STREAM, POLL):
        way.put(where, obstacles.answers("200 OK", PAGE))
    hers = reader()
    hers.miss("News")  # before the page is looked for: that is done twice a minute
    hers.talk.page.wait("document.getElementById('way-on')", within=60)  # after ten seconds of strange answers
    hers.talk.expect_state("Connection blocked[^]*")
    hers.hear()
    way.clear()
    hers.talk.expect_state(LIVE)
    hers.hear("Through again")


@pytest.mark.shows("no network")
@pytest.mark.parametrize(("trouble", "chat"), [("cut", "shared"), ("pause", "lively")], indirect=["chat"],
                         ids=["cut", "pause"])
def test_without_a_network_messages_wait_and_all_is_caught_up_when_it_is_back(reader, chat, trouble):
    with proxy_before(chat.host, chat.port) as line:
        hers = reader(at=f"http://{line.host}:{line.port}")
        hers.talk.expect_state(LIVE)
        hers.hear("Before")
        getattr(line, trouble)()
        hers.miss("While it was away")
        if trouble == "cut":
            hers.talk.expect_state(HELD_UP)
        else:
            hers.talk.expect_state("Connecting")  # silent for two and a half beats of its heart: taken for dead
        line.resume()
        hers.talk.expect_state(LIVE)
        hers.hear("After")
        hers.say("And back")


@pytest.mark.shows("no network")
def test_what_is_typed_without_a_network_is_sent_once_when_it_is_back(reader, chat):
    with proxy_before(chat.host, chat.port) as line:
        hers = reader(at=f"http://{line.host}:{line.port}")
        hers.talk.expect_state(LIVE)
        line.cut()
        hers.talk.say("Typed in the tunnel")
        hers.talk.page.wait("document.querySelector('#rows .message.pending')")
        line.resume()
        hers.talk.expect_said("Typed in the tunnel")
        hers.talk.expect_state(LIVE)
        hers.talk.page.wait("!document.querySelector('#rows .message.pending')")
