"""The self-test as somebody in trouble sees it, in a real Chromium: what it finds, what it does not, what is copied."""

import pytest
from playwright.sync_api import expect

from tests.browser.windows import IN_THE_PAGE, PHONE
from tests.support.serving import eventually

FINDINGS = {
    "Round trip", "Short poll", "Held poll", "EventSource", "Event stream", "Event stream by XMLHttpRequest",
    "Shared worker", "Messages between tabs", "Choosing a lead tab",
    "One stream for all tabs", "Storage in the browser", "Connections", "Server clock, every second",
    "Events with and without a name", "Resuming after a break",
}
PATIENCE_MS = 60_000
STALLED = "The ticks arrived in one batch"  # rightly said of a machine that stood still meanwhile
TRIES = 3


def after_testing(window):
    """The page, when it has said what it found."""
    for _ in range(TRIES):
        window.go("/selftest")
        expect(window.find("#verdict.done")).to_be_visible(timeout=PATIENCE_MS)
        if STALLED not in window.find("#findings").inner_text():
            break
    return window


def findings(window):
    """What it found: label → grade and words."""
    return dict(window.page.evaluate("""Array.from(document.querySelectorAll('#findings li'), row =>
        [row.querySelector('b').textContent, row.className + ': ' + row.querySelector('span').textContent])"""))


def grades(window):
    return {label: words.partition(":")[0] for label, words in findings(window).items()}


def verdict(window):
    return window.find("#verdict").inner_text()


def test_where_nothing_stands_in_the_way_all_is_good(window, carol):
    hers = after_testing(window(carol))
    assert grades(hers) == dict.fromkeys(FINDINGS, "good")
    assert verdict(hers) == "All good: the chat is live, by event stream."
    assert "at number 5 without a gap" in findings(hers)["Resuming after a break"]
    assert "carol" in hers.find("#seen").inner_text()


def test_the_report_is_copied_whole(window, visitor):
    hers = after_testing(window(visitor))
    hers.press("Copy this report")
    expect(hers.find("#copied")).to_have_text("Copied.")
    report = hers.find("#report").input_value()
    for words in (verdict(hers), *FINDINGS, "Your IP address: 127.0.0.1", "HeadlessChrome", hers.base_url):
        assert words in report
    field = hers.find("#report")
    field.evaluate("field => { field.readOnly = false; field.value = ''; }")
    field.press("Control+v")
    assert field.input_value() == report, "what was copied is the report"


@pytest.mark.parametrize("look", [{}, PHONE, PHONE | {"color_scheme": "dark"}], ids=["desktop", "phone", "dark"])
def test_it_fits_the_screen(window, visitor, look):
    hers = window(visitor, **look).go("/selftest")
    expect(hers.find("#findings li").first).to_be_visible()
    hers.expect_no_wider()
    expect(hers.find("#no-script")).to_be_hidden()


def test_something_that_holds_streams_back_is_named(window, visitor):
    """As a proxy does, or an antivirus program, that gathers whatever has no end: no byte of them reaches the page."""
    hers = window(visitor, forgives="ERR_")
    hers.page.route("**/stream?*", lambda route: None)
    after_testing(hers)
    found = grades(hers)
    assert found["Event stream"] == found["Server clock, every second"] == "bad"
    assert "within 4 s" in findings(hers)["Event stream"]
    assert found["Held poll"] == found["Short poll"] == "good"
    assert verdict(hers) == "All good: the chat is live, by held polls."


def test_without_event_source_and_worker_streams_are_read_by_xml_http_request_and_one_tab_leads(window, visitor):
    hers = window(visitor, scripts=["delete window.EventSource", IN_THE_PAGE])
    after_testing(hers)
    found = grades(hers)
    lacking = {"EventSource", "Shared worker"}
    assert {found.pop(label) for label in lacking} == {"fair"}
    assert found == dict.fromkeys(FINDINGS - lacking - {"Event stream"}, "good")
    assert "One tab has the stream" in findings(hers)["One stream for all tabs"]
    assert verdict(hers) == "All good: the chat is live, by event stream."


def test_a_captive_portal_is_taken_for_what_it_is(window, visitor):
    hers = window(visitor, forgives="MIME type|ERR_|40")
    hers.page.route("**/poll?*", lambda route: route.fulfill(status=200, body="<html>Log in to the hotel</html>"))
    hers.page.route("**/stream?*", lambda route: route.fulfill(status=200, body="<html>Log in to the hotel</html>"))
    after_testing(hers)
    assert "login page or firewall" in findings(hers)["Round trip"]
    assert verdict(hers) in ("The chat can't be reached from here right now.",
                             "The chat works here by reloading its pages.")


