"""The same app on every kind of server: parked, by a greenlet each, by threads. One suite, and the same bytes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clients import Person
from tests.support.serving import eventually, serve

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
WAITRESS = f"""
import os
from waitress.server import create_server
from wsgi import app
server = create_server(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads={THREADS})
print(f"Longwave is at http://127.0.0.1:{{server.effective_port}}", flush=True)
server.run()
"""
UNTRIED = ("-c", str(Path(__file__).with_name("untried_gunicorn.py")))
CHANGED = ("-c", str(Path(__file__).with_name("changed_gunicorn.py")))
OLDEST_GUNICORN = "23.0.0"
WAYS = {
    "parked": {},
    "oldest gunicorn": {},
    "greenlets": {"arguments": UNTRIED},
    "changed inside": {"arguments": CHANGED},
    "gthread": {"arguments": ("-k", "chat.server.thread_worker.StreamThreadWorker", "--threads", str(THREADS))},
    "waitress": {"command": (sys.executable, "-c", WAITRESS), "workers": 1, "streams": THREADS - 2},
    "werkzeug": {"command": (sys.executable, "-c", WERKZEUG), "workers": 1},
}
PARKED = {"parked", "oldest gunicorn"}


@pytest.fixture(scope="module")
def oldest_gunicorn(pytestconfig):
    """Where the oldest gunicorn lies that we say we run with; fetched once, into pytest's own cache."""
    folder = pytestconfig.cache.mkdir(f"gunicorn-{OLDEST_GUNICORN}")
    if not (folder / "gunicorn").exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder),
                        f"gunicorn=={OLDEST_GUNICORN}"], check=True, timeout=120)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def server(way, request):
    environ = request.getfixturevalue("oldest_gunicorn") if way == "oldest gunicorn" else {}
    with serve(heartbeat_seconds=1, look_seconds=0, environ=environ, **WAYS[way]) as server:
        with Person(server) as first:
            first.look("/")  # the first request makes the database
        server.transcript = transcript_of(server)
        yield server


@pytest.fixture(scope="module")
def reference():
    with serve(heartbeat_seconds=1, look_seconds=0) as server:
        yield transcript_of(server)


def transcript_of(server):
    """What the first reader of a new chat is sent, byte for byte but for times and chance."""
    with Person(server) as alice, Person(server) as bob:
        alice.sign_in("alice").say("caught up")
        stream = bob.listen("room=lobby&since=0")
        message = alice.say("tpyo \u2028 \U0001f600")
        alice.post(f"/messages/{message['id']}/edit", body="typo")
        stream.expect("edit")
        alice.say("a long one " * 300)
        stream.expect("message", lambda data: data["body"].startswith("a long one"))
        alice.post("/sign-out")
        alice.sign_in("alice again").say("the last")
        stream.expect_message("the last")
        kept = [block for block in stream.raw.split(b"\n\n") if not block.startswith((b"event: ping", b"event: pres"))]
        raw = b"\n\n".join(kept)
        return re.sub(rb"retry: \d+|\d{4}-\d\d-\d\dT[\d:.]+Z", b"-", raw)


@pytest.fixture
def alice(server, people):
    return people(server, "alice", worker=server.workers[0])


@pytest.fixture
def bob(server, people):
    return people(server, "bob", worker=server.workers[-1])


def test_this_is_the_way(way, server, alice):
    headers = alice.listen("room=lobby").headers
    is_parked = "gunicorn" in headers["Server"] and "Transfer-Encoding" not in headers
    assert is_parked == (way in PARKED)
    eventually(lambda: ("has not been tried" in server.log) == (way == "greenlets"))  # it says so
    assert ("is different inside (AsyncWorker)" in server.log) == (way == "changed inside")


def test_the_bytes_are_the_same_in_every_way(server, reference):
    assert b"event: hello" in reference and b"event: edit" in reference
    assert server.transcript == reference


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


def test_what_is_asked_after_a_held_poll_on_its_connection_is_answered(way, alice, bob):
    held = bob.ask(f"/poll?room=lobby&since={alice.cursor()}&wait=20")
    assert not held.comes_within(0.1)
    alice.say("the first")
    cursor = held.answer().json["cursor"]
    if way == "werkzeug":
        return  # it ends every connection after one answer
    for number in range(2):
        held.connection.request("GET", f"/poll?room=lobby&since={cursor}&wait=20", headers={"Cookie": ""})
        assert not held.comes_within(0.1), "and held again"
        alice.say(f"number {number}")
        answer = held.answer().json
        bodies = [event["data"]["body"] for event in answer["events"] if event["event"] == "message"]
        assert bodies == [f"number {number}"]
        cursor = answer["cursor"]


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


def test_stopping_takes_leave_of_everybody(way, server, alice, bob):
    """The last test: the server is gone after it. Only our own workers know how to say farewell."""
    if way in ("waitress", "werkzeug"):
        return
    streams = [person.listen("room=lobby") for person in (alice, bob)]
    held = bob.ask("/poll?room=lobby&wait=25")
    assert not held.comes_within(0.2)
    server.stop()
    for stream in streams:
        stream.expect_end()
        assert stream.events[-1].data["reason"] == "restart" and stream.raw.endswith(b"\n\n")
    assert held.answer().status == 200
