"""Day one of a real community, in a browser: from the first start to the ban, the download and the wish to go."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_pending import Held
from tests.support.serving import eventually

OWNER_LINK = re.compile(r"Become its owner at (\S+)")


@pytest.fixture
def town(serving):
    """A server as it is on its first day, its limits on: three posts at once, then one in six seconds."""
    return serving(limits="on", posts_per_minute=10)


@pytest.fixture
def owner_link(town):
    """As it stands in what the server wrote when it started."""
    return eventually(lambda: OWNER_LINK.search(town.log))[1]


def come_in(window, server, name, **options):
    """Somebody new, by the first page's one question."""
    newcomer = window(at=server.base_url, **options).go("/")
    newcomer.sign_in(name)
    return newcomer.expect_live()


def test_a_day_in_town(window, town, owner_link, tmp_path):
    olga = window(at=town.base_url)
    become_owner(olga, owner_link)
    set_up(olga)
    carol = come_in(window, town, "carol")
    expect(carol.find(".brand b").first).to_have_text("Town hall")
    dave = come_in(window, town, "dave", forgives="status of (429|403|401)")
    olga.enter()

    flood(dave, carol)
    remove_as_owner(olga, carol, dave)
    ban(olga, carol, dave)
    let_back(olga, carol, dave)
    download(carol, tmp_path)
    leave_for_good(carol, dave)
    expect(olga.go("/owner").find(".acts")).to_contain_text("deleted their account")


def become_owner(olga, owner_link):
    """The link asks for a name first, then shows a button; the code dies by it."""
    olga.page.goto(owner_link)
    olga.sign_in("olga")
    expect(olga.heading).to_have_text("Become the owner")
    olga.press("Become the owner")
    expect(olga.heading).to_have_text("Manage this chat")
    olga.page.goto(owner_link)
    olga.press("Become the owner")
    expect(olga.find(".problem")).to_contain_text("has been used")
    olga.complaints.clear()  # the browser's own word about that refusal


def set_up(olga):
    olga.go("/").find("main").get_by_role("link", name="Manage this chat").click()
    olga.page.get_by_label("Chat name").fill("Town hall")
    olga.page.get_by_label("Welcome message").fill("Come in, all forty of you.")
    olga.find("form[action$=settings]").get_by_role("button", name="Save").click()
    expect(olga.find(".brand b")).to_have_text("Town hall")
    expect(olga.go("/").find(".welcome")).to_have_text("Come in, all forty of you.")


def flood(dave, carol):
    """Who is too fast waits, is told for how long, and loses nothing; others do not wait."""
    texts = [f"Buy this, part {number}" for number in range(4)]
    for text in texts:
        dave.say(text)
    expect(dave.pending.first.locator(".status")).to_have_text(re.compile(r"^Sending in \d s$"))
    with carol.page.expect_response("**/messages?*") as answered:
        carol.say("What is this?")
    assert answered.value.status == 201
    carol.message("What is this?").wait_for()
    for text in texts:
        dave.message(text).wait_for()
    expect(dave.pending).to_have_count(0)
    expect(dave.failed).to_have_count(0)
    expect(carol.messages).to_have_count(5)


def remove_as_owner(olga, carol, dave):
    """By the time of the message to its own page, and there by a form."""
    olga.message("Buy this, part 3").locator(".when").click()
    expect(olga.heading).to_contain_text("Message in")
    olga.follow("Delete")
    olga.press("Delete")
    for each in carol, dave:
        expect(each.messages.locator(".gone")).to_have_text("Deleted by the owner")
        expect(each.message("Buy this, part 3")).to_have_count(0)


def ban(olga, carol, dave):
    """It bites at once; what the banned had queued and half written stays on their page."""
    for number in range(6):  # some may be sent until then
        dave.say(f"And this, part {number}")
    expect(dave.pending.last.locator(".said")).to_have_text("And this, part 5")
    expect(dave.pending.first.locator(".status")).to_contain_text("Sending in")
    dave.composer.fill("Half a threat")
    held = Held(dave)  # it is not by another try that he learns of it
    olga.enter()
    olga.message("Buy this, part 2").locator(".when").click()
    olga.page.get_by_label("Duration").select_option("2 hours")
    olga.page.get_by_label("Reason").fill("flooding")
    olga.press("Ban")
    expect(dave.find("#problem")).to_contain_text("You're banned until")
    expect(dave.find("#problem")).to_contain_text("Reason: flooding")
    expect(dave.state).to_contain_text("banned")
    held.release()
    expect(dave.composer).to_have_value("Half a threat")
    expect(dave.failed.last).to_contain_text("And this, part 5")
    expect(dave.failed.last.locator(".failure")).to_contain_text("flooding")
    carol.say("Quiet now")
    carol.message("Quiet now").wait_for()
    assert dave.message("Quiet now").count() == 0
    dave.follow("Retry")
    expect(dave.heading).to_have_text("You're banned")
    expect(dave.find("main")).to_contain_text("flooding")


def let_back(olga, carol, dave):
    """What was kept can be said after all."""
    olga.go("/owner")
    expect(olga.find("#banned")).to_contain_text("flooding")
    olga.press("Unban")
    expect(olga.find("#banned")).not_to_contain_text("dave")
    dave.enter()
    expect(dave.composer).to_have_value("Half a threat")
    dave.failed.last.get_by_role("button", name="Retry").click()
    carol.message("And this, part 5").wait_for()
    expect(dave.message("Quiet now")).to_be_attached()


def download(carol, tmp_path):
    carol.follow("Your data")
    with carol.page.expect_download() as downloading:
        carol.follow("Download your data")
    path = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(path)
    assert path.name == "kept-about-me.json"
    kept = json.dumps(json.loads(path.read_text()))
    for mine in "carol", "What is this?", "Quiet now":
        assert mine in kept
    assert "Buy this" not in kept


def leave_for_good(carol, dave):
    """Signed out, and from everything that others see both name and words are gone."""
    carol.page.get_by_label("Delete everything I wrote").check()
    carol.press("Delete my account")
    expect(carol.page.get_by_label("Your name")).to_be_visible()
    expect(dave.message("What is this?")).to_have_count(0)
    dave.reload()
    expect(dave.message("Quiet now")).to_have_count(0)
    expect(dave.find("#rows")).not_to_contain_text("carol")


def test_an_entry_word_is_asked_for_once_before_anything_is_shown(window, serving):
    guarded = serving(entry_word="swordfish").base_url
    newcomer = window(at=guarded, forgives="status of 401").go("/rooms/lobby")
    expect(newcomer.heading).to_have_text("Enter the password")
    newcomer.page.get_by_label("Shared password").fill("trout")
    newcomer.press("Join")
    expect(newcomer.find(".problem")).to_contain_text("Wrong password.")
    newcomer.page.get_by_label("Shared password").fill("swordfish")
    newcomer.press("Join")
    newcomer.sign_in("nemo")
    newcomer.expect_live()
    newcomer.say("Inside")
    newcomer.expect_said("Inside")
    expect(newcomer.reload().heading).to_have_text("Lobby")
