"""What a page lists and counts follows the log, whatever happened in whichever order; hearing of it changes nothing."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import LIVE
from tests.browser.windows import LOST, PHONE
from tests.support.proxy import proxy_before
from tests.support.serving import eventually


@pytest.fixture
def server(serving):
    """A server of one's own, whose log a test may damage."""
    return serving()


@pytest.fixture
def owner(server, people):
    owner = people(server, "olga")
    assert owner.post("/owner/claim", code=(server.instance / "owner-code").read_text().strip()).status == 204
    return owner


@pytest.fixture
def garden(owner):
    return owner.post("/rooms", name="Garden", topic="Beans").json["slug"]


@pytest.fixture
def carol(server, people, garden):
    """In the lobby and in the garden."""
    carol = people(server, "carol")
    for room in "lobby", garden:
        carol.post(f"/rooms/{room}/join")
    return carol


@pytest.fixture
def line(server):
    with proxy_before(server.host, server.port) as proxy:
        yield proxy


@pytest.fixture
def open_at(window, line):
    def open_(person, room="lobby", **options):
        return window(person, room, at=f"http://{line.host}:{line.port}", forgives=LOST, **options)
    return open_


def names(hers):
    return hers.find("#room-list .name")


def is_in(server, person, room):
    return bool(server.query("SELECT 1 FROM memberships JOIN rooms ON rooms.id = room_id"
                             " WHERE slug = ? AND user_id = ? AND to_id IS NULL", room, person.user["id"]))


def fall_asleep(hers, line):
    line.cut()
    expect(hers.state).not_to_have_class(LIVE)


# Lists


def test_rooms_come_and_change_and_go_in_the_list_beside_the_log(open_at, owner, carol, garden):
    hers = open_at(carol)
    expect(names(hers)).to_have_text(["Garden", "Lobby"])
    shed = owner.post("/rooms", name="Hut").json["slug"]
    expect(names(hers)).to_have_text(["Garden", "Hut", "Lobby"])
    owner.post(f"/owner/rooms/{shed}", name="Zebra hut", topic="")
    expect(names(hers)).to_have_text(["Garden", "Lobby", "Zebra hut"])
    owner.post(f"/owner/rooms/{shed}/close")
    expect(names(hers)).to_have_text(["Garden", "Lobby"])
    owner.post(f"/owner/rooms/{shed}/reopen")
    expect(names(hers)).to_have_text(["Garden", "Lobby", "Zebra hut"])
    owner.post(f"/owner/rooms/{shed}/remove", sure="on")
    expect(names(hers)).to_have_text(["Garden", "Lobby"])
    owner.post(f"/owner/rooms/{garden}/remove", sure="on")
    expect(names(hers)).to_have_text(["Lobby"])


def test_a_visitor_sees_rooms_come_too(window, server, people, owner, garden):
    theirs = window(people(server), "lobby", at=server.base_url)
    owner.post("/rooms", name="Hut")
    expect(names(theirs)).to_have_text(["Garden", "Hut", "Lobby"])


def test_the_first_page_follows_the_log(window, server, people, owner, carol, garden):
    hers, theirs = (window(person, at=server.base_url).go("/") for person in (carol, people(server)))
    shed = owner.post("/rooms", name="Hut", topic="Tools").json["slug"]
    for each in hers, theirs:
        expect(names(each)).to_have_text(["Garden", "Hut", "Lobby"])
    card = hers.find(f'[data-room="{shed}"]')
    expect(card.locator(".topic")).to_have_text("Tools")
    owner.post(f"/owner/rooms/{shed}", name="attic", topic="Tools")
    for each in hers, theirs:
        expect(names(each)).to_have_text(["attic", "Garden", "Lobby"])
    for text in "One", "Two":
        said = owner.say(text, room=garden)
    expect(hers.badge(garden)).to_have_text("2")
    expect(hers.page).to_have_title("(2) Longwave")
    owner.post(f"/messages/{said['id']}/remove")
    expect(hers.badge(garden)).to_have_text("1")
    owner.post(f"/owner/rooms/{shed}/close")
    for each in hers, theirs:
        expect(names(each)).to_have_text(["Garden", "Lobby"])
    card = hers.find(f'[data-room="{garden}"] a')
    card.click()
    expect(hers.heading).to_have_text("Garden")


