"""Two thousand rooms, and as many people, bans and acts: every page shows a part of them, and the way to the rest."""

import re
import sqlite3
from contextlib import closing

import pytest

from tests.support.clients import Person
from tests.support.serving import serve

pytestmark = pytest.mark.slow

BOUND = 256 * 1024
ROOMS = 2000
PEOPLE = range(5000, 7000)  # their ids
PEOPLE_HERE = 120
NAME = "&" * 55  # of a room; each is five characters in html
LONG_TEXT = "<" * 200
WHEN = "2026-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def vast():
    """A server of which other programs have made whatever can be long as long as it may be."""
    with serve(workers=1, look_seconds=0) as server:
        with closing(sqlite3.connect(server.instance / "longwave.db", timeout=40)) as database, database:
            database.executemany(
                "INSERT INTO rooms (slug, name, topic, kind, created_at) VALUES (?, ?, ?, 'open', ?)",
                [(f"{number:04d}".rjust(40, "r"), f"{NAME}{number:04d}", LONG_TEXT, WHEN) for number in range(ROOMS)])
            database.executemany(
                "INSERT INTO users (id, name, name_key, kind, colour, bearer, is_owner, created_at, seen_at)"
                " VALUES (?, ?, ?, 'guest', 1, 1, 0, ?, ?)",
                [(number, "&" * 28 + f"{number:04d}", f"key {number}", WHEN, WHEN) for number in PEOPLE])
            database.executemany("INSERT INTO bans (user_id, reason, created_at) VALUES (?, ?, ?)",
                                 [(number, LONG_TEXT, WHEN) for number in PEOPLE])
            database.executemany("INSERT INTO acts (act, subject_id, about, reason, created_at)"
                                 " VALUES ('banned', ?, '', ?, ?)", [(number, LONG_TEXT, WHEN) for number in PEOPLE])
        yield server


@pytest.fixture(scope="module")
def owner(vast):
    with Person(vast) as person:
        person.sign_in("the owner")
        code = (vast.instance / "owner-code").read_text().strip()
        assert person.post("/owner/claim", code=code).status == 204
        yield person


def page_of(person, path):
    answer = person.get(path)
    assert answer.status == 200 and len(answer.body) <= BOUND, len(answer.body)
    return answer.page


def followed(person, path, mark):
    """This page, and all that follow it by the link with the mark in its address."""
    while path:
        page = page_of(person, path)
        yield page
        start = int(found[1]) if (found := re.search(rf"{mark}=(\d+)", path)) else 0
        further = [(int(n), address) for address in page.addresses for n in re.findall(rf"{mark}=(\d+)", address)]
        path = next((address for n, address in further if n > start), None)


def numbers_in(page, pattern):
    return [int(number) for number in re.findall(pattern, page.raw)]


def test_the_first_page_leads_through_all_rooms(owner):
    pages = list(followed(owner, "/", "from"))
    found = [number for page in pages for number in numbers_in(page, r'<a class="card" href="/rooms/r+(\d{4})"')]
    assert len(pages) > 10 and found == list(range(ROOMS)), "by name, each once"
    assert "/?from=0" in pages[1].addresses, "and back to the beginning"


def test_a_visitor_has_the_same_rooms_but_those_that_are_closed(vast, owner, people):
    owner.post("/owner/rooms/" + "0007".rjust(40, "r") + "/close")
    found = numbers_in(page_of(people(vast), "/"), r'<a class="card" href="/rooms/r+(\d{4})"')
    owner.post("/owner/rooms/" + "0007".rjust(40, "r") + "/reopen")
    assert found[:9] == [0, 1, 2, 3, 4, 5, 6, 8, 9]


def test_beside_a_room_stand_ones_own_and_the_way_to_all(vast, people):
    alice = people(vast, "alice")
    mine = [f"{number:04d}".rjust(40, "r") for number in (1999, 1500)]
    for slug in mine:
        assert alice.post(f"/rooms/{slug}/join").status == 200
    page = page_of(alice, "/rooms/lobby")
    beside = [room["data-room"] for room in page.find("li") if "data-room" in room]
    assert {"lobby", *mine} <= set(beside) and len(beside) == 50
    assert "All rooms" in page.text
    assert "All rooms" not in page_of(alice, "/").text


def test_a_room_full_of_people_and_words_is_no_longer_than_any_page(vast, people):
    crowd = [people(vast, "'" * 27 + f"{number:05d}") for number in range(PEOPLE_HERE)]
    for person in crowd:
        assert person.get("/poll?room=lobby").status == 200
        person.close()
    token = (alice := people(vast, "alice")).token()
    for _ in range(10):
        alice.post("/rooms/lobby/messages", token=token, body="http://a" + "'" * 3991 + "a")
    page = page_of(alice, "/rooms/lobby")
    names = list(page.find("bdi", **{"class": "name"}))
    assert 50 < len(names) and f"{PEOPLE_HERE} here" in page.text
    assert alice.get("/rooms/lobby/people").json["count"] == PEOPLE_HERE
    refused = alice.submit(page.form("/rooms/lobby/messages"), body="<" * 5000)
    assert refused.status == 413 and len(refused.body) <= BOUND
    assert refused.page.form("/rooms/lobby/messages").fields["body"] == "<" * 5000, "typed, and not lost"


