"""Killed, stopped and started again: nothing acknowledged is lost, nothing is heard twice."""

import os
import signal
import threading
from http.client import HTTPException

import pytest

from tests.support.clients import Person
from tests.support.serving import eventually, serve

READERS = 10
INBOX_ROWS = 1500
KILLED_AFTER_SECONDS = 10.0  # a worker that does not end by itself


@pytest.fixture(scope="module")
def server():
    """Whole again after each test."""
    with serve(look_seconds=0.1, forgives="SIGKILL") as started:
        yield started


class Listener:
    """Hears as a browser does: when its stream ends it comes back with the last id."""

    def __init__(self, server, worker):
        self.person = Person(server, worker)
        self.bodies = []
        self.returns = 0
        self._stream = self.person.listen("room=lobby")

    def expect_message(self, body):
        while body not in self._stream.bodies:
            try:
                self._stream.expect_message(body)
            except AssertionError:
                assert self._stream.has_ended, f"silence, with {self._stream.bodies}"
                self._come_back()

    def _come_back(self):
        self.bodies += self._stream.bodies
        self.returns += 1
        self.person.close()
        self.person.worker = None
        self._stream = eventually(self._listen)

    def _listen(self):
        try:
            return self.person.listen("room=lobby", Last_Event_ID=str(self._stream.last_id))
        except OSError:
            return None

    @property
    def heard(self):
        return self.bodies + self._stream.bodies


def test_a_worker_killed_while_ten_listen_loses_and_repeats_nothing(server):
    doomed, other = server.workers
    listeners = [Listener(server, doomed if number < READERS // 2 else other) for number in range(READERS)]
    acknowledged, posting = [], threading.Event()

    def post():
        with Person(server, other) as alice:
            alice.sign_in("alice W.")
            for number in range(200):
                acknowledged.append(alice.say(f"number {number}")["body"])
                if number == 30:
                    posting.set()
            acknowledged.append(alice.say("marker")["body"])

    writer = threading.Thread(target=post)
    writer.start()
    assert posting.wait(20)
    server.kill_worker(doomed)
    writer.join()
    assert len(acknowledged) == 201
    for listener in listeners:
        listener.expect_message("marker")
        assert listener.heard == acknowledged
        listener.person.close()
    assert sum(listener.returns for listener in listeners) == READERS // 2, "premise: half of them were cut off"


def test_what_a_killed_worker_has_acknowledged_is_there(server):
    doomed, other = server.workers
    start, = server.query("SELECT coalesce(max(id), 0) FROM events")[0]
    acknowledged = []

    def post():
        with Person(server, doomed) as alice:
            alice.sign_in("alice K.")
            try:
                while len(acknowledged) < 150:
                    acknowledged.append(alice.say(f"number {len(acknowledged)}")["id"])
            except (OSError, HTTPException):
                pass  # killed in the middle

    writer = threading.Thread(target=post)
    writer.start()
    eventually(lambda: len(acknowledged) > 20)
    server.kill_worker(doomed)
    writer.join()
    with Person(server, other) as bob:
        found = [each["id"] for each in bob.get(f"/rooms/lobby/messages?limit=200&after={start}").json["messages"]]
        events, cursor, more = [], start, True
        while more:
            polled = bob.poll(f"room=lobby&since={cursor}")
            events += [event["id"] for event in polled["events"] if event["event"] == "message"]
            cursor, more = polled["cursor"], polled["more"]
    assert set(acknowledged) <= set(found), "durable"
    assert found == events, "message and event, both or neither"


def test_inbox_rows_are_moved_exactly_once_with_a_worker_killed_midway(server):
    with Person(server, server.workers[1]) as reader:
        stream = reader.listen("room=lobby")
        count, left = 0, [0]
        while left == [0]:  # or all were moved before anybody looked
            first, count = count + 1, count + INBOX_ROWS
            server.query("WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO"
                         " inbox(room, author, body) SELECT 'lobby', 'counter', 'number ' || i FROM n", first, count)
            left = eventually(lambda: [number for number, in server.query("SELECT count(*) FROM inbox")
                                       if number < INBOX_ROWS])
        server.kill_worker(server.workers[0])  # in the middle of it
        stream.expect_message(f"number {count}")  # it reads meanwhile: who takes nothing for long is let go
        eventually(lambda: server.query("SELECT count(*) FROM inbox") == [(0,)])
        assert stream.bodies == [f"number {number}" for number in range(1, count + 1)]
        kept = server.query("SELECT m.body FROM messages m JOIN users u ON u.id = m.author_id"
                            " WHERE u.name = 'counter' ORDER BY m.id")
        assert [body for body, in kept] == stream.bodies


def test_stopping_says_bye_on_every_stream_and_answers_what_is_held(server):
    people = [Person(server, worker) for worker in server.workers]
    streams = [person.listen("room=lobby") for person in people]
    held = [person.ask("/poll?room=lobby&wait=25") for person in people]
    for person in people:
        assert person.get("/healthz").status == 200, "and keeps an idle connection, as browsers do"
    assert not held[0].comes_within(0.3)
    took = server.stop()
    for stream in streams:
        stream.expect_end()
        bye = stream.events[-1]
        assert (bye.name, bye.data["reason"]) == ("bye", "restart")
        assert bye.data["retry_ms"] == stream.retry_ms > 0
        assert stream.raw.endswith(b"\n\n"), "whole to the last byte"
    for each in held:
        assert each.answer().status == 200
    for person in people:
        person.close()
    assert took < KILLED_AFTER_SECONDS, "an idle connection holds nobody up"
    server.start()


def test_a_restart_loses_nothing(server):
    with Person(server) as alice, Person(server) as bob:
        alice.sign_in("alice R.")
        stream = bob.listen("room=lobby")
        alice.say("before")
        stream.expect_message("before")
        token, page = alice.token(), alice.look("/rooms/lobby")
        server.stop()
        stream.expect_end()
        alice.close()
        bob.close()
        server.start()
        assert alice.user["name"] == "alice R.", "the session outlives it"
        assert alice.post("/rooms/lobby/messages", token=token, body="after").status == 201, "and so does the token"
        assert alice.submit(page.form("/messages"), body="by the old form").status == 303
        again = bob.listen("room=lobby", Last_Event_ID=str(stream.last_id))
        again.expect_message("by the old form")
        assert again.bodies == ["after", "by the old form"]


def test_hup_replaces_the_workers_and_says_bye(server):
    with Person(server) as bob:
        before = server.workers
        stream = bob.listen("room=lobby")
        os.kill(server.pid, signal.SIGHUP)
        assert stream.expect("bye").data["reason"] == "restart"
        stream.expect_end()
        eventually(lambda: len(server.workers) == 2 and not set(server.workers) & set(before))
        bob.close()
        bob.listen("room=lobby")
