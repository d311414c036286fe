"""What was typed is what is shown: every space, tab and line of it, with script and without, and once it is copied."""

import pytest
from playwright.sync_api import expect

from tests.browser.terminals import terminal
from tests.browser.text_browsers import BROWSERS
from tests.support.plugin import needs_tool

TYPED = "name    size\n  two   four\n\tone\ttab\n\n    `a    b\t\tc`  and  https://a.b/c   d"
SHOWN = TYPED.replace("`", "")
# As a screen shows it that has room for all of it, and as one gets it who copies it.
COPIED = """text => {
    const range = document.createRange();
    range.selectNodeContents(text);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return getSelection().toString();
}"""
WIDTH = """text => {
    const range = document.createRange();
    range.selectNodeContents(text);
    return Math.max(...[...range.getClientRects()].map(line => line.width));
}"""


@pytest.mark.parametrize("device", [{}, {"java_script_enabled": False}], ids=["desktop", "no script"])
def test_what_was_typed_is_what_is_shown_and_copied(window, carol, garden, device):
    carol.say(TYPED, room=garden)
    hers = window(carol, **device).go(f"/rooms/{garden}")
    assert hers.find(".text").evaluate(COPIED).strip() == SHOWN
    hers.find(".when").first.click()
    expect(hers.find("h1")).to_contain_text("Message in")
    assert hers.find(".text").evaluate(COPIED).strip() == SHOWN


def test_a_text_looks_the_same_while_it_is_sent_when_it_is_said_and_when_it_is_edited(window, carol, garden):
    hers = window(carol, garden)
    hers.page.route("**/messages?*", lambda route: None, times=1)
    hers.say("a  b\n\tc    d")
    hers.pending.wait_for()
    width = hers.find(".said").evaluate(WIDTH)
    assert hers.find(".said").evaluate(COPIED) == "a  b\n\tc    d"
    hers.reload()
    hers.messages.wait_for()
    assert hers.find(".text").evaluate(WIDTH) == pytest.approx(width, abs=1)
    hers.composer.press("ArrowUp")
    expect(hers.find(".edit-form textarea")).to_have_value("a  b\n\tc    d")
    hers.find(".edit-form textarea").fill("  x\n   y  z")
    hers.press("Save")
    expect(hers.find(".edited")).to_be_visible()
    assert hers.find(".text").evaluate(COPIED) == "x\n   y  z"
    for again in "x\n    y", "x\n     y":
        hers.composer.press("ArrowUp")
        hers.find(".edit-form textarea").fill(again)
        hers.press("Save")
        expect(hers.find(".edit-form")).to_have_count(0)
        assert hers.find(".text").evaluate(COPIED) == again
    expect(hers.find(".edited")).to_be_visible()


@needs_tool("tmux", *BROWSERS)
@pytest.mark.parametrize("name", BROWSERS)
def test_a_terminal_shows_it_too(alice, chat, garden, tmp_path, name):
    alice.say("name    size\n  two   four", room=garden)
    with terminal(tmp_path) as opened:
        reader = BROWSERS[name](opened, tmp_path)
        reader.open(f"{chat.base_url}/rooms/{garden}")
        reader.sees(r"name\s{4}size\n *\s{2}two\s{3}four")  # by hard spaces, or by others