@pytest.mark.parametrize(("which", "pattern", "there"), [
    ("rooms", r'action="/owner/rooms/r+(\d{4})/remove["?]', range(ROOMS)),
    ("people", r'action="/owner/people/(\d{4})/end-sessions["?]', PEOPLE),
    ("bans", r'action="/owner/people/(\d{4})/unban["?]', PEOPLE)])
def test_the_owners_page_leads_through_all_that_there_are(owner, which, pattern, there):
    found = [number for page in followed(owner, "/owner", f"{which}_from") for number in numbers_in(page, pattern)]
    assert len(found) == len(set(found)) and set(found) >= set(there)


def test_the_owner_reads_on_in_the_log_of_acts(owner):
    shown = [len(list(page.find("q"))) for page in followed(owner, "/owner?bans_from=2000", "acts_from")]
    assert len(shown) > 20 and sum(shown) >= len(PEOPLE)


def test_the_owner_finds_a_room_and_a_person_among_thousands(owner):
    page = page_of(owner, "/owner?room=1234&name=6789")
    assert numbers_in(page, r'action="/owner/rooms/r+(\d{4})/remove["?]') == [1234]
    assert page_of(owner, "/owner?room=no+such+room").text.count("No room with that name") == 1


@pytest.mark.parametrize("start", ["x", "-1", "1" * 30])
def test_a_wrong_beginning_is_refused(owner, start):
    assert owner.get(f"/?from={start}").status == 400
    assert owner.get(f"/owner?rooms_from={start}").status == 400
    assert page_of(owner, "/?from=999999999"), "beyond the end there is nothing"


@pytest.mark.parametrize("raw", [b"name=" + b"<" * 200_000, b"name=x&topic=" + b"'" * 200_000])
def test_what_was_typed_comes_back_no_longer_than_any_page(owner, raw):
    refused = owner.post("/rooms", accept="text/html", raw=raw)
    assert refused.status == 413 and len(refused.body) <= BOUND


def test_a_message_that_no_page_can_hold_comes_back_as_far_as_one_can(owner):
    refused = owner.post("/rooms/lobby/messages", accept="text/html", raw=b"body=" + b"<" * 200_000)
    assert refused.status == 413 and len(refused.body) <= BOUND
    assert "Copy your text" in refused.text and "<" * 10_000 in refused.page.text


def test_all_that_somebody_wrote_is_sent_as_it_is_read(vast, people):
    alice = people(vast, "alice, who wrote a lot")
    user_id, first_id = alice.user["id"], alice.say("the first")["id"]
    with closing(sqlite3.connect(vast.instance / "longwave.db", timeout=40)) as database, database:
        database.executemany(
            "INSERT INTO messages (id, room_id, author_id, body, html, html_version, created_at)"
            " VALUES (?, 1, ?, ?, '', '', ?)",
            [(first_id + number, user_id, f"word {number} " + "x" * 500, WHEN) for number in range(1, 5000)])
        database.execute("UPDATE log_head SET last_id = ?", (first_id + 5000,))
    answer = alice.get("/me/kept")
    assert answer.headers["Transfer-Encoding"] == "chunked" and len(answer.body) > 3_000_000
    assert [message["body"].split(" x")[0] for message in answer.json["messages"]] == [
        "the first", *(f"word {number}" for number in range(1, 5000))]


def test_what_is_unread_is_counted_up_to_a_sum_for_one_page(vast, people):
    """However many rooms one is in: ten thousand messages are looked at, and a few rooms are counted in full."""
    alice, bob = people(vast, "alice U."), people(vast, "bob U.")
    rooms = [f"{number:04d}".rjust(40, "r") for number in range(300, 340)]
    for slug in rooms:
        assert alice.post(f"/rooms/{slug}/join").status == 200
    last_id = bob.say("the last so far")["id"]
    with closing(sqlite3.connect(vast.instance / "longwave.db", timeout=40)) as database, database:
        found = database.execute("SELECT id FROM rooms WHERE slug BETWEEN ? AND ?", (rooms[0], rooms[-1])).fetchall()
        database.executemany(
            "INSERT INTO messages (id, room_id, author_id, body, html, html_version, created_at)"
            " VALUES (?, ?, ?, 'x', '', '', ?)",
            [(last_id + 400 * at + number, room_id, bob.user["id"], WHEN)
             for at, (room_id,) in enumerate(found) for number in range(1, 400)])
        database.execute("UPDATE log_head SET last_id = ?", (last_id + 400 * len(found),))
    beside = [int(room["data-unread"]) for room in page_of(alice, "/rooms/lobby").find("li") if "data-room" in room]
    assert sum(beside) <= 10_000 and min(sorted(beside)[-len(rooms):]) >= 10_000 // (len(rooms) + 1)
