"""One stream for all tabs, in every engine, in each way of sharing it; the tab that leads is closed in the middle."""

import pytest

from tests.browser.engines.talking import LIVE, Talk
from tests.browser.obstacles import STREAM, obstacles_before
from tests.browser.tabs import WAYS
from tests.browser.tabs import Talk as Conversation
from tests.browser.windows import LOST
from tests.support.serving import eventually

TABS = 3
# What engines write by themselves when the way ends before the page.
CUT = f"{LOST}|can.t establish a connection|was interrupted while the page"


@pytest.fixture
def way(chat):
    with obstacles_before(chat.host, chat.port) as way:
        yield way


@pytest.mark.shows("shared by tabs")
@pytest.mark.parametrize("sharing", WAYS)
def test_three_tabs_share_a_stream_and_the_first_is_closed_in_the_middle(
        engine, chat, alice, carol, garden, way, sharing):
    conversation = Conversation(chat, alice, garden)
    first = engine.open(f"{way.base_url}/rooms/{garden}", carol.cookies, before="; ".join(WAYS[sharing]) or "0",
                        forgives=CUT)
    tabs = [Talk(page) for page in [first, *(first.beside(f"/rooms/{garden}") for _ in range(TABS - 1))]]
    for tab in tabs:
        tab.expect_state(LIVE)
    conversation.say("To all three")
    for tab in tabs:
        tab.expect_said("To all three")
    assert len(way.asked(STREAM)) == way.under_way(STREAM) == 1
    with conversation.going_on():
        tabs[1].expect_message("Word 3")
        tabs.pop(0).page.close()
        tabs[0].expect_message("Word 9")
    tabs[1].say("And back")
    for tab in tabs:
        tab.expect_message("And back")
    for tab in tabs:
        tab.expect_said(*conversation.said())
        tab.expect_state(LIVE)
    assert len(way.asked(STREAM)) <= 2
    eventually(lambda: way.under_way(STREAM) == 1)
