"""The same app under threads: gunicorn's gthread worker, and Werkzeug's own server."""

import sys
from pathlib import Path

import pytest

from tests.clients import Person
from tests.serving import serve

WERKZEUG = """
import os
from werkzeug.serving import make_server
from wsgi import app
server = make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True)
print(f"Longwave is at http://127.0.0.1:{server.port}", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
"""
THREADS = 8  # in each worker; every open stream keeps one
SERVERS = {
    "gthread": {"arguments": ("-k", "gthread", "--threads", str(THREADS))},
    "werkzeug": {"command": (sys.executable, "-c", WERKZEUG), "workers": 1},
}


@pytest.fixture(scope="module", params=SERVERS)
def threaded(request):
    with serve(heartbeat_seconds=1, look_seconds=0, **SERVERS[request.param]) as server:
        with Person(server) as first:
            first.look("/")  # the first request makes the database
        yield server


@pytest.fixture
def alice(threaded, people):
    return people(threaded, "alice", worker=threaded.workers[0])


@pytest.fixture
def bob(threaded, people):
    return people(threaded, "bob", worker=threaded.workers[-1])


def test_these_are_threads(threaded, alice):
    assert "StreamWorker" not in threaded.log
    alice.listen("room=lobby")
    assert len(list(Path(f"/proc/{threaded.workers[0]}/task").iterdir())) > 3


def test_a_message_is_on_streams_at_once(alice, bob):
    streams = [person.listen("room=lobby") for person in (alice, bob, alice, bob)]
    said = [alice.say("hers"), bob.say("his")]
    for stream in streams:
        stream.expect_message("his")
        assert [event.data for event in stream.named("message")] == said
        assert stream.events[0].name == "hello" and 500 <= stream.retry_ms <= 1200


def test_a_reconnect_brings_exactly_the_rest(alice, bob):
    stream = bob.listen("room=lobby")
    alice.say("one")
    stream.expect_message("one")
    stream.close()
    alice.say("two")
    again = bob.listen("room=lobby", Last_Event_ID=str(stream.last_id))
    alice.say("three")
    again.expect_message("three")
    assert again.bodies == ["two", "three"]


def test_polls_are_short_or_held(alice, bob):
    assert [event["event"] for event in bob.poll("room=lobby")["events"]] == ["presence"]
    held = bob.ask(f"/poll?room=lobby&since={alice.cursor()}&wait=20")
    assert not held.comes_within(0.3)
    said = alice.say("news")
    assert said in [event["data"] for event in held.answer().json["events"]]


def test_silence_is_broken_by_pings_and_a_closed_stream_is_let_go(alice, bob):
    stream = bob.listen("room=lobby")
    stream.expect("ping")
    for _ in range(THREADS + 4):
        bob.listen("room=lobby").close()
    alice.say("still there")
    stream.expect_message("still there")


def test_pages_and_edits_work(alice, bob):
    assert alice.submit(alice.look("/rooms/lobby").form("/messages"), body="by form").status == 303
    stream = bob.listen("room=lobby")
    message = alice.say("tpyo")
    alice.post(f"/messages/{message['id']}/edit", body="typo")
    assert stream.expect("edit").data["body"] == "typo"
    assert "tpyo" not in bob.get(f"/poll?room=lobby&since={message['id'] - 1}").text


def test_signing_out_ends_the_stream(alice):
    stream = alice.listen("room=lobby")
    alice.post("/sign-out")
    assert stream.expect("bye").data["reason"] == "revoked"
    stream.expect_end()
