"""The menu on a message: by pointer, by keyboard and by finger; what can't be undone is never under the finger."""

import pytest
from playwright.sync_api import expect

from tests.browser.windows import PHONE
from tests.support.serving import eventually


class Finger:
    """A finger on the glass of a phone; `last` is where it was."""

    def __init__(self, window):
        self._session = window.context.new_cdp_session(window.page)
        self.last = (0.0, 0.0)

    def put_on(self, x, y):
        self.last = (x, y)
        self._session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})

    def lift(self):
        self._session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def middle(box):
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def holds(box, spot):
    return (box["x"] <= spot[0] <= box["x"] + box["width"]) and (box["y"] <= spot[1] <= box["y"] + box["height"])


@pytest.fixture
def phone(window, alice, carol, garden):
    """Carol's phone, with a screen of talk: every third message is hers."""
    for number in range(18):
        (carol if number % 3 == 0 else alice).say(f"Line {number}, and some more", room=garden)
    carol.say("The last of mine", room=garden)
    hers = window(carol, garden, reduced_motion="reduce", **PHONE)
    hers.jump_to_end()
    return hers


def bodies(person, room):
    return [each["body"] for each in person.get(f"/rooms/{room}/messages").json["messages"]]


def names(window):
    return window.menu.get_by_role("menuitem").all_inner_texts()


def test_ones_own_and_others_messages_have_a_menu(window, alice, carol, garden):
    alice.say("This is hers", room=garden)
    carol.say("This is mine", room=garden)
    hers = window(carol, garden)
    hers.open_menu("This is mine")
    assert names(hers) == ["Edit", "Copy text", "Copy link", "Details", "Delete"]
    hers.page.keyboard.press("Escape")
    expect(hers.menu).to_have_count(0)
    hers.open_menu("This is hers")
    assert names(hers) == ["Copy text", "Copy link", "Details"]
    hers.choose("Details")
    expect(hers.heading).to_contain_text("Message in")


def test_what_is_copied_is_the_text_or_a_link_to_it(window, alice, carol, garden):
    said = alice.say("Two\nlines", room=garden)
    hers = window(carol, garden, permissions=["clipboard-read", "clipboard-write"])
    for item, copied in (("Copy text", "Two\nlines"),
                         ("Copy link", f"{hers.base_url}/rooms/{garden}?around={said['id']}#m{said['id']}")):
        hers.open_menu("Two")
        hers.choose(item)
        expect(hers.find("#announcer")).to_have_text("Copied")
        assert hers.page.evaluate("navigator.clipboard.readText()") == copied
        expect(hers.menu).to_have_count(0)
        hers.find("#announcer").evaluate("place => { place.textContent = ''; }")


def test_the_keyboard_opens_the_menu_on_the_time_and_comes_back_to_it(window, carol, garden):
    carol.say("Mine", room=garden)
    hers = window(carol, garden)
    when = hers.message("Mine").locator(".when")
    when.press("Enter")
    for key, item in (("ArrowDown", "Copy text"), ("End", "Delete"), ("ArrowDown", "Edit"), ("ArrowUp", "Delete")):
        hers.page.keyboard.press(key)
        expect(hers.menu.get_by_role("menuitem", name=item)).to_be_focused()
    hers.page.keyboard.press("Enter")
    expect(hers.menu.get_by_role("button", name="Cancel")).to_be_focused()
    hers.page.keyboard.press("Escape")
    expect(when).to_be_focused()
    hers.page.keyboard.press("Enter")
    hers.page.keyboard.press("Enter")
    expect(hers.find(".edit-form textarea")).to_be_focused()


@pytest.mark.parametrize("keys", ["Control+Enter", "Shift+Enter"])
def test_with_a_modifier_the_time_is_a_link_like_any_other(window, carol, garden, keys):
    carol.say("Mine", room=garden)
    hers = window(carol, garden)
    with hers.context.expect_page() as opened:
        hers.message("Mine").locator(".when").press(keys)
    opened.value.wait_for_url("**/messages/*")
    expect(hers.menu).to_have_count(0)


def test_a_long_press_opens_the_menu_of_any_message(phone):
    finger = Finger(phone)
    for text, items in (("Line 17", 3), ("Line 15", 5)):
        finger.put_on(*middle(phone.box(phone.message(text).locator(".text"))))
        expect(phone.menu.get_by_role("menuitem")).to_have_count(items)
        finger.lift()
        expect(phone.menu).to_be_visible()
        assert not holds(phone.box(phone.menu), finger.last)
        phone.expect_in_view(phone.menu)
        phone.page.keyboard.press("Escape")


# What a browser tells of a finger; Chromium keeps to itself how one trembles, others tell.
TOUCH = """(node, [type, x, y]) => {
    const touch = new Touch({ identifier: 1, target: node, clientX: x, clientY: y });
    const touches = type === 'touchend' ? [] : [touch];
    node.dispatchEvent(new TouchEvent(type, { touches, changedTouches: [touch], bubbles: true, cancelable: true }));
}"""


