"""A link to a message shows it, wherever in the room it stands, and leads on from there."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.clients import Person
from tests.support.serving import eventually, serve

COUNT = 160


@pytest.fixture(scope="module")
def server():
    with serve(look_seconds=0) as server:
        yield server


@pytest.fixture(scope="module")
def story(server):
    """The ids of the lobby's first messages, Line 0 to Line 159, by alice; behind them tests say more."""
    with Person(server) as alice:
        token = alice.sign_in("alice").token()
        said = [alice.post("/rooms/lobby/messages", token=token, body=f"Line {number}") for number in range(COUNT)]
    return [answer.json["id"] for answer in said]


@pytest.fixture
def opened(window, server, people):
    """Opens carol's window at an address of that server."""
    def open_(path, **options):
        return window(people(server, "carol"), at=server.base_url, **options).go(path)
    return open_


def expect_at(hers, id):
    expect(hers.find(f"#m{id}")).to_be_in_viewport()
    expect(hers.find(".message.marked")).to_have_attribute("data-id", str(id))


def test_an_old_message_is_shown_among_its_neighbours_and_marked(opened, story):
    hers = opened(f"/rooms/lobby?around={story[60]}#m{story[60]}").expect_live()
    expect_at(hers, story[60])
    expect(hers.message("Line 59")).to_have_count(1)
    expect(hers.message("Line 61")).to_have_count(1)
    expect(hers.message("Line 159")).to_have_count(0)
    expect(hers.jump).to_have_text("Newest")


def test_where_the_hash_was_lost_it_is_the_same(opened, story):
    expect_at(opened(f"/rooms/lobby?around={story[60]}").expect_live(), story[60])


def test_a_hash_that_the_page_does_not_hold_leads_to_the_page_that_does(opened, story):
    hers = opened("/")
    hers.go(f"/rooms/lobby#m{story[60]}")
    hers.page.wait_for_url(f"**/rooms/lobby?around={story[60]}#m{story[60]}")
    expect_at(hers.expect_live(), story[60])
    hers.page.go_back(wait_until="domcontentloaded")
    expect(hers.page).to_have_url(f"{hers.base_url}/")


def test_the_end_of_a_part_of_the_past_is_not_followed(opened, story):
    hers = opened(f"/rooms/lobby?around={story[60]}", scripts=["delete window.SharedWorker"])
    asked = []
    hers.page.route("**/messages?after=*", lambda route: asked.append(route))  # and never answered
    place = "row => Math.round(row.getBoundingClientRect().top)"
    hers.expect_live().find("#log").evaluate("log => { log.scrollTop = log.scrollHeight - log.clientHeight - 50; }")
    eventually(lambda: hers.page.title() and asked)
    before = hers.message("Line 80").evaluate(place)
    hers.page.evaluate("Chat.log.keepView(function () { })")
    assert hers.message("Line 80").evaluate(place) == before


def test_so_does_one_that_is_typed_into_the_address_of_an_open_page(opened, story):
    hers = opened(f"/rooms/lobby?around={story[140]}").expect_live()
    hers.page.evaluate(f"location.hash = '#m{story[150]}'")
    expect_at(hers, story[150])
    hers.page.evaluate(f"location.hash = '#m{story[60]}'")
    hers.page.wait_for_url(f"**/rooms/lobby?around={story[60]}#m{story[60]}")
    expect_at(hers.expect_live(), story[60])


def test_a_message_that_is_not_there_is_said_to_be_missing_and_nothing_goes_in_circles(opened, story):
    hers = opened(f"/rooms/lobby#m{story[-1] + 1000}")
    hers.page.wait_for_url("**?around=*")
    hers.expect_live()
    expect(hers.find("li.missing")).to_be_in_viewport()
    expect(hers.messages.last).to_be_in_viewport()


def test_from_an_old_page_one_scrolls_on_in_both_directions(opened, people, server, story):
    hers = opened(f"/rooms/lobby?around={story[100]}").expect_live()
    dave = people(server, "dave")
    dave.say("Said meanwhile")
    expect(hers.jump).to_have_text("1 new")
    expect(hers.message("Said meanwhile")).to_have_count(0)
    eventually(lambda: hers.scroll_log("0") or hers.find("#older").is_hidden())
    eventually(lambda: hers.scroll_log("all") or hers.jump.is_hidden())
    said = hers.texts.all_inner_texts()
    assert said[:COUNT] == [f"Line {number}" for number in range(COUNT)] and said[-1] == "Said meanwhile"
    expect(hers.page).to_have_url(f"{hers.base_url}/rooms/lobby")
    hers.jump_to_end()
    dave.say("And on it goes")
    expect(hers.message("And on it goes")).to_be_in_viewport()
    expect(hers.texts.last).to_have_text("And on it goes")


