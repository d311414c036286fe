"""What happens to a line that tabs share: its worker or its leader fails, a room closes, the program is renewed."""

import json
import sys

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.obstacles import STREAM, obstacles_before
from tests.browser.pages import Window
from tests.browser.tabs import NO_STREAMS, WAYS, Talk, expect_the_same, open_tabs
from tests.browser.windows import IN_THE_PAGE, LOST
from tests.support.proxy import proxy_before
from tests.support.serving import eventually

AWAY_AFTER = "02:02"  # minutes, and the second over which several tabs are spread
SILENT = "00:52"  # the carrier checks its tabs every 20 s
ASKED = "00:05"   # who carries the line has 4 s to answer
VERSION_FILE = "version"
# gunicorn with a program that says the version that stands in a file, if there is one.
AS_VERSION = f"""
import chat, os, pathlib
said = pathlib.Path(os.environ['CHAT_INSTANCE']) / '{VERSION_FILE}'
chat.__version__ = said.read_text() if said.exists() else chat.__version__
from gunicorn.app.wsgiapp import run
run()
"""

in_every_way = pytest.mark.parametrize("scripts", WAYS.values(), ids=WAYS)


@pytest.fixture
def talk(chat, alice, garden):
    return Talk(chat, alice, garden)


def in_the_worker(browser: Browser, tab: Window, script: str) -> None:
    """Run it where this tab's line is carried, to its end or the worker's."""
    session = browser.new_browser_cdp_session()
    ended = []
    session.on("Target.receivedMessageFromTarget", lambda answer: ended.append(answer))
    session.on("Target.detachedFromTarget", lambda news: ended.append(news))
    workers = [target for target in session.send("Target.getTargets")["targetInfos"]
               if target["type"] == "shared_worker" and target["url"].startswith(tab.base_url)]
    (worker,) = workers
    attached = session.send("Target.attachToTarget", {"targetId": worker["targetId"], "flatten": False})
    message = {"id": 1, "method": "Runtime.evaluate", "params": {"expression": script}}
    session.send("Target.sendMessageToTarget", {"sessionId": attached["sessionId"], "message": json.dumps(message)})
    eventually(lambda: session.send("Target.getTargets") and ended)
    session.detach()


@pytest.mark.parametrize("end", ["close()", "Chat.guard(function () { throw new Error('broken'); })()"],
                         ids=["it ends", "it throws"])
def test_a_worker_that_fails_is_replaced_and_nothing_is_lost(window, browser, chat, carol, talk, end):
    with obstacles_before(chat.host, chat.port) as way:
        tabs = open_tabs(window, carol, *[talk.slug] * 3, at=way.base_url, forgives=f"broken|{LOST}")
        talk.say("Before")
        expect_the_same(talk, *tabs)
        in_the_worker(browser, tabs[0], end)
        talk.say("While nobody carries")
        eventually(lambda: tabs[0].page.title() and len(way.asked(STREAM)) == 2)
        expect_the_same(talk, *tabs)
        talk.say("After")
        expect_the_same(talk, *tabs)
        assert len(way.asked(STREAM)) == 2