def test_the_first_page_says_when_there_are_no_rooms(window, server, people, owner, garden):
    theirs = window(people(server), at=server.base_url).go("/")
    words = theirs.find("#no-rooms")
    expect(words).to_be_hidden()
    for room in "lobby", garden:
        owner.post(f"/owner/rooms/{room}/close")
    expect(words).to_have_text("No rooms yet")
    expect(words).to_be_visible()
    owner.post("/rooms", name="Hut")
    expect(names(theirs)).to_have_text(["Hut"])
    expect(words).to_be_hidden()
    theirs.page.reload()
    expect(names(theirs)).to_have_text(["Hut"])
    expect(words).to_be_hidden()


@pytest.mark.parametrize(("page", "way_to"), [("/rooms/lobby", ""), ("/", "/rooms/")], ids=["beside", "first page"])
def test_rooms_of_one_name_show_their_addresses_as_long_as_they_share_it(
        window, server, people, owner, carol, garden, page, way_to):
    owner.post(f"/owner/rooms/{garden}/close")  # for whoever doesn't know of it, the name is free
    hers = window(carol, at=server.base_url).go(page)
    twins = hers.find("#room-list .twin")
    expect(twins).to_have_text(["", ""])
    other = people(server, "bob").post("/rooms", name="garden").json["slug"]
    expect(twins).to_have_text([f"{way_to}{garden}", f"{way_to}{other}", ""])
    drawn = hers.find("#room-list").inner_text()
    hers.go(page)
    assert hers.find("#room-list").inner_text() == drawn, "as the server draws it"
    owner.post(f"/owner/rooms/{other}", name="Orchard", topic="")
    expect(names(hers).filter(has_text="Orchard")).to_be_visible()
    expect(twins).to_have_text(["", "", ""])


def test_the_room_that_one_looks_at_is_renamed_everywhere_on_the_page(open_at, owner, carol):
    hers = open_at(carol)
    owner.post("/owner/rooms/lobby", name="Hall", topic="All that is")
    expect(hers.heading).to_have_text("Hall")
    expect(hers.find("#room-topic")).to_have_text("All that is")
    expect(hers.find(".about")).to_have_text(re.compile(r"^\s*Hall\s+All that is\s*$"))
    expect(hers.composer).to_have_attribute("placeholder", "Message Hall")
    expect(hers.page).to_have_title("Hall")
    expect(names(hers)).to_have_text(["Garden", "Hall"])


def test_the_focus_stays_on_a_room_while_others_come_and_move(open_at, owner, carol, garden):
    hers = open_at(carol)
    hers.find('#room-list [data-room="lobby"] a').focus()
    owner.post("/rooms", name="Attic")
    owner.post(f"/owner/rooms/{garden}", name="Zoo", topic="")
    owner.post("/owner/rooms/attic/close")  # asks for the whole list
    expect(names(hers)).to_have_text(["Lobby", "Zoo"])
    expect(hers.find('#room-list [data-room="lobby"] a')).to_be_focused()


# Reading changes nothing


def test_a_tab_that_slept_through_a_join_and_a_leave_stays_outside(server, open_at, owner, carol, line, garden):
    shed = owner.post("/rooms", name="Shed").json["slug"]
    hers = open_at(carol)
    posts = []
    hers.page.on("request", lambda request: request.method == "POST" and posts.append(request.url))
    hers.hide()
    fall_asleep(hers, line)
    for act in "join", "leave", "join", "leave":
        carol.post(f"/rooms/{shed}/{act}")
    owner.say("while she slept")
    line.resume()
    hers.expect_live()
    hers.message("while she slept").wait_for()
    owner.post("/rooms", name="Marker")
    expect(names(hers)).to_have_text(["Garden", "Lobby", "Marker", "Shed"])
    expect(hers.find(f'[data-room="{shed}"].joined')).to_have_count(0)
    assert not is_in(server, carol, shed)
    assert posts == []


