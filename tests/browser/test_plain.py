"""The chat without script: everything by links and forms, news in a frame that never touches the form."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def plain(window):
    """Opens a window in which no script runs."""
    def open_window(person=None, room=None, **options):
        opened = window(person, java_script_enabled=False, **options)
        return opened.go(f"/rooms/{room}") if room else opened
    return open_window


def live_frame(window):
    return window.page.frame_locator(".live-frame iframe")


def test_no_script_runs_in_these_tests(plain, carol, garden):
    assert plain(carol, garden).page.evaluate("typeof Chat") == "undefined"


def test_one_comes_in_writes_and_reads(plain, alice, garden):
    newcomer = plain(room=garden)
    newcomer.sign_in("Plain Jane")
    expect(newcomer.heading).to_have_text("Garden")
    newcomer.composer.fill("Written\nwithout script")
    newcomer.press("Send")
    newcomer.expect_said("Written\nwithout script")
    expect(newcomer.composer).to_have_value("")
    alice.say("Answered", room=garden)
    newcomer.go(f"/rooms/{garden}")
    newcomer.expect_said("Written\nwithout script", "Answered")
    expect(newcomer.message("Answered").locator(".author")).to_have_text("alice")


def test_the_frame_shows_news_and_leaves_the_form_alone(plain, alice, carol, garden):
    hers = plain(carol, garden)
    expect(live_frame(hers).locator(".refresh-line")).to_contain_text("New messages appear here.")
    hers.composer.fill("Half a sen")
    alice.say("First news", room=garden)
    expect(live_frame(hers).locator(".message .text")).to_have_text(["First news"])
    alice.say("Second news", room=garden)
    expect(live_frame(hers).locator(".message .text")).to_have_text(["First news", "Second news"])
    expect(hers.composer).to_have_value("Half a sen")
    hers.press("Send")
    hers.expect_said("First news", "Second news", "Half a sen")


def test_the_newest_row_of_the_frame_is_in_view(plain, alice, carol, garden):
    hers = plain(carol, garden)
    for number in range(12):
        alice.say(f"News {number}", room=garden)
    expect(live_frame(hers).get_by_text("News 11")).to_be_in_viewport()


def test_one_edits_and_removes_on_the_messages_own_page(plain, alice, carol, garden):
    hers = plain(carol, garden)
    hers.composer.fill("Misspelt")
    hers.press("Send")
    hers.message("Misspelt").locator(".when").click()
    field = hers.page.get_by_label("Edit")
    expect(field).to_have_value("Misspelt")
    field.fill("Well spelt")
    hers.press("Save")
    hers.expect_said("Well spelt")
    expect(hers.find(".rows .edited")).to_have_text("edited")
    hers.message("Well spelt").locator(".when").click()
    hers.follow("Delete")
    hers.press("Delete")
    expect(hers.messages.locator(".gone")).to_have_text("Message deleted")
    assert [each["removed"] for each in alice.get(f"/rooms/{garden}/messages").json["messages"]] == [True]


def test_others_messages_offer_no_acts(plain, alice, carol, garden):
    alice.say("Hers", room=garden)
    hers = plain(carol, garden)
    hers.message("Hers").locator(".when").click()
    expect(hers.heading).to_contain_text("Message in")
    expect(hers.find("form")).to_have_count(0)
    hers.follow("Back to room")
    expect(hers.composer).to_be_visible()


def test_a_refused_text_comes_back_into_the_composer(plain, carol, garden):
    hers = plain(carol, garden, forgives="status of 413")
    text = "x" * 4001
    hers.composer.fill(text)
    hers.press("Send")
    expect(hers.find("#problem")).to_contain_text("4000")
    expect(hers.composer).to_have_value(text)
    hers.composer.fill("Shorter")
    hers.press("Send")
    hers.expect_said("Shorter")


def test_one_leafs_through_older_messages(plain, alice, carol, garden):
    token = alice.token()
    for number in range(60):
        alice.post(f"/rooms/{garden}/messages", token=token, body=f"Line {number}")
    hers = plain(carol, garden)
    expect(hers.message("Line 59")).to_be_in_viewport()  # the newest is what one sees first
    expect(hers.message("Line 9")).to_have_count(0)
    hers.follow("Older messages")
    expect(hers.message("Line 9")).to_be_visible()
    expect(hers.messages).to_have_count(10)
    hers.follow("Newest messages")
    expect(hers.message("Line 59")).to_be_in_viewport()


def test_unread_rooms_and_the_rule_new_are_on_the_page(plain, alice, carol, garden, gardener):
    shed = gardener.post("/rooms", name="Shed").json["slug"]
    carol.post(f"/rooms/{shed}/join")
    carol.post(f"/rooms/{garden}/join")
    alice.say("In the shed", room=shed)
    alice.say("In the garden", room=garden)
    hers = plain(carol, garden)
    expect(hers.badge(shed)).to_have_text("1")
    expect(hers.after_rule()).to_contain_text("In the garden")
    live_frame(hers).locator(".refresh-line").wait_for()
    hers.find(f'#room-list [data-room="{shed}"] a').click()
    expect(hers.heading).to_have_text("Shed")
    live_frame(hers).locator(".refresh-line").wait_for()
    hers.go(f"/rooms/{garden}")
    expect(hers.badge(shed)).to_be_hidden()
    expect(hers.new_rule).to_have_count(0)


def test_a_room_is_opened_and_left(plain, carol):
    hers = plain(carol).go("/")
    hers.follow("New room")
    hers.page.get_by_label("Name").fill("Plain room")
    hers.press("Create room")
    expect(hers.heading).to_have_text("Plain room")
    expect(hers.find("#empty")).to_contain_text("No messages yet")
    hers.press("Leave room")
    expect(hers.heading).to_have_text("Rooms")


def test_one_signs_out(plain, carol, garden):
    hers = plain(carol, garden)
    hers.follow("Sign out")
    hers.press("Sign out")
    expect(hers.page.get_by_label("Your name")).to_be_visible()
    hers.go(f"/rooms/{garden}")
    expect(hers.composer).to_have_count(0)


def test_a_text_sent_after_the_session_ended_is_shown_to_copy(plain, carol, garden):
    hers = plain(carol, garden, forgives="status of 401")
    hers.composer.fill("Long thought about")
    carol.post("/sign-out")
    hers.press("Send")
    expect(hers.page.get_by_label("Copy your text")).to_have_value("Long thought about")


@pytest.mark.parametrize("path, heading", [("/nowhere", "Page not found"), ("/rooms/nowhere", "Page not found"),
                                           ("/rooms/lobby?before=x", "That didn't work")])
def test_a_wrong_address_says_what_to_do(plain, carol, path, heading):
    hers = plain(carol, forgives="status of 40[04]").go(path)
    expect(hers.heading).to_have_text(heading)
    hers.follow("Back to rooms")
    expect(hers.heading).to_have_text("Rooms")
