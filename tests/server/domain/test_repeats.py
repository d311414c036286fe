"""The same form sent again, because it was pressed twice or its answer was lost: answered as before, done once."""

import json
from contextlib import contextmanager
from threading import Barrier, Thread

import pytest

from chat.core import times
from tests.support.clients import FORM
from tests.support.serving import serve


@contextmanager
def answer_lost(person):
    """What is answered meanwhile never reaches the browser: no cookie of it is kept."""
    kept = dict(person.cookies)
    yield
    person.cookies = kept


def lose(person, form, **typed):
    """Send a form whose answer is lost; returns what nobody has seen of it."""
    with answer_lost(person):
        return person.submit(form, **typed)


def same(one, other):
    assert (one.status, one.headers["Location"], one.body) == (other.status, other.headers["Location"], other.body)
    return other


def ids_of(chat, name):
    return [user_id for (user_id,) in chat.query("SELECT id FROM users WHERE name = ?", name)]


@pytest.mark.parametrize("path", ["/sign-in", "/", "/rooms/lobby"])
def test_a_lost_answer_to_the_question_for_a_name_is_given_again_with_a_session(chat, visitor, path):
    name = f"Twice at {path}"
    form = visitor.look(path).form("/sign-in")
    first = lose(visitor, form, name=name)
    assert first.status == 303 and visitor.user is None, "premise: the name is taken, and the browser has no session"
    same(first, visitor.submit(form, name=name))
    assert visitor.user["name"] == name
    assert len(ids_of(chat, name)) == 1
    assert visitor.say("I am in")["author"]["name"] == name


def test_it_is_one_session_whichever_answer_arrives(chat, visitor):
    form = visitor.look("/sign-in").form("/sign-in")
    lose(visitor, form, name="Either answer")
    with answer_lost(visitor):
        visitor.submit(form, name="Either answer")
        second = visitor.cookies[visitor.session_cookie]
    visitor.submit(form, name="Either answer")
    assert visitor.cookies[visitor.session_cookie] == second
    assert len(chat.query("SELECT 1 FROM sessions WHERE user_id = ?", *ids_of(chat, "Either answer"))) == 1


def test_a_browser_that_took_the_cookie_and_sends_the_page_again_is_led_in(visitor):
    """It reloads what came of a form, or goes back to it; the token in it is that of the visitor it was."""
    form = visitor.look("/sign-in").form("/sign-in")
    first = visitor.submit(form, name="Reloader")
    me = visitor.user
    same(first, visitor.submit(form, name="Reloader"))
    assert visitor.user == me, "and still signed in"


def test_another_name_from_the_page_that_back_brought_is_another_name(chat, visitor):
    form = visitor.look("/sign-in").form("/sign-in")
    lose(visitor, form, name="First thought")
    visitor.submit(form, name="Second thought")
    assert visitor.user["name"] == "Second thought"
    assert len(ids_of(chat, "First thought")) == 1


def test_a_stranger_who_sends_it_again_gets_nothing(chat, people, visitor):
    form = visitor.look("/sign-in").form("/sign-in")
    lose(visitor, form, name="Sought after")
    stranger = people(chat)
    stolen = form.fields | {"csrf_token": stranger.token()}
    for typed in (stolen, form.fields):
        answer = stranger.submit(form._replace(fields=typed), name="Sought after")
        assert answer.status in (400, 409) and stranger.user is None
    bob = people(chat, "bob the nosy")
    before = bob.user
    stolen = form.fields | {"csrf_token": bob.token()}
    assert bob.submit(form._replace(fields=stolen), name="Sought after").status == 409
    assert bob.user == before


def test_a_page_elsewhere_cannot_send_it_again(visitor):
    form = visitor.look("/sign-in").form("/sign-in")
    visitor.submit(form, name="Well guarded")
    body = "&".join(f"{name}={value}" for name, value in (form.fields | {"name": "Well+guarded"}).items())
    answer = visitor.request("POST", "/sign-in", body, Content_Type=FORM, Sec_Fetch_Site="cross-site")
    assert answer.status == 403


def test_after_signing_out_it_is_a_form_like_any_other(visitor):
    form = visitor.look("/sign-in").form("/sign-in")
    before = dict(visitor.cookies)
    visitor.submit(form, name="Gone again")
    visitor.post("/sign-out")
    for cookies in (dict(visitor.cookies), before):
        visitor.cookies = cookies
        assert visitor.submit(form, name="Gone again").status in (400, 409)
        assert visitor.user is None


