"""One line for all tabs of a person in a browser: whichever way they share it, each shows what the store has, once."""

from functools import partial

import pytest
from playwright.sync_api import Route, expect

from tests.browser.obstacles import STREAM, Exchange, obstacles_before
from tests.browser.pages import Window
from tests.browser.tabs import WAYS, Talk, expect_the_same, open_tabs
from tests.browser.test_queue import close, crash
from tests.browser.windows import IN_THE_PAGE, LOST
from tests.support.clients import Person
from tests.support.serving import eventually

TABS = 12  # twice as many as a browser has connections to a host
NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })"

in_every_way = pytest.mark.parametrize("scripts", WAYS.values(), ids=WAYS)


@pytest.fixture
def way(chat):
    with obstacles_before(chat.host, chat.port) as way:
        yield way


@pytest.fixture
def window(way, window):
    """By a way of its own, so that nothing is counted that tabs of another test have asked the server for."""
    return partial(window, at=way.base_url)


@pytest.fixture
def talk(chat, alice, garden):
    return Talk(chat, alice, garden)


@in_every_way
def test_twelve_tabs_are_live_by_one_stream(window, way, carol, talk, scripts):
    tabs = open_tabs(window, carol, *[talk.slug] * TABS, scripts=scripts)
    talk.say("To all")
    expect_the_same(talk, *tabs)
    tabs[5].say("From one of them")
    eventually(lambda: tabs[0].page.title() and talk.said()[1:] == ["From one of them"])
    expect_the_same(talk, *tabs)
    for tab in tabs:
        expect(tab.here).to_have_text(["carol"])
        tab.expect_live()
    assert len(way.asked(STREAM)) == way.under_way(STREAM) == 1


@pytest.mark.parametrize("end", [close, crash])
@in_every_way
def test_the_tab_that_came_first_ends_in_the_middle_and_nothing_is_lost(window, carol, talk, scripts, end):
    first, *others = open_tabs(window, carol, *[talk.slug] * 3, scripts=scripts, forgives="crash")
    with talk.going_on():
        for tab in others:
            expect(tab.message("Word 5")).to_have_count(1)
        end(first)
        for tab in others:
            expect(tab.message("Word 20")).to_have_count(1)
    expect_the_same(talk, *others)


@in_every_way
def test_a_tab_whose_page_is_behind_begins_to_hear_and_then_asks_for_the_rest(window, way, carol, talk, scripts):
    (first,) = open_tabs(window, carol, talk.slug, scripts=scripts)
    start: list[Route] = []
    polls: list[Route] = []
    late = first.beside()
    late.page.route("**/scripts/room?*", lambda route: start.append(route))
    late.page.route("**/poll?*", lambda route: polls.append(route), times=1)
    late.page.goto(f"{late.base_url}/rooms/{talk.slug}", wait_until="commit")
    eventually(lambda: late.page.title() is not None and start)
    talk.say("Before it begins")
    first.expect_said("Before it begins")
    start[0].continue_()
    eventually(lambda: late.page.title() is not None and polls)
    answer = polls[0].fetch()
    talk.say("While it asks")
    first.expect_said("Before it begins", "While it asks")
    expect(late.messages).to_have_count(0)
    polls[0].fulfill(response=answer)
    expect_the_same(talk, first, late)
    late.expect_live()
    assert len(way.asked(STREAM)) == 1


@in_every_way
def test_two_visitors_tabs_in_two_rooms_share_a_stream_for_both(window, way, carol, talk, scripts):
    meadow = talk.in_another_room()
    (here,) = open_tabs(window, None, talk.slug, scripts=scripts)
    there = here.beside().enter(meadow.slug)
    eventually(lambda: there.page.title() is not None and len(way.asked(STREAM)) == 2)  # opened anew for both rooms
    for number in range(3):
        talk.say(f"Garden {number}")
        meadow.say(f"Meadow {number}")
    expect_the_same(talk, here)
    expect_the_same(meadow, there)
    for tab in here, there:
        assert not tab.page.title().startswith("("), "a visitor is told nothing of other rooms"
    assert len(way.asked(STREAM)) == 2


def sit_down(tab: Window, person: Person) -> None:
    """From now on the browser is this person's."""
    tab.context.add_cookies([{"name": name, "value": value, "url": f"{tab.base_url}/"}
                             for name, value in person.cookies.items()])


