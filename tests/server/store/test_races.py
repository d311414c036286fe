"""Between two steps of a worker something happens: whatever it is, each message is there once, and is heard once."""

import os
import signal
import sqlite3
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPException
from itertools import count, takewhile
from pathlib import Path

import pytest

from tests.support.clients import FORM, Stream
from tests.support.serving import eventually, serve
from tests.support.town import held_up

HELD_STEPS = ("-c", str(Path(__file__).with_name("held_steps.py")))
DIES = "SIGKILL"  # as gunicorn says it of a worker
IN_DOUBT = 0
LATE = "left without an answer"
SILENT_SECONDS = 8  # a worker that starts is silent, too


@pytest.fixture(scope="module")
def fragile():
    """Two workers that can be held between their steps, and look at the log by themselves five times a second."""
    forgives = f"{DIES}|could not save|{LATE}|ticker: |upkeep: |look: "
    with serve(look_seconds=0.2, arguments=HELD_STEPS, forgives=forgives) as server:
        yield server


class Steps:
    """What is to happen at which step of a worker."""

    def __init__(self, server):
        self._folder = server.instance

    def order(self, step, what):
        (self._folder / f"at-{step}").write_text(what)

    def reached(self, step):
        return (self._folder / f"reached-{step}").exists()

    @contextmanager
    def held(self, step, asking):
        """Let a worker wait at the step to which this request takes it."""
        self.order(step, "wait")
        try:
            asked = asking()
            eventually(lambda: self.reached(step))
            yield asked
        finally:
            (self._folder / f"reached-{step}").unlink(missing_ok=True)

    def clear(self):
        for path in [*self._folder.glob("at-*"), *self._folder.glob("reached-*")]:
            path.unlink(missing_ok=True)


@pytest.fixture
def steps(fragile):
    """The server is whole again after each test."""
    steps = Steps(fragile)
    yield steps
    steps.clear()
    fragile.await_workers()


@pytest.fixture
def alice(fragile, people, steps):
    return people(fragile, "alice", worker=fragile.workers[0])


@pytest.fixture
def bob(fragile, people, steps):
    return people(fragile, "bob", worker=fragile.workers[1])


def sent(person, body, client_id):
    """A message on its way; the answer is yet to come."""
    form = f"body={body}&client_id={client_id}"
    return person.send("POST", "/rooms/lobby/messages", form, Content_Type=FORM, Accept="application/json",
                       X_CSRF_Token=person.token())


def repeated(person, body, client_id):
    return person.post("/rooms/lobby/messages", body=body, client_id=client_id)


def has_no_answer(pending):
    """Whether the connection ended without a status."""
    try:
        pending.head()
    except (HTTPException, OSError):
        return True
    return False


def kept(server, client_id):
    return [id for id, in server.query("SELECT id FROM messages WHERE client_id = ?", client_id)]


# Between "register" and "read"

@pytest.mark.parametrize("poster", ["alice", "bob"], ids=["on its own worker", "on the other worker"])
def test_what_is_committed_between_register_and_read_is_heard_once(steps, alice, bob, poster, request):
    start, poster = alice.cursor(), request.getfixturevalue(poster)
    with steps.held("register", lambda: alice.ask(f"/stream?room=lobby&since={start}")) as pending:
        poster.say("between")
    with closing(Stream(pending.connection, pending.head())) as stream:
        poster.say("marker")
        stream.expect_message("marker")
        assert stream.bodies == ["between", "marker"]


def test_a_held_poll_that_was_overtaken_between_register_and_read_is_answered_at_once(steps, alice, bob):
    with steps.held("register", lambda: alice.ask(f"/poll?room=lobby&since={alice.cursor()}&wait=25")) as pending:
        bob.say("between")
    assert pending.comes_within(10)
    assert [event["data"]["body"] for event in pending.answer().json["events"] if event["event"] == "message"] == [
        "between"]


# Between "commit" and "ring"

def test_a_message_whose_ring_is_lost_is_brought_by_the_look(steps, alice, bob):
    streams = [person.listen("room=lobby") for person in (alice, bob)]
    steps.order("ring", "omit")
    alice.say("not rung for")
    assert steps.reached("ring")
    for stream in streams:
        stream.expect_message("not rung for")
    alice.say("marker")
    for stream in streams:
        stream.expect_message("marker")
        assert stream.bodies == ["not rung for", "marker"]


