"""By keyboard: the log is one stop, arrows go through it, what is covered is out of reach, no focus is lost."""

import pytest
from playwright.sync_api import expect

from tests.browser.windows import PHONE

# What the Tab key passes on its way through the window, from its beginning.
FOCUSED = """() => {
    const node = document.activeElement;
    return node.getAttribute('aria-label') || node.innerText || node.id;
}"""


@pytest.fixture
def room(window, alice, carol, garden):
    """Carol's window; alice has written three times with an address in the second, carol once."""
    for text in "First", "Second, https://example.org/plan", "Third":
        alice.say(text, room=garden)
    carol.say("Mine", room=garden)
    return window(carol, garden)


def when(window, text):
    return window.message(text).locator(".when")


def stops(window, most=40):
    """The names of all that the Tab key stops at, from the beginning of the page."""
    window.page.evaluate("document.activeElement.blur()")
    window.find(".skip").focus()
    names = []
    while len(names) < most and (not names or names[-1] != "Leave room"):
        names.append(window.page.evaluate(FOCUSED))
        window.page.keyboard.press("Tab")
    return names


def test_the_log_is_one_stop_between_the_top_and_the_composer(room):
    names = stops(room)
    assert [name for name in names if "Message by" in name] == [when(room, "Mine").get_attribute("aria-label")]
    assert names[:3] == ["Skip to the message box", names[1], "body"]


def test_a_time_says_whose_message_it_leads_to(room, window, carol, garden):
    name = when(room, "First").get_attribute("aria-label")
    assert name == f"Message by alice, {when(room, 'First').inner_text()}"
    plain = window(carol, java_script_enabled=False).go(f"/rooms/{garden}")
    assert when(plain, "Third").get_attribute("aria-label").startswith("Message by alice, ")


def test_the_arrows_go_from_message_to_message_and_escape_to_the_composer(room):
    when(room, "Mine").focus()
    for key, text in (("ArrowUp", "Third"), ("ArrowUp", "Second"), ("Home", "First"), ("ArrowDown", "Second"),
                      ("End", "Mine"), ("ArrowDown", "Mine")):
        room.page.keyboard.press(key)
        expect(when(room, text)).to_be_focused()
        expect(when(room, text)).to_have_accessible_description(room.message(text).locator(".text").inner_text())
    room.page.keyboard.press("Escape")
    expect(room.composer).to_be_focused()
    room.page.keyboard.press("Shift+Tab")
    expect(when(room, "Mine")).to_be_focused()


def test_links_in_a_text_are_stops_at_their_message_alone(room):
    when(room, "Second").focus()
    room.page.keyboard.press("Tab")
    expect(room.message("Second").locator(".text a")).to_be_focused()
    room.page.keyboard.press("ArrowDown")
    expect(when(room, "Third")).to_be_focused()
    room.page.keyboard.press("Tab")
    expect(room.composer).to_be_focused()


def test_an_arrow_beyond_the_first_message_brings_older_ones(window, alice, carol, garden):
    token = alice.token()
    for number in range(60):
        alice.post(f"/rooms/{garden}/messages", token=token, body=f"Line {number}")
    hers = window(carol, garden)
    when(hers, "Line 59").focus()
    hers.page.keyboard.press("Home")
    hers.page.keyboard.press("ArrowUp")
    expect(hers.messages).to_have_count(60)
    hers.page.keyboard.press("Home")
    expect(when(hers, "Line 0")).to_be_focused()


def test_the_focus_stays_when_a_message_changes_under_it(room, alice, garden):
    ids = {each["body"]: each["id"] for each in alice.get(f"/rooms/{garden}/messages").json["messages"]}
    when(room, "Third").focus()
    alice.post(f"/messages/{ids['Third']}/edit", body="Third, edited")
    expect(room.message("Third, edited").locator(".edited")).to_be_visible()
    expect(when(room, "Third, edited")).to_be_focused()
    alice.post(f"/messages/{ids['Third']}/remove")
    expect(room.find(".message.removed .when")).to_be_focused()


