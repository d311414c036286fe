"""One person on two devices, by a link that works once; and the chat below a path of another site."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def link(window, carol):
    """Made by carol on her first device."""
    hers = window(carol, "lobby")
    hers.follow("Add a device")
    hers.press("Create link")
    return hers.page.get_by_label("Your link").input_value()


def test_the_link_signs_one_more_device_in_by_its_button(window, carol, link):
    phone = window()
    for _ in range(2):  # looking at it, as a preview does, uses nothing up
        phone.page.goto(link)
        expect(phone.page.get_by_role("button", name="Sign in on this device")).to_be_visible()
    phone.press("Sign in on this device")
    phone.expect_live()
    expect(phone.find(".account .me")).to_contain_text("carol")
    assert phone.find("#chat").get_attribute("data-me") == str(carol.user["id"])


def test_it_works_once(window, link):
    first, phone = window(), window(forgives="status of 400")
    for each in first, phone:
        each.page.goto(link)
    first.press("Sign in on this device")
    first.expect_live()
    phone.press("Sign in on this device")
    expect(phone.find(".problem")).to_contain_text("has been used")
    phone.go("/")
    expect(phone.page.get_by_label("Your name")).to_be_visible()


@pytest.mark.parametrize(("page", "button"), [
    ("/device", "Create link"), ("/sign-out", "Create a link to come back"),
], ids=["device", "return"])
def test_one_press_copies_the_link_and_it_is_drawn_for_a_camera(window, carol, page, button):
    hers = window(carol).go(page)
    hers.press(button)
    expect(hers.page.get_by_role("img", name="QR code for this link")).to_be_visible()
    hers.press("Copy link")
    expect(hers.find("#copied")).to_have_text("Copied")
    expect(hers.page.get_by_role("button", name="Copy link")).to_be_focused()
    field = hers.page.get_by_label("Your link")
    link = field.input_value()
    field.evaluate("field => { field.readOnly = false; field.value = ''; }")
    field.press("Control+v")
    assert field.input_value() == link


def test_where_copying_is_forbidden_the_link_is_left_selected(window, carol):
    hers = window(carol, scripts=["document.execCommand = () => false; delete Navigator.prototype.clipboard"])
    hers.go("/device").press("Create link")
    hers.press("Copy link")
    expect(hers.find("#copied")).to_have_text("Select the link and copy it.")
    assert hers.page.evaluate("getSelection().toString()") == hers.page.get_by_label("Your link").input_value()


def test_without_script_no_button_promises_to_copy(window, carol):
    hers = window(carol, java_script_enabled=False)
    hers.page.goto(f"{hers.base_url}/device")
    hers.press("Create link")
    expect(hers.find(".qr svg")).to_be_visible()
    expect(hers.find("#copying")).to_be_hidden()


def test_the_whole_chat_works_below_a_path(window, serving, people):
    below = serving(environ={"SCRIPT_NAME": "/chat"})
    alice = people(below, "alice")
    hers = window(at=below.base_url)
    asked = []
    hers.page.on("request", lambda request: asked.append(request.url))
    hers.go("/").sign_in("carol").expect_live()
    alice.say("Hello below")
    hers.say("Hello back")
    hers.expect_said("Hello below", "Hello back")
    hers.edit("Hello back", "Hello back again")
    hers.expect_said("Hello below", "Hello back again")
    hers.remove("Hello back again")
    expect(hers.messages.locator(".gone")).to_be_visible()
    hers.message("Hello below").locator(".when").click()
    hers.follow("Back to room")
    hers.expect_live()
    hers.find(".brand").first.click()
    expect(hers.heading).to_have_text("Rooms")
    assert not [url for url in asked if not url.startswith(f"{below.base_url}/")]
    assert len(asked) > 30