def test_a_leader_that_hangs_is_left_and_follows_when_it_is_back(window, carol, talk):
    first = window(carol, scripts=[IN_THE_PAGE]).enter(talk.slug)
    other = first.beside()
    other.page.clock.install()
    other.enter(talk.slug)
    devtools = first.context.new_cdp_session(first.page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    talk.say("While it sleeps")
    other.page.clock.fast_forward(SILENT)
    for _ in range(2):
        other.page.clock.fast_forward(ASKED)
    expect_the_same(talk, other)
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    expect_the_same(talk, first)
    talk.say("When it is awake")
    expect_the_same(talk, first, other)


def test_a_leader_that_was_hidden_for_long_hands_over_to_a_tab_that_somebody_sees(window, carol, talk):
    first = window(carol, scripts=[IN_THE_PAGE])
    first.page.clock.install()
    first.enter(talk.slug)
    other = first.beside().enter(talk.slug)
    asked = []
    other.page.on("request", lambda request: asked.append(request.url) if "/stream?" in request.url else None)
    first.hide()
    for _ in range(4):
        assert not asked
        first.page.clock.fast_forward("00:21")
    eventually(lambda: other.page.title() and asked)
    talk.say("By the other")
    expect_the_same(talk, first, other)


@in_every_way
def test_one_of_two_visitors_rooms_is_closed_and_the_other_goes_on(window, serving, people, scripts):
    server = serving()
    alice, owner = people(server, "alice"), people(server, "owner")
    assert owner.post("/owner/claim", code=(server.instance / "owner-code").read_text().strip()).status == 204
    lobby = Talk(server, alice, "lobby")
    meadow = lobby.in_another_room()
    here, there = open_tabs(window, None, "lobby", meadow.slug, at=server.base_url, scripts=scripts,
                            forgives="status of 404")
    assert owner.post(f"/owner/rooms/{meadow.slug}/close").status == 204
    expect(there.state).to_have_text("This room is now private")
    lobby.say("Still open")
    expect_the_same(lobby, here)


# A carrier with a line that does nothing, and two tabs, of which one never answers.
CARRY = """() => {
    Chat.ladder = () => ({ open() { }, close() { window.isClosed = true; }, hurry() { }, cursor() { return 0; } });
    window.told = [];
    const carrier = Chat.carrier((tabs, word) => {
        window.told = Object.keys(tabs);
        if (tabs.awake) { carrier.receive({ say: 'here', tab: 'awake' }); }
    });
    const join = { say: 'join', kept: {}, place: { rooms: [], cursor: 0 } };
    for (const tab of ['awake', 'dead']) { carrier.receive({ ...join, tab }, () => { }); }
    window.carrier = carrier;
}"""


def test_a_tab_that_died_is_forgotten_and_the_last_one_takes_the_line_along(window, carol, talk):
    hers = window(carol)
    page = hers.page
    page.clock.install()
    hers.enter(talk.slug)
    page.evaluate(CARRY)
    page.clock.run_for(21_000)
    assert page.evaluate("told") == ["awake", "dead"]
    page.clock.run_for(100_000)
    assert page.evaluate("told") == ["awake"]
    page.evaluate("carrier.receive({ say: 'leave', tab: 'awake' })")
    assert page.evaluate("isClosed")
    page.evaluate("carrier.receive({ say: 'here', tab: 'dead' }, word => { window.answer = word.say; })")
    assert page.evaluate("answer") == "again"


def test_all_tabs_out_of_sight_for_two_minutes_is_away_and_a_look_at_one_is_here(window, chat, alice, carol, talk):
    others = window(alice, talk.slug)
    one = window(carol)
    one.page.clock.install()  # for all tabs of this browser
    one.enter(talk.slug)
    other = one.beside().enter(talk.slug)

    def told() -> int:
        return chat.log.count(f"POST /rooms/{talk.slug}/here ")

    one.hide()
    for _ in range(6):
        one.page.clock.fast_forward("00:25")
    talk.say("Meanwhile")
    expect(one.message("Meanwhile")).to_have_count(1)
    expect(others.here).to_have_text(["alice", "carol"])
    assert told() == 0
    other.hide()
    one.page.clock.fast_forward(AWAY_AFTER)
    expect(others.away).to_have_text(["carol"])
    one.show()
    expect(others.here).to_have_text(["alice", "carol"])
    assert told() <= 4


def test_polls_are_seldom_only_when_all_tabs_are_hidden(window, carol, talk):
    one, other = open_tabs(window, carol, talk.slug, talk.slug, scripts=[IN_THE_PAGE, NO_STREAMS])
    one.hide()
    talk.say("Somebody looks")
    expect_the_same(talk, one, other)
    other.hide()
    talk.say("Nobody looks")
    for tab in one, other:
        expect(tab.state).to_have_text("Updates every 60 s")
    talk.say("Nobody hears it yet")
    other.show()
    expect_the_same(talk, one, other)


@pytest.fixture
def upgradable(serving):
    """A server behind a line, and what makes another version of the program of it."""
    server = serving(command=(sys.executable, "-c", AS_VERSION))
    with proxy_before(server.host, server.port) as line:
        def upgrade() -> None:
            line.cut()  # nobody waits at its door while it starts
            server.stop()
            (server.instance / VERSION_FILE).write_text("99.0.0")
            server.start()
            line.resume()

        yield server, f"http://{line.host}:{line.port}", upgrade


def test_after_an_upgrade_old_tabs_say_that_they_are_old_and_keep_the_draft(window, upgradable, people):
    server, address, upgrade = upgradable
    one, other = open_tabs(window, people(server, "carol"), "lobby", "lobby", at=address, forgives=LOST)
    one.composer.fill("Half a sen")
    expect(one.find("#renewed")).to_have_count(0)
    upgrade()
    for tab in one, other:
        expect(tab.find("#renewed")).to_contain_text("Chat updated. Reload when ready")
        tab.expect_live()
    expect(one.composer).to_have_value("Half a sen")  # nothing was loaded anew
    one.press("Reload")
    one.expect_live()
    expect(one.find("#renewed")).to_have_count(0)
    expect(one.composer).to_have_value("Half a sen")


def test_where_there_are_no_streams_a_newer_tab_tells_the_older(window, upgradable, people):
    server, address, upgrade = upgradable
    (older,) = open_tabs(window, people(server, "carol"), "lobby", at=address, forgives=LOST,
                         scripts=[IN_THE_PAGE, NO_STREAMS])
    upgrade()
    older.beside().go("/rooms/lobby")
    expect(older.find("#renewed")).to_contain_text("Chat updated. Reload when ready")
