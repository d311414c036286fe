"""Days, clocks and runs: times as the reader's own clock has them."""

from datetime import datetime, timedelta, timezone

import pytest
from playwright.sync_api import expect

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
    hers = window(carol)
    hers.page.clock.install(time=NOON)
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
    expect(plain.messages.locator(".byline time")).to_have_text(["11:00", "22:00", "23:30", "23:34", "23:40"])
