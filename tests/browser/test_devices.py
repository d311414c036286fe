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
