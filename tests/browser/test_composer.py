"""The composer: which Enter sends, how it grows, and that nothing typed is lost."""

from playwright.sync_api import expect

from tests.browser.windows import PHONE


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
