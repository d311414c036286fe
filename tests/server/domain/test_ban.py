"""A ban bites at once, wherever the banned are; it meets them when they return, and nobody else."""

import time

import pytest

from chat.core import times
from tests.support.serving import eventually, once_within
from tests.support.town import Townsman, a_prefix, an_address, held_up

AT_ONCE_SECONDS = 1.0


@pytest.fixture
def bob(town, townsman):
    return townsman(town, "bob")


@pytest.fixture
def dave(town, townsman):
    """Who is to be banned, at the second worker."""
    return townsman(town, "dave", worker=1)


def ban(mayor, person, reason="", span=""):
    user_id = person if isinstance(person, int) else person.user["id"]
    answer = mayor.post(f"/owner/people/{user_id}/ban", reason=reason, **{"for": span})
    assert answer.status == 204, answer.text


def is_let_in(person):
    return person.get("/poll?room=lobby").status == 200


def test_it_takes_no_more_than_a_second(town, mayor, townsman):
    def take(number):
        person = townsman(town, f"dave {number}")
        user_id, tabs = person.user["id"], [person.tab(worker) for worker in (0, 1)]
        streams = [tab.listen("room=lobby") for tab in tabs]
        began = time.monotonic()
        ban(mayor, user_id)
        for stream in streams:
            stream.expect("bye")
        for tab in tabs:
            eventually(lambda tab=tab: not is_let_in(tab))
        return time.monotonic() - began

    once_within(AT_ONCE_SECONDS, take)


def test_open_streams_end_on_every_worker_and_nothing_said_later_comes(mayor, bob, dave):
    streams = [dave.tab(worker).listen(query) for worker in (0, 1) for query in ("room=lobby", "")]
    heard = bob.listen("room=lobby")
    ban(mayor, dave, "spam")
    for stream in streams:
        assert stream.expect("bye").data["reason"] == "revoked"
    bob.say("said later")
    heard.expect_message("said later")
    for stream in streams:
        stream.expect_end()
        assert stream.events[-1].name == "bye" and b"said later" not in stream.raw
    assert heard.named("bye") == [], "nobody else is sent away"


REFUSED = ["/", "/rooms/lobby", "/rooms/lobby/messages", "/rooms/lobby/people", "/rooms/lobby/refresh?since=0",
           "/stream", "/stream?room=lobby", "/poll?since=0", "/poll?room=lobby&since=0", "/poll?since=0&wait=25",
           "/messages/{id}", "/rooms/new", "/sign-in", "/me"]
REFUSED_POSTS = ["/rooms/lobby/messages", "/rooms/lobby/join", "/rooms/lobby/typing", "/rooms/lobby/here", "/rooms",
                 "/messages/{own}/edit", "/messages/{own}/remove", "/rooms/lobby/read", "/device", "/sign-in"]


@pytest.mark.parametrize("worker", [0, 1])
def test_everything_is_refused_with_the_reason_and_the_end(mayor, bob, dave, worker):
    there = dave.tab(worker)
    own = dave.say("own words")
    message = bob.say("a word of bob's")
    ban(mayor, dave, "spam & worse", "2h")
    eventually(lambda: not is_let_in(there))
    for path in REFUSED:
        answer = there.get(path.format(id=message["id"]), Accept="application/json")
        assert (path, answer.status, answer.code) == (path, 403, "banned")
        error = answer.json["error"]
        assert error["reason"] == "spam & worse"
        assert error["until"] > message["created_at"] and error["until"][:4] >= "2026"
        assert "a word of bob" not in answer.text
    for path in REFUSED_POSTS:
        fields = {"body": "more", "name": "more", "id": own["id"], "state": "here"}
        answer = there.post(path.format(own=own["id"]), **fields)
        assert (path, answer.status, answer.code) == (path, 403, "banned")
    page = there.get("/rooms/lobby")
    assert page.status == 403
    assert "spam & worse" in page.page.text and "a word of bob" not in page.text


def test_a_refused_form_gives_the_text_back_and_shows_nothing_of_the_room(mayor, bob, dave, town):
    form = dave.look("/rooms/lobby").form("/messages")
    own = dave.say("own words")
    edit = dave.look(f"/messages/{own['id']}").form("/edit")
    ban(mayor, dave, "spam")
    bob.say("said after the ban")
    eventually(lambda: not is_let_in(dave))
    for sent in (form, edit, form._replace(fields={"csrf_token": "wrong"})):
        answer = dave.submit(sent, body="long and well thought out")
        assert answer.status in (400, 403)
        assert "said after the ban" not in answer.text and "bob" not in answer.text
        assert "long and well thought out" in answer.page.text
    assert town.query("SELECT 1 FROM messages WHERE body LIKE 'long and%'") == []


