"""A database that is deleted or replaced under a running server, which then goes on with what is there again."""

import sqlite3
from contextlib import closing

import pytest

from chat.app import create_app
from chat.core import config as configuration
from tests.support.clients import Person
from tests.support.direct import Browser
from tests.support.serving import eventually, serve

FORGIVES = "removed or replaced|is missing|could not save|unable to open|upkeep: "


@pytest.fixture
def server():
    with serve(forgives=FORGIVES) as server:
        yield server


def back_up(server):
    """As docs/operating.md says."""
    with closing(sqlite3.connect(server.instance / "longwave.db")) as database, \
            closing(sqlite3.connect(server.instance / "backup.db")) as copy:
        database.backup(copy)


def bring_back(server):
    for suffix in ("-wal", "-shm"):
        (server.instance / f"longwave.db{suffix}").unlink(missing_ok=True)
    (server.instance / "backup.db").rename(server.instance / "longwave.db")


def post(person, token, body):
    fields = {"body": body, "client_id": body.replace(" ", "-")}
    return person.post("/rooms/lobby/messages", token=token, **fields)


def post_until_acknowledged(person, token, body):
    eventually(lambda: post(person, token, body).status in (200, 201))


def test_nothing_is_acknowledged_without_a_database_and_it_goes_on_with_the_backup(server):
    one, other = server.workers
    with Person(server, one) as alice, Person(server, other) as bob:
        alice.sign_in("alice").say("before")
        heard = bob.sign_in("bob").listen("room=lobby")
        people = [(person, person.token()) for person in (alice, bob)]
        back_up(server)
        (server.instance / "longwave.db").unlink()
        for person, token in people:
            answer = post(person, token, "lost?")
            assert (answer.status, answer.code) == (503, "busy")
        eventually(lambda: alice.get("/rooms/lobby").status == 503)  # nor is the deleted file read for ever
        assert "Traceback" not in server.log
        bring_back(server)
        for person, token in people:
            post_until_acknowledged(person, token, f"after at {person.worker}")
        heard.expect("bye")
        again = bob.listen("room=lobby&since=0")
        for person, _ in people:
            again.expect_message(f"after at {person.worker}")
    server.kill()
    server.start()
    with Person(server) as somebody:
        shown = [message["body"] for message in somebody.get("/rooms/lobby/messages").json["messages"]]
    assert shown == ["before", f"after at {one}", f"after at {other}"]
    assert server.log.count("removed or replaced") <= 6, "each process says it once a minute"


def test_a_log_that_is_deleted_loses_nothing_that_was_acknowledged(server):
    one, other = server.workers
    with Person(server, one) as alice, Person(server, other) as bob:
        alice.sign_in("alice").say("first")
        bob.sign_in("bob").say("second")
        people = [(person, person.token()) for person in (alice, bob)]
        for suffix in ("-wal", "-shm"):
            (server.instance / f"longwave.db{suffix}").unlink()
        acknowledged = ["first", "second"]
        for number in range(10):
            for person, token in people:
                body = f"{number} at {person.worker}"
                post_until_acknowledged(person, token, body)
                acknowledged.append(body)
    server.kill()
    server.start()
    with Person(server) as somebody:
        shown = [message["body"] for message in somebody.get("/rooms/lobby/messages").json["messages"]]
    assert sorted(shown) == sorted(acknowledged)


def test_a_process_that_answers_one_at_a_time_goes_on_with_what_is_there_again(tmp_path):
    app = create_app(configuration.load({"CHAT_INSTANCE": str(tmp_path), "CHAT_LIMITS": "off"}))
    try:
        alice = Browser(app)
        alice.post("/sign-in", name="alice")
        alice.post("/rooms/lobby/messages", body="before")
        with closing(sqlite3.connect(tmp_path / "longwave.db")) as database, \
                closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            database.backup(copy)
        (tmp_path / "longwave.db").unlink()
        assert [alice.get(path).status_code for path in ("/rooms/lobby", "/poll?room=lobby")] == [503, 503]
        for suffix in ("-wal", "-shm"):
            (tmp_path / f"longwave.db{suffix}").unlink(missing_ok=True)
        (tmp_path / "copy.db").rename(tmp_path / "longwave.db")
        eventually(lambda: alice.get("/rooms/lobby").status_code == 200)
        assert alice.post("/rooms/lobby/messages", body="after").status_code == 201
        assert b"after" in alice.get("/rooms/lobby").data
    finally:
        app.extensions["chat"].stop()
