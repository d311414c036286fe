"""Where one left off stands the rule "New": before the first message that was not read, however many there are."""

from itertools import count

import pytest
from playwright.sync_api import expect

from tests.support.clients import Person
from tests.support.serving import eventually, serve

numbers = count()


@pytest.fixture(scope="module")
def server():
    with serve(look_seconds=0) as server:
        yield server


@pytest.fixture(scope="module")
def writer(server):
    with Person(server) as writer:
        yield writer.sign_in("alice")


@pytest.fixture
def carol(server, people):
    return people(server, "carol")


@pytest.fixture
def room(writer, carol):
    """A room in which carol has read all that was said."""
    slug = writer.post("/rooms", name=f"Garden {next(numbers)}").json["slug"]
    say(writer, slug, 0, 10)
    carol.look(f"/rooms/{slug}")
    return slug


@pytest.fixture
def opened(window, server, carol):
    def open_(path, **options):
        return window(carol, at=server.base_url, **options).go(path)
    return open_


def say(writer, room, start, end):
    token = writer.token()
    return [writer.post(f"/rooms/{room}/messages", token=token, body=f"Line {number}").json["id"]
            for number in range(start, end)]


def expect_rule_before(hers, text):
    expect(hers.new_rule).to_have_count(1)
    expect(hers.after_rule().locator(".text")).to_have_text(text)


@pytest.mark.parametrize("how_many", [1, 50, 51, 120])
def test_the_rule_stands_before_the_first_that_was_not_read(opened, writer, room, how_many):
    say(writer, room, 10, 10 + how_many)
    hers = opened(f"/rooms/{room}").expect_live()
    expect_rule_before(hers, "Line 10")
    expect(hers.new_rule).to_be_in_viewport()
    eventually(lambda: hers.scroll_log("0") or hers.find("#older").is_hidden())
    expect_rule_before(hers, "Line 10")
    expect(hers.texts).to_have_text([f"Line {number}" for number in range(10 + how_many)])


def test_where_it_is_far_above_one_is_led_to_it(opened, writer, room, server):
    ids = say(writer, room, 10, 290)
    hers = opened(f"/rooms/{room}").expect_live()
    expect(hers.new_rule).to_have_count(0)
    expect(hers.jump).to_have_text("280 new")
    hers.follow("Go to the first of 280 new messages")
    expect_rule_before(hers, "Line 10")
    expect(hers.new_rule).to_be_in_viewport()
    expect(hers.find("#new-above")).to_have_count(0)
    hers.jump.click()
    expect(hers.message("Line 289")).to_be_in_viewport()
    read = "SELECT max(read_id) FROM memberships JOIN users ON users.id = user_id WHERE name = 'carol'"
    eventually(lambda: server.query(read)[0][0] == ids[-1])


def test_without_script_a_link_leads_to_it(opened, carol, writer, room):
    ids = say(writer, room, 10, 75)
    page = carol.look(f"/rooms/{room}")
    assert 'class="rule new"' not in page.raw
    assert f"/rooms/{room}?around={ids[0]}&new={ids[0]}#m{ids[0]}" in page.addresses
    around = carol.look(f"/rooms/{room}?around={ids[0]}")
    assert around.raw.index("Line 9<") < around.raw.index('class="rule new"') < around.raw.index("Line 10<")


@pytest.mark.parametrize("way", [["Go to the first of 65 new messages"], ["Older messages"],
                                 ["Go to the first of 65 new messages", "Newer messages", "Older messages"]])
def test_without_script_the_rule_stands_there_though_the_page_was_noted_as_read(opened, server, writer, room, way):
    ids = say(writer, room, 10, 75)
    hers = opened(f"/rooms/{room}", java_script_enabled=False)
    read = "SELECT max(read_id) FROM memberships JOIN users ON users.id = user_id WHERE name = 'carol'"
    eventually(lambda: server.query(read)[0][0] == ids[-1])
    for link in way:
        hers.follow(link)
    expect_rule_before(hers, "Line 10")


def test_the_link_says_how_many_there_are(carol, writer, room):
    say(writer, room, 10, 61)
    assert "Go to the first of 51 new messages" in carol.look(f"/rooms/{room}").text


def test_it_stays_there_through_edits_removals_and_what_comes(opened, writer, room):
    ids = say(writer, room, 10, 14)
    hers = opened(f"/rooms/{room}").expect_live()
    above = hers.message("Line 9").get_attribute("data-id")
    writer.post(f"/messages/{ids[0]}/edit", body="Line 10 better")
    for id in (above, ids[1]):
        writer.post(f"/messages/{id}/remove")
    hers.message("Line 10 better").wait_for()
    expect(hers.find(".message.removed")).to_have_count(2)
    say(writer, room, 14, 16)
    expect(hers.message("Line 15")).to_have_count(1)
    expect_rule_before(hers, "Line 10 better")
    hers.say("My own")
    expect(hers.new_rule).to_have_count(0)


def test_what_comes_while_one_is_not_looking_is_new_also_past_a_reset(opened, writer, room):
    hers = opened(f"/rooms/{room}").expect_live()
    hers.jump_to_end()
    expect(hers.new_rule).to_have_count(0)
    hers.hide()
    say(writer, room, 10, 12)
    expect_rule_before(hers, "Line 10")
    hers.page.evaluate("Chat.emit('reset', {cursor: Chat.connection.cursor(), reason: 'pruned'})")
    say(writer, room, 12, 13)
    expect(hers.message("Line 12")).to_have_count(1)
    expect_rule_before(hers, "Line 10")
