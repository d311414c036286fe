"""Days, clocks and runs: times as the reader's own clock has them."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from playwright.sync_api import expect

from tests.support.serving import eventually

# The server lives by the same clock as the reader's page, of which the test says what it shows.
SAME_CLOCK = """{ const header = XMLHttpRequest.prototype.getResponseHeader;
    XMLHttpRequest.prototype.getResponseHeader = function (name) {
        return name === 'Date' ? new Date().toUTCString() : header.call(this, name); }; }"""
NOON = datetime(2026, 11, 20, 11, 0, tzinfo=timezone.utc)  # a Friday, noon in Berlin


def says_at(chat, person, room, text, moment):
    """Let it have been said then."""
    said = person.say(text, room=room)
    then = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    chat.query("UPDATE messages SET created_at = ?, html = replace(html, created_at, ?) WHERE id = ?",
               then, then, said["id"])


@pytest.fixture
def diary(chat, alice, garden):
    """What alice said over three days."""
    for text, ago in (
        ("Wednesday", timedelta(days=2)), ("Yesterday late", timedelta(hours=13)),
        ("Today early", timedelta(hours=11, minutes=30)), ("Four minutes later", timedelta(hours=11, minutes=26)),
        ("Six minutes later", timedelta(hours=11, minutes=20)),
    ):
        says_at(chat, alice, garden, text, NOON - ago)
    return garden


@pytest.fixture
def reader(window, carol, diary):
    """Carol's window, at noon by her clock and by the server's."""
    hers = window(carol, scripts=[SAME_CLOCK])
    hers.page.clock.install(time=NOON)

    def at_noon(route):
        page = route.fetch()
        noon = NOON.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        route.fulfill(response=page, body=re.sub(r'data-now="[^"]*"', f'data-now="{noon}"', page.text()))

    hers.page.route(f"**/rooms/{diary}", at_noon)
    return hers.enter(diary)


def test_a_rule_stands_before_each_day_of_the_readers_calendar(reader):
    expect(reader.day_rules).to_have_text(["Wednesday 18 November", "Yesterday", "Today"])
    expect(reader.find(".rule.day:has-text('Today') + .message .text")).to_have_text("Today early")
    expect(reader.messages.locator(".byline time")).to_have_text(["12:00", "23:00", "00:30", "00:34", "00:40"])


def test_a_run_within_five_minutes_has_one_name(reader):
    grouped = [row.inner_text() for row in reader.find("#rows .message.grouped .text").all()]
    assert grouped == ["Four minutes later"]
    expect(reader.message("Today early").locator(".author")).to_be_visible()
    expect(reader.message("Four minutes later").locator(".author")).to_have_css("width", "1px")  # for who listens
    expect(reader.message("Six minutes later").locator(".author")).to_be_visible()


def test_another_author_ends_a_run(window, alice, carol, garden):
    hers = window(carol, garden)
    alice.say("One", room=garden)
    alice.say("Two", room=garden)
    carol.say("Three", room=garden)
    alice.say("Four", room=garden)
    hers.expect_said("One", "Two", "Three", "Four")
    expect(hers.find("#rows .message.grouped .text")).to_have_text(["Two"])
    hers.reload()
    expect(hers.find("#rows .message.grouped .text")).to_have_text(["Two"])


def test_the_time_of_a_grouped_message_shows_when_one_points_at_it(reader):
    row = reader.message("Four minutes later")
    row.hover()
    expect(row.locator(".when")).to_have_css("opacity", "1")
    expect(row.locator("time")).to_be_visible()


def test_at_midnight_today_becomes_yesterday(reader):
    reader.page.clock.fast_forward("12:30:00")
    expect(reader.day_rules).to_have_text(["Wednesday 18 November", "Thursday 19 November", "Yesterday"])


def test_a_page_without_script_has_the_days_of_the_site(window, carol, diary):
    plain = window(carol, java_script_enabled=False).go(f"/rooms/{diary}")
    expect(plain.day_rules).to_have_count(2)  # what was early today in Berlin was late yesterday in UTC
    expect(plain.day_rules.first).to_contain_text("18 November")
    for rule in plain.day_rules.all():
        expect(rule).to_contain_text(" · UTC")
    expect(plain.messages.locator(".byline time")).to_have_text(["11:00", "22:00", "23:30", "23:34", "23:40"])


@pytest.mark.parametrize("locale", ["en-US", "en-CA", "ko-KR"])
def test_a_time_with_am_and_pm_is_not_clipped_in_a_run(window, carol, alice, garden, locale):
    alice.say("One", room=garden)
    alice.say("Two", room=garden)
    hers = window(carol, garden, locale=locale, timezone_id="Pacific/Auckland")
    row = hers.find("#rows .message.grouped")
    row.hover()
    expect(row.locator(".when")).to_have_css("opacity", "1")
    when, time, text = (hers.box(row.locator(part)) for part in (".when", "time", ".text"))
    assert time["x"] >= when["x"] - 1 and time["x"] + time["width"] <= text["x"], "it stands beside the text"
    assert time["height"] <= hers.box(row)["height"] + 1


@pytest.mark.parametrize("wrong", [
    timedelta(seconds=-30), timedelta(hours=-3), timedelta(hours=5), timedelta(days=-400)])
def test_a_clock_that_is_wrong_moves_no_row_and_no_day(window, carol, garden, wrong):
    carol.say("Said before", room=garden)
    hers = window(carol, scripts=["delete window.SharedWorker"])
    hers.page.clock.install(time=datetime.now(timezone.utc) + wrong)
    hers.enter(garden)
    expect(hers.find("#rows .message")).to_have_count(1)
    asked = []
    hers.page.route("**/rooms/*/messages?*", lambda route: asked.append(route))
    hers.say("Not yet said")
    expect(hers.pending).to_have_count(1)
    expect(hers.day_rules).to_have_count(1)
    expect(hers.pending).to_have_class(re.compile("grouped"))
    before = hers.box(hers.pending.locator(".text"))
    eventually(lambda: hers.page.title() and asked)
    asked[0].continue_()
    expect(hers.pending).to_have_count(0)
    expect(hers.day_rules).to_have_text(["Today"])
    after = hers.box(hers.message("Not yet said").locator(".text"))
    assert (before["x"], before["y"]) == (after["x"], after["y"])


def test_the_title_of_a_time_is_the_whole_of_it_with_its_zone(reader):
    title = reader.message("Today early").locator("time").get_attribute("title")
    assert title.startswith("Friday") and "2026" in title and title.endswith(("CET", "GMT+1"))


def test_pages_without_a_script_of_their_own_show_the_readers_time_too(window, chat, alice, garden):
    says_at(chat, alice, garden, "Then", NOON)
    then = alice.get(f"/rooms/{garden}/messages").json["messages"][-1]["id"]
    hers = window(alice).go(f"/messages/{then}")
    expect(hers.find(".byline time")).to_have_text("20 Nov 2026, 12:00")
    expect(hers.find(".byline .when")).to_have_text("20 Nov 2026, 12:00")
    assert "GMT+1" in (title := hers.find(".byline time").get_attribute("title")) or "CET" in title
    plain = window(alice, java_script_enabled=False).go(f"/messages/{then}")
    expect(plain.find(".byline time")).to_have_text("20 Nov 2026, 11:00 UTC")
    expect(window(alice, java_script_enabled=False).go(f"/rooms/{garden}").find(".when").last).to_have_text("11:00 UTC")
