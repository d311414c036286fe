"""The entry word: asked once of everybody before anything is shown, not to be guessed, asked anew when it changes."""

import base64
import time

import pytest

from tests.support.clients import Bot
from tests.support.serving import eventually, serve
from tests.support.town import an_address

WORD = "Open, Sésame"
AT_ONCE_SECONDS = 1.0


@pytest.fixture(scope="module")
def cave():
    """A chat with an entry word and flood control; something has been said in it."""
    with serve(look_seconds=0, trusted_proxies="127.0.0.1", limits="on", entry_word=WORD, site_name="Cave",
               security_contact="mailto:security@cave.example") as server:
        server.command("post", "lobby", "said in the cave", "--as", "herald")
        yield server


@pytest.fixture
def stranger(cave, townsman):
    """Somebody who has not said the word, at the second worker."""
    return townsman(cave, worker=1)


@pytest.fixture
def alice(cave, townsman):
    alice = townsman(cave)
    assert say(alice, WORD).status == 204
    return alice.sign_in(f"alice {alice.address}")


def say(person, word, **options):
    return person.post("/enter", word=word, **options)


ASKED = ["/", "/rooms/lobby", "/rooms/lobby?before=9", "/rooms/lobby/refresh?since=0", "/messages/1", "/rooms/new",
         "/sign-in", "/rooms/nowhere", "/me", "/device"]
ASKED_AS_JSON = ["/stream", "/stream?room=lobby", "/poll", "/poll?room=lobby&since=0&wait=20", "/rooms/lobby/messages",
                 "/rooms/lobby/people"]
POSTS = ["/sign-in", "/rooms", "/rooms/lobby/messages", "/rooms/lobby/join", "/rooms/lobby/typing", "/device/use"]


@pytest.mark.parametrize("path", ASKED)
def test_every_page_asks_first(stranger, path):
    answer = stranger.get(path)
    assert answer.status == 303 and "/enter?next=" in answer.headers["Location"]
    page = stranger.look(answer.headers["Location"])
    assert page.form("/enter") and "said in the cave" not in page.raw and "herald" not in page.raw
    assert stranger.get(path, Accept="application/json").code == "entry_word"


@pytest.mark.parametrize("path", ASKED_AS_JSON)
def test_every_transport_asks_first(stranger, path):
    answer = stranger.get(path)
    assert (answer.status, answer.code) == (401, "entry_word")
    assert "said in the cave" not in answer.text


@pytest.mark.parametrize("path", POSTS)
def test_nothing_is_done_before_it_was_said(cave, stranger, path):
    answer = stranger.post(path, name="Ali Baba", body="let me in", code="x")
    assert (answer.status, answer.code) == (401, "entry_word")
    page = stranger.post(path, accept="text/html", name="Ali Baba", body="let me in", code="x")
    assert page.status == 401
    assert "said in the cave" not in page.text and "herald" not in page.text
    assert cave.query("SELECT 1 FROM users WHERE name = 'Ali Baba'") == []


def test_what_says_nothing_of_the_chat_is_open(stranger):
    assert stranger.get("/healthz").json["status"] == "ok"
    assert stranger.get("/robots.txt").status == 200
    assert stranger.get("/.well-known/security.txt").status == 200
    assert stranger.get("/static/css/base.css").status == 200
    session = stranger.get("/session").json
    assert session["user"] is None and session["csrf_token"]
    assert stranger.post("/sign-out").status == 204


def test_by_forms_alone_it_is_asked_once_and_leads_on(cave, townsman):
    somebody = townsman(cave)
    answer = somebody.get("/rooms/lobby?before=9")
    form = somebody.look(answer.headers["Location"]).form("/enter")
    wrong = somebody.submit(form, word="Open, wheat")
    assert wrong.status == 401
    again = wrong.page
    assert "Wrong password" in again.text and again.form("/enter").fields["next"] == "/rooms/lobby?before=9"
    answer = somebody.submit(again.form("/enter"), word=f" {WORD} ")
    assert (answer.status, answer.headers["Location"]) == (303, "/rooms/lobby?before=9")
    for worker in (0, 1):
        tab = somebody.tab(worker)
        assert "said in the cave" in tab.look("/rooms/lobby").text
        assert tab.get("/enter").status == 303, "it is not asked again"
    assert somebody.sign_in(f"Kassim {somebody.address}").say("hi")


def test_it_leads_nowhere_else(cave, townsman):
    for elsewhere in ("//evil.example", "https://evil.example/", "/\\evil.example"):
        somebody = townsman(cave)
        answer = say(somebody, WORD, accept="text/html", next=elsewhere)
        assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("wrong", ["", " ", "open, sésame", "Open, Se\u0301same", WORD[:-1], WORD + "!", "\0", None])
def test_another_word_is_not_the_word(stranger, wrong):
    answer = say(stranger, wrong) if wrong is not None else stranger.post("/enter")
    assert (answer.status, answer.code, answer.json["error"]["field"]) == (401, "entry_word", "word")
    assert stranger.get("/poll").code == "entry_word"