def test_a_process_that_dies_between_commit_and_ring_has_posted_once(steps, fragile, alice, bob):
    stream = bob.listen("room=lobby")
    steps.order("ring", "die")
    assert has_no_answer(sent(alice, "last words", "last")), "it died before it could acknowledge"
    heard = stream.expect_message("last words")
    alice.close()
    alice.worker = fragile.workers[-1]
    answer = repeated(alice, "last words", "last")
    assert (answer.status, answer.json["id"]) == (200, heard.id)
    bob.say("marker")
    stream.expect_message("marker")
    assert stream.bodies == ["last words", "marker"]


# Between "write" and "acknowledge"

def test_a_repeat_after_the_connection_was_lost_brings_the_first_row_back(steps, fragile, alice, bob):
    stream = bob.listen("room=lobby")
    with steps.held("append", lambda: sent(alice, "unheard of", "unheard")) as pending:
        assert kept(fragile, "unheard") == [], "nothing is in the store before the commit"
        pending.close()
    heard = stream.expect_message("unheard of")
    for person in (alice, alice.also_at(bob.worker)):
        answer = repeated(person, "unheard of", "unheard")
        assert (answer.status, answer.json["id"]) == (200, heard.id)
    bob.say("marker")
    stream.expect_message("marker")
    assert stream.bodies == ["unheard of", "marker"]


def test_the_same_client_id_at_the_same_instant_on_two_workers_is_one_message(steps, fragile, alice, bob):
    other = alice.also_at(bob.worker)
    with steps.held("append", lambda: sent(alice, "one", "same")) as first:
        second = sent(other, "another", "same")
        assert not second.comes_within(0.2), "the first has looked for the client id, and is not yet committed"
    answers = [first.answer(), second.answer()]
    assert [answer.status for answer in answers] == [201, 200]
    assert answers[0].json == answers[1].json
    assert kept(fragile, "same") == [answers[0].json["id"]]


# Between the claim and the result

def test_a_claimed_post_is_left_in_doubt_and_a_queued_one_is_withdrawn(steps, fragile, alice):
    with steps.held("append", lambda: sent(alice, "claimed", "claimed")) as claimed:
        queued = sent(alice, "queued", "queued")
        refused = queued.answer()
        assert (refused.status, refused.code) == (503, "busy")
        assert has_no_answer(claimed), "nobody knows yet"
    first = eventually(lambda: kept(fragile, "claimed"))
    assert kept(fragile, "queued") == []
    answer = repeated(alice, "claimed", "claimed")
    assert (answer.status, answer.json["id"]) == (200, *first)
    eventually(lambda: repeated(alice, "queued", "queued").status == 201)


# A worker that stands still

@pytest.mark.parametrize("place", ["turnstile", "append"])
def test_a_worker_that_stands_still_where_one_writes_holds_nobody_up_for_ever(steps, fragile, alice, bob, place):
    """In the turnstile it is passed by; with the write lock others are told that it is busy, until it moves."""
    token = bob.token()

    def is_written(number):
        answer = bob.post("/rooms/lobby/messages", token=token, body=number, client_id=f"{place}-{number}")
        assert answer.status in (201, 503), answer.text
        assert len(kept(fragile, f"{place}-{number}")) == (answer.status == 201), "refused means that it is not there"
        return answer.status == 201

    with steps.held(place, lambda: sent(alice, "from the one that stood still", f"stood-{place}")) as pending:
        with held_up(alice.worker):
            for number in "12":
                if place == "turnstile":
                    eventually(lambda number=number: is_written(number))
                else:
                    assert not is_written(number)
    has_no_answer(pending)  # or it has one: that depends on how long it stood
    for person, client_id in ((alice, f"stood-{place}"), (bob, f"{place}-1"), (bob, f"{place}-2")):
        again = eventually(partial(is_repeated, person, client_id))
        assert again.status in (200, 201), "everybody can write again"
        assert len(kept(fragile, client_id)) == 1