def test_the_name_stays_in_every_row_and_is_copied_once(room):
    assert "alice" in room.message("Second").aria_snapshot()
    copied = room.page.evaluate("""() => {
        getSelection().selectAllChildren(document.getElementById('rows'));
        return getSelection().toString();
    }""")
    assert copied.count("alice") == 1


@pytest.fixture
def phone(window, alice, carol, garden):
    alice.say("Behind", room=garden)
    return window(carol, garden, reduced_motion="reduce", **PHONE)


@pytest.mark.parametrize(("button", "panel", "other"), [("#to-rooms", "#rooms", "#people"),
                                                        ("#to-people", "#people", "#rooms")])
def test_what_an_open_panel_covers_is_out_of_reach(phone, button, panel, other):
    phone.find(button).tap()
    expect(phone.find(f"{panel} .close")).to_be_focused()
    for part in ".skip", "#to-rooms", ".log-frame", ".foot", other:
        assert phone.find(part).evaluate("part => part.inert"), part
    for _ in range(12):
        phone.page.keyboard.press("Tab")
        assert phone.page.evaluate("""panel => {
            const node = document.activeElement;
            return node === document.body || document.querySelector(panel).contains(node);
        }""", panel)
    phone.page.keyboard.press("Escape")
    expect(phone.find(button)).to_be_focused()
    assert not phone.find("[inert]").count()


def test_a_window_made_wider_covers_nothing(phone):
    phone.find("#to-rooms").tap()
    phone.page.set_viewport_size({"width": 1180, "height": 860})
    expect(phone.find("[inert]")).to_have_count(0)


def tab_to(window, target):
    """Press Tab until it is there, as somebody without a mouse does."""
    for _ in range(150):
        if target.evaluate("node => node === document.activeElement"):
            return
        window.page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not come to {target}")


def press(window, *keys):
    for key in keys:
        window.page.keyboard.press(key)


def test_a_day_by_keyboard_alone(window, alice, garden, people, chat):
    alice.say("Good morning", room=garden)
    hers = window().go(f"/rooms/{garden}")
    tab_to(hers, hers.page.get_by_label("Your name"))
    hers.page.keyboard.type("Kay by keys")
    press(hers, "Enter")
    expect(hers.composer).to_be_focused()
    hers.expect_live()

    press(hers, "Shift+Tab")
    expect(when(hers, "Good morning")).to_be_focused()
    expect(when(hers, "Good morning")).to_have_accessible_description("Good morning")
    press(hers, "Escape")
    hers.page.keyboard.type("Helo")
    press(hers, "Enter")
    when(hers, "Helo").wait_for()

    press(hers, "Shift+Tab", "End", "Enter", "Enter")  # Edit is the menu's first
    expect(hers.find(".edit-form textarea")).to_be_focused()
    press(hers, "Control+A")
    hers.page.keyboard.type("Hello")
    press(hers, "Enter")
    expect(hers.message("Hello").locator(".edited")).to_be_visible()
    expect(hers.composer).to_be_focused()

    press(hers, "Shift+Tab", "End", "Enter", "End", "Enter")  # Delete is its last
    expect(hers.menu.get_by_role("button", name="Cancel")).to_be_focused()
    press(hers, "ArrowDown", "Enter")
    expect(hers.find(".message.removed .when")).to_be_focused()

    other = hers.find("#room-list li:not(.current)").first
    slug, name = other.get_attribute("data-room"), other.locator(".name").inner_text()
    tab_to(hers, hers.find(f'#room-list [data-room="{slug}"] a'))
    press(hers, "Enter")
    expect(hers.heading).to_have_text(name)
    hers.expect_live()

    tab_to(hers, hers.find(".open-room a[href$='/rooms/new']"))
    press(hers, "Enter")
    expect(hers.find("#name")).to_be_focused()
    hers.page.keyboard.type("Kay's own room")
    press(hers, "Enter")
    expect(hers.heading).to_have_text("Kay's own room")
    hers.expect_live()

    for role in "link", "button":  # the link leads to a page that says what it does, and asks
        tab_to(hers, hers.page.get_by_role(role, name="Sign out"))
        press(hers, "Enter")
    expect(hers.page.get_by_label("Your name")).to_be_visible()
