"""Reading: the view follows at the end, and news never moves what one is reading."""

import pytest
from playwright.sync_api import expect

from tests.support.serving import eventually

NEAR_PX = 2


@pytest.fixture
def story(alice, garden):
    """120 messages of alice's, more than two pages; the last is "Line 119"."""
    token = alice.token()
    for number in range(120):
        alice.post(f"/rooms/{garden}/messages", token=token, body=f"Line {number}")
    return garden


@pytest.fixture
def reader(window, carol, story):
    """Carol's window with the end of the story in view; she has read it."""
    hers = window(carol, story)
    hers.jump_to_end()
    return hers


def test_the_view_follows_at_the_end(reader, alice, story):
    for number in range(5):
        alice.say(f"More {number}", room=story)
    expect(reader.message("More 4")).to_be_in_viewport()
    eventually(lambda: reader.gap() < NEAR_PX)
    expect(reader.jump).to_be_hidden()


def test_near_the_end_counts_as_the_end(reader, alice, story):
    reader.scroll_log("all - log.clientHeight - 90")
    alice.say("More", room=story)
    expect(reader.message("More")).to_be_in_viewport()


def test_what_is_read_further_up_stays_and_a_button_counts_the_news(reader, alice, story):
    reader.scroll_log("all - log.clientHeight - 400")
    row = reader.message("Line 110")
    height = reader.box(row)["y"]
    alice.say("More", room=story)
    expect(reader.jump).to_have_text("1 new")
    alice.say("Even more", room=story)
    expect(reader.jump).to_have_text("2 new")
    assert abs(reader.box(row)["y"] - height) < NEAR_PX
    expect(reader.message("Even more")).not_to_be_in_viewport()
    reader.jump.click()
    expect(reader.message("Even more")).to_be_in_viewport()
    expect(reader.jump).to_be_hidden()


def test_what_was_read_on_another_device_is_no_longer_counted(reader, alice, carol, story):
    reader.scroll_log("all - log.clientHeight - 400")
    first, second = (alice.say(text, room=story)["id"] for text in ("More", "Even more"))
    expect(reader.jump).to_have_text("2 new")
    carol.post(f"/rooms/{story}/read", id=first)
    expect(reader.jump).to_have_text("1 new")
    carol.post(f"/rooms/{story}/read", id=second)
    expect(reader.jump).to_be_hidden()


def test_what_one_says_oneself_is_always_in_view(reader):
    reader.scroll_log("all - log.clientHeight - 400")
    reader.say("My own")
    expect(reader.message("My own")).to_be_in_viewport()


def test_an_edit_above_does_not_move_what_is_read(reader, alice, story):
    first_shown = reader.messages.first.get_attribute("data-id")
    reader.scroll_log("all - log.clientHeight - 400")
    row = reader.message("Line 110")
    height = reader.box(row)["y"]
    alice.post(f"/messages/{first_shown}/edit", body="Much\nlonger\nthan\nbefore")
    reader.message("longer").wait_for()
    assert abs(reader.box(row)["y"] - height) < NEAR_PX


def test_scrolling_up_brings_older_messages_and_keeps_the_place(reader):
    asked = []
    reader.page.route("**/messages?before=*", lambda route: asked.append(route))
    expect(reader.messages).to_have_count(50)
    reader.scroll_log("250")
    row = reader.message("Line 85")
    height = reader.box(row)["y"]
    eventually(lambda: reader.page.title() and asked)
    asked[0].continue_()
    expect(reader.messages).to_have_count(100)
    assert abs(reader.box(row)["y"] - height) < NEAR_PX
    reader.page.unroute_all()
    reader.scroll_log("0")
    expect(reader.messages).to_have_count(120)
    expect(reader.find("#older")).to_be_hidden()
    expect(reader.texts).to_have_text([f"Line {number}" for number in range(120)])


def test_an_older_page_leads_on_to_the_newest_messages(window, alice, carol, story):
    oldest = alice.get(f"/rooms/{story}/messages?limit=200").json["messages"][20]
    hers = window(carol).go(f"/rooms/{story}?before={oldest['id']}").expect_live()
    expect(hers.message("Line 19")).to_be_in_viewport()
    expect(hers.message("Line 119")).to_have_count(0)
    expect(hers.jump).to_have_text("Newest")
    hers.jump.click()
    expect(hers.message("Line 119")).to_be_in_viewport()
    expect(hers.jump).to_be_hidden()


def test_an_address_that_names_a_message_shows_it(window, alice, carol, story):
    named = alice.get(f"/rooms/{story}/messages").json["messages"][5]
    hers = window(carol).go(f"/rooms/{story}#m{named['id']}")
    hers.expect_live()
    expect(hers.find(f"#m{named['id']}")).to_be_in_viewport()
    expect(hers.message("Line 119")).not_to_be_in_viewport()


def test_a_turned_phone_keeps_the_message_that_one_reads(window, carol, story):
    hers = window(carol, story, viewport={"width": 390, "height": 844})
    hers.jump_to_end()
    row = hers.message("Line 85")
    hers.scroll_log(f"log.scrollTop + {hers.box(row)['y'] - 60}")
    assert hers.gap() > 150
    hers.page.evaluate("new Promise(done => setTimeout(done, 200))")  # the page notes where the scrolling came to rest
    for turned in ({"width": 844, "height": 390}, {"width": 390, "height": 844}):
        hers.page.set_viewport_size(turned)
        expect(row).to_be_in_viewport()
        eventually(lambda: hers.box(row)["y"] < 130)


def test_a_turned_phone_stays_at_the_end(window, carol, story):
    hers = window(carol, story, viewport={"width": 390, "height": 844})
    hers.jump_to_end()
    for turned in ({"width": 844, "height": 390}, {"width": 390, "height": 844}):
        hers.page.set_viewport_size(turned)
        expect(hers.message("Line 119")).to_be_in_viewport()
        eventually(lambda: hers.gap() < NEAR_PX)


def test_an_empty_room_says_what_to_do_until_somebody_speaks(window, alice, carol, garden):
    hers = window(carol, garden)
    empty = hers.find("#empty")
    expect(empty).to_contain_text("No messages yet")
    expect(empty).to_contain_text("Write the first one below. Everyone in this room will see it.")
    alice.say("Hello", room=garden)
    hers.expect_said("Hello")
    expect(empty).to_be_hidden()
