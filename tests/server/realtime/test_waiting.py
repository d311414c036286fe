"""Whoever is told to wait is told how long, keeps what they typed, and goes on with one press."""

import sqlite3
from contextlib import closing

import pytest

from chat.web.bounds import ANSWER_BYTES
from tests.support.serving import serve


@pytest.fixture(scope="module")
def school():
    with serve(workers=1, look_seconds=0, limits="on", trusted_proxies="127.0.0.1") as server:
        yield server


def waits(page):
    told, = page.find("p", id="wait")
    assert int(told["data-seconds"]) >= 1
    return told


def test_a_class_behind_one_address_comes_in_within_a_moment(school, people):
    for number in range(30):
        pupil = people(school, X_Forwarded_For="198.51.100.7")
        assert pupil.submit(pupil.look("/sign-in").form("/sign-in"), name=f"Pupil {number}").status == 303


def refused(person, path, action, tries, **typed):
    """The page that answers the first form of many that is sent too soon."""
    for number in range(tries):
        form = person.look(path).form(action)  # another each time: the same one, sent again, is done once
        answer = person.submit(form, **{name: value.format(number) for name, value in typed.items()})
        if answer.status == 429:
            return answer
    raise AssertionError("nothing was too soon")


def test_a_room_a_message_and_a_link_are_kept_and_one_press_suffices(school, people):
    carol = people(school, "carol")
    room = refused(carol, "/rooms/new", "/rooms", 9, name="Room {}", topic="of chalk")
    assert room.page.form("/rooms").fields["topic"] == "of chalk"
    message = refused(carol, "/rooms/lobby", "/rooms/lobby/messages", 99, body="number {}")
    assert message.page.form("/rooms/lobby/messages").fields["body"].startswith("number ")
    link = refused(carol, "/device", "/device", 9)
    assert link.page.form("/device").fields["csrf_token"] == carol.token()
    for answer, path in (room, "/rooms"), (message, "/rooms/lobby/messages"), (link, "/device"):
        told = waits(answer.page)
        assert told["data-again"] == path and answer.headers["Retry-After"] == told["data-seconds"]
        seconds = int(told["data-seconds"])
        words = f"{seconds} second" if seconds < 120 else f"{(seconds + 59) // 60} minute"
        assert f"Try again in {words}" in answer.page.text
        assert not [meta for meta in answer.page.find("meta") if meta.get("http-equiv") == "refresh"]


def test_a_choice_of_view_is_kept_and_told_beside_it(school, people):
    fred = people(school, "fred", X_Forwarded_For="198.51.100.11")
    answer = refused(fred, "/me", "/me/view", 40, view="compact")
    assert waits(answer.page)["data-again"] == "/me/view"
    assert "checked" in next(answer.page.find("input", value="compact"))
    told = answer.text.index('id="problem"')
    assert answer.text.index("/me/view") < told < answer.text.index("/me/forget")


@pytest.mark.parametrize(("path", "action", "tries", "typed"), [
    ("/rooms/lobby", "/rooms/lobby/messages", 99, {"body": "number {}"}), ("/device", "/device", 9, {}),
    ("/sign-out", "/sign-out/link", 9, {}), ("/me", "/me/view", 40, {"view": "compact"}),
])
def test_every_page_that_tells_to_wait_loads_the_script_that_does(school, people, path, action, tries, typed):
    gina = people(school, f"gina at {path}", X_Forwarded_For="198.51.100.12")
    answer = refused(gina, path, action, tries, **typed)
    assert waits(answer.page) and [tag for tag in answer.page.find("script") if "/scripts/wait" in tag["src"]]


def test_what_is_to_be_sent_again_is_no_longer_than_any_page(school, people):
    carol = people(school, "carol who says too much", X_Forwarded_For="198.51.100.10")
    tries = (carol.post("/rooms/lobby/leave", accept="text/html", raw=b"body=" + b"<" * 55_000) for _ in range(99))
    answer = next(answer for answer in tries if answer.status == 429)
    assert "Please wait" in answer.page.title, "premise: no page of its own shows it"
    assert len(answer.body) <= ANSWER_BYTES and "<" * 10_000 in answer.page.text


def test_a_password_and_a_claim_are_kept(people):
    with serve(workers=1, look_seconds=0, limits="on", entry_word="sesame", trusted_proxies="127.0.0.1") as server:
        guest = people(server)
        answer = refused(guest, "/enter", "/enter", 9, word="guess {}")
        assert answer.page.form("/enter").fields["word"].startswith("guess ") and waits(answer.page)
        guest.close()


def test_what_was_sent_again_by_itself_only_counts(school, people):
    dora = people(school, "dora", X_Forwarded_For="198.51.100.9")
    form = refused(dora, "/device", "/device", 9).page.form("/device")
    again = dora.submit(form, again="1")
    assert again.status == 429 and "data-again" not in waits(again.page), "nothing goes round"
    assert "again" not in again.page.form("/device").fields


def test_where_nothing_can_be_saved_a_form_waits_too(people):
    with serve(workers=1, look_seconds=0, trusted_proxies="127.0.0.1", forgives="locked|busy|saved|ERROR") as server:
        erin = people(server, "erin")
        form = erin.look("/device").form("/device")
        with closing(sqlite3.connect(server.instance / "longwave.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = erin.submit(form)
            other.execute("ROLLBACK")
        assert answer.status == 503 and waits(answer.page)
        assert erin.submit(answer.page.form("/device")).status == 200
        erin.close()
