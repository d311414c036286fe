"""Many people: above a number the roster is a number, and two thousand arrivals cost a reader ten events."""

import http.client
import threading
import time

import pytest

from tests.support.audience import name_of, settle
from tests.support.serving import eventually, serve
from tests.support.town import Townsman

pytestmark = pytest.mark.slow

ROSTER_MAX = 200  # the default
ARRIVALS, WITHIN_SECONDS, EVENTS_MAX = 2000, 10.0, 10
AT_ONCE = 8  # connections over which they come


@pytest.fixture(scope="module")
def square():
    """A chat with two thousand people who have a session and have not come in yet."""
    with serve(look_seconds=0) as server:
        settle(server, ARRIVALS)
        yield server


def arrive(server, names):
    """People come in one after another, each by the live part of a page without script, which makes them present."""
    connection = http.client.HTTPConnection(server.host, server.port)
    for name in names:
        connection.request("GET", "/rooms/lobby/refresh?since=9007199254740991", headers={"Cookie": f"longwave={name}"})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    connection.close()


def test_two_thousand_arrivals_cost_each_reader_at_most_ten_events(square):
    with Townsman(square) as alice, Townsman(square, worker=1) as bob:
        readers = [person.listen("room=lobby") for person in (alice, bob)]
        for reader in readers:
            assert reader.expect("presence").data["whole"]
        names = list(map(name_of, range(ARRIVALS)))
        groups = [threading.Thread(target=arrive, args=(square, names[start::AT_ONCE])) for start in range(AT_ONCE)]
        began = time.monotonic()
        for group in groups:
            group.start()
        for group in groups:
            group.join()
        took_seconds = time.monotonic() - began
        for reader in readers:
            reader.expect("presence", lambda change: change["count"] == ARRIVALS)
        for reader in readers:
            changes = reader.named("presence")[1:]
            assert len(changes) <= EVENTS_MAX + max(0, took_seconds - WITHIN_SECONDS), changes
            for change in (event.data for event in changes):
                names_told = [user for kind in ("came", "went", "away") for user in change.get(kind, ())]
                assert len(names_told) <= 50
                assert change["count"] <= ROSTER_MAX or not names_told, "above the number only the number"
            assert sum(len(event.data.get("came", ())) for event in changes) <= ROSTER_MAX
        newcomer = bob.listen("room=lobby").expect("presence").data
        assert (newcomer["count"], newcomer["here"], newcomer["away"]) == (ARRIVALS, [], [])
        for page in (alice.look("/rooms/lobby"), bob.look("/rooms/lobby")):
            assert str(ARRIVALS) in page.text.replace(",", "") and "p0001" not in page.text


def test_the_roster_is_paged_for_who_wants_all_of_it(square):
    """After the arrivals of the test above, or with whoever came by itself."""
    arrive(square, map(name_of, range(450)))
    with Townsman(square, worker=1) as bob:
        eventually(lambda: bob.get("/rooms/lobby/people?limit=1").json["count"] >= 450)
        seen, after = [], 0
        while True:
            page = bob.get(f"/rooms/lobby/people?after={after}").json
            assert len(page["people"]) <= 200
            seen += page["people"]
            if not page["more"]:
                break
            after = seen[-1]["id"]
        ids = [user["id"] for user in seen]
        assert ids == sorted(set(ids)) and len(ids) == page["count"] >= 450


def test_below_the_number_people_are_named(town, townsman, hall):
    watching = townsman(town, worker=1).listen(f"room={hall}")
    bob = townsman(town, "bob")
    bob.listen(f"room={hall}")
    came = watching.expect("presence", lambda change: change.get("came")).data
    assert came == {"room": hall, "count": 1, "came": [bob.user], "went": [], "away": []}
