"""One ladder: whatever stands between, each step is measured, left when it fails and climbed again when it may work.

The oracle of every test: all that was posted is on the page, once and in its order, across the change of steps.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import obstacles
from tests.browser.obstacles import POLL, STREAM, obstacles_before
from tests.browser.pages import Window
from tests.browser.test_trouble import NO_STREAMS
from tests.browser.windows import IN_THE_PAGE, LOST
from tests.support.serving import eventually

NO_EVENTSOURCE = "delete window.EventSource"
GREETING_SECONDS = 4.0
CHECKING = re.compile(r"Updates every \d+ s$")
HELD_UP = re.compile(r"Reconnecting in \d+ s$")
REFUSED = f"{LOST}|status of|MIME type"
PAGE = "<!doctype html><title>Oh</title><h1>This is not the chat</h1>"
YEAR_MS = 365 * 86400000
# A clock that is wrong by so much, and can be set. One that is set forward is time that passes.
CLOCK = """(() => {
    const now = Date.now;
    let offset = %d;
    Date.now = () => now() + offset;
    window.step = ms => { offset += ms; };
})()"""
# All words about the connection that the page has shown, in their order.
NOTE_WORDS = """(() => {
    window.shown = [];
    new MutationObserver(() => {
        const state = document.getElementById('state');
        const words = state ? state.textContent.trim() : '';
        if (words !== window.shown[window.shown.length - 1]) { window.shown.push(words); }
    }).observe(document, { subtree: true, childList: true, characterData: true });
})()"""
# What the ladder remembers of a network that the browser cannot name.
NETWORK_MEMORY = "Chat.localStorage.{}(Chat.drawer + 'roads'"


@pytest.fixture
def way(chat):
    with obstacles_before(chat.host, chat.port) as way:
        yield way


@pytest.fixture
def reader(window, carol, garden, way):
    """Carol's window behind the obstacles, not yet live; `scripts` run before the page's own, in the page itself."""
    def open_(*scripts: str, forgives: str = REFUSED) -> Window:
        hers = window(carol, at=way.base_url, forgives=forgives)
        for script in scripts:
            hers.page.add_init_script(script)
        return hers.go(f"/rooms/{garden}")
    return open_


@pytest.fixture
def say(alice, garden):
    return lambda text: alice.say(text, room=garden)


def recall(hers: Window) -> dict[str, dict[str, int]]:
    return hers.page.evaluate(f"{NETWORK_MEMORY.format('read')}) || {{}}")


def expect_shown(hers: Window, *words: str) -> None:
    """These one after the other, whatever was shown before, between and since."""
    def has_shown() -> bool:
        shown = iter(hers.page.evaluate("window.shown"))
        return all(each in shown for each in words)
    eventually(has_shown)


# A stream that does not come

@pytest.mark.parametrize("scripts", [(), (IN_THE_PAGE, NO_EVENTSOURCE)], ids=["EventSource", "XMLHttpRequest"])
@pytest.mark.parametrize("obstacle", [obstacles.buffers, obstacles.holds_the_body], ids=["buffers", "holds the body"])
def test_where_a_stream_does_not_greet_polls_take_its_place_and_the_next_page_begins_with_them(
        reader, way, say, scripts, obstacle):
    way.put(STREAM, obstacle)
    hers = reader(*scripts)
    eventually(lambda: way.asked(STREAM))
    say("Before it is clear")
    hers.expect_live()
    say("By poll")
    hers.say("And back")
    hers.expect_said("Before it is clear", "By poll", "And back")
    # What is asked here is seen late on a busy machine: the script was there before the stream was asked for.
    loaded = max(at for at, target in way.met if target.startswith("/scripts/"))
    stepped = next(at for at, target in way.met if target.startswith(POLL))
    assert stepped - loaded >= GREETING_SECONDS
    eventually(lambda: recall(hers))
    hers.reload()
    say("After a reload")
    hers.expect_said("Before it is clear", "By poll", "And back", "After a reload")
    assert len(way.asked(STREAM)) == 1


def test_the_better_step_is_tried_again_beside_the_one_that_works(reader, way, say):
    hers = reader(IN_THE_PAGE).expect_live()
    hers.page.evaluate(f"{NETWORK_MEMORY.format('write')}, {{ 'by any': {{ at: Date.now() - 7200000, tries: 1 }} }})")
    way.put(STREAM, obstacles.holds_the_body, times=1)
    asked = len(way.asked(STREAM))
    hers.reload()
    eventually(lambda: hers.page.title() and len(way.asked(STREAM)) == asked + 1)
    say("While it is tried")
    hers.expect_said("While it is tried")
    hers.expect_live()
    eventually(lambda: hers.page.title() and not way.under_way(STREAM))
    say("And given up")
    eventually(lambda: recall(hers)["by any"]["tries"] == 2)
    hers.page.evaluate(f"{NETWORK_MEMORY.format('write')}, {{ 'by any': {{ at: Date.now() - 7200000, tries: 1 }} }})")
    hers.reload()
    eventually(lambda: hers.page.title() and way.under_way(STREAM))
    said = []
    while recall(hers):  # a greeting proves little, what comes later proves more
        said.append(f"By stream {len(said)}")
        say(said[-1])
        expect(hers.message(said[-1])).to_be_visible()
        hers.page.wait_for_timeout(500)
    eventually(lambda: not way.under_way(POLL))
    polls = len(way.asked(POLL))
    say("By stream alone")
    hers.expect_said("While it is tried", "And given up", *said, "By stream alone")
    hers.expect_live()
    assert len(way.asked(POLL)) == polls


def test_a_server_that_is_slow_to_greet_once_is_not_taken_for_a_network_that_holds_streams_back(reader, way, say):
    hers = reader(IN_THE_PAGE).expect_live()
    hers.page.wait_for_timeout(2500)  # what comes later than two seconds after the greeting is a proof
    say("This network lets streams through")
    hers.expect_said("This network lets streams through")
    assert len(way.asked(STREAM)) == 1, "it must have come by the first stream for this to mean anything"
    way.put(STREAM, obstacles.holds_the_body, times=1)
    way.cut(STREAM)
    eventually(lambda: hers.page.title() and len(way.asked(STREAM)) == 3)
    say("Soon by stream again")
    hers.expect_said("This network lets streams through", "Soon by stream again")
    hers.expect_live()
    eventually(lambda: way.under_way(STREAM))
    assert not recall(hers)


@pytest.mark.parametrize("seconds", [1, 6])
def test_a_way_that_cuts_every_answer_after_some_seconds_loses_nothing(reader, way, say, seconds):
    way.put(STREAM, obstacles.cuts_after(seconds))
    way.put(POLL, obstacles.cuts_after(seconds))
    hers = reader()
    said = []
    is_enough = (lambda: recall(hers)) if seconds == 1 else (lambda: len(way.asked(STREAM)) > 1)
    while not is_enough():
        say(f"Line {len(said)}")
        said.append(f"Line {len(said)}")
        expect(hers.messages).to_have_count(len(said))
        hers.page.wait_for_timeout(300)
    hers.expect_said(*said)
    if seconds == 1:
        expect(hers.state).to_have_text(CHECKING)  # holds are given up, too: none may last as long as it takes


def test_a_stream_that_greets_and_is_silent_from_then_on_is_left_at_the_second_time(window, serving, people):
    server = serving(heartbeat_seconds=1)
    alice, carol = people(server, "alice"), people(server, "carol")
    with obstacles_before(server.host, server.port) as way:
        way.put(STREAM, obstacles.holds_after_first_piece)
        hers = window(carol, at=way.base_url, forgives=LOST).go("/rooms/lobby")
        eventually(lambda: way.asked(STREAM))
        alice.say("Kept back")
        hers.expect_said("Kept back")
        eventually(lambda: hers.page.title() and recall(hers))
        assert len(way.asked(STREAM)) == 2
        alice.say("By poll")
        hers.expect_said("Kept back", "By poll")
        hers.expect_live()


def test_streams_that_are_refused_while_polls_are_answered_are_given_up(reader, way, say):
    way.put(STREAM, obstacles.answers("406 Not Acceptable", PAGE))
    hers = reader()
    eventually(lambda: hers.page.title() and recall(hers))
    say("By poll")
    hers.expect_said("By poll")
    hers.expect_live()


# No room

def test_a_server_without_room_for_a_stream_is_asked_now_and_then(window, serving, people):
    server = serving(streams=0)
    alice, carol = people(server, "alice"), people(server, "carol")
    with obstacles_before(server.host, server.port) as way:
        hers = window(carol, at=way.base_url, forgives=LOST)
        for script in (IN_THE_PAGE, CLOCK % 0, NOTE_WORDS):
            hers.page.add_init_script(script)
        hers.go("/rooms/lobby")
        expect_shown(hers, "Updates every 4 s", "Updates every 5 s")  # the longer nobody says anything
        alice.say("News")
        hers.expect_said("News")
        expect_shown(hers, "Updates every 5 s", "Updates every 4 s")
        hers.page.evaluate("Chat.on('state', name => { document.title += ' ' + name; })")
        assert len(way.asked(STREAM)) == 1
        hers.page.evaluate("window.step(61000); window.dispatchEvent(new Event('online'))")
        eventually(lambda: hers.page.title() and len(way.asked(STREAM)) == 2)  # by then there might be room
        hers.say("And back")
        hers.expect_said("News", "And back")
        assert not {"live", "Connecting", "Reconnecting"} & set(hers.page.title().split())
        hers.hide()
        expect(hers.state).to_have_text("Updates every 60 s")
        asked = len(way.asked(POLL))
        alice.say("Nobody looks")
        hers.page.wait_for_timeout(5500)  # longer than it was between polls
        assert len(way.asked(POLL)) == asked
        hers.show()
        hers.expect_said("News", "And back", "Nobody looks")


def test_a_host_out_of_processes_is_spared_streams_and_held_polls(reader, way, say):
    full = obstacles.answers("508 Resource Limit Is Reached", PAGE)
    way.put(STREAM, full)
    way.put(POLL, full, times=1)
    hers = reader()
    expect(hers.state).to_have_text(CHECKING)
    streams = len(way.asked(STREAM))
    say("Nevertheless")
    hers.expect_said("Nevertheless")
    eventually(lambda: len(way.asked(POLL)) > 2)
    assert len(way.asked(STREAM)) == streams
    assert all("wait=0" in target or "wait" not in target for target in way.asked(POLL))


# Streams without EventSource

def test_an_engine_without_eventsource_streams_by_xmlhttprequest_and_begins_anew_after_128_kb(
        window, serving, people):
    server = serving(posts_per_minute=1000)
    alice, carol = people(server, "alice"), people(server, "carol")
    with obstacles_before(server.host, server.port) as way:
        hers = window(carol, at=way.base_url, forgives=LOST)
        for script in (IN_THE_PAGE, NO_EVENTSOURCE):
            hers.page.add_init_script(script)
        hers.go("/rooms/lobby").expect_live()
        assert "padding=1" in way.asked(STREAM)[0] and not way.asked(POLL)
        texts = [f"{number} " + "Grüße, 世界 " * 300 for number in range(20)]
        for text in texts:
            alice.say(text.strip())
        expect(hers.messages).to_have_count(20)
        assert [text[:2] for text in hers.texts.all_inner_texts()] == [text[:2] for text in texts]
        eventually(lambda: hers.page.title() and len(way.asked(STREAM)) > 1)
        hers.expect_live()
        alice.say("And on it goes")
        expect(hers.message("And on it goes")).to_have_count(1)
        expect(hers.messages).to_have_count(21)
        assert not way.asked(POLL)


FED = """pieces => {
    const found = [];
    const feed = Chat.frames((name, data, id) => found.push([name, data, id]));
    pieces.forEach(feed);
    return found;
}"""


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_frames_of_a_stream_are_the_same_however_its_text_is_cut(reader, end):
    hers = reader()
    text = ":    \nretry: 873\n\nevent: hello\nid: 41\ndata: {}\n\ndata: a\ndata: ü\n\nevent: ping\ndata: cut off"
    text = text.replace("\n", end)
    expected = [["hello", "{}", "41"], ["message", "a\nü", "41"]]
    for size in (1, 2, 3, 7, len(text)):
        pieces = [text[at:at + size] for at in range(0, len(text), size)]
        assert hers.page.evaluate(FED, pieces) == expected


ELEMENT = """customElements.define('event-source', class extends HTMLElement {
    addEventSource() { }
    connectedCallback() { this.listen(this.getAttribute('src')); }
    disconnectedCallback() { this.leaving.abort(); }
    async listen(src) {
        this.leaving = new AbortController();
        let rest = '';
        try {
            const answer = await fetch(src, { signal: this.leaving.signal });
            if (answer.headers.get('Content-Type').indexOf('application/x-dom-event-stream')) { return; }
            const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
            for (let piece; !(piece = await reader.read()).done;) {
                const frames = (rest + piece.value).split('\\n\\n');
                rest = frames.pop();
                for (const frame of frames) {
                    const event = new Event(/^Event: (.*)$/m.exec(frame)[1]);
                    event.data = /^data: (.*)$/m.exec(frame)[1];
                    this.dispatchEvent(event);
                }
            }
        } catch (left) { }
    }
})"""


def test_an_engine_of_the_older_dialect_hears_by_its_element_and_fetches_what_that_rings_for(reader, way, say):
    hers = reader(IN_THE_PAGE, NO_EVENTSOURCE, ELEMENT).expect_live()
    assert "dialect=dom" in way.asked(STREAM)[0]
    for number in range(5):
        say(f"Line {number}")
    hers.say("And back")
    hers.expect_said(*(f"Line {number}" for number in range(5)), "And back")
    hers.edit("And back", "And back again")
    hers.expect_said(*(f"Line {number}" for number in range(5)), "And back again")
    expect(hers.here).to_contain_text(["carol"])
    hers.expect_live()
    assert len(way.asked(STREAM)) == 1


# Answers that are damaged or not the chat's

@pytest.mark.parametrize(("where", "scripts"), [
    (STREAM, ()), (STREAM, (IN_THE_PAGE, NO_EVENTSOURCE)), (POLL, (IN_THE_PAGE, NO_STREAMS)),
], ids=["EventSource", "XMLHttpRequest", "poll"])
def test_an_answer_cut_in_the_middle_of_a_character_is_fetched_again(reader, way, say, where, scripts):
    way.put(where, obstacles.cuts_in_a_character())
    hers = reader(*scripts).expect_live()
    say("Before")
    say("Grüße, 世界 🎉")
    say("After")
    hers.expect_said("Before", "Grüße, 世界 🎉", "After")
    hers.expect_live()


def test_where_get_and_post_are_answered_from_a_cache_everything_is_heard_and_said(reader, way, say, alice, garden):
    way.put("/", obstacles.remembers())
    hers = reader(IN_THE_PAGE, NO_STREAMS).expect_live()
    hers.say("One")
    hers.say("Two")
    hers.expect_said("One", "Two")
    say("Three")
    hers.expect_said("One", "Two", "Three")
    said = alice.get(f"/rooms/{garden}/messages").json["messages"]
    assert [each["body"] for each in said] == ["One", "Two", "Three"]


def test_a_firewall_that_says_403_is_not_taken_for_the_chat(reader, way, say):
    firewall = obstacles.answers("403 Forbidden", PAGE)
    for where in (STREAM, POLL):
        way.put(where, firewall)
    hers = reader()
    expect(hers.state).to_have_text(HELD_UP)
    way.clear()
    say("Let through")
    hers.expect_said("Let through")
    hers.expect_live()


# Where only pages get through

@pytest.fixture
def only_pages(way):
    for where in (STREAM, POLL):
        way.put(where, obstacles.answers("200 OK", PAGE))


def let_pass(hers: Window, seconds: int) -> None:
    expect(hers.state).to_have_text(HELD_UP)
    hers.page.evaluate("ms => window.step(ms)", seconds * 1000)


def look_for_page_after(hers: Window, seconds: int) -> None:
    """So much later the page has been looked for, and what is shown is still the same document."""
    hers.page.evaluate("window.isSame = true")
    room = hers.room
    with hers.page.expect_response(lambda answer: answer.url.split("?")[0].endswith(f"/rooms/{room}")) as looked:
        let_pass(hers, seconds)
    looked.value.finished()
    assert hers.page.evaluate("new Promise(done => setTimeout(() => done(window.isSame), 500))")


def test_where_only_pages_get_through_the_page_is_loaded_anew_when_there_is_news(reader, say, only_pages):
    hers = reader(IN_THE_PAGE, CLOCK % 0)
    say("News")
    let_pass(hers, 10)
    expect(hers.state).to_contain_text("Connection blocked")
    expect(hers.find("#way-on")).to_have_text("Refresh the page")
    hers.expect_said("News")


def test_the_page_is_not_taken_from_under_a_draft_and_the_link_keeps_it(reader, way, say, only_pages):
    hers = reader(IN_THE_PAGE, CLOCK % 0)
    hers.composer.fill("Half a sen")
    say("News")
    look_for_page_after(hers, 10)
    hers.follow("Refresh the page")
    hers.expect_said("News")
    expect(hers.composer).to_have_value("Half a sen")
    way.clear()
    hers.expect_live()
    say("Through again")
    hers.expect_said("News", "Through again")
    expect(hers.find("#way-on")).to_have_count(0)


def test_a_gate_with_its_own_page_does_not_take_the_place_of_the_chat(reader, way, say):
    hers = reader(IN_THE_PAGE, CLOCK % 0).expect_live()
    way.put("/", obstacles.answers("200 OK", PAGE))
    hers.page.evaluate("Chat.connection.close(); Chat.connection.open()")
    look_for_page_after(hers, 10)
    expect(hers.find("#way-on")).to_have_text("Refresh the page")
    say("Behind the gate")
    hers.say("Typed before it")
    expect(hers.pending.locator(".status")).to_have_text("Waiting")
    way.clear()
    hers.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(hers.texts).to_have_count(2)
    expect(hers.message("Behind the gate")).to_have_count(1)
    expect(hers.message("Typed before it")).to_have_count(1)
    hers.expect_live()


# Clocks and memory

@pytest.mark.parametrize("wrong", [YEAR_MS, -YEAR_MS], ids=["a year ahead", "a year behind"])
def test_a_clock_that_is_wrong_by_a_year_and_then_put_right_holds_nothing_up(reader, way, say, wrong):
    way.put(STREAM, obstacles.holds_the_body, times=1)
    hers = reader(IN_THE_PAGE, CLOCK % wrong).expect_live()
    eventually(lambda: hers.page.title() and recall(hers))
    say("By poll")
    hers.expect_said("By poll")
    hers.page.evaluate("ms => window.step(ms)", -wrong)
    say("After the step")
    hers.expect_said("By poll", "After the step")
    hers.expect_live()
    hers.page.add_init_script(f"window.step({-wrong})")
    hers.reload()
    assert len(way.asked(STREAM)) == 2, "a note of another year is believed"
    say("By stream")
    hers.expect_said("By poll", "After the step", "By stream")


def test_a_line_falls_silent_after_the_clock_was_set_back_and_is_found_all_the_same(window, serving, people):
    server = serving(heartbeat_seconds=1)
    alice, carol = people(server, "alice"), people(server, "carol")
    with obstacles_before(server.host, server.port) as way:
        way.put(STREAM, obstacles.holds_after_first_piece, times=1)
        hers = window(carol, at=way.base_url, forgives=LOST)
        for script in (IN_THE_PAGE, CLOCK % 0):
            hers.page.add_init_script(script)
        hers.go("/rooms/lobby").expect_live()
        hers.page.evaluate("ms => window.step(ms)", -YEAR_MS)
        alice.say("In the silence")
        hers.expect_said("In the silence")
        hers.expect_live()


def test_a_date_to_wait_for_is_read_by_the_clock_of_whoever_wrote_it(reader, way, say):
    way.put(POLL, obstacles.answers("503 Busy", PAGE, Date="Sat, 21 Nov 2020 10:00:00 GMT",
                                    Retry_After="Sat, 21 Nov 2020 10:00:02 GMT"))
    hers = reader(IN_THE_PAGE, NO_STREAMS)
    expect(hers.state).to_have_text(re.compile("Reconnecting in [123] s$"))
    eventually(lambda: hers.page.title() and len(way.asked(POLL)) > 1)
    way.clear()
    say("Soon")
    hers.expect_said("Soon")
    first, second = [at for at, target in way.met if target.startswith(POLL)][:2]
    assert second - first >= 2


FORBIDDEN = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })"
FULL = "Storage.prototype.setItem = () => { throw new Error('full'); }"


@pytest.mark.parametrize("script", [FORBIDDEN, FULL], ids=["forbidden", "full"])
def test_a_browser_that_keeps_nothing_finds_its_way_all_the_same(reader, way, say, script):
    way.put(STREAM, obstacles.holds_the_body)
    hers = reader(IN_THE_PAGE, script).expect_live()
    say("By poll")
    hers.expect_said("By poll")
    assert len(way.asked(STREAM)) == 1
    hers.say("And back")
    hers.expect_said("By poll", "And back")