def test_a_tab_that_slept_while_one_left_its_room_does_not_come_back_to_it(server, open_at, carol, line, garden):
    hers = open_at(carol, garden)
    fall_asleep(hers, line)
    for act in "leave", "join", "leave":
        carol.post(f"/rooms/{garden}/{act}")
    line.resume()
    expect(hers.heading).to_have_text("Rooms")
    assert not is_in(server, carol, garden)


def test_a_tab_that_slept_while_one_left_its_room_and_came_back_stays_there(server, open_at, carol, line, garden):
    hers = open_at(carol, garden)
    fall_asleep(hers, line)
    for act in "leave", "join":
        carol.post(f"/rooms/{garden}/{act}")
    line.resume()
    hers.expect_live()
    carol.say("back again", room=garden)
    hers.expect_said("back again")
    expect(hers.heading).to_have_text("Garden")


# Counts


def test_a_message_that_is_removed_is_unread_no_more(open_at, owner, carol, garden):
    owner_said = [owner.say(f"Before {number}", room=garden) for number in range(2)]
    hers = open_at(carol)
    expect(hers.badge(garden)).to_have_text("2")
    said = [owner.say(f"After {number}", room=garden) for number in range(2)]
    expect(hers.badge(garden)).to_have_text("4")
    expect(hers.page).to_have_title("(4) Lobby")
    owner.post(f"/messages/{said[0]['id']}/remove")
    expect(hers.badge(garden)).to_have_text("3")
    owner.post(f"/messages/{owner_said[0]['id']}/remove")
    expect(hers.badge(garden)).to_have_text("2")
    expect(hers.page).to_have_title("(2) Lobby")
    for left in said[1], owner_said[1]:
        owner.post(f"/messages/{left['id']}/remove")
    expect(hers.badge(garden)).to_be_hidden()
    expect(hers.page).to_have_title("Lobby")


def test_a_removal_that_the_page_can_count_itself_asks_the_server_nothing(open_at, owner, carol, garden):
    owner_said = [owner.say(f"Line {number}", room=garden) for number in range(3)]
    hers = open_at(carol)
    expect(hers.badge(garden)).to_have_text("3")
    asked = []
    hers.page.on("request", lambda request: "near=" in request.url and asked.append(request.url))
    for left, said in zip(("2", "1"), owner_said[:2], strict=True):
        owner.post(f"/messages/{said['id']}/remove")
        expect(hers.badge(garden)).to_have_text(left)
    owner.post(f"/messages/{owner_said[2]['id']}/remove")
    expect(hers.badge(garden)).to_be_hidden()
    assert not asked


def test_what_was_read_or_is_ones_own_is_not_taken_off(open_at, owner, carol, garden):
    read, own = owner.say("Read", room=garden), carol.say("Own", room=garden)
    carol.post(f"/rooms/{garden}/read", id=read["id"])
    owner.say("Unread", room=garden)
    hers = open_at(carol)
    expect(hers.badge(garden)).to_have_text("1")
    for said in read, own:
        owner.post(f"/messages/{said['id']}/remove")
    owner.say("News", room=garden)
    expect(hers.badge(garden)).to_have_text("2")


# Each delay that a script asks for, with the longest that chance can make of it.
WATCH_DELAYS = """() => {
    window.delays = [];
    Math.random = () => 1;
    const later = Chat.later;
    Chat.later = (act, delayMs) => { delays.push(delayMs); return later(act, delayMs); };
}"""


def test_not_all_who_hear_that_a_room_is_gone_ask_at_once_least_of_all_where_nobody_looks(
        open_at, owner, carol, garden):
    shed = owner.post("/rooms", name="Shed").json["slug"]
    hers = open_at(carol)
    expect(names(hers)).to_have_text(["Garden", "Lobby", "Shed"])
    hers.page.evaluate(WATCH_DELAYS)
    hers.hide()
    owner.post(f"/owner/rooms/{shed}/close")
    eventually(lambda: 30000 in hers.page.evaluate("delays"))
    expect(names(hers)).to_have_text(["Garden", "Lobby", "Shed"])
    hers.show()
    expect(names(hers)).to_have_text(["Garden", "Lobby"])