def test_an_old_page_marks_nothing_as_read(opened, people, server, story):
    def marks():
        return server.query("SELECT max(read_id) FROM memberships JOIN users ON users.id = user_id"
                            " WHERE name = 'carol'")[0][0]

    hers = opened("/rooms/lobby").expect_live()
    hers.jump_to_end()
    eventually(lambda: marks() >= story[-1])
    hers.go("/")
    said = people(server, "dave").say("Not read yet")
    hers.go(f"/rooms/lobby?around={story[60]}").expect_live()
    hers.scroll_log("log.scrollTop + 100")
    assert marks() < said["id"]
    hers.jump.click()
    expect(hers.message("Not read yet").last).to_be_in_viewport()
    eventually(lambda: marks() >= said["id"])


def test_news_that_comes_while_the_newest_are_fetched_is_not_lost(opened, people, server, story):
    hers = opened(f"/rooms/lobby?around={story[90]}", scripts=["delete window.SharedWorker"]).expect_live()
    asked = []
    hers.page.route("**/messages?after=*", lambda route: asked.append((route, route.fetch())) if not asked
                    else route.continue_())
    hers.find("#newer a").first.click()
    eventually(lambda: hers.page.title() and asked)
    people(server, "dave").say("Just in between")
    expect(hers.jump).to_have_text("1 new")
    asked[0][0].fulfill(response=asked[0][1])
    expect(hers.message("Just in between")).to_have_count(1)
    expect(hers.texts.last).to_have_text("Just in between")


@pytest.mark.parametrize(("link", "shown"), [("#newer a >> nth=0", "Line 159"), ("#newer a >> nth=1", "Line 159"),
                                             ("#older a", "Line 16")], ids=["newer", "newest", "older"])
def test_a_link_that_is_pressed_while_something_is_fetched_waits_its_turn(opened, story, link, shown):
    hers = opened(f"/rooms/lobby?around={story[90]}", scripts=["delete window.SharedWorker"]).expect_live()
    held = []
    hers.page.route("**/messages?after=*", lambda route: route.continue_() if held else held.append(route))
    hers.scroll_log("all")
    eventually(lambda: hers.page.title() and held)
    hers.page.evaluate("window.isSamePage = true")
    hers.find(link).dispatch_event("click")
    held[0].continue_()
    expect(hers.message(shown)).to_have_count(1)
    assert hers.page.evaluate("window.isSamePage")


@pytest.mark.parametrize("link", ["#newer a >> nth=0", "#older a"])
def test_a_link_whose_answer_is_lost_is_followed_once_there_is_one(opened, story, link):
    hers = opened(f"/rooms/lobby?around={story[90]}", scripts=["delete window.SharedWorker"],
                  forgives="status of 503").expect_live()
    lost = []

    def lose_first(route):
        if lost:
            return route.continue_()
        lost.append(route.request.url)
        route.fulfill(status=503, json={"error": {"code": "busy", "message": "Busy just now."}})

    hers.page.route(re.compile(r"/messages\?(before|after)="), lose_first)
    edge = hers.messages.first if "older" in link else hers.messages.last
    before = edge.get_attribute("data-id")
    hers.find(link).dispatch_event("click")
    expect(edge).not_to_have_attribute("data-id", before)
    assert lost


def test_forced_colours_show_which_message_the_address_names(opened, story):
    hers = opened(f"/rooms/lobby?around={story[60]}", forced_colors="active").expect_live()
    marked = hers.find(".message.marked")
    expect(marked).to_have_count(1)
    assert hers.style(marked, "outlineStyle") == "solid"


# Whether the page takes a click with Ctrl held for itself, where the browser would open the link in another tab.
IS_TAKEN = """link => {
    let isTaken;
    addEventListener('click', click => { isTaken = click.defaultPrevented; click.preventDefault(); }, { once: true });
    link.dispatchEvent(new MouseEvent('click', { ctrlKey: true, bubbles: true, cancelable: true }));
    return isTaken;
}"""


def test_with_a_modifier_a_link_to_other_messages_is_the_browsers(opened, story):
    hers = opened(f"/rooms/lobby?around={story[90]}").expect_live()
    for link in "#newer a >> nth=0", "#newer a >> nth=1", "#older a":
        assert hers.find(link).evaluate(IS_TAKEN) is False, link


def test_without_script_a_messages_own_page_leads_back_to_its_place(opened, story):
    plain = opened(f"/messages/{story[60]}", java_script_enabled=False)
    plain.follow("Back to room")
    expect(plain.find(f"#m{story[60]}")).to_be_in_viewport()
    expect(plain.find(".message.marked .text")).to_have_text("Line 60")
    plain.follow("Newer messages")
    expect(plain.message("Line 86")).to_have_count(1)
