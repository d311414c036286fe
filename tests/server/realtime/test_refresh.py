"""The live frame of the page without script."""

import re
from urllib.parse import urlencode

import pytest

from tests.support.clients import FORM
from tests.support.serving import serve


def next_of(page) -> str:
    """Where the frame asks to be loaded from again."""
    return re.search(r'http-equiv="refresh" content="(\d+); url=([^"]+)"', page.raw)[2].replace("&amp;", "&")


@pytest.fixture
def frame(bob, garden):
    """The address in the frame of bob's page."""
    page = bob.look(f"/rooms/{garden}")
    return next(found["src"] for found in page.find("iframe"))


def test_the_first_load_is_answered_at_once(bob, frame):
    page = bob.ask(frame).answer().page
    assert not list(page.find("li", **{"class": "message"}))
    assert re.search(r"since=\d+", frame)[0] in next_of(page), "the page's cursor stays"
    assert "seen=" in next_of(page)


def test_its_day_names_the_zone_of_the_site(alice, bob, frame, garden):
    alice.say("news", room=garden)
    assert "Today · UTC" in bob.look(frame).text


def test_it_is_held_before_its_first_byte_until_there_is_news(alice, bob, frame, garden):
    held = bob.ask(next_of(bob.look(frame)))
    assert not held.comes_within(0.3)
    alice.say("elsewhere")
    assert not held.comes_within(0.3)
    alice.say("news", room=garden)
    page = held.answer().page
    assert "news" in page.text
    held = bob.ask(next_of(page))
    alice.say("more", room=garden)
    eventual = held.answer().page
    assert "news" in eventual.text and "more" in eventual.text, "everything since the page"
    assert not list(eventual.find("textarea")), "the form is another's"


def test_what_came_between_two_loads_is_not_waited_for(alice, bob, frame, garden):
    following = next_of(bob.look(frame))
    alice.say("between", room=garden)
    assert "between" in bob.look(following).text


def test_past_a_hundred_rows_it_offers_the_page_anew(alice, bob, frame, garden):
    for number in range(100):
        alice.say(str(number), room=garden)
    assert "refresh" in bob.look(frame).raw.split("<body")[0]
    alice.say("one more", room=garden)
    page = bob.look(frame)
    assert 'http-equiv="refresh"' not in page.raw
    assert next(page.find("a", target="_top"))["href"] == f"/rooms/{garden}"


def test_an_edit_shows_in_the_frame(alice, bob, frame, garden):
    message = alice.say("tpyo", room=garden)
    held = bob.ask(next_of(bob.look(frame)))
    alice.post(f"/messages/{message['id']}/edit", body="typo")
    page = held.answer().page
    assert "typo" in page.text and "tpyo" not in page.text


def test_whoever_reads_by_frame_is_here(bob, visitor, frame, garden):
    bob.look(frame)
    assert [person["name"] for person in bob.get(f"/rooms/{garden}/people").json["people"]] == ["bob"]
    visitor.look(frame)
    assert len(bob.get(f"/rooms/{garden}/people").json["people"]) == 1


def test_a_frame_is_not_kept_by_browsers(bob, frame):
    assert {"no-cache", "no-store"} & set(bob.get(frame).headers["Cache-Control"].split(", "))


def test_the_link_in_the_frame_is_not_held(alice, bob, frame, garden):
    page = bob.look(next_of(bob.look(frame)) + "&wait=0")
    link = next(found["href"] for found in page.find("a") if "wait=0" in found["href"])
    alice.say("asked for", room=garden)
    assert "asked for" in bob.look(link).text


def test_where_nothing_can_be_held_it_pauses_between_two_loads(people, alice, garden):
    with serve(look_seconds=0, streams=0) as full:
        reader = people(full, "reader")
        page = reader.look("/rooms/lobby/refresh?since=0&seen=9000")
        assert re.search(r'http-equiv="refresh" content="(\d+);', page.raw)[1] == "10"