def test_what_was_removed_read_or_written_while_a_tab_slept_is_not_unread(open_at, owner, carol, line, garden):
    owner.say("Counted by the page", room=garden)
    hers = open_at(carol)
    expect(hers.badge(garden)).to_have_text("1")
    fall_asleep(hers, line)
    gone = owner.say("Gone", room=garden)
    owner.post(f"/messages/{gone['id']}/remove")
    carol.say("My own", room=garden)
    read = owner.say("Read elsewhere", room=garden)
    carol.post(f"/rooms/{garden}/read", id=read["id"])
    owner.say("New", room=garden)
    edited = owner.say("New and edited", room=garden)
    owner.post(f"/messages/{edited['id']}/edit", body="Edited")
    line.resume()
    hers.expect_live()
    expect(hers.badge(garden)).to_have_text("2")
    hers.reload()
    expect(hers.badge(garden)).to_have_text("2")


def test_whoever_is_forgotten_leaves_no_unread_messages(server, people, open_at, carol, garden):
    bob = people(server, "bob")
    for number in range(3):
        bob.say(f"Number {number}", room=garden)
    hers = open_at(carol)
    bob.say("Number 3", room=garden)
    expect(hers.badge(garden)).to_have_text("4")
    bob.post("/me/forget", choice="remove")
    expect(hers.badge(garden)).to_be_hidden()


def test_leaving_and_coming_back_elsewhere_begins_at_nothing_unread(open_at, owner, carol, garden):
    hers = open_at(carol)
    owner.say("Old", room=garden)
    expect(hers.badge(garden)).to_have_text("1")
    carol.post(f"/rooms/{garden}/leave")
    expect(hers.badge(garden)).to_be_hidden()
    owner.say("While away", room=garden)
    carol.post(f"/rooms/{garden}/join")
    owner.say("News", room=garden)
    expect(hers.badge(garden)).to_have_text("1")


def test_the_button_counts_no_message_that_was_removed(open_at, owner, carol):
    for number in range(40):
        owner.say(f"Line {number}")
    hers = open_at(carol)
    hers.jump_to_end()
    hers.scroll_log("0")
    said = [owner.say(f"News {number}") for number in range(3)]
    expect(hers.jump).to_have_text("3 new")
    owner.post(f"/messages/{said[1]['id']}/remove")
    expect(hers.jump).to_have_text("2 new")
    for left in said[0], said[2]:
        owner.post(f"/messages/{left['id']}/remove")
    expect(hers.jump).to_be_hidden()


def test_what_grew_too_old_to_be_kept_is_not_unread_when_one_looks_again(server, open_at, owner, carol, garden):
    owner.say("Old", room=garden)
    hers = open_at(carol)
    expect(hers.badge(garden)).to_have_text("1")
    server.query("UPDATE messages SET expired_at = created_at WHERE body = 'Old'")
    hers.page.evaluate("const elapsed = Chat.elapsed; Chat.elapsed = () => elapsed() + 120000;")
    hers.hide()
    hers.show()
    expect(hers.badge(garden)).to_be_hidden()


# After a reset


def prune(server):
    """The log no longer holds anything, as when months have passed."""
    server.query("INSERT OR REPLACE INTO facts (name, value) SELECT 'pruned_to', max(id) FROM events")
    server.query("DELETE FROM events")


def lose(server):
    """All ids up to now are of a time that a restored backup has lost."""
    server.query("INSERT INTO gaps (after_id, until_id) SELECT 0, max(id) FROM events")


@pytest.mark.parametrize("damage", [prune, lose])
@pytest.mark.parametrize("scripts", [[], ["delete window.SharedWorker"],
                                     ["delete window.EventSource; delete window.SharedWorker;"
                                      "delete XMLHttpRequestEventTarget.prototype.onprogress"]],
                         ids=["a worker", "a leading tab", "polls"])
