"""What is large and what is small, how wide a column is, and that the browser's own text size counts."""

import pytest
from playwright.sync_api import expect

from tests.browser.windows import PHONE

COLUMN_PX = 760
LEAST_PX = 12
FONT_SIZES = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = {};
    while (walker.nextNode()) {
        const holder = walker.currentNode.parentElement;
        if (walker.currentNode.data.trim() && holder.getClientRects().length) {
            found[parseFloat(getComputedStyle(holder).fontSize)] = walker.currentNode.data.trim();
        }
    }
    return Object.entries(found).map(([size, text]) => [Number(size), text]);
}"""
# What hides the lower part of its own text; what scrolls is no such thing, nor what is a pixel for those who listen.
CUT = """() => [...document.querySelectorAll('body *')].filter(node => {
    const style = getComputedStyle(node);
    const hides = style.overflowY === 'hidden' && node.clientHeight > 1;
    return hides && node.getClientRects().length && node.textContent.trim() && node.scrollHeight > node.clientHeight + 1
        && !node.matches('body, .app, .rooms');
}).map(node => node.outerHTML.slice(0, 80) + ' ' + node.scrollHeight + ' > ' + node.clientHeight)"""


def font_size(window, selector):
    return float(window.style(window.find(selector).first, "fontSize").removesuffix("px"))


@pytest.fixture
def busy(alice, bob, garden):
    alice.say("A line of some length, so that there is something to see in a window that is far too wide " * 3,
              room=garden)
    bob.say("Short", room=garden)
    bob.say("And once more", room=garden)
    alice.post(f"/messages/{alice.say('Tpyo', room=garden)['id']}/edit", body="Typo")
    return garden


def test_in_a_very_wide_window_log_and_composer_are_one_centred_column(window, carol, busy):
    hers = window(carol, busy, viewport={"width": 1280, "height": 900})
    rooms, people = hers.box("#rooms")["width"], hers.box("#people")["width"]
    for width in (1441, 1900, 2560):
        hers.page.set_viewport_size({"width": width, "height": 900})
        log, frame = hers.box(".log-inner"), hers.box("#log")
        for box in log, hers.box("#composer"):
            assert COLUMN_PX - 2 <= box["width"] <= COLUMN_PX
            middle = box["x"] + box["width"] / 2
            assert abs(middle - (frame["x"] + frame["width"] / 2)) <= 8  # half a scrollbar
        assert (hers.box("#rooms")["width"], hers.box("#people")["width"]) == (rooms, people)


def test_titles_labels_and_notes_have_their_sizes_and_nothing_is_smaller_than_12(window, carol, busy):
    hers = window(carol, busy)
    found = [font_size(hers, each) for each in ("#room-name", ".brand b", ".rooms h2", ".people h2", ".text")]
    assert found == [20, 15, 13, 13, 16]
    for path in f"/rooms/{busy}", "/", "/me", "/rooms/new", "/device":
        sizes = hers.go(path).page.evaluate(FONT_SIZES)
        assert sizes and not [each for each in sizes if each[0] < LEAST_PX], path


@pytest.mark.parametrize("options", [{"viewport": {"width": 1280, "height": 800}}, PHONE], ids=["desktop", "phone"])
def test_the_browsers_own_text_size_counts_and_cuts_nothing(window, carol, busy, options):
    usual, hers = window(carol, busy, **options), window(carol, **options).double_text().enter(busy)
    for each in "#room-name", ".text", ".author", ".when time", "#body":
        assert font_size(hers, each) == 2 * font_size(usual, each), each
    assert not hers.page.evaluate(CUT)
    hers.expect_no_wider()
    for part in "#composer", "#body", "#composer button", "#room-name":
        hers.expect_in_view(part)
    expect(hers.message("Typo")).to_be_in_viewport(ratio=1)
    for path in "/", "/me", "/rooms/new", "/device":
        hers.go(path).expect_no_wider()
        assert not hers.page.evaluate(CUT), path
