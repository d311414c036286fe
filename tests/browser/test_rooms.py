"""Rooms: what is unread in each, in the list, in the title and over all tabs; and the rule where one left off."""

import threading

import pytest
from playwright.sync_api import expect

from tests.browser.windows import LOST
from tests.conftest import free_name
from tests.support.clients import Person
from tests.support.proxy import proxy_before
from tests.support.serving import eventually


@pytest.fixture
def shed(gardener):
    """A second room."""
    return gardener.post("/rooms", name="Shed").json["slug"]


@pytest.fixture
def member(carol, garden, shed):
    """Carol, who is in the garden and in the shed."""
    for room in garden, shed:
        carol.post(f"/rooms/{room}/join")
    return carol


def icon(window):
    return window.find("link[rel=icon][type='image/svg+xml']").get_attribute("href")


def await_read(chat, member, message):
    """The server has been told."""
    eventually(lambda: chat.query("SELECT 1 FROM memberships WHERE user_id = ? AND read_id >= ?",
                                  member.user["id"], message["id"]))


def test_what_is_unread_is_counted_per_room_in_the_title_and_on_the_icon(window, alice, member, garden, shed):
    hers = window(member, garden)
    quiet_icon = icon(hers)
    expect(hers.page).to_have_title("Garden")
    expect(hers.badge(shed)).to_be_hidden()
    for number in range(3):
        alice.say(f"Tools {number}", room=shed)
    expect(hers.badge(shed)).to_have_text("3")
    expect(hers.badge(shed)).to_have_attribute("aria-label", "3 unread")
    expect(hers.page).to_have_title("(3) Garden")
    assert icon(hers) != quiet_icon
    hers.find(f'#room-list [data-room="{shed}"] a').click()
    expect(hers.page).to_have_title("Shed")
    expect(hers.badge(shed)).to_be_hidden()
    assert icon(hers) == quiet_icon


def test_a_reload_still_knows_what_is_unread(window, alice, member, garden, shed):
    hers = window(member, garden)
    alice.say("One", room=shed)
    expect(hers.badge(shed)).to_have_text("1")
    hers.reload()
    expect(hers.badge(shed)).to_have_text("1")
    expect(hers.page).to_have_title("(1) Garden")
    hers.go("/")
    card = hers.find(f'.room-cards a[href$="/rooms/{shed}"]')
    while not card.count():
        hers.go(hers.find(".ways a").last.get_attribute("href"))
    expect(card.locator(".badge")).to_have_text("1")


def test_what_is_read_in_one_tab_is_read_in_all(window, alice, member, garden, shed):
    one = window(member, garden)
    other = one.beside().enter(garden)
    alice.say("News", room=shed)
    for each in one, other:
        expect(each.badge(shed)).to_have_text("1")
    other.enter(shed)
    expect(one.badge(shed)).to_be_hidden()
    expect(one.page).to_have_title("Garden")


def test_what_is_read_on_another_device_is_read_here(window, alice, member, garden, shed):
    hers = window(member, garden)
    said = alice.say("News", room=shed)
    expect(hers.badge(shed)).to_have_text("1")
    member.post(f"/rooms/{shed}/read", id=said["id"])
    expect(hers.badge(shed)).to_be_hidden()


def test_a_window_in_the_back_counts_its_own_room_and_marks_where_one_left_off(window, alice, member, garden):
    hers = window(member, garden)
    alice.say("Seen", room=garden)
    hers.expect_said("Seen")
    hers.hide()
    alice.say("Unseen", room=garden)
    alice.say("Unseen too", room=garden)
    expect(hers.page).to_have_title("(2) Garden")
    expect(hers.new_rule).to_have_count(1)
    expect(hers.after_rule()).to_contain_text("Unseen")
    hers.show()
    expect(hers.page).to_have_title("Garden")
    expect(hers.new_rule).to_have_text("New")  # it stays while one reads
    hers.say("Thank you")
    hers.message("Thank you").wait_for()
    expect(hers.new_rule).to_have_count(0)


def test_the_rule_new_stands_where_one_left_off(window, chat, alice, member, garden, shed):
    hers = window(member, garden)
    first = alice.say("Read before", room=garden)
    hers.expect_said("Read before")
    hers.enter(shed)
    await_read(chat, member, first)
    alice.say("First new", room=garden)
    last = alice.say("Second new", room=garden)
    hers.enter(garden)
    expect(hers.new_rule).to_have_text("New")
    expect(hers.after_rule()).to_contain_text("First new")
    await_read(chat, member, last)
    hers.reload()
    expect(hers.new_rule).to_have_count(0)


