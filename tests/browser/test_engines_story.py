"""One story in every engine: come in, read, write, edit, remove, go away and come back."""

import pytest

from tests.browser.engines.talking import Talk, enter

# Firefox keeps no page that has a request open, or a Web Lock of its own or of its SharedWorker: Back loads it anew.
FOR_THE_CACHE = {"firefox": "delete Object.getPrototypeOf(navigator).locks"}

# The frame is another one while it is loaded anew.
IN_FRAME = "frames[0] && frames[0].document.body && frames[0].document.body.innerText.indexOf('{}') >= 0"


@pytest.mark.shows("script begins")
@pytest.mark.shows("sign in, post")
def test_come_in_and_talk(engine, chat, alice, garden):
    talk = Talk(engine.open(f"{chat.base_url}/rooms/{garden}"))
    alice.say("Who is there? 🐝", room=garden)
    talk.expect_said("Who is there? 🐝")  # a visitor reads along
    talk.sign_in(f"Zoë {engine.name}")
    talk.expect_state("live")
    talk.say("It is me, with 日本語 & <b>ünïcode</b>")
    talk.expect_said("Who is there? 🐝", "It is me, with 日本語 & <b>ünïcode</b>")
    alice.say("Welcome!", room=garden)
    talk.expect_message("Welcome!")


@pytest.mark.shows("edit, remove")
def test_edit_and_remove(engine, chat, alice, carol, garden):
    talk = enter(engine.open(f"{chat.base_url}/rooms/{garden}", carol.cookies))
    talk.say("First")
    talk.say("Second")
    talk.expect_said("First", "Second")
    talk.edit("First", " and foremost")
    talk.expect_said("First and foremost", "Second")
    talk.remove("Second")
    talk.expect_said("First and foremost")
    assert talk.page.run("document.querySelectorAll('#rows .message.removed').length") == 1
    messages = alice.get(f"/rooms/{garden}/messages").json["messages"]
    assert [message["body"] for message in messages] == ["First and foremost", ""]


@pytest.mark.shows("back/forward cache")
def test_a_page_that_comes_back_from_the_cache_is_the_same_and_goes_on(engine, chat, alice, carol, garden):
    page = engine.open(f"{chat.base_url}/rooms/{garden}", carol.cookies, before=FOR_THE_CACHE.get(engine.name, ""))
    talk = enter(page)
    alice.say("Before", room=garden)
    talk.expect_said("Before")
    # Told by now how far one has read, and answered: Firefox keeps no page that has a request open.
    page.wait("performance.getEntriesByType('resource').some(each => each.name.indexOf('/read?') > 0)")
    page.run("void (window.isTheSame = true)")
    page.go("/")
    alice.say("Meanwhile", room=garden)
    page.back()
    talk.expect_said("Before", "Meanwhile")
    assert page.run("window.isTheSame"), "it was loaded again"
    talk.expect_state("live")
    alice.say("After", room=garden)
    talk.expect_said("Before", "Meanwhile", "After")


def test_back_shows_what_was_said_meanwhile_from_the_cache_or_not(engine, chat, alice, carol, garden):
    page = engine.open(f"{chat.base_url}/rooms/{garden}", carol.cookies)
    talk = enter(page)
    page.type("#body", "Half a sentence")
    page.go("/")
    alice.say("Meanwhile", room=garden)
    page.back()
    talk.expect_said("Meanwhile")
    talk.expect_state("live")
    page.wait("document.getElementById('body').value === 'Half a sentence'")


def test_a_reload_keeps_what_was_being_typed(engine, chat, carol, garden):
    page = engine.open(f"{chat.base_url}/rooms/{garden}", carol.cookies)
    enter(page)
    page.type("#body", "Half a sent")
    page.wait("JSON.stringify(sessionStorage).indexOf('Half a sent') > 0")
    page.reload()
    enter(page)
    page.wait("document.getElementById('body').value === 'Half a sent'")


@pytest.mark.shows("without script")
def test_an_engine_that_lacks_something_has_the_plain_page_with_its_live_frame(engine, chat, alice, carol, garden):
    page = engine.open(f"{chat.base_url}/rooms/{garden}", carol.cookies, before="self.XMLHttpRequest = undefined")
    page.wait("window.Chat && !Chat.supported && frames.length === 1")
    alice.say("By frame", room=garden)
    page.wait(IN_FRAME.format("By frame"))
    page.type("#body", "By form")
    page.press("Send")
    page.wait("document.getElementById('rows') && document.getElementById('rows').innerText.indexOf('By form') >= 0")
    alice.say("And on it goes", room=garden)
    page.wait(IN_FRAME.format("And on it goes"))


def test_a_phone_scrolls_in_one_direction_only(engine, chat, alice, carol, garden):
    page = engine.open(f"{chat.base_url}/rooms/{garden}", carol.cookies)
    page.resize(390, 844)
    talk = enter(page)
    alice.say("https://example.org/" + "a-long-address/" * 20, room=garden)
    page.wait("document.querySelector('#rows .message[data-id] .text')")
    page.wait("document.documentElement.scrollWidth <= window.innerWidth")
    talk.say("By thumb")
    talk.expect_message("By thumb")
