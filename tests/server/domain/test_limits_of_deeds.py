"""Flood control of every deed that writes or tells others: over both workers, by person, address and network."""

import time
from itertools import count

import pytest

from tests.support.clients import Bot
from tests.support.serving import serve
from tests.support.town import Townsman, an_address, numbers

MANY = 1000  # refused long before


@pytest.fixture(scope="module")
def busy():
    """A chat with flood control and its usual rates."""
    with serve(look_seconds=0, limits="on", trusted_proxies="127.0.0.1", bot_posts_per_second=5) as server:
        yield server


@pytest.fixture
def dave(busy, townsman):
    return townsman(busy, f"dave {an_address()}")


def until_refused(person, path, **fields):
    """The statuses of one deed, done as fast as it goes at the two workers in turn, up to the first refusal."""
    tabs, token, statuses = [person.tab(0), person.tab(1)], person.token(), []
    while 429 not in statuses and len(statuses) < MANY:
        answer = tabs[len(statuses) % 2].post(path, token=token, **fields)
        statuses.append(answer.status)
    assert answer.code == "slow_down" and int(answer.headers["Retry-After"]) >= 1
    return statuses


@pytest.mark.parametrize(("path", "fields", "burst", "seconds_each"), [
    ("/rooms/lobby/join", {}, 40, 3.0),
    ("/rooms/lobby/leave", {}, 40, 3.0),
    ("/rooms/lobby/read", {"id": 1}, 60, 1.0),
    ("/rooms/lobby/here", {"state": "here"}, 60, 1.0),
    ("/me/view", {"view": "compact"}, 20, 3.0),
])
def test_what_writes_or_tells_others_is_limited_over_both_workers(dave, path, fields, burst, seconds_each):
    began = time.monotonic()
    statuses = until_refused(dave, path, **fields)
    passed = (time.monotonic() - began) / seconds_each
    assert burst < len(statuses) <= burst + passed + 2 and set(statuses[:-1]) <= {200, 204}


def test_joins_and_leaves_count_together(dave):
    until_refused(dave, "/rooms/lobby/join")
    assert 429 in [dave.post("/rooms/lobby/leave").status for _ in range(3)]


def test_an_edit_counts_as_a_post(dave):
    message = dave.say("number 0")
    statuses, edit = [], f"/messages/{message['id']}/edit"
    while 429 not in statuses:
        statuses.append(dave.tab(len(statuses) % 2).post(edit, body=f"edit {len(statuses)}").status)
    assert statuses[:9] == [200] * 9, "of ten at once, one is spent"
    assert 429 in [dave.post("/rooms/lobby/messages", body=f"post {number}").status for number in range(3)]
    form = dave.look(f"/messages/{message['id']}").form("/edit")
    tries = (dave.submit(form, body=f"well thought out, {number}") for number in count())
    refused = next(answer for answer in tries if answer.status == 429)
    assert refused.page.form("/edit").fields["body"].startswith("well thought out")


def test_edits_and_removals_of_a_bot_count_as_its_posts(busy):
    key = busy.command("bot", "add", f"hal {an_address()}").stdout.strip()
    with Bot(busy, key, busy.workers[0]) as hal:
        message = hal.post("/rooms/lobby/messages", body="number 0").json
        edits = (hal.post(f"/messages/{message['id']}/edit", body=f"edit {number}").status for number in range(MANY))
        assert 429 in edits
        assert 429 in [hal.post(f"/messages/{message['id']}/remove").status for _ in range(9)]


def test_removing_is_limited_but_not_for_owners(busy, dave, townsman):
    path = f"/messages/{dave.say('soon gone')['id']}/remove"
    statuses = until_refused(dave, path)
    assert statuses[:30] == [200] + [404] * 29
    mayor = townsman(busy, f"mayor {an_address()}")
    busy.query("UPDATE users SET is_owner = 1 WHERE id = ?", mayor.user["id"])
    token = mayor.token()
    assert {mayor.post(path, token=token).status for _ in range(60)} == {404}