def test_a_worker_that_hears_of_it_late_gives_nothing_away(town, mayor, bob, dave):
    """The ban, and what was said after it, reach a busy worker in one."""
    start = dave.cursor()
    stream = dave.listen("room=lobby")
    held = [dave.ask(f"/poll?room=lobby&since={start}&wait=20"),
            dave.ask(f"/rooms/lobby/refresh?since={start}&seen={start}")]
    bystander = bob.tab(1)
    control = bystander.ask(f"/poll?room=lobby&since={start}&wait=20")
    assert not held[0].comes_within(0.3) and not held[1].comes_within(0), "premise: they are held"
    user_id = dave.user["id"]
    with held_up(town.workers[1]):
        ban(mayor, user_id, "spam")
        bob.say("said after the ban")
    assert "said after the ban" in control.answer().text, "premise"
    stream.expect_end()
    assert stream.events[-1].data["reason"] == "revoked" and b"said after the ban" not in stream.raw
    for pending in held:
        answer = pending.answer()
        assert "said after the ban" not in answer.text
        assert answer.status == 403


def test_the_banned_are_not_put_back_on_the_roster_by_their_last_poll(people, mayor, dave, bob, hall):
    start = dave.cursor()
    user_id = dave.user["id"]
    held = dave.ask(f"/poll?room={hall}&since={start}&wait=20")
    assert not held.comes_within(0.3)
    ban(mayor, user_id)
    held.answer()
    assert user_id not in [user["id"] for user in bob.get(f"/rooms/{hall}/people").json["people"]]


# Coming back


def test_a_new_cookie_from_the_same_address_does_not_help(town, townsman, mayor, bob):
    address = an_address()
    dave = townsman(town, "dave", address=address)
    ban(mayor, dave, "spam")
    for worker in (0, 1):
        again = townsman(town, worker=worker, address=address)
        eventually(lambda again=again: not is_let_in(again))
        answer = again.post("/sign-in", name="somebody else")
        assert (answer.status, answer.code) == (403, "banned")
        assert again.get("/sign-in").status == again.get("/").status == 403
        assert again.get("/stream?room=lobby").json["error"]["reason"] == "spam"
    assert is_let_in(townsman(town, "the neighbour")) and is_let_in(bob)


def test_a_new_cookie_from_the_same_ipv6_network_does_not_help(town, townsman, mayor):
    prefix = a_prefix()
    dave = townsman(town, "dave", address=f"{prefix}::1")
    ban(mayor, dave)
    for address in (f"{prefix}::1", f"{prefix}:ffff::2", f"{prefix}:1:2:3:4"):
        eventually(lambda at=address: not is_let_in(townsman(town, address=at)))
    assert is_let_in(townsman(town, address=f"{a_prefix()}::1"))


def test_a_ban_follows_the_person_to_another_address(mayor, dave):
    ban(mayor, dave)
    eventually(lambda: not is_let_in(dave))
    dave.move(an_address())
    assert not is_let_in(dave)


def test_whoever_was_signed_out_first_does_not_come_back_either(people, town, townsman, mayor):
    address = an_address()
    dave = townsman(town, "dave", address=address)
    user_id = dave.user["id"]
    assert mayor.post(f"/owner/people/{user_id}/end-sessions").status == 204
    ban(mayor, user_id)
    eventually(lambda: not is_let_in(townsman(town, address=address)))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "192.168.1.5", "fd00::7", "::1"])
def test_an_address_that_many_share_is_never_banned(town, townsman, mayor, address):
    dave = townsman(town, "dave", address=address)
    neighbour = townsman(town, "the neighbour", worker=1, address=address)
    ban(mayor, dave)
    eventually(lambda: not is_let_in(dave))
    assert is_let_in(neighbour) and is_let_in(townsman(town, address=address))
    assert town.query("SELECT network FROM bans ORDER BY id DESC LIMIT 1") == [(None,)]


def test_the_proxy_itself_is_never_banned(town, mayor):
    """A header that was left out makes somebody seem to be the proxy."""
    with Townsman(town) as dave, Townsman(town, worker=1) as visitor:
        ban(mayor, dave.sign_in("dave by the back door"))
        assert not is_let_in(dave)
        assert is_let_in(visitor) and is_let_in(mayor)


def test_an_owner_who_shares_the_address_goes_on(town, mayor, townsman):
    address = an_address()
    there = mayor.tab(1)
    there.move(address)
    stream = there.listen("room=lobby")
    ban(mayor, townsman(town, "dave", address=address))
    neighbour = townsman(town, worker=1, address=address)
    eventually(lambda: not is_let_in(neighbour))
    assert is_let_in(there)
    mayor.say("still here")
    stream.expect_message("still here")
    assert stream.named("bye") == []


# Its end


def test_a_ban_for_a_time_ends_without_anybody_telling_so(town, mayor, dave):
    user_id = dave.user["id"]
    ban(mayor, dave, span="1m")
    eventually(lambda: not is_let_in(dave))
    ends_at = time.time() + 1
    town.query("UPDATE bans SET until = ? WHERE user_id = ?", times.ahead(seconds=1), user_id)
    assert mayor.post("/owner/settings", CHAT_WELCOME="let every process read the bans anew").status == 204
    assert not is_let_in(dave) or time.time() > ends_at, "premise"
    eventually(lambda: is_let_in(dave))


