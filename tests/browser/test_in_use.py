"""What somebody is at is not taken away, whatever else comes and goes in the log."""

from itertools import count

import pytest
from playwright.sync_api import expect

from tests.support.clients import Person
from tests.support.serving import eventually, serve

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
    expect(opened.here).to_have_text(["carol"])  # the server has sent who is here
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


# Beside the log: whoever comes, goes or is renamed there, what stays is not drawn again.

SELECT_ALL_OF = """node => { const range = document.createRange(); range.selectNodeContents(node);
    getSelection().removeAllRanges(); getSelection().addRange(range); }"""
SELECTED = "String(getSelection())"


# The server's own word of who is here may come at any time, and would change what is being looked at.
COME_AND_GO = """([room, came, went]) => {
    if (!Chat.emitAll) {
        Chat.emitAll = Chat.emit;
        Chat.emit = function (name) { if (name !== 'presence') { Chat.emitAll.apply(Chat, arguments); } };
    }
    Chat.emitAll('presence', { room, count: 2, came, went });
}"""


def come_and_go(hers, room, *, came=(), went=()):
    """What a stream would say when these come and go."""
    users = [[{"id": FAR + ord(name[0]), "name": name, "kind": "guest", "colour": 1, "initial": name[0].upper()}
              for name in names] for names in (came, went)]
    hers.page.evaluate(COME_AND_GO, [room, *users])


def test_a_name_on_the_roster_stays_selected_while_others_come_and_go(hers, room):
    come_and_go(hers, room, came=["mona"])
    hers.here.filter(has_text="mona").evaluate(SELECT_ALL_OF)
    come_and_go(hers, room, came=["anna", "zoe"])
    expect(hers.here).to_have_text(["carol", "anna", "mona", "zoe"])
    come_and_go(hers, room, went=["anna"])
    expect(hers.here).to_have_text(["carol", "mona", "zoe"])
    assert hers.page.evaluate(SELECTED) == "mona"


@pytest.mark.parametrize("what", ["#here-count", "#here-title", "#room-name bdi", "#room-list .name >> nth=0"])
def test_what_says_the_same_as_before_stays_selected(hers, room, what):
    come_and_go(hers, room, came=["mona"])
    hers.find(what).evaluate(SELECT_ALL_OF)
    before = hers.page.evaluate(SELECTED)
    come_and_go(hers, room, came=["anna"])
    hers.page.evaluate("new Promise(isTold => { Chat.on('snapshot', () => isTold()); Chat.snapshot.ask(true); })")
    assert hers.page.evaluate(SELECTED) == before != ""


# Draws lists of these letters, one after the other; says what stood there each time, and how many entries were put in.
DRAW = """orders => orders.map(letters => {
    const list = document.getElementById('roster-away');
    const changes = new MutationObserver(() => {});
    changes.observe(list, { childList: true });
    Chat.drawList(list, 'data-user', letters.split(''), (letter, find) => {
        const entry = find(letter) || document.createElement('li');
        entry.setAttribute('data-user', letter);
        return entry;
    });
    const put = new Set(changes.takeRecords().flatMap(change => [...change.addedNodes]));
    return [[...list.children].map(entry => entry.getAttribute('data-user')).join(''), put.size];
})"""


def test_what_comes_goes_or_moves_in_a_list_moves_nothing_else(hers):
    steps = [("abcd", 4), ("bcda", 1), ("abcd", 1), ("dabc", 1), ("bc", 0), ("abxc", 2), ("", 0)]
    assert hers.page.evaluate(DRAW, [letters for letters, _ in steps]) == [list(step) for step in steps]
