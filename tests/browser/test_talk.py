"""Two people in two browsers talk to each other."""

from playwright.sync_api import expect


def test_two_people_hear_each_other(window, alice, bob, garden):
    hers, his = window(alice, garden), window(bob, garden)
    hers.say("The hall is booked. Doors at six.")
    his.expect_said("The hall is booked. Doors at six.")
    his.say("I can bring the amplifier.")
    for each in hers, his:
        each.expect_said("The hall is booked. Doors at six.", "I can bring the amplifier.")
        expect(each.messages.locator(".author")).to_have_text(["alice", "bob"])


def test_the_first_visit_asks_for_a_name_and_no_more(window):
    newcomer = window().go("/")
    newcomer.sign_in("Newcomer 1")
    newcomer.expect_live()
    expect(newcomer.heading).to_have_text("Lobby")
    newcomer.say("Hello from somebody new")
    expect(newcomer.message("Hello from somebody new").locator(".author")).to_have_text("Newcomer 1")


def test_a_visitor_reads_along_and_is_asked_for_a_name_where_others_write(window, alice, garden):
    visitor = window().enter(garden)
    alice.say("Everybody may read this", room=garden)
    visitor.expect_said("Everybody may read this")
    visitor.sign_in("Newcomer 2")
    visitor.expect_live()
    visitor.say("Then I stay")
    visitor.expect_said("Everybody may read this", "Then I stay")


def test_a_name_in_use_is_refused_in_words_and_stands_in_its_field_again(window, alice):
    newcomer = window(forgives="status of 409").go("/sign-in")
    newcomer.sign_in("ALICE")
    expect(newcomer.find(".problem")).to_contain_text("Pick another, or open your link")
    expect(newcomer.page.get_by_label("Your name")).to_have_value("ALICE")


def test_an_edit_shows_at_once_with_everybody(window, alice, bob, garden):
    hers, his = window(alice, garden), window(bob, garden)
    his.say("Doors at sixt")
    expect(hers.message("Doors at sixt").locator(".edited")).to_have_count(0)
    his.edit("Doors at sixt", "Doors at six")
    for each in hers, his:
        each.expect_said("Doors at six")
        expect(each.messages.locator(".edited")).to_have_text("edited")


def test_a_removal_shows_at_once_with_everybody(window, alice, bob, garden):
    hers, his = window(alice, garden), window(bob, garden)
    his.say("Nobody should have read this")
    hers.expect_said("Nobody should have read this")
    his.remove("Nobody should have read this")
    for each in hers, his:
        expect(each.messages.locator(".gone")).to_have_text("Message deleted")
        expect(each.find("#rows")).not_to_contain_text("Nobody should")


def test_arrow_up_edits_what_one_said_last_and_escape_leaves_it(window, carol, garden):
    hers = window(carol, garden)
    hers.say("Line\nbreaks `and` *marks* stay")
    hers.message("breaks").wait_for()
    hers.composer.press("ArrowUp")
    field = hers.find(".edit-form textarea")
    expect(field).to_have_value("Line\nbreaks `and` *marks* stay")
    field.fill("Something else")
    field.press("Escape")
    expect(hers.composer).to_be_focused()
    hers.expect_said("Line\nbreaks and *marks* stay")


def test_a_message_that_is_removed_elsewhere_while_it_is_edited_says_so(window, carol, garden):
    hers = window(carol, garden, forgives="status of 40[0-9]")
    said = carol.say("Will be gone", room=garden)
    field = hers.begin_edit("Will be gone")
    carol.post(f"/messages/{said['id']}/remove")
    field.fill("Too late")
    field.press("Enter")
    expect(hers.find(".edit-form .problem")).to_be_visible()
    expect(field).to_have_value("Too late")
    field.press("Escape")
    expect(hers.messages.locator(".gone")).to_have_text("Message deleted")


def test_a_reload_keeps_the_history(window, alice, carol, garden):
    hers = window(carol, garden)
    hers.say("First")
    hers.message("First").wait_for()
    alice.say("Second", room=garden)
    hers.say("Third")
    hers.expect_said("First", "Second", "Third")
    hers.reload().expect_said("First", "Second", "Third")


def test_what_another_program_posts_appears_at_once(window, chat, carol, garden):
    hers = window(carol, garden)
    posted = chat.command("post", garden, "The backup is done", "--as", "cron")
    assert posted.returncode == 0, posted.stderr
    hers.expect_said("The backup is done")
    expect(hers.messages.locator(".byline .bot")).to_have_text("bot")


def test_links_and_code_are_drawn_and_a_link_tells_nothing_of_the_room(window, carol, garden):
    hers = window(carol, garden)
    hers.say("Plan: https://example.org/plan, type `/weather`")
    link = hers.messages.locator(".text a")
    expect(link).to_have_attribute("href", "https://example.org/plan")
    expect(link).to_have_attribute("rel", "nofollow ugc noopener noreferrer")
    expect(hers.messages.locator(".text code")).to_have_text("/weather")
