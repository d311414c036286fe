"""What is kept about oneself, and being forgotten: from one's own page, in the middle of posting, on every worker."""

import json
import threading

import pytest

from tests.support.serving import eventually, serve
from tests.support.town import files_with, numbers


@pytest.fixture
def zephyr(town, townsman):
    """At the second worker, under a name that occurs nowhere by chance."""
    return townsman(town, f"Zephyr-{next(numbers)}-Quirinus", worker=1)


@pytest.fixture
def bob(town, townsman):
    return townsman(town, "bob")


def forget(person, choice):
    answer = person.post("/me/forget", choice=choice)
    assert answer.status == 204, answer.text


def forgotten(town, user_id):
    """Wait until every step was taken."""
    done = "SELECT 1 FROM users WHERE id = ? AND forgetting IS NULL AND name = 'nameless'"
    eventually(lambda: town.query(done, user_id))


def everything_heard(person, room):
    """All that is told of a room from the beginning, at each worker, by page, poll and stream."""
    for worker in (0, 1):
        tab = person.tab(worker)
        stream = tab.listen(f"room={room}&since=0")
        tab.say("marker", room=room)
        stream.expect_message("marker")
        yield stream.raw.decode()
        yield str(tab.poll_on(0, f"room={room}&"))
        for path in (f"/rooms/{room}/messages?limit=200", f"/rooms/{room}", f"/rooms/{room}/refresh?since=0"):
            yield tab.get(path).text


# What is kept


def test_a_person_downloads_all_that_is_kept_about_them(mayor, zephyr, bob):
    zephyr.say("written by zephyr")
    removed = zephyr.say("regretted")
    zephyr.post(f"/messages/{removed['id']}/remove")
    bob.say("written by bob")
    user_id = zephyr.user["id"]
    mayor.post(f"/owner/people/{user_id}/ban", reason="a former misunderstanding", **{"for": "1m"})
    mayor.post(f"/owner/people/{user_id}/unban")
    eventually(lambda: zephyr.get("/me").status == 200)
    link = next(address for address in zephyr.look("/me").addresses if "kept" in address)
    answer = zephyr.get(link)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Cache-Control"] == "no-store"
    kept = answer.json
    assert kept["as_of"].endswith("Z") and kept["user"]["name"] == zephyr.name
    assert zephyr.address in [session["address"] for session in kept["sessions"]]
    assert [message["body"] for message in kept["messages"]] == ["written by zephyr", ""]
    assert "a former misunderstanding" in answer.text
    assert "written by bob" not in answer.text and zephyr.cookies[zephyr.session_cookie] not in answer.text
    assert json.loads(answer.body) == kept


def test_nobody_is_told_about_others(town, townsman, bob):
    visitor = townsman(town)
    assert visitor.get("/me").status == visitor.get("/me/kept").status == 303
    assert visitor.get("/me/kept", Accept="application/json").code == "sign_in"
    assert visitor.post("/me/forget", choice="remove").code == "sign_in"
    assert bob.get("/me/kept?user=1&id=1").json["user"]["name"] == "bob"


# Being forgotten


@pytest.mark.parametrize("choice", ["remove", "leave"])
def test_by_the_form_of_ones_own_page_the_name_leaves_everything(town, mayor, hall, bob, zephyr, choice):
    zephyr.post(f"/rooms/{hall}/join")
    message = zephyr.say(f"words of somebody, {choice}", room=hall)
    zephyr.post(f"/messages/{message['id']}/edit", body=f"edited words of somebody, {choice}")
    bob.say("in between", room=hall)
    zephyr.post(f"/rooms/{hall}/leave")
    user_id = zephyr.user["id"]
    tabs = [zephyr.tab(worker) for worker in (0, 1)]
    streams = [tab.listen(f"room={hall}") for tab in tabs]
    bystander = bob.listen(f"room={hall}")
    assert any(zephyr.name in told for told in everything_heard(bob, hall)), "premise"
    answer = zephyr.submit(zephyr.look("/me").form("/me/forget"), choice=choice)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    for stream in streams:
        assert stream.expect("bye").data["reason"] == "revoked"
    assert [tab.user for tab in (*tabs, zephyr)] == [None] * 3
    forgotten(town, user_id)
    eventually(lambda: not files_with(town, zephyr.name))
    for told in everything_heard(bob, hall):
        assert zephyr.name not in told
        assert (f"words of somebody, {choice}" in told) == (choice == "leave")
        assert "in between" in told
    assert zephyr.name not in mayor.look("/owner").text
    assert bystander.expect("edit" if choice == "leave" else "remove",
                            lambda event: event["author"]["name"] == "nameless").data["author"]["id"] == user_id
    assert bystander.named("bye") == []