def test_a_finger_that_trembles_keeps_the_menu_and_one_that_scrolls_closes_it(phone):
    text = phone.message("Line 16").locator(".text")
    x, y = middle(phone.box(text))
    text.evaluate(TOUCH, ["touchstart", x, y])
    expect(phone.menu).to_be_visible()
    for type, strays in (("touchmove", 3), ("touchmove", 6), ("touchend", 6)):
        text.evaluate(TOUCH, [type, x, y + strays])
        assert phone.menu.count() == 1, f"{type} after {strays} px"
    text.evaluate(TOUCH, ["touchstart", x, y])
    text.evaluate(TOUCH, ["touchmove", x, y + 30])
    assert phone.menu.count() == 0


def test_a_long_press_copies_the_text(window, alice, carol, garden):
    alice.say("Two\nlines", room=garden)
    phone = window(carol, garden, permissions=["clipboard-read", "clipboard-write"], **PHONE)
    finger = Finger(phone)
    finger.put_on(*middle(phone.box(phone.message("Two").locator(".text"))))
    phone.menu.wait_for()
    finger.lift()
    phone.menu.get_by_role("menuitem", name="Copy text").tap()
    expect(phone.find("#announcer")).to_have_text("Copied")
    assert phone.page.evaluate("navigator.clipboard.readText()") == "Two\nlines"


def select_word(text):
    text.dblclick(position={"x": 8, "y": 8})
    return text.evaluate("node => String(node.ownerDocument.getSelection()).trim()")


def test_where_no_menu_opens_the_text_can_be_selected(window, alice, carol, garden):
    id = alice.say("Once upon a time", room=garden)["id"]
    plain = window(carol, java_script_enabled=False, **PHONE)
    for address in f"/rooms/{garden}", f"/messages/{id}":
        assert select_word(plain.go(address).find(".message .text")) == "Once"
    plain.go(f"/rooms/{garden}")
    alice.say("Twice told", room=garden)
    assert select_word(plain.page.frame_locator("iframe").locator(".message .text")) == "Twice"
    phone = window(carol, **PHONE, scripts=["delete window.SharedWorker"])
    phone.go(f"/messages/{id}")
    assert select_word(phone.find(".message .text")) == "Once"
    phone.enter(garden)
    phone.page.route("**/rooms/*/messages?*", lambda route: None)
    phone.composer.fill("Thrice unsent")
    phone.press("Send")
    assert select_word(phone.pending.locator(".text")) == "Thrice"


def test_a_finger_that_moves_scrolls_and_a_short_one_opens_nothing(phone):
    finger = Finger(phone)
    finger.put_on(*middle(phone.box(phone.message("Line 16").locator(".text"))))
    finger.lift()
    expect(phone.message("Line 16").locator(".acts")).to_have_count(0)
    expect(phone.menu).to_have_count(0)


def test_only_the_last_own_message_has_a_button_on_a_phone(phone):
    expect(phone.find("#rows .acts")).to_have_count(1)
    expect(phone.message("The last of mine").locator(".more")).to_be_visible()
    phone.composer.fill("And one more")
    phone.press("Send")
    expect(phone.message("And one more").locator(".more")).to_be_visible()
    expect(phone.find("#rows .acts")).to_have_count(1)


def test_a_mouse_on_a_device_that_says_it_has_none_shows_the_bar(phone):
    phone.message("Line 16").locator(".text").hover()
    expect(phone.message("Line 16").locator(".more")).to_be_visible()


SIZES = [(390, 844), (390, 420), (844, 390), (320, 568)]


def test_presses_on_one_spot_never_delete(phone, carol, garden):
    before = bodies(carol, garden)
    for width, height in SIZES:
        phone.page.set_viewport_size({"width": width, "height": height})
        spot = middle(phone.box(phone.message("The last of mine").locator(".more")))
        for _ in range(6):
            phone.page.touchscreen.tap(*spot)
            assert not phone.find(".leaving").count()
        phone.page.keyboard.press("Escape")
    assert bodies(carol, garden) == before


def shown_of_mine(phone):
    """What one sees of one's own messages, between the top and the composer."""
    top, foot = phone.box("#log")["y"], phone.box("#composer")["y"]
    texts = phone.find("#rows .message.mine .text").all()
    return [text for text in texts if (box := text.bounding_box()) and top < box["y"] < foot - box["height"]]