def is_repeated(person, client_id):
    """The answer, once the machine is not too busy for one."""
    answer = repeated(person, "once more", client_id)
    return answer if answer.status != 503 else None


def status_of(person, token):
    """Of the next post; IN_DOUBT where a slow machine began to write it and could not say in time that it had."""
    try:
        return person.post("/rooms/lobby/messages", token=token, body="next", client_id="next").status
    except HTTPException:
        return IN_DOUBT


def test_a_worker_that_never_moves_again_is_killed_and_what_it_held_is_free(people):
    """After the time that gunicorn gives a silent worker: 60 s in the project's own configuration."""
    arguments = (*HELD_STEPS, "--timeout", str(SILENT_SECONDS))
    forgives = f"{DIES}|could not save|{LATE}|ticker: |upkeep: |look: |WORKER TIMEOUT"
    with serve(arguments=arguments, forgives=forgives) as server:
        steps, (stands, other) = Steps(server), server.workers
        alice, bob = people(server, "alice", worker=stands), people(server, "bob", worker=other)
        token = bob.token()
        with steps.held("append", lambda: sent(alice, "never to be told", "held")) as pending:
            os.kill(stands, signal.SIGSTOP)
            tries = (status_of(bob, token) for _ in count())
            statuses = list(takewhile(lambda status: status not in (200, 201), tries))
            assert statuses and set(statuses) <= {503, IN_DOUBT}, "until it is killed"
            assert has_no_answer(pending)
        assert kept(server, "held") == [], "of what it had begun nothing is there"
        assert len(kept(server, "next")) == 1


def test_posts_are_refused_while_another_program_keeps_the_database_locked_and_the_next_works(steps, fragile, alice):
    workers = fragile.workers
    with closing(sqlite3.connect(fragile.instance / "longwave.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = repeated(alice, "locked out", "locked")
        assert (answer.status, answer.code) == (503, "busy")
        assert alice.get("/rooms/lobby/messages").status == 200, "reading goes on"
        other.execute("ROLLBACK")
    assert kept(fragile, "locked") == []
    eventually(lambda: repeated(alice, "locked out", "locked").status == 201)
    assert fragile.workers == workers, "without a restart"


# The inbox

@pytest.mark.parametrize("step", ["append", "ring"], ids=["posted but not removed", "committed but not rung"])
def test_a_row_of_the_inbox_is_posted_once_though_its_worker_dies(steps, fragile, people, step):
    start = people(fragile).cursor()
    before = fragile.workers
    steps.order(step, "die")
    fragile.query("INSERT INTO inbox(room, author, body, client_id) VALUES ('lobby', 'cron', 'done', ?)", step)
    eventually(lambda: fragile.query("SELECT count(*) FROM inbox") == [(0,)])
    eventually(lambda: set(before) - set(fragile.workers))
    assert len(kept(fragile, step)) == 1
    fragile.await_workers()
    for worker in fragile.workers:
        events = people(fragile, worker=worker).poll(f"room=lobby&since={start}")["events"]
        assert [event["data"]["body"] for event in events if event["event"] == "message"] == ["done"]


# A restored backup

def test_a_cursor_in_a_gap_that_a_backup_left_is_reset(fragile, alice, bob):
    message = alice.say("before the gap")
    fragile.query("INSERT INTO gaps VALUES (?, ?)", message["id"], message["id"] + 1000)
    fragile.query("UPDATE log_head SET last_id = ?", message["id"] + 1000)
    lost = message["id"] + 500
    for person in (alice, bob):
        stream = person.listen(f"room=lobby&since={lost}")
        reset = stream.expect("reset")
        assert reset.data["reason"] == "gap"
        polled = person.poll(f"room=lobby&since={lost}")["events"][0]
        assert (polled["event"], polled["data"]["reason"]) == ("reset", "gap")
        stream = person.listen(f"room=lobby&since={message['id']}")
        after = alice.say(f"after it, to {person.name}")
        assert after["id"] > message["id"] + 1000
        assert stream.expect_message(after["body"]).id == after["id"]
        assert stream.named("reset") == [], "the last cursor before the gap is good"
