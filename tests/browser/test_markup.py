"""Whatever people write is text: in bodies, names and topics, in every place where they show."""

import pytest
from playwright.sync_api import expect

SCRIPT = "<script>document.title = 'owned'</script>"
IMAGE = "<img src=x onerror=\"document.title = 'owned'\">"
BREAKOUTS = [
    SCRIPT, IMAGE, "</textarea></li></script><svg onload=alert(1)>", "'\"><b onmouseover=alert(1)>", "&lt;b&gt; &amp;",
    "[a](javascript:alert(1)) javascript:alert(1) http://x/\"onclick=\"alert(1)", "`</code><script>1</script>`",
]
MADE = ".text script, .text img, .text svg, .text b, .text [onclick], .text [onmouseover], .text [href^=javascript]"
NAME = "<img src=x onerror=f()>"
TOPIC = "<b>Topic</b> & \"quotes\" <script>1</script>"


@pytest.fixture
def mallory(people, chat):
    return people(chat, NAME)


@pytest.fixture
def trap(mallory):
    """A room whose name and topic are markup."""
    return mallory.post("/rooms", name="<i>Room</i>", topic=TOPIC, slug="trap").json.get("slug", "trap")


def test_a_body_is_text_for_readers_live_and_on_the_page(window, mallory, carol, garden):
    hers = window(carol, garden)
    for body in BREAKOUTS:
        mallory.say(body, room=garden)
    for _ in ("live", "after a reload"):
        hers.expect_said(*(body.replace("`", "") for body in BREAKOUTS))
        expect(hers.messages.first.locator(".author")).to_have_text(NAME)
        assert hers.find(MADE).count() == 0
        assert hers.page.title() == "Garden"
        hers.reload()


def test_ones_own_markup_is_text_while_pending_and_in_the_edit_form(window, carol, garden):
    hers = window(carol, garden)
    hers.say(IMAGE)
    expect(hers.texts).to_have_text([IMAGE])
    expect(hers.begin_edit("<img")).to_have_value(IMAGE)
    hers.find(".edit-form textarea").fill(SCRIPT)
    hers.press("Save")
    expect(hers.texts).to_have_text([SCRIPT])


def test_a_name_is_text_wherever_it_stands(window, mallory, carol, garden):
    hers, theirs = window(carol, garden), window(mallory, garden)
    expect(hers.here).to_have_text(["carol", NAME])
    theirs.composer.type("Hm")
    expect(hers.typing).to_contain_text(NAME)
    theirs.composer.press("Enter")
    expect(hers.find("#announcer")).to_contain_text(f"{NAME} says: Hm")
    expect(theirs.find(".account .me")).to_contain_text(NAME)
    expect(theirs.go("/me").find(".account .me")).to_contain_text(NAME)


def test_a_rooms_name_and_topic_are_text_wherever_they_stand(window, mallory, trap, carol):
    hers = window(carol, trap)
    expect(hers.page).to_have_title("<i>Room</i>")
    expect(hers.heading).to_have_text("<i>Room</i>")
    expect(hers.find("#room-topic")).to_have_text(TOPIC)
    expect(hers.composer).to_have_attribute("placeholder", "Message <i>Room</i>")
    expect(hers.find('#room-list [data-room="trap"] .name')).to_have_text("<i>Room</i>")
    hers.say("Hello")
    hers.messages.locator(".when").click()
    expect(hers.heading).to_have_text("Message in <i>Room</i>")
    expect(hers.go("/").find(".room-cards").get_by_text("<i>Room</i>")).to_be_visible()


def test_a_refused_form_gives_markup_back_as_text(window, carol):
    hers = window(carol, forgives="status of 400").go("/rooms/new")
    hers.page.get_by_label("Name").fill('"><script>1</script>')
    hers.page.get_by_label("Address").fill("../<b>")
    hers.press("Create room")
    expect(hers.find(".problem")).to_be_visible()
    expect(hers.page.get_by_label("Name")).to_have_value('"><script>1</script>')
    expect(hers.page.get_by_label("Address")).to_have_value("../<b>")
