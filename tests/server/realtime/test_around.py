"""The page that shows a message in its place, wherever in the room that is."""

import pytest

from tests.support.clients import Person
from tests.support.serving import serve

COUNT = 120


@pytest.fixture(scope="module")
def chat():
    with serve(workers=2, look_seconds=0) as server:
        yield server


@pytest.fixture(scope="module")
def story(chat):
    """The ids of the lobby's messages, which dave wrote, oldest first."""
    with Person(chat) as dave:
        token = dave.sign_in("dave").token()
        said = [dave.post("/rooms/lobby/messages", token=token, body=f"Line {number}.") for number in range(COUNT)]
    return [answer.json["id"] for answer in said]


def shown(page):
    """The ids of the messages on it."""
    return [int(found["data-id"]) for found in page.find("li") if "data-id" in found]


def marked(page):
    return [int(found["data-id"]) for found in page.find("li") if "marked" in found.get("class", "").split()]


@pytest.mark.parametrize("at", [0, 5, 60, 118, 119])
def test_it_holds_the_message_marked_among_its_neighbours(alice, visitor, story, at):
    for reader in (alice, visitor):
        page = reader.look(f"/rooms/lobby?around={story[at]}")
        ids = shown(page)
        assert marked(page) == [story[at]]
        assert len(ids) == 50 and ids == story[story.index(ids[0]) : story.index(ids[0]) + 50]
        assert at == 0 or story[at - 1] in ids
        assert at == COUNT - 1 or story[at + 1] in ids


def test_from_it_links_lead_to_what_is_older_newer_and_newest(visitor, story):
    page = visitor.look(f"/rooms/lobby?around={story[60]}")
    ids = shown(page)
    older = next(address for address in page.addresses if "?before=" in address)
    newer = next(address for address in page.addresses if "?after=" in address)
    assert "/rooms/lobby" in page.addresses and not list(page.find("iframe"))
    assert shown(visitor.look(older))[-1] == story[story.index(ids[0]) - 1]
    later = visitor.look(newer)
    assert shown(later) == story[story.index(ids[-1]) + 1 :], "and so on to the end"
    assert not [address for address in later.addresses if "?after=" in address]
    assert list(later.find("iframe")), "which is as alive as the newest page"


def test_near_the_end_the_page_is_as_alive_as_the_newest(visitor, story):
    assert list(visitor.look(f"/rooms/lobby?around={story[-3]}").find("iframe"))


@pytest.mark.parametrize("which", ["another room's", "one that never was", "the highest there can be", "none"])
def test_a_message_that_is_not_there_is_said_to_be_missing_in_the_nearest_place(alice, bob, story, which):
    garden = bob.post("/rooms", name="Garden").json["slug"]
    elsewhere = bob.say("elsewhere", room=garden)["id"]
    asked = {"another room's": elsewhere, "one that never was": elsewhere + 1000, "the highest there can be": 2**53 - 1,
             "none": 0}[which]
    page = alice.look(f"/rooms/lobby?around={asked}")
    assert "isn't here" in page.text and list(page.find("li", id=f"m{asked}"))
    assert (story[-1] if asked else story[0]) in shown(page)
    assert not marked(page) and "elsewhere" not in page.text


@pytest.mark.parametrize("query", ["around=x", "around=-1", "around=", "around=9007199254740992", f"around={'9' * 400}",
                                   "after=x"])
def test_what_is_no_number_is_refused_as_everywhere(visitor, query):
    assert visitor.get(f"/rooms/lobby?{query}").status == 400


def test_an_empty_room_has_a_page_around_anything(alice):
    empty = alice.post("/rooms", name="Empty").json["slug"]
    assert list(alice.look(f"/rooms/{empty}?around=5").find("iframe"))
    assert alice.get(f"/rooms/{empty}/messages?around=5").json["newer"] is False


def test_the_list_around_a_message_says_on_which_side_there_are_more(visitor, story):
    def sides(query):
        answer = visitor.get(f"/rooms/lobby/messages?{query}").json
        return answer["older"], answer["newer"]

    assert sides(f"around={story[60]}") == (True, True)
    assert sides(f"around={story[0]}") == (False, True)
    assert sides(f"around={story[-1]}") == (True, False)
    assert sides(f"around={story[60]}&limit=200") == (False, False)
    assert "older" not in visitor.get("/rooms/lobby/messages").json


def test_what_leads_to_a_message_leads_to_its_place(chat, alice, bob):
    room = bob.post("/rooms", name="Long").json["slug"]
    first = bob.say("the first", room=room)["id"]
    place = f"/rooms/{room}?around={first}#m{first}"
    own = bob.look(f"/messages/{first}")
    assert place in own.addresses
    assert bob.submit(own.form("/edit"), body="better").headers["Location"] == place
    assert bob.post(f"/messages/{first}/remove", accept="text/html").headers["Location"] == place
    page = bob.look(place.partition("#")[0])
    assert marked(page) == [first], "what a removed one leaves is marked, too"
