"""A visit is noted with the address it came from: seldom, wherever a browser's requests come from."""

import pytest

from chat.core import times
from tests.support.serving import eventually
from tests.support.town import a_prefix, an_address


def seen(server, person, minutes_ago):
    """As if the person had been here so long ago, and not since."""
    server.query("UPDATE sessions SET seen_at = ? WHERE user_id = ?", times.ago(minutes=minutes_ago), person.user["id"])


def noted(server, name):
    return server.query("SELECT address, sessions.seen_at FROM sessions JOIN users ON users.id = user_id WHERE name = ?"
                        " AND released_at IS NULL", name)


@pytest.fixture
def dave(town, townsman):
    return townsman(town, "dave")


def test_a_browser_whose_address_alternates_is_noted_once_a_minute(town, dave):
    homes = [an_address(), f"{a_prefix()}::1"]
    seen(town, dave, minutes_ago=2)
    dave.move(homes[0])
    assert dave.get("/poll?room=lobby").status == 200
    first = noted(town, "dave")
    assert first[0][0] == homes[0], "premise: a change of address is noted"
    for turn in range(1, 7):
        dave.move(homes[turn % 2])
        for path in ("/poll?room=lobby", "/rooms/lobby", "/session"):
            answer = dave.get(path)
            assert answer.status == 200
            lines = answer.headers.get_all("Set-Cookie") or ()
            assert not [line for line in lines if line.startswith(dave.session_cookie)]
    assert noted(town, "dave") == first
    seen(town, dave, minutes_ago=2)
    dave.move(homes[1])
    dave.get("/session")
    assert noted(town, "dave")[0][0] == homes[1]


def test_who_moves_right_after_signing_in_is_noted_a_minute_later(town, dave):
    first = noted(town, "dave")
    dave.move(an_address())
    assert dave.user["name"] == "dave" and noted(town, "dave") == first
    seen(town, dave, minutes_ago=2)
    dave.get("/session")
    assert noted(town, "dave")[0][0] == dave.address


@pytest.mark.parametrize(("minutes_ago", "is_renewed"), [(61, True), (2, False)])
def test_a_held_poll_is_parked_although_it_comes_from_another_address(town, mayor, dave, minutes_ago, is_renewed):
    """What is parked is asked anew when there is an answer, which therefore carries no cookie."""
    cursor = dave.cursor()
    seen(town, dave, minutes_ago)
    dave.move(an_address())
    held = dave.ask(f"/poll?room=lobby&since={cursor}&wait=25")
    eventually(lambda: noted(town, "dave")[0][0] == dave.address)
    assert not held.comes_within(0.3), "premise: it is held"
    mayor.say("news")
    cookies = held.answer().headers.get_all("Set-Cookie") or ()
    assert any(line.startswith(dave.session_cookie) for line in cookies) == is_renewed