@pytest.mark.parametrize("raw", [b"word=%ED%A0%80", b"word=\xff", b"word=%00%ff"])
def test_what_is_no_text_is_not_the_word(stranger, raw):
    answer = stranger.post("/enter", raw=raw)
    assert (answer.status, answer.code) == (400, "invalid")


def test_a_cookie_is_not_to_be_forged_and_holds_no_word(cave, alice, stranger):
    token = alice.cookies[alice.token_cookie]
    head = token.partition(".")[0]
    assert WORD.encode() not in base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))
    forged = base64.urlsafe_b64encode(b'{"entry":true}').decode().rstrip("=") + token[token.index("."):]
    for cookie in (forged, token[:-2] + "AA", "x"):
        stranger.cookies[stranger.token_cookie] = cookie
        assert stranger.get("/poll").code == "entry_word"


def test_attempts_are_limited_by_address_over_both_workers(cave, townsman):
    address = an_address()
    guessers = [townsman(cave, worker=number % 2, address=address) for number in range(8)]
    statuses = [say(guesser, f"guess {guesser}").status for guesser in guessers]
    assert statuses == [401] * 5 + [429] * 3
    answer = say(townsman(cave, address=address), WORD)
    assert answer.status == 429 and 1 <= int(answer.headers["Retry-After"]) <= 21, "not even the right one, now"
    assert say(townsman(cave), WORD).status == 204, "others are not kept waiting"


def test_a_class_that_knows_the_word_comes_in_at_once(cave, townsman):
    address = an_address()
    pupils = [townsman(cave, worker=number % 2, address=address) for number in range(30)]
    assert {say(pupil, WORD).status for pupil in pupils} == {204}
    assert [say(townsman(cave, address=address), "a guess").status for _ in range(7)] == [401] * 5 + [429] * 2


def test_the_owner_and_bots_are_not_asked(cave, townsman):
    with Bot(cave, cave.command("bot", "add", "genie").stdout.strip()) as genie:
        assert genie.poll("room=lobby&since=0")["events"] and genie.say("at your service")
        assert genie.post("/enter", word="\ud800").status in (400, 401)
    owner = townsman(cave)
    code = (cave.instance / "owner-code").read_text().strip()
    answer = owner.get(f"/owner/claim?code={code}")
    while answer.status == 303 and "enter" not in answer.headers["Location"]:
        answer = owner.get(answer.headers["Location"])
    answer = owner.submit(owner.look(answer.headers["Location"]).form("/enter"), word=WORD)
    form = owner.look(answer.headers["Location"]).form("/sign-in")
    answer = owner.submit(form, name="Morgiana")
    assert (answer.status, answer.headers["Location"]) == (303, f"/owner/claim?code={code}"), "led back all the way"
    owner.submit(owner.look(answer.headers["Location"]).form("/owner/claim"))
    del owner.cookies[owner.token_cookie]
    assert owner.get("/rooms/lobby").status == owner.get("/poll").status == 200
    change(owner, "changed")
    assert owner.get("/poll").status == 200


def change(owner, word):
    assert owner.post("/owner/settings", CHAT_ENTRY_WORD=word).status == 204


def test_a_changed_word_is_asked_anew_at_once_on_every_worker(town, mayor, townsman):
    bobs = [townsman(town, f"bob {worker}", worker=worker) for worker in (0, 1)]
    took = []
    try:
        for word in ("first", "second", "third"):
            began = time.monotonic()
            change(mayor, word)
            for bob in bobs:
                eventually(lambda bob=bob: bob.get("/poll").status == 401)
            took.append(time.monotonic() - began)
            for bob in bobs:
                answer = bob.submit(bob.look("/enter").form("/enter"), word=word)
                assert answer.status == 303
                assert bob.get("/poll").status == 200 and bob.user["name"] == bob.name, "they are who they were"
    finally:
        change(mayor, "")
    assert min(took) < AT_ONCE_SECONDS, took  # a machine that has other work may be late once or twice
    for bob in bobs:
        newcomer = townsman(town, worker=bobs.index(bob))
        eventually(lambda newcomer=newcomer: newcomer.get("/").status == 200)


def test_a_stream_that_was_opened_before_the_change_hears_no_more_than_a_poll(town, mayor, townsman):
    bob = townsman(town, "bob", worker=1)
    stream, owners = bob.listen("room=lobby"), mayor.listen("room=lobby")
    try:
        change(mayor, "changed")
        eventually(lambda: bob.get("/poll").status == 401)
        mayor.say("for those who know the word")
        owners.expect_message("for those who know the word")
        assert stream.expect("bye").data["reason"] == "revoked"
        stream.expect_end()
        assert b"for those who know" not in stream.raw and owners.named("bye") == []
    finally:
        change(mayor, "")


def test_a_text_that_was_being_written_when_the_word_changed_comes_back(town, mayor, townsman):
    bob = townsman(town, "bob")
    form = bob.look("/rooms/lobby").form("/messages")
    try:
        change(mayor, "changed")
        eventually(lambda: bob.get("/poll").status == 401)
        answer = bob.submit(form, body="long and well thought out")
        assert answer.status == 401 and "long and well thought out" in answer.page.text
    finally:
        change(mayor, "")
