"""The same day in town by forms alone: no script runs in any of these windows."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.test_story import OWNER_LINK
from tests.support.serving import eventually


@pytest.fixture
def town(serving):
    """A server as it is on its first day; who says more than six things at once is told to wait."""
    return serving(limits="on", posts_per_minute=20)


@pytest.fixture
def come_in(window, town):
    """Somebody new, without script."""
    def newcomer(name, path="/", **options):
        opened = window(at=town.base_url, java_script_enabled=False, **options).go(path)
        opened.sign_in(name)
        return opened
    return newcomer


def say(window, text):
    window.composer.fill(text)
    window.press("Send")


def test_a_day_in_town_by_forms_alone(come_in, town, tmp_path):
    owner_link = eventually(lambda: OWNER_LINK.search(town.log))[1]
    olga = come_in("olga", owner_link.removeprefix(town.base_url))
    olga.press("Become the owner")
    expect(olga.heading).to_have_text("Manage this chat")
    set_up(olga)
    carol = come_in("carol")
    dave = come_in("dave", forgives="status of 4(03|29)")
    say(carol, "Good morning")

    flood(dave)
    remove_as_owner(olga, dave)
    ban(olga, dave)
    let_back(olga, dave)
    download(carol, tmp_path)
    leave_for_good(carol, dave)


def set_up(olga):
    room = olga.find("form[action$='/owner/rooms/lobby']")
    room.get_by_label("Topic").fill("Announcements on Fridays")
    room.get_by_role("button", name="Save").click()
    expect(olga.heading).to_have_text("Manage this chat")
    olga.go("/rooms/lobby")
    expect(olga.find("#room-topic")).to_have_text("Announcements on Fridays")


def flood(dave):
    """Who is too fast is told so, and their text stands in the composer again."""
    for number in range(30):
        say(dave, f"Buy this, part {number}")
        expect(dave.message(f"part {number}").or_(dave.find("#problem:not(:empty)"))).to_be_visible()
        if dave.find("#problem").inner_text():
            break
    expect(dave.find("#problem")).to_contain_text("You're sending too quickly.")
    expect(dave.composer).to_have_value(f"Buy this, part {number}")


def remove_as_owner(olga, dave):
    olga.go("/rooms/lobby").message("part 1").first.locator(".when").click()
    olga.follow("Delete")
    olga.press("Delete")
    expect(olga.messages.locator(".gone")).to_have_text("Deleted by the owner")
    dave.go("/rooms/lobby")
    expect(dave.messages.locator(".gone")).to_have_text("Deleted by the owner")


def ban(olga, dave):
    olga.go("/rooms/lobby").message("part 2").first.locator(".when").click()
    olga.page.get_by_label("Duration").select_option("1 day")
    olga.page.get_by_label("Reason").fill("flooding")
    olga.press("Ban")
    expect(olga.find("#ban [role=status]")).to_have_text("Banned.")
    dave.composer.fill("One more thing")
    dave.press("Send")
    expect(dave.heading).to_have_text("You're banned")
    expect(dave.find("main")).to_contain_text("You're banned until")
    expect(dave.find("main q")).to_have_text("flooding")
    expect(dave.page.get_by_label("Copy your text")).to_have_value("One more thing")


def let_back(olga, dave):
    olga.go("/owner")
    olga.press("Unban")
    expect(olga.find("#banned")).not_to_contain_text("dave")
    dave.go("/rooms/lobby")
    while not dave.message("I shall behave").count():  # that it is still too soon is said, too
        say(dave, "I shall behave")
        expect(dave.message("I shall behave").or_(dave.find("#problem:not(:empty)"))).to_be_visible()


def download(carol, tmp_path):
    carol.follow("Your data")
    with carol.page.expect_download() as downloading:
        carol.follow("Download your data")
    downloading.value.save_as(tmp_path / "kept.json")
    assert "Good morning" in json.dumps(json.loads((tmp_path / "kept.json").read_text()))


def leave_for_good(carol, dave):
    """This time what was said stays, without a name."""
    carol.page.get_by_label("Keep it, without my name").check()
    carol.press("Delete my account")
    expect(carol.page.get_by_label("Your name")).to_be_visible()

    def author():
        return dave.go("/rooms/lobby").message("Good morning").locator(".author").inner_text()

    eventually(lambda: author() == "nameless")
