"""Where the server cannot say what was missed, the page fetches the room anew, and everybody keeps their place."""

import shutil
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Window
from tests.browser.windows import LOST
from tests.support.proxy import proxy_before

NEAR_PX = 2
LONG = 230  # more messages than one answer brings
WEIGHTY = 24  # so few fill several answers, each as long as a message can be
WEIGHT = " http://a" + "'" * 3900 + "a"


@pytest.fixture
def server(serving):
    """A server of one's own, whose log a test may damage."""
    return serving()


@pytest.fixture
def alice(server, people):
    return people(server, "alice")


@pytest.fixture
def line(server):
    with proxy_before(server.host, server.port) as proxy:
        yield proxy


@pytest.fixture
def reader(window, server, people, line) -> Callable[[], Window]:
    """Opens Carol's window in the lobby, its end in view."""
    def open_() -> Window:
        hers = window(people(server, "carol"), "lobby", at=f"http://{line.host}:{line.port}", forgives=LOST)
        hers.jump_to_end()
        return hers
    return open_


def say_lines(alice, count: int, weight: str = "") -> None:
    token = alice.token()
    for number in range(count):
        alice.post("/rooms/lobby/messages", token=token, body=f"Line {number}{weight}")


def prune(server) -> None:
    """The log no longer holds anything, as when months have passed."""
    server.query("INSERT OR REPLACE INTO facts (name, value) SELECT 'pruned_to', max(id) FROM events")
    server.query("DELETE FROM events")


def lose(server) -> None:
    """All ids up to now are of a time that a restored backup has lost."""
    server.query("INSERT INTO gaps (after_id, until_id) SELECT 0, max(id) FROM events")


def read_to_the_first(hers: Window) -> None:
    while not hers.find("#older").is_hidden():
        hers.scroll_log("0")
        hers.find("#older").wait_for(state="attached")


@pytest.fixture
def missed_meanwhile(server, alice, line):
    """Alice writes while a window's line is cut, and the log is damaged before it comes back."""

    def missed_meanwhile(hers: Window, damage: Callable[..., None]) -> None:
        line.cut()
        expect(hers.state).to_contain_text("Reconnecting")
        alice.say("Missed")
        damage(server)
        line.resume()
        hers.expect_live()

    return missed_meanwhile


@pytest.mark.parametrize(("damage", "reason"), [(prune, "pruned"), (lose, "gap")])
def test_a_reset_brings_what_was_missed_and_keeps_draft_and_place(reader, alice, missed_meanwhile, damage, reason):
    say_lines(alice, 60)
    hers = reader()
    hers.page.evaluate("Chat.on('reset', reset => { window.reason = reset.reason; })")
    hers.composer.fill("Half a sen")
    hers.scroll_log("all - log.clientHeight - 400")
    row = hers.message("Line 50")
    height = hers.box(row)["y"]
    missed_meanwhile(hers, damage)
    expect(hers.message("Missed")).to_have_count(1)
    assert hers.page.evaluate("window.reason") == reason
    assert abs(hers.box(row)["y"] - height) < NEAR_PX
    expect(hers.composer).to_have_value("Half a sen")
    alice.say("And on it goes")
    expect(hers.message("And on it goes")).to_have_count(1)
    expect(hers.texts).to_have_text([*(f"Line {number}" for number in range(60)), "Missed", "And on it goes"])


def test_a_reset_leaves_whoever_reads_far_up_where_they_are(reader, alice, missed_meanwhile):
    say_lines(alice, LONG)
    hers = reader()
    read_to_the_first(hers)
    expect(hers.messages).to_have_count(LONG)
    hers.message("Line 5").first.evaluate("row => row.scrollIntoView()")
    row = hers.messages.filter(has=hers.page.get_by_text("Line 5", exact=True))
    height = hers.box(row)["y"]
    missed_meanwhile(hers, prune)
    expect(hers.jump).to_have_text("Newest")
    assert abs(hers.box(row)["y"] - height) < NEAR_PX
    hers.jump.click()
    expect(hers.message("Missed")).to_be_in_viewport()


def test_messages_that_fill_an_answer_by_a_few_are_read_to_the_first_before_and_after_a_reset(
        reader, alice, missed_meanwhile):
    say_lines(alice, WEIGHTY, WEIGHT)
    hers = reader()
    assert hers.messages.count() < WEIGHTY, "the page does not hold them all"
    all_lines = [f"Line {number}{WEIGHT}" for number in range(WEIGHTY)]
    read_to_the_first(hers)
    expect(hers.texts).to_have_text(all_lines)
    hers.jump_to_end()
    missed_meanwhile(hers, prune)
    expect(hers.message("Missed")).to_have_count(1)
    assert hers.messages.count() <= WEIGHTY, "the answer does not hold them all"
    read_to_the_first(hers)
    expect(hers.texts).to_have_text([*all_lines, "Missed"])


def test_after_a_backup_was_restored_the_page_shows_what_the_server_has(reader, server, alice, line, tmp_path):
    alice.say("Kept")
    hers = reader()
    server.query("VACUUM INTO ?", str(tmp_path / "backup"))
    lost = alice.say("Lost with the disk")
    alice.post(f"/messages/{lost['id']}/edit", body="Lost all the same")
    hers.expect_said("Kept", "Lost all the same")
    hers.composer.fill("Half a sen")
    server.kill()
    for name in ("longwave.db-wal", "longwave.db-shm"):
        (server.instance / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup", server.instance / "longwave.db")
    server.start()
    hers.expect_live()
    hers.expect_said("Kept")
    alice.close()
    assert alice.say("Under the same number")["id"] == lost["id"], "nothing new has the lost one's number"
    hers.expect_said("Kept", "Under the same number")
    expect(hers.composer).to_have_value("Half a sen")