def test_after_ten_minutes_it_is_a_form_like_any_other(chat, visitor):
    form = visitor.look("/sign-in").form("/sign-in")
    lose(visitor, form, name="Slow coach")
    chat.query("UPDATE sent_forms SET created_at = ?", times.ago(minutes=11))
    assert visitor.submit(form, name="Slow coach").status == 409


def test_two_who_come_at_once_to_two_workers_get_the_same(chat, people, visitor):
    form = visitor.look("/sign-in").form("/sign-in")
    twins = [people(chat, worker=worker) for worker in chat.workers]
    answers, barrier = [], Barrier(len(twins))

    def send(twin):
        twin.cookies = dict(visitor.cookies)
        twin.get("/healthz")  # it has its connection now
        barrier.wait()
        answers.append(twin.submit(form, name="At once"))
    threads = [Thread(target=send, args=(twin,)) for twin in twins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(*answers)
    assert twins[0].user == twins[1].user and twins[0].user["name"] == "At once"
    assert len(ids_of(chat, "At once")) == 1


# Every other form that makes something


def test_a_room_is_made_once(chat, alice):
    form = alice.look("/rooms/new").form("/rooms")
    first = lose(alice, form, name="Made once")
    same(first, alice.submit(form, name="Made once"))
    assert len(chat.query("SELECT 1 FROM rooms WHERE name = 'Made once'")) == 1
    assert alice.submit(form, name="Made from the same page").headers["Location"] != first.headers["Location"]


def test_a_text_is_posted_once_and_another_from_the_same_page_is_another(alice, garden):
    form = alice.look(f"/rooms/{garden}").form("/messages")
    first = lose(alice, form, body="hello")
    same(first, alice.submit(form, body="hello"))
    alice.submit(form, body="and another")
    alice.submit(alice.look(f"/rooms/{garden}").form("/messages"), body="hello")
    bodies = [message["body"] for message in alice.get(f"/rooms/{garden}/messages").json["messages"]]
    assert bodies == ["hello", "and another", "hello"], "what a new page sends is said anew"


def test_a_link_for_devices_is_the_same_link(alice, visitor):
    form = alice.look("/device").form("/device")
    first = lose(alice, form)
    link = next(first.page.find("input", id="link"))["value"]
    assert next(alice.submit(form).page.find("input", id="link"))["value"] == link
    path = link.partition(alice.mount or "\n")[2] or link[link.index("/device"):]
    used = visitor.look(path).form("/device/use")
    one = lose(visitor, used)
    same(one, visitor.submit(used))
    assert visitor.user == alice.user


@pytest.mark.parametrize(("page", "action"), [("/device", "/device"), ("/sign-out", "/sign-out/link")])
def test_a_link_that_was_used_is_not_given_again(people, chat, visitor, page, action):
    carol = people(chat, f"carol uses {page}")
    form = carol.look(page).form(action)
    links = []
    for _ in "used", "new":
        link = next(carol.submit(form).page.find("input", id="link"))["value"]
        links.append(link[link.index("/device"):])
        visitor.submit(visitor.look(links[-1]).form("/device/use"))
        assert visitor.user == carol.user
        visitor.post("/sign-out")
    assert links[0] != links[1]


def test_a_message_is_removed_once(alice):
    message = alice.say("to go")["id"]
    form = alice.look(f"/messages/{message}/remove").form("/remove")
    same(lose(alice, form), alice.submit(form))


def test_the_owners_code_makes_an_owner_once(chat, people):
    owner = people(chat, "owner pressed twice")
    code = chat.command("owner").stdout.strip().rpartition("code=")[2]
    form = owner.look(f"/owner/claim?code={code}").form("/owner/claim")
    same(lose(owner, form), owner.submit(form))
    assert owner.get("/owner").status == 200


def test_the_owners_forms_are_done_once(town, mayor, hall, townsman):
    dave = townsman(town, "dave pressed twice")
    ban = mayor.look_until("/owner?name=dave+pressed+twice", f"/owner/people/{dave.user['id']}/ban", "?people_from=")
    form = ban.form(f"/{dave.user['id']}/ban")
    same(lose(mayor, form, reason="noise"), mayor.submit(form, reason="noise"))
    who = ids_of(town, "dave pressed twice")
    assert len(town.query("SELECT 1 FROM acts WHERE act = 'banned' AND subject_id = ?", *who)) == 1
    unban = mayor.look_until("/owner", f"/owner/people/{who[0]}/unban", "?bans_from=").form(f"/{who[0]}/unban")
    same(lose(mayor, unban), mayor.submit(unban))
    mayor.submit(form, reason="noise")
    assert dave.get("/rooms/lobby").status == 403, "banned again, as the page says"
    remove = mayor.look_until("/owner", f"/owner/rooms/{hall}/remove", "rooms_from=").form(f"/{hall}/remove")
    same(lose(mayor, remove, sure="on"), mayor.submit(remove, sure="on"))


def test_whoever_is_forgotten_is_told_so_again(people, chat):
    person = people(chat, "Forgotten twice")
    form = person.look("/me").form("/me/forget")
    same(lose(person, form, choice="remove"), person.submit(form, choice="remove"))
    assert person.user is None


def test_a_closed_room_is_left_once(town, mayor, hall, townsman):
    carol = townsman(town, "carol leaving twice")
    carol.post(f"/rooms/{hall}/join")
    mayor.post(f"/owner/rooms/{hall}/close")
    form = carol.look(f"/rooms/{hall}").form("/leave")
    same(lose(carol, form), carol.submit(form))


def test_programs_may_say_an_id_of_their_own(hal, alice):
    for sender in (hal, alice):
        name = f"By a program, {type(sender).__name__}"
        made = [sender.post("/rooms", name=name, form_id="mine-1") for _ in range(2)]
        assert made[0].status == made[1].status == 201 and made[0].json == made[1].json
        said = [sender.post("/rooms/lobby/messages", body="beep", form_id="mine-2") for _ in range(2)]
        assert said[0].json["id"] == said[1].json["id"]
        for odd in ("", "x" * 65, "ä", "a b"):
            twice = [sender.post("/rooms/lobby/messages", body=f"as {odd}", form_id=odd).json["id"] for _ in range(2)]
            assert twice[0] != twice[1], "what is no id counts for nothing"


def test_its_own_id_of_a_message_goes_before(alice):
    one, other = (alice.post("/rooms/lobby/messages", body="x", form_id="f", client_id=f"c-{turn}") for turn in "12")
    assert one.json["id"] != other.json["id"]


# What is kept


def test_every_form_that_posts_bears_one_and_every_page_another(alice, mayor):
    pages = [alice.look(path) for path in ("/rooms/lobby", "/rooms/new", "/me", "/device")] + [mayor.look("/owner")]
    ids = [{form.fields["form_id"] for form in page.forms if "csrf_token" in form.fields} for page in pages]
    assert all(len(of_page) == 1 for of_page in ids) and len(set.union(*ids)) == len(pages)


def test_pages_write_nothing_and_what_is_kept_can_be_read_by_nobody(chat, alice):
    form = alice.look("/device").form("/device")
    before = chat.query("SELECT COUNT(*) FROM sent_forms")
    alice.look("/rooms/lobby")
    assert chat.query("SELECT COUNT(*) FROM sent_forms") == before
    link = next(alice.submit(form).page.find("input", id="link"))["value"]
    alice.submit(alice.look("/rooms/lobby").form("/messages"), body="a secret text")
    kept = json.dumps(chat.query("SELECT * FROM sent_forms"))
    for secret in (link.partition("code=")[2], form.fields["form_id"], "a secret text", str(alice.user["id"]) + ","):
        assert secret not in kept


def test_forgetting_somebody_and_signing_out_drop_it(chat, people):
    for path, fields in (("/me/forget", {"choice": "leave"}), ("/sign-out", {})):
        person = people(chat, "Soon gone")
        person.submit(person.look("/rooms/lobby").form("/messages"), body="x")
        key_hash = chat.query("SELECT key_hash FROM sessions WHERE user_id = ?", person.user["id"])[0]
        assert chat.query("SELECT 1 FROM sent_forms WHERE key_hash = ?", *key_hash), "premise"
        person.post(path, **fields)
        assert not chat.query("SELECT 1 FROM sent_forms WHERE key_hash = ?", *key_hash)


def test_a_repeat_counts_for_no_limit(people):
    with serve(workers=1, limits="on") as server:
        visitor = people(server)
        form = visitor.look("/sign-in").form("/sign-in")
        answers = [lose(visitor, form, name="Impatient") for _ in range(30)]
        assert {answer.status for answer in answers} == {303}


def test_what_is_done_again_counts_again_and_is_not_kept_anew(people):
    with serve(workers=1, limits="on") as server:
        alice = people(server, "alice")
        alice.post("/rooms/lobby/leave", form_id="again")
        server.query("UPDATE sent_forms SET created_at = ?", first := times.ago(minutes=9))
        statuses = {alice.post("/rooms/lobby/leave", form_id="again").status for _ in range(60)}
        assert statuses == {204, 429}
        assert server.query("SELECT max(created_at) FROM sent_forms") == [(first,)]