def test_who_is_let_back_is_who_they_were_on_every_worker(town, people, townsman, mayor):
    address = an_address()
    dave = townsman(town, "dave", address=address)
    user = dave.user
    tabs = [dave.tab(worker) for worker in (0, 1)]
    ban(mayor, dave)
    for tab in tabs:
        eventually(lambda tab=tab: not is_let_in(tab))
    assert mayor.post(f"/owner/people/{user['id']}/unban").status == 204
    for tab in tabs:
        eventually(lambda tab=tab: is_let_in(tab))
        assert tab.user == user and tab.say("thank you")
    assert is_let_in(townsman(town, address=address))
    assert mayor.post(f"/owner/people/{user['id']}/unban").code == "not_found", "again"


# Whom not


def test_nobody_bans_themselves_or_another_owner(town, people, mayor, townsman):
    second = townsman(town, "Deputy")
    code = town.command("owner").stdout.split("code=")[1].strip()
    assert second.post("/owner/claim", code=code).status == 204
    stream = mayor.listen("room=lobby")
    for owner in (mayor, second):
        answer = mayor.post(f"/owner/people/{owner.user['id']}/ban", reason="", **{"for": ""})
        assert (answer.status, answer.code) == (403, "forbidden")
        page = mayor.post(f"/owner/people/{owner.user['id']}/ban", accept="text/html")
        assert page.status == 403 and "Owners can't be banned." in page.page.text
        assert town.command("ban", owner.name).returncode == 1
        assert is_let_in(owner)
    mayor.say("marker")
    stream.expect_message("marker")
    assert town.query("SELECT 1 FROM bans JOIN users ON users.id = user_id WHERE is_owner") == []


@pytest.mark.parametrize(("fields", "status"), [({"for": "-2h"}, 400), ({"for": "soon"}, 400), ({"for": "0m"}, 400),
                                                ({"reason": "x" * 201}, 413), ({"reason": "a\nb"}, 400)])
def test_a_ban_that_is_not_understood_is_none(people, mayor, dave, fields, status):
    answer = mayor.post(f"/owner/people/{dave.user['id']}/ban", **fields)
    assert answer.status == status
    page = mayor.post(f"/owner/people/{dave.user['id']}/ban", accept="text/html", **fields)
    assert page.status == status and answer.json["error"]["message"] in page.page.text
    assert is_let_in(dave)


def test_nobody_else_bans_anybody(people, town, bob, dave, townsman):
    for other in (bob, townsman(town)):
        for act in ("ban", "unban", "end-sessions"):
            answer = other.post(f"/owner/people/{dave.user['id']}/{act}", reason="", **{"for": "nonsense"})
            assert (answer.status, answer.code) == (404, "not_found")
    assert is_let_in(dave)


# By command, and by the forms of a message's page


def test_bans_by_command_bite_as_fast(town, townsman, mayor):
    address = an_address()
    dave = townsman(town, "dave the loud", worker=1, address=address)
    stream = dave.listen("room=lobby")
    done = town.command("ban", "Dave the Loud", "--reason", "by hand", "--for", "2h")
    assert (done.returncode, done.stdout) == (0, f"banned Dave the Loud, {address}\n")
    assert stream.expect("bye").data["reason"] == "revoked"
    answer = dave.get("/poll")
    assert (answer.code, answer.json["error"]["reason"]) == ("banned", "by hand")
    assert town.command("unban", "dave the loud").returncode == 0
    eventually(lambda: is_let_in(dave))
    for arguments in (["ban", "nobody"], ["unban", "dave the loud"], ["ban", "dave the loud", "--for", "soon"]):
        refused = town.command(*arguments)
        assert refused.returncode == 1 and refused.stderr.startswith("longwave: ") and refused.stdout == ""
    assert is_let_in(dave)


def test_from_a_message_the_owner_bans_its_author_by_forms_alone(people, mayor, bob, dave):
    message = dave.say("must not stay")
    assert not [form for form in bob.look(f"/messages/{message['id']}").forms if "/owner" in form.action]
    form = mayor.look(f"/messages/{message['id']}").form(f"/owner/people/{dave.user['id']}/ban")
    answer = mayor.submit(form, reason="spam", **{"for": "1w"})
    assert (answer.status, answer.headers["Location"]) == (303, f"/messages/{message['id']}?done=banned")
    eventually(lambda: not is_let_in(dave))
    page = mayor.look("/owner")
    assert "dave" in page.text and "spam" in page.text
    assert page.form(f"/owner/people/{dave.get('/session').json['user']['id']}/unban")


def test_sessions_end_at_once_on_every_worker(people, mayor, dave):
    tabs = [dave.tab(worker) for worker in (0, 1)]
    streams = [tab.listen("room=lobby") for tab in tabs]
    link = dave.post("/device").json["link"]
    assert mayor.post(f"/owner/people/{dave.user['id']}/end-sessions").status == 204
    for tab, stream in zip(tabs, streams, strict=True):
        assert stream.expect("bye").data["reason"] == "revoked"
        assert tab.user is None and tab.post("/rooms/lobby/messages", body="more").code == "sign_in"
    assert dave.post("/device/use", code=link.split("code=")[1]).code == "invalid", "nor is there a way around"