def test_a_number_ahead_of_the_log_heals_with_the_next_load(bob, garden):
    page = bob.look(f"/rooms/{garden}/refresh?since=0&seen=9007199254740991&wait=1")
    assert int(re.search(r"seen=(\d+)", next_of(page))[1]) <= bob.cursor()


@pytest.mark.parametrize("query", ["", "since=", "since=x", "since=-1", "since=1&seen=x", "since=1&seen=-1",
                                   "since=1&seen=9007199254740992", "since=1&seen=%00", "since=1&wait=26",
                                   "since=1&wait=x", "since=%E2%91%A0", "since=1e3"])
def test_what_is_wrong_is_told_in_the_frame_with_a_way_out_of_it(bob, garden, query):
    answer = bob.get(f"/rooms/{garden}/refresh?{query}")
    assert answer.status == 400
    assert 'http-equiv="refresh"' not in answer.text, "it would be wrong again"
    assert {found["href"] for found in answer.page.find("a", target="_top")} == {f"/rooms/{garden}", "/"}


def test_a_frame_without_a_room_leads_out_of_it(bob):
    answer = bob.get("/rooms/nowhere/refresh?since=0")
    assert answer.status == 404 and "/" in answer.page.addresses


# Without frames


def refresh_link(page):
    """Where the link beside the frame leads: the page anew."""
    return next(found["href"] for found in page.find("a") if re.search(r"^/rooms/[\w-]+\?seen=", found["href"]))


def test_the_link_loads_the_page_anew_from_where_one_was(alice, bob, garden):
    first = alice.say("read", room=garden)
    page = bob.look(f"/rooms/{garden}")
    alice.say("not yet", room=garden)
    link = refresh_link(page)
    assert link.startswith(f"/rooms/{garden}?seen={first['id']}&") and link.endswith(f"#m{first['id']}")
    again = bob.look(link.partition("#")[0])
    assert again.raw.index(">read<") < again.raw.index('class="rule new"') < again.raw.index(">not yet<")
    assert [person["name"] for person in bob.get(f"/rooms/{garden}/people").json["people"]] == ["bob"]
    link = refresh_link(again)
    assert 'class="rule new"' not in bob.look(link.partition("#")[0]).raw, "now it has been read"


def test_no_two_pages_have_the_same_link(bob, garden):
    """Or a text browser would only scroll on its page instead of loading it."""
    links = set()
    for _ in range(3):
        links.add(refresh_link(bob.look(f"/rooms/{garden}")))
    assert len(links) == 3


def test_whoever_only_looks_has_read_nothing(alice, bob, visitor, garden):
    bob.look(f"/rooms/{garden}")
    said = alice.say("unread", room=garden)
    assert visitor.get(f"/rooms/{garden}?seen={said['id']}").status == 200
    bob.look(f"/rooms/{garden}")
    assert 'class="rule new"' in bob.look(f"/rooms/{garden}").raw
    bob.look(f"/rooms/{garden}?seen=9007199254740991")
    alice.say("later", room=garden)
    assert 'class="rule new"' in bob.look(f"/rooms/{garden}").raw, "nobody has read what was not said yet"


@pytest.mark.parametrize("seen", ["x", "-1", "9007199254740992", "%00"])
def test_a_wrong_number_is_refused(bob, garden, seen):
    assert bob.get(f"/rooms/{garden}?seen={seen}").status == 400


def test_links_is_led_to_an_address_that_it_has_not_kept(bob, garden):
    """It shows what it has, whatever Cache-Control says; everybody else is led to the page itself."""
    form = bob.look(f"/rooms/{garden}").form("/messages")
    body = urlencode(form.fields | {"body": "hi"})
    where = [bob.request("POST", form.action, body, Content_Type=FORM, User_Agent=agent).headers["Location"]
             for agent in ("Links (2.28; Linux)", "Mozilla/5.0 (X11)")]
    assert re.fullmatch(rf"/rooms/{garden}\?at=\d+#m\d+", where[0])
    assert re.fullmatch(rf"/rooms/{garden}#m\d+", where[1])