def test_after_a_reset_everything_that_comes_of_the_log_is_as_the_server_has_it(
        server, open_at, owner, carol, line, garden, damage, scripts):
    shed = owner.post("/rooms", name="Shed").json["slug"]
    attic = owner.post("/rooms", name="Attic").json["slug"]
    hers = open_at(carol, scripts=scripts)
    tabs = [hers, hers.beside().enter(garden)]
    hers.composer.fill("Half a sen")
    hers.page.evaluate("Chat.emit('typing', {room: 'lobby', user: {id: 99, name: 'dave'}, expires_in_ms: 3600000})")
    expect(hers.typing).to_contain_text("dave")
    fall_asleep(hers, line)
    owner.post("/owner/rooms/lobby", name="Hall", topic="Renamed")
    owner.post(f"/owner/rooms/{attic}/remove", sure="on")
    owner.post("/rooms", name="Hut")
    carol.post(f"/rooms/{shed}/join")
    owner.say("Missed", room=shed)
    owner.say("Missed here")
    damage(server)
    line.resume()
    for each in tabs:
        each.expect_live()
        expect(names(each)).to_have_text(["Garden", "Hall", "Hut", "Shed"])
        expect(each.badge(shed)).to_have_text("1")
        expect(each.find(f'[data-room="{shed}"].joined')).to_have_count(1)
    expect(hers.message("Missed here")).to_have_count(1)
    expect(hers.heading).to_have_text("Hall")
    expect(hers.find("#room-topic")).to_have_text("Renamed")
    expect(hers.composer).to_have_value("Half a sen")
    expect(hers.typing).to_have_text("")
    owner.say("And on", room=shed)
    for each in tabs:
        expect(each.badge(shed)).to_have_text("2")


def test_after_a_reset_whoever_left_meanwhile_is_not_brought_back(server, open_at, carol, line, garden):
    hers = open_at(carol, garden)
    fall_asleep(hers, line)
    carol.post(f"/rooms/{garden}/leave")
    prune(server)
    line.resume()
    expect(hers.heading).to_have_text("Rooms")
    assert not is_in(server, carol, garden)


def test_after_a_reset_what_is_read_is_told_again(server, open_at, owner, carol, line):
    hers = open_at(carol)
    said = owner.say("Seen")
    hers.expect_said("Seen")
    read = "SELECT read_id FROM memberships JOIN rooms ON rooms.id = room_id WHERE slug = 'lobby' AND user_id = ?"
    eventually(lambda: server.query(read, carol.user["id"])[0][0] == said["id"])
    fall_asleep(hers, line)
    server.query("UPDATE memberships SET read_id = 0 WHERE user_id = ?", carol.user["id"])  # as in the backup
    lose(server)
    line.resume()
    hers.expect_live()
    eventually(lambda: server.query(read, carol.user["id"])[0][0] == said["id"])


# Thirty rooms


@pytest.mark.parametrize("view", [{}, PHONE], ids=["desktop", "phone"])
def test_of_thirty_rooms_the_current_one_is_in_sight_and_the_list_keeps_its_place(
        window, server, owner, carol, view):
    for number in range(30):
        server.query("INSERT INTO rooms (slug, name, name_key, topic, kind, created_at)"
                     " SELECT ?, ?, ?, '', 'open', created_at FROM rooms WHERE slug = 'lobby'",
                     f"room-{number:02}", f"Room {number:02}", f"room {number:02}")
    hers = window(carol, "room-27", at=server.base_url, **view)
    if view:
        hers.find("#to-rooms").click()
    current = hers.find("#room-list .current")
    expect(current).to_be_in_viewport(ratio=1)
    if not view:
        expect(hers.composer).to_be_focused()
    height = hers.box(current)["y"]
    owner.post("/rooms", name="Attic")
    expect(hers.find('[data-room="attic"]')).to_have_count(1)
    eventually(lambda: abs(hers.box(current)["y"] - height) < 2)
    other = hers.find('[data-room="room-26"] a')
    height = hers.box(other)["y"]
    other.click()
    expect(hers.heading).to_have_text("Room 26")
    if view:
        hers.find("#to-rooms").click()
    eventually(lambda: abs(hers.box(hers.find("#room-list .current a"))["y"] - height) < 3)