def test_the_name_leaves_the_rosters_at_once(town, hall, bob, zephyr):
    tabs = [zephyr.tab(worker) for worker in (0, 1)]
    streams = [tab.listen(f"room={hall}") for tab in tabs]
    watching = bob.listen(f"room={hall}")
    for worker in (0, 1):
        eventually(lambda worker=worker: zephyr.name in bob.tab(worker).get(f"/rooms/{hall}/people").text)
    zephyr.poll(f"room={hall}&since=0")
    forget(zephyr, "leave")
    for stream in streams:
        stream.expect_end()
    for worker in (0, 1):
        eventually(lambda worker=worker: zephyr.name not in bob.tab(worker).get(f"/rooms/{hall}/people").text)
        assert zephyr.name not in bob.tab(worker).look(f"/rooms/{hall}").text
    fresh = bob.listen(f"room={hall}")
    assert zephyr.name not in json.dumps(fresh.expect("presence").data)
    assert watching.named("bye") == []


def test_the_name_is_free_at_once_and_the_heir_keeps_it(town, townsman, hall, zephyr):
    zephyr.say("the first one's", room=hall)
    user_id = zephyr.user["id"]
    forget(zephyr, "remove")
    heir = townsman(town).sign_in(zephyr.name)
    assert heir.user["id"] != user_id
    heir.say("the heir's", room=hall)
    forgotten(town, user_id)
    shown = heir.get(f"/rooms/{hall}/messages").json["messages"]
    assert [(message["author"]["name"], message["body"]) for message in shown] == \
        [("nameless", ""), (heir.name, "the heir's")]
    forget(heir, "remove")


@pytest.mark.parametrize("choice", ["", "everything", None])
def test_without_a_choice_the_page_asks_again(zephyr, choice):
    fields = {} if choice is None else {"choice": choice}
    assert zephyr.post("/me/forget", **fields).json["error"]["field"] == "choice"
    page = zephyr.post("/me/forget", accept="text/html", **fields)
    assert page.status == 400 and page.page.form("/me/forget")
    assert "Choose what happens to the messages you wrote" in page.page.text
    assert zephyr.post("/me/forget", choice="remove", token="").code == "csrf"
    assert zephyr.user["name"] == zephyr.name


@pytest.mark.parametrize("choice", ["remove", "leave"])
def test_in_the_middle_of_posting(town, hall, bob, zephyr, choice):
    """Two tabs post all the while, one at each worker: what was acknowledged is nameless or gone, and no more comes."""
    user_id = zephyr.user["id"]
    acknowledged = []

    def keep_posting(tab, stop):
        token = tab.token()
        while not stop.is_set():
            answer = tab.post(f"/rooms/{hall}/messages", token=token, body=f"restless {choice} {len(acknowledged)}")
            acknowledged.append(answer.json["id"] if answer.status == 201 else None)
            if answer.status != 201:
                refusals.append(answer.code)

    refusals, stop = [], threading.Event()
    threads = [threading.Thread(target=keep_posting, args=(zephyr.tab(worker), stop)) for worker in (0, 1)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(acknowledged) > 40)
    forget(zephyr, choice)
    eventually(lambda: len(refusals) > 10)
    forgotten(town, user_id)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(refusals) <= {"sign_in", "csrf"}
    ids = [message_id for message_id in acknowledged if message_id]
    rows = town.query("SELECT id, body != '' FROM messages WHERE author_id = ?", user_id)
    assert sorted(ids) == sorted(row[0] for row in rows), "all that was acknowledged, nothing else"
    assert {row[1] for row in rows} == {choice == "leave"}
    eventually(lambda: not files_with(town, zephyr.name))
    for told in everything_heard(bob, hall):
        assert zephyr.name not in told


MANY = ("WITH RECURSIVE n(i) AS (SELECT 1000001 UNION ALL SELECT i + 1 FROM n WHERE i < 1000300) INSERT INTO messages "
        "(id, room_id, author_id, body, html, html_version, created_at) SELECT i, room_id, author_id, body, html, "
        "html_version, created_at FROM n, messages WHERE id = ?")


def test_it_goes_on_after_the_server_was_killed_midway(townsman):
    with serve(workers=1, trusted_proxies="127.0.0.1") as server:
        zephyr = townsman(server, "Zephyr-the-Quirinus")
        user_id = zephyr.user["id"]
        server.query(MANY, zephyr.say("one of very many")["id"])
        forget(zephyr, "remove")
        zephyr.close()
        with server.held_when("SELECT 1 FROM messages WHERE author_id = ? AND body = ''", user_id):
            server.kill()
        assert server.query("SELECT 1 FROM users WHERE id = ? AND forgetting IS NOT NULL", user_id), "premise: midway"
        server.start()
        forgotten(server, user_id)
        for words in (zephyr.name, "one of very many"):
            eventually(lambda words=words: not files_with(server, words))
