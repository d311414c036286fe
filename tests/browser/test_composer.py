"""The composer: which Enter sends, how it grows, and that nothing typed is lost."""

import pytest
from playwright.sync_api import expect

from tests.browser.windows import PHONE

TABLET = {"viewport": {"width": 1024, "height": 768}, "has_touch": True, "is_mobile": True}
# A key that has a meaning, but no place on a keyboard
ENTER_ON_THE_SCREEN = {"type": "keyDown", "key": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}


def test_enter_sends_and_shift_enter_breaks_the_line(window, carol, garden):
    hers = window(carol, garden)
    hers.composer.type("One")
    hers.composer.press("Shift+Enter")
    hers.composer.type("Two")
    expect(hers.composer).to_have_value("One\nTwo")
    hers.composer.press("Enter")
    hers.expect_said("One\nTwo")
    expect(hers.composer).to_have_value("")


def test_an_enter_that_ends_a_word_of_an_input_method_does_not_send(window, carol, garden):
    hers = window(carol, garden)
    keyboard = hers.context.new_cdp_session(hers.page)
    hers.composer.focus()
    keyboard.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "windowsVirtualKeyCode": 13})
    # Some browsers tell of such an Enter by the key code 229 alone.
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "windowsVirtualKeyCode": 229})
    keyboard.send("Input.insertText", {"text": "日本"})
    expect(hers.composer).to_have_value("日本")
    expect(hers.rows).to_have_count(0)
    hers.composer.press("Enter")
    hers.expect_said("日本")


def test_on_touch_enter_breaks_the_line_and_the_button_sends(window, carol, garden):
    hers = window(carol, garden, **PHONE)
    hers.composer.type("One")
    hers.composer.press("Enter")
    hers.composer.type("Two")
    expect(hers.composer).to_have_value("One\nTwo")
    hers.find("#composer button").tap()
    hers.expect_said("One\nTwo")


@pytest.mark.parametrize("keys", ["Control+Enter", "Meta+Enter"])
@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_enter_with_control_or_command_sends_and_saves_on_every_device(window, carol, garden, keys, device):
    hers = window(carol, garden, **device)
    expect(hers.find("#composer button")).to_have_attribute("aria-keyshortcuts", "Control+Enter Meta+Enter")
    hers.composer.type("One")
    hers.composer.press(keys)
    hers.expect_said("One")
    hers.composer.press("ArrowUp")
    hers.find(".edit-form textarea").type(" and two")
    hers.find(".edit-form textarea").press(keys)
    hers.expect_said("One and two")


def test_a_tablet_shows_that_it_has_a_keyboard_by_a_key_that_no_screen_has(window, carol, garden):
    hers = window(carol, garden, **TABLET)
    hers.composer.tap()
    hers.composer.type("One")
    hers.composer.press("Enter")
    hers.composer.press("Shift+T")
    hers.composer.type("wo")
    hers.composer.press("Enter")
    hers.expect_said("One\nTwo")
    hers.reload().composer.tap()
    hers.composer.type("Three")
    hers.composer.press("Enter")
    hers.expect_said("One\nTwo", "Three")
    expect(hers.composer).to_be_focused()


@pytest.mark.parametrize("device", ["tablet", "laptop"])
def test_enter_of_a_keyboard_on_the_screen_breaks_the_line_whatever_else_there_is(window, carol, garden, device):
    hers = window(carol, garden, **(TABLET if device == "tablet" else {"has_touch": True}))
    hers.composer.press("Shift")
    hers.composer.tap()
    hers.composer.type("One")
    hers.context.new_cdp_session(hers.page).send("Input.dispatchKeyEvent", ENTER_ON_THE_SCREEN)
    hers.composer.type("Two")
    expect(hers.composer).to_have_value("One\nTwo")
    hers.composer.press("Enter")
    hers.expect_said("One\nTwo")


def test_while_a_keyboard_covers_the_screen_its_enter_breaks_the_line(window, carol, garden):
    hers = window(carol, garden, **TABLET)
    hers.composer.press("Shift")
    hers.page.evaluate("Object.defineProperty(visualViewport, 'height', { get: () => 500, configurable: true })")
    hers.composer.type("One")
    hers.composer.press("Enter")  # Safari tells it by nothing else
    hers.composer.type("Two")
    hers.page.evaluate("delete visualViewport.height")
    hers.composer.press("Enter")
    hers.expect_said("One\nTwo")


PRESS_AS_OLD = """(node, key) => node.dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))"""


def test_the_names_that_old_browsers_have_for_keys_are_understood(window, carol, garden):
    carol.say("Mine", room=garden)
    hers = window(carol, garden)
    hers.composer.evaluate(PRESS_AS_OLD, "Up")
    field = hers.find(".edit-form textarea")
    expect(field).to_be_focused()
    field.evaluate(PRESS_AS_OLD, "Esc")
    expect(field).to_have_count(0)


def test_the_composer_grows_to_six_lines_and_shrinks_again(window, carol, garden):
    hers = window(carol, garden)
    heights = []
    for lines in (1, 2, 6, 7, 12):
        hers.composer.fill("\n".join("line" * lines for _ in range(lines)))
        heights.append(hers.box(hers.composer)["height"])
    assert heights[0] < heights[1] < heights[2] == heights[3] == heights[4]
    hers.composer.fill("")
    assert hers.box(hers.composer)["height"] == heights[0]


def test_a_text_that_is_too_long_is_not_sent_and_the_page_says_by_how_much(window, carol, garden):
    hers = window(carol, garden)
    hers.say("é" * 3999 + "😀😀")
    expect(hers.find("#problem")).to_have_text("1 character too many")
    expect(hers.rows).to_have_count(0)
    hers.say("é" * 3999 + "😀")
    expect(hers.messages).to_have_count(1)
    expect(hers.find("#problem")).to_be_hidden()


def test_blanks_alone_send_nothing(window, carol, garden):
    hers = window(carol, garden)
    hers.say(" \n ")
    hers.say("Something")
    hers.expect_said("Something")


def test_a_draft_outlives_a_reload_and_stays_with_its_room(window, gardener, carol, garden):
    other_room = gardener.post("/rooms", name="Other garden").json["slug"]
    hers = window(carol, garden)
    hers.composer.fill("Not yet said")
    expect(hers.reload().composer).to_have_value("Not yet said")
    expect(hers.enter(other_room).composer).to_have_value("")
    expect(hers.enter(garden).composer).to_have_value("Not yet said")
    hers.composer.press("Enter")
    hers.expect_said("Not yet said")
    expect(hers.reload().composer).to_have_value("")


def test_the_composer_names_its_room_and_is_ready_to_type(window, carol, garden):
    hers = window(carol, garden)
    expect(hers.composer).to_have_attribute("placeholder", "Message Garden")
    expect(hers.composer).to_be_focused()
    hers.page.keyboard.type("Straight away")
    expect(hers.composer).to_have_value("Straight away")


def test_a_press_on_the_button_leaves_one_in_the_composer(window, carol, garden):
    hers = window(carol, garden)
    hers.composer.fill("By mouse")
    hers.press("Send")
    hers.expect_said("By mouse")
    expect(hers.composer).to_be_focused()