def test_a_page_that_would_join_says_when_it_may_and_who_is_in_reads_on(dave):
    assert dave.get("/rooms/lobby").status == 200
    rooms = [dave.post("/rooms", name=f"Garden {number}").json["slug"] for number in range(3)]
    for slug in rooms:
        dave.post(f"/rooms/{slug}/leave")
    answers = []
    for slug in rooms:  # a moment after a refusal one may be allowed again, but not each time
        until_refused(dave, "/rooms/lobby/join")
        answers.append(dave.get(f"/rooms/{slug}"))
    refused = [answer for answer in answers if answer.status == 429]
    assert refused and all(1 <= int(answer.headers["Retry-After"]) <= 4 for answer in refused)
    assert dave.get("/rooms/lobby").status == 200
    assert dave.get(f"/rooms/{slug}/messages").status == 200


def test_a_mark_that_may_not_be_set_yet_does_not_keep_the_page_back(busy, dave, townsman):
    said = townsman(busy, f"erin {an_address()}").say("to be read")
    dave.get("/rooms/lobby")
    until_refused(dave, "/rooms/lobby/read", id=0)
    answer = dave.get(f"/rooms/lobby?seen={said['id']}")
    assert answer.status == 200 and "to be read" in answer.text


def test_names_from_all_over_a_48_share_a_wider_limit(busy, townsman):
    """Whoever has a /48 of IPv6 has 65,536 networks of it."""
    guesser, prefix = townsman(busy), f"2a01:4f9:{next(numbers):x}"
    token, statuses, began = guesser.token(), [], time.monotonic()
    while 429 not in statuses and len(statuses) < MANY:
        guesser.move(f"{prefix}:{len(statuses):x}::1")
        statuses.append(guesser.post("/owner/claim", code="guess", token=token).status)
    passed = (time.monotonic() - began) / (20.0 / 8)
    assert 8 * 5 < len(statuses) <= 8 * 5 + passed + 2, "eight times as many as from one /64"
    guesser.move(f"2a01:4f9:{next(numbers):x}::1")
    assert guesser.post("/owner/claim", code="guess", token=token).status == 401


def test_rooms_from_one_address_are_so_many_a_day_whoever_opens_them(busy, townsman):
    address, opened = an_address(), []
    for number in range(20):
        with Townsman(busy, number % 2, address) as guest:
            token = guest.sign_in(f"{address} {number}").token()
            opened += [guest.post("/rooms", name=f"Room {number} {way}", token=token).status for way in "ab"]
        if opened[-1] == 429:
            break
    assert opened == [201] * 30 + [429] * (len(opened) - 30)
    assert townsman(busy, f"{address} elsewhere").post("/rooms", name="Room").status == 201


def test_nothing_of_this_is_counted_where_it_is_switched_off(town, townsman):
    dave = townsman(town, f"dave {an_address()}")
    token, message = dave.token(), dave.say("number 0")
    for path, fields in (("/rooms/lobby/join", {}), ("/rooms/lobby/leave", {}), ("/rooms/lobby/read", {"id": 1}),
                         ("/rooms/lobby/here", {"state": "here"})):
        assert {dave.post(path, token=token, **fields).status for _ in range(70)} <= {200, 204}
    assert {dave.post(f"/messages/{message['id']}/edit", token=token, body=f"edit {number}").status
            for number in range(30)} == {200}


def test_the_site_has_so_many_rooms_whichever_worker_is_asked(townsman):
    with serve(look_seconds=0, limits="on", trusted_proxies="127.0.0.1", rooms_max=4) as small:
        guests = [townsman(small, f"guest {number}", number % 2) for number in range(4)]
        answers = [guest.post("/rooms", name=f"Garden {number}") for number, guest in enumerate(guests)]
        assert [answer.status for answer in answers] == [201, 201, 201, 403], "beside the lobby"
        assert answers[-1].code == "forbidden" and "more rooms" in answers[-1].json["error"]["message"]
        page = guests[0].submit(guests[0].look("/rooms/new").form("/rooms"), name="Kept", topic="for later")
        assert page.status == 403 and page.page.form("/rooms").fields["name"] == "Kept"
        guests[2].post("/rooms/garden-2/leave")
        small.query("UPDATE users SET is_owner = 1 WHERE id = ?", guests[3].user["id"])
        assert guests[3].post("/rooms", name="The owner's").status == 201