@in_every_way
def test_a_tab_of_another_person_has_a_stream_of_its_own(window, way, carol, bob, talk, scripts):
    (hers,) = open_tabs(window, carol, talk.slug, scripts=scripts)
    sit_down(hers, bob)
    his = hers.beside().enter(talk.slug)
    talk.say("To both")
    expect_the_same(talk, hers, his)
    assert len(way.asked(STREAM)) == 2


@in_every_way
def test_signing_out_in_one_tab_ends_the_line_of_all_and_whoever_comes_next_has_their_own(
        window, way, carol, bob, talk, scripts):
    one, *others = open_tabs(window, carol, *[talk.slug] * 3, scripts=scripts, forgives="status of 401")
    one.go("/sign-out").press("Sign out")
    for tab in others:
        expect(tab.state).to_contain_text("Signed out")
    expect(one.heading).to_have_text("Rooms")  # this page has a line of its own, for whoever visits
    one.go("/help")
    eventually(lambda: one.page.title() is not None and not way.under_way(STREAM))
    asked = len(way.asked(STREAM))
    sit_down(one, bob)
    one.enter(talk.slug)
    talk.say("To whoever comes next")
    expect_the_same(talk, one)
    for tab in others:
        expect(tab.state).to_contain_text("Signed out")
        expect(tab.rows).to_have_count(0)
    assert len(way.asked(STREAM)) == asked + 1


def test_a_tab_of_another_edition_has_a_stream_of_its_own(window, way, carol, talk):
    (hers,) = open_tabs(window, carol, talk.slug)
    newer = hers.beside()

    def renew(route: Route) -> None:
        answer = route.fetch()
        old = f'data-edition="{hers.find("#chat").get_attribute("data-edition")}"'
        assert old in answer.text()
        route.fulfill(response=answer, body=answer.text().replace(old, 'data-edition="newer"'))

    newer.page.route(f"**/rooms/{talk.slug}", renew)
    newer.enter(talk.slug)
    talk.say("To both")
    expect_the_same(talk, hers, newer)
    assert len(way.asked(STREAM)) == 2


BROKEN = {
    "its file is gone": "new Real(url.replace('shared-worker', 'nowhere'), name)",
    "it may not be made": "(() => { throw new DOMException('no', 'SecurityError'); })()",
}


@pytest.mark.parametrize("made", BROKEN.values(), ids=BROKEN)
def test_without_a_worker_one_tab_leads(window, way, carol, talk, made):
    made = f"{{ const Real = SharedWorker; window.SharedWorker = function (url, name) {{ return {made}; }}; }}"
    tabs = open_tabs(window, carol, *[talk.slug] * 3, scripts=[made], forgives="nowhere")
    talk.say("All the same")
    expect_the_same(talk, *tabs)
    assert len(way.asked(STREAM)) == 1


def breaks_a_part(exchange: Exchange) -> None:
    answer = b"".join(exchange.pieces())
    assert b"/* line/poll.js */" in answer
    exchange.send(answer.replace(b"/* line/poll.js */", b"throw new Error('broken');"))


def test_where_a_part_of_the_worker_throws_one_tab_leads(window, way, carol, talk):
    way.put("/scripts/shared-worker", breaks_a_part)
    tabs = open_tabs(window, carol, *[talk.slug] * 3, forgives=f"broken|{LOST}")
    assert len(way.asked("/scripts/shared-worker")) == 1
    talk.say("All the same")
    expect_the_same(talk, *tabs)
    assert len(way.asked(STREAM)) == 1


def test_a_worker_is_found_below_a_path_too(window, serving, people):
    server = serving(environ={"SCRIPT_NAME": "/chat"})
    lobby = Talk(server, people(server, "alice"), "lobby")
    with obstacles_before(server.host, server.port) as way:
        tabs = open_tabs(window, people(server, "carol"), "lobby", "lobby", at=f"{way.base_url}{server.mount}",
                         forgives=LOST)
        lobby.say("Below a path")
        expect_the_same(lobby, *tabs)
        assert len(way.asked(STREAM)) == 1
    assert tabs[0].page.evaluate("!Object.keys(localStorage).some(key => /no-worker$/.test(key))")


def test_where_nothing_can_be_stored_each_tab_has_a_stream(window, way, carol, talk):
    tabs = open_tabs(window, carol, talk.slug, talk.slug, scripts=[IN_THE_PAGE, NO_STORAGE])
    talk.say("To each")
    expect_the_same(talk, *tabs)
    assert len(way.asked(STREAM)) == 2
