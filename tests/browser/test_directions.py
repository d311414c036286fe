"""Hebrew and Arabic: what one writes runs as it should, and turns nothing that stands around it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

NAME, ROOM, TEXT = "\u05d3\u05e0\u05d4!", "\u05d2\u05df (1)", "\u05e9\u05dc\u05d5\u05dd, abc."
TEMPLATES = Path(__file__).parents[2] / "templates"
APART = "\u2068%s\u2069"
DIRECTION = "field => getComputedStyle(field).direction"


@pytest.fixture
def hebrew(chat, people):
    """Somebody with a name in Hebrew, and a room of theirs."""
    somebody = people(chat, NAME)
    somebody.room = somebody.post("/rooms", name=ROOM, topic=TEXT).json["slug"]
    return somebody


def test_what_one_writes_runs_in_its_own_direction(window, hebrew):
    hers = window(hebrew, hebrew.room)
    for text, direction in (TEXT, "rtl"), ("abc", "ltr"), (TEXT, "rtl"):
        hers.composer.fill(text)
        assert hers.composer.evaluate(DIRECTION) == direction
    hers.composer.press("Enter")
    hers.expect_said(TEXT)
    hers.composer.press("ArrowUp")
    assert hers.find(".edit-form textarea").evaluate(DIRECTION) == "rtl"


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_every_field_for_words_takes_their_direction(template):
    markup = re.sub("[{][{%#].*?[}%#][}]", "", template.read_text(), flags=re.S)
    for field in re.findall("<(?:textarea|input)[^>]*>", markup):
        is_for_words = "type=" not in field and not (field.startswith("<input") and "readonly" in field)
        assert not is_for_words or 'dir="auto"' in field, field


def test_names_and_rooms_turn_nothing_around_them(window, hebrew, carol):
    hers = window(carol, hebrew.room)
    expect(hers.composer).to_have_attribute("placeholder", f"Message {APART % ROOM}")
    assert hers.page.title() == APART % ROOM
    hebrew.say(TEXT, room=hebrew.room)
    expect(hers.find("#announcer")).to_contain_text(APART % NAME)
    expect(hers.find("#announcer")).to_contain_text(APART % TEXT)
    assert (hers.find(".when").last.get_attribute("aria-label") or "").startswith(f"Message by {APART % NAME}")
    hers.find(".when").last.click()
    expect(hers.find("h1 bdi")).to_have_text(ROOM)
    assert hers.page.title().startswith(f"Message in {APART % ROOM} \u00b7 ")


def test_the_served_page_has_them_apart_too(hebrew):
    page = hebrew.get(f"/rooms/{hebrew.room}", Accept="text/html").text
    assert f"<title>{APART % ROOM}</title>" in page
    assert f'placeholder="Message {APART % ROOM}"' in page


def test_what_runs_from_left_to_right_is_left_alone(window, carol, garden):
    hers = window(carol, garden)
    expect(hers.composer).to_have_attribute("placeholder", "Message Garden")
    assert hers.page.title() == "Garden"