def test_a_clock_that_is_wrong_by_a_year_is_said_and_changes_nothing_else(window, visitor):
    hers = window(visitor)
    hers.page.add_init_script("""(() => {
        const now = Date.now;
        Date.now = () => now() - 365 * 86400000;
    })()""")
    after_testing(hers)
    assert verdict(hers) == "All good: the chat is live, by event stream."
    said = hers.find("#findings").inner_text()
    assert "Your clock is -315" in said
    assert "Regular: " in said


def test_a_browser_that_keeps_nothing_is_told_so(window, visitor):
    hers = window(visitor)
    hers.page.add_init_script("""const Shared = SharedWorker;
        window.SharedWorker = function (url, name) { return new Shared(url, name + Math.random()); };
        if (window !== top) { LockManager.prototype.request = async (name, granted) => granted(); }
        Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } });""")
    after_testing(hers)
    found = findings(hers)
    assert "each has its own" not in found.get("Event stream", "")
    assert "Didn't answer this page and another" in found["Shared worker"], "two workers did"
    assert "None arrived" in found["Messages between tabs"]
    assert "didn't take over" in found["Choosing a lead tab"], "two had it at once"
    assert "each tab has its own" in found["One stream for all tabs"]
    assert "lost when their tab closes" in found["Storage in the browser"]


# There is a worker, and it never says a word; a lock that is let go stays with whoever had it.
MUTE_WORKER = """window.SharedWorker = function () {
    this.addEventListener = () => { };
    this.port = { postMessage() { } };
};"""
STUCK_LOCKS = "if (window !== top) { LockManager.prototype.request = () => new Promise(() => { }); }"


def test_what_is_there_and_does_nothing_counts_for_nothing(window, visitor):
    hers = window(visitor, scripts=[MUTE_WORKER, STUCK_LOCKS])
    after_testing(hers)
    found = findings(hers)
    assert found["Shared worker"] == "fair: Didn't answer this page and another within 8 s."
    assert found["Choosing a lead tab"] == "bad: The next tab didn't take over within 8 s."
    assert found["Messages between tabs"] == "good: They arrive."
    assert found["One stream for all tabs"] == "good: One tab has the stream and passes news to the others."
    assert hers.page.evaluate("Object.keys(localStorage).filter(key => /selftest/.test(key))") == []


def test_who_may_not_read_is_told_and_still_learns_how_streams_fare(window, people, serving):
    server = serving(public="off")
    hers = window(people(server), at=server.base_url, forgives="401")
    after_testing(hers)
    found = findings(hers)
    assert "Pick a name to see this chat" in found["Short poll"]
    assert found["Server clock, every second"].startswith("good")
    assert verdict(hers) == "All good: the chat is live, by event stream."


def test_where_there_is_no_room_for_streams_it_says_so(window, people, serving):
    server = serving(streams=0)
    hers = after_testing(window(people(server), at=server.base_url))
    found = findings(hers)
    assert "no capacity for another stream" in found["Event stream"]
    assert "no capacity for another stream" in found["Server clock, every second"]
    assert verdict(hers) == "The chat works here and updates every few seconds."


def test_it_leaves_no_stream_open(window, visitor, chat):
    hers = window(visitor)
    opened, closed = [], []
    hers.page.on("request", lambda request: opened.append(request) if "/stream" in request.url else None)
    for end in ("requestfinished", "requestfailed"):
        hers.page.on(end, lambda request: closed.append(request) if "/stream" in request.url else None)
    after_testing(hers)
    assert opened, "premise: there were some"
    eventually(lambda: hers.page.title() and len(closed) == len(opened))


def test_without_script_it_is_a_page(window, visitor):
    hers = window(visitor, java_script_enabled=False).go("/selftest")
    expect(hers.find("#no-script a")).to_be_visible()
    expect(hers.find("#tests")).to_be_hidden()
    expect(hers.find("#seen")).to_contain_text("HeadlessChrome")
    hers.find("#no-script a").click()
    expect(hers.heading).to_have_text("Rooms")


def test_every_engine_finds_the_way_free(engine, chat, carol):
    page = engine.open(f"{chat.base_url}/", carol.cookies, forgives="connection|Failed to load|interrupted")
    for _ in range(TRIES):
        page.go("/selftest")
        page.wait("document.querySelector('#verdict.done') !== null", within=PATIENCE_MS / 1000)
        if STALLED not in page.text("#findings"):
            break
    assert page.text("#verdict") == "All good: the chat is live, by event stream."
    found = page.run("""Array.from(document.querySelectorAll('#findings li'),
        row => [row.querySelector('b').textContent, row.className])""")
    assert [each for each in found if each[1] != "good"] == []
    assert {label for label, _ in found} >= FINDINGS - {"Connections"}