@pytest.mark.parametrize("size", [SIZES[0], SIZES[-1]], ids=str)
def test_nothing_that_cant_be_undone_lies_where_one_pressed(phone, size):
    phone.page.set_viewport_size({"width": size[0], "height": size[1]})
    finger = Finger(phone)
    assert shown_of_mine(phone)
    for text in shown_of_mine(phone):
        finger.put_on(*middle(phone.box(text)))
        delete = phone.menu.get_by_role("menuitem", name="Delete")
        expect(delete).to_be_visible()
        finger.lift()
        asked = middle(phone.box(delete))
        assert not holds(phone.box(delete), finger.last)
        phone.page.touchscreen.tap(*asked)
        confirm = phone.box(phone.menu.get_by_role("button", name="Delete"))
        assert not holds(confirm, finger.last) and not holds(confirm, asked)
        phone.page.touchscreen.tap(*asked)  # beside the question: all is as it was
        expect(phone.menu).to_have_count(0)


def ask_to_delete(window, text):
    window.open_menu(text)
    window.choose("Delete")
    window.menu.get_by_role("button", name="Delete").click()


def test_what_was_deleted_can_be_taken_back(window, alice, carol, garden):
    carol.say("Still here", room=garden)
    hers = window(carol, garden)
    ask_to_delete(hers, "Still here")
    row = hers.messages.first
    expect(row).to_contain_text("Message deleted")
    expect(row.locator(".text")).to_be_hidden()
    hers.press("Undo")
    expect(row.locator(".text")).to_be_visible()
    assert bodies(alice, garden) == ["Still here"]
    hers.reload().expect_said("Still here")


def test_after_some_seconds_it_is_deleted_and_the_focus_stays(window, alice, carol, garden):
    carol.say("Gone soon", room=garden)
    hers = window(carol, garden)
    hers.message("Gone soon").locator(".when").press("Enter")
    for key in "End", "Enter", "ArrowDown", "Enter":
        hers.page.keyboard.press(key)
    expect(hers.find(".undo")).to_be_focused()
    assert bodies(alice, garden) == ["Gone soon"]
    expect(hers.find(".message.removed .when")).to_be_focused()
    assert bodies(alice, garden) == [""]


def go_on_writing(window):
    window.say("Something else")


def hide(window):
    window.hide()


def leave(window):
    window.go("/me")


def sign_out(window):
    window.follow("Sign out")
    window.press("Sign out")
    expect(window.page.get_by_label("Your name")).to_be_visible()


@pytest.mark.parametrize("another_act", [go_on_writing, hide, leave, sign_out])
def test_another_act_sends_it_at_once(window, alice, people, chat, garden, another_act):
    erin = people(chat, f"erin {another_act.__name__}")
    erin.say("Gone at once", room=garden)
    hers = window(erin, garden, forgives="/read.* 401|401.*/read")  # how far one has read, told after signing out
    ask_to_delete(hers, "Gone at once")
    another_act(hers)
    expect_removed(alice, garden)


def expect_removed(reader, room):
    eventually(lambda: reader.get(f"/rooms/{room}/messages").json["messages"][0]["removed"])


def test_what_could_not_be_told_is_told_by_the_next_page(window, alice, carol, garden):
    carol.say("Gone with the next page", room=garden)
    hers = window(carol, garden)
    ask_to_delete(hers, "Gone with the next page")
    hers.page.evaluate("delete window.fetch")  # as in browsers that send nothing from a page that is left
    hers.go("/me")
    assert bodies(alice, garden) == ["Gone with the next page"]
    hers.enter(garden)
    expect(hers.find(".message.removed")).to_have_count(1)
    expect_removed(alice, garden)


def test_a_refused_removal_gives_the_message_back(window, alice, carol, garden):
    carol.say("Stays", room=garden)
    hers = window(carol, garden, forgives="status of 503")
    hers.page.route("**/remove?*", lambda route: route.fulfill(
        status=503, json={"error": {"code": "busy", "message": "Busy just now."}}))
    hers.remove("Stays")
    expect(hers.message("Stays").locator(".failure")).to_have_text("Busy just now.")
    expect(hers.message("Stays").locator(".text")).to_be_visible()


def test_the_owner_may_delete_and_ban_from_the_menu(window, chat, people, alice, garden):
    olga = people(chat, "olga")
    chat.query("UPDATE users SET is_owner = 1 WHERE name = 'olga'")
    alice.say("Buy this", room=garden)
    hers = window(olga, garden)
    hers.open_menu("Buy this")
    assert names(hers) == ["Copy text", "Copy link", "Details", "Ban", "Delete"]


def test_without_script_deleting_asks_and_the_answer_is_elsewhere(window, carol, garden):
    carol.say("Mine", room=garden)
    plain = window(carol, java_script_enabled=False, **PHONE).go(f"/rooms/{garden}")
    plain.message("Mine").locator(".when").click()
    spot = middle(plain.box(plain.page.get_by_role("link", name="Delete")))
    plain.follow("Delete")
    expect(plain.heading).to_have_text("Delete for everyone?")
    assert not holds(plain.box(plain.page.get_by_role("button", name="Delete")), spot)
    plain.follow("Cancel")
    plain.follow("Delete")
    plain.press("Delete")
    expect(plain.messages.locator(".gone")).to_be_visible()
