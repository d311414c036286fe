"""What somebody is at is not taken away, whatever else comes and goes in the log."""

from itertools import count

import pytest
from playwright.sync_api import expect

from tests.clients import Person
from tests.serving import eventually, serve

MANY = 320  # more than the log keeps
SELECT = """row => { const range = document.createRange(); range.selectNodeContents(row.querySelector('.text'));
    getSelection().removeAllRanges(); getSelection().addRange(range); }"""
# What a stream would bring, without the time that it takes to say it.
FLOOD = """([room, first, many]) => { for (let id = first; id < first + many; id += 1) {
    Chat.emit('message', { id, room, author: { id: 999, name: 'flood', kind: 'guest' }, body: `Flood ${id}`,
        html: `<li class="message" id="m${id}" data-id="${id}" data-author="999"><p class="byline"><b class="author">` +
            `<bdi>flood</bdi></b> <time datetime="2026-11-20T11:00:00.000Z"></time></p><div class="text">` +
            `<span class="said">Flood ${id}</span></div></li>`,
        created_at: '2026-11-20T11:00:00.000Z', edited_at: null, removed: false, client_id: null }); } }"""
FAR = 10**9  # numbers that no message has


numbers = count()


@pytest.fixture(scope="module")
def server():
    with serve(look_seconds=0) as server:
        yield server


@pytest.fixture(scope="module")
def carol(server):
    with Person(server) as carol:
        yield carol.sign_in("carol")


@pytest.fixture
def room(carol):
    return carol.post("/rooms", name=f"Garden {next(numbers)}").json["slug"]


@pytest.fixture
def hers(window, server, carol, room):
    """Carol's window, with ten lines of hers."""
    token = carol.token()
    for number in range(10):
        carol.post(f"/rooms/{room}/messages", token=token, body=f"Line {number}")
    opened = window(carol, room, at=server.base_url)
    opened.jump_to_end()
    return opened


def flood(hers):
    hers.page.evaluate(FLOOD, [hers.room, FAR, MANY])
    hers.message(f"Flood {FAR + MANY - 1}").wait_for()
    assert hers.messages.count() < MANY, "premise: the log was trimmed"


def reset(hers):
    """The room is fetched anew; over when it was."""
    with hers.page.expect_response("**/messages?limit=*"):
        hers.page.evaluate("Chat.emit('reset', { reason: 'pruned', cursor: Chat.connection.cursor() })")
    hers.page.evaluate("Promise.resolve()")


def test_an_open_editor_stays_with_its_text(hers, carol, room):
    field = hers.begin_edit("Line 3")
    field.fill("Half a sen")
    flood(hers)
    expect(field).to_have_value("Half a sen")
    expect(field).to_be_focused()
    expect(hers.message("Line 2")).to_have_count(0)
    reset(hers)
    expect(field).to_have_value("Half a sen")


def test_an_editor_keeps_what_one_types_when_the_message_is_edited_elsewhere(hers, carol):
    id = int(hers.message("Line 3").get_attribute("data-id"))
    field = hers.begin_edit("Line 3")
    field.fill("Half a sen")
    carol.post(f"/messages/{id}/edit", body="Edited elsewhere")
    carol.say("Afterwards", room=hers.room)
    hers.message("Afterwards").wait_for()
    reset(hers)
    expect(field).to_have_value("Half a sen")
    hers.press("Cancel")
    expect(hers.find(f"#m{id} .text")).to_have_text("Edited elsewhere")


def test_what_is_selected_stays_and_stays_selected(hers):
    hers.message("Line 3").evaluate(SELECT)
    flood(hers)
    assert hers.page.evaluate("String(getSelection())") == "Line 3"
    reset(hers)
    assert hers.page.evaluate("String(getSelection())") == "Line 3"


def test_the_row_on_which_the_keyboard_is_stays_and_keeps_it(hers, carol):
    id = int(hers.message("Line 3").get_attribute("data-id"))
    when = hers.message("Line 3").locator(".when")
    when.focus()
    flood(hers)
    expect(when).to_be_focused()
    reset(hers)
    expect(hers.find(f"#m{id} .when")).to_be_focused()
    carol.post(f"/messages/{id}/edit", body="Line 3 better")
    hers.message("Line 3 better").wait_for()
    expect(hers.find(f"#m{id} .when")).to_be_focused()


def test_what_was_left_out_beside_it_comes_back_when_one_scrolls_up(hers):
    hers.begin_edit("Line 8").fill("Half a sen")
    flood(hers)
    reset(hers)
    eventually(lambda: hers.scroll_log("0") or hers.find("#older").is_hidden())
    expect(hers.messages.filter(has_text="Line")).to_have_count(10)


def test_a_reset_that_changes_nothing_leaves_every_row_as_it_is(hers):
    hers.page.evaluate("document.querySelectorAll('#rows .message').forEach(row => { row.isSame = true; })")
    reset(hers)
    expect(hers.messages).to_have_count(10)
    assert hers.page.evaluate("[...document.querySelectorAll('#rows .message')].every(row => row.isSame)")