def test_what_was_seen_a_moment_ago_is_not_unread_in_the_next_room(window, alice, member, garden, shed):
    hers = window(member, garden)
    alice.say("Seen in passing", room=garden)
    hers.expect_said("Seen in passing")
    hers.enter(shed)
    expect(hers.badge(garden)).to_be_hidden()
    expect(hers.page).to_have_title("Shed")


def test_what_one_writes_oneself_is_never_unread(window, member, garden, shed):
    hers = window(member, garden)
    member.say("From my other device", room=shed)
    member.say("And here", room=garden)
    hers.expect_said("And here")
    expect(hers.badge(shed)).to_be_hidden()
    expect(hers.page).to_have_title("Garden")


def test_a_room_can_be_opened_and_everybody_finds_it(window, carol, alice):
    hers = window(carol, "lobby")
    hers.follow("New room")
    hers.page.get_by_label("Name").fill("Bicycles & more")
    hers.page.get_by_label("Topic").fill("What rolls")
    hers.press("Create room")
    hers.expect_live()
    expect(hers.heading).to_have_text("Bicycles & more")
    expect(hers.find("#room-topic")).to_have_text("What rolls")
    his = window(alice).go("/")
    his.find(".room-cards .card").filter(has_text="Bicycles & more").first.click()
    his.expect_live()
    expect(hers.here).to_have_text(["carol", "alice"])


def test_a_room_joined_on_another_device_appears_with_its_name(window, carol, garden, shed):
    hers = window(carol, garden)
    entry = hers.find(f'#room-list [data-room="{shed}"]')
    entry.evaluate_all("entries => entries.forEach(entry => entry.remove())")  # on a page that is older
    carol.post(f"/rooms/{shed}/join")
    expect(entry.locator(".name")).to_have_text("Shed")


@pytest.fixture
def chatter(chat, shed):
    """Somebody who talks in the shed until told to stop; returns how often they did."""
    with Person(chat) as talker:
        free_name(chat, "talker")
        talker.sign_in("talker")
        is_over, said = threading.Event(), []

        def talk():
            token = talker.token()
            while not is_over.is_set():
                answer = talker.post(f"/rooms/{shed}/messages", token=token, body=f"Line {len(said)}")
                said.append(answer.json["id"])

        talking = threading.Thread(target=talk)
        talking.start()

        def stop():
            is_over.set()
            talking.join()
            return said

        yield said, stop
        stop()


def test_a_room_joined_while_people_talk_there_is_heard_from_the_join_on_each_once(
        window, chat, carol, garden, shed, chatter):
    said, stop = chatter
    with proxy_before(chat.host, chat.port) as line:
        hers = window(carol, garden, at=f"http://{line.host}:{line.port}", forgives=LOST)
        hers.page.evaluate("""room => {
            window.heard = [];
            Chat.on('message', message => { if (message.room === room) { window.heard.push(message.id); } });
        }""", shed)

        def expect_heard(message_id):
            eventually(lambda: hers.page.evaluate(f"window.heard.includes({message_id})"))

        eventually(lambda: len(said) > 20)
        carol.post(f"/rooms/{shed}/join")
        joined = carol.cursor()
        eventually(lambda: said[-1] > joined)
        for _ in range(2):
            expect_heard(said[-1])
            line.cut()
            expect(hers.state).to_contain_text("Reconnecting")
            line.resume()
            hers.expect_live()
        eventually(lambda: hers.page.evaluate("window.heard.length") > 40)
        expect_heard(stop()[-1])
        heard = hers.page.evaluate("window.heard")
        assert len(heard) > 40, "nobody talked meanwhile"
        assert heard == [each for each in said if each >= heard[0]]
        assert heard[0] <= next(each for each in said if each > joined)
        expect(hers.badge(shed)).to_have_text(str(len(heard)))


def test_leaving_a_room_ends_its_news(window, alice, member, garden, shed):
    hers = window(member, shed)
    hers.press("Leave room")
    expect(hers.heading).to_have_text("Rooms")
    hers.enter(garden)
    alice.say("Not for her", room=shed)
    alice.say("For her", room=garden)
    hers.expect_said("For her")
    expect(hers.badge(shed)).to_be_hidden()
    expect(hers.here).to_have_text(["carol"])
