"""The machine's clock is set forward and back by an hour under a running server: nobody in the chat notices."""

import re
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from bench.soak.clock import make_clock
from tests.support.plugin import needs_tool
from tests.support.serving import eventually, serve

pytestmark = [needs_tool("cc"), pytest.mark.slow]

HOUR = 3600
STEPS = {"forward": HOUR, "back again": 0, "back": -HOUR}
POSTS_PER_MINUTE = 60
RETRY_MAX_SECONDS = 120  # the longest wait by any limit here: a text that is said twice


@pytest.fixture(scope="module")
def clock():
    """A clock that its server takes for the machine's."""
    with tempfile.TemporaryDirectory() as folder:
        clock = make_clock(Path(folder))
        if isinstance(clock, str):
            pytest.skip(clock)
        yield clock


@pytest.fixture(scope="module")
def timed(clock):
    with serve(environ=clock.environ, heartbeat_seconds=1, limits="on", posts_per_minute=POSTS_PER_MINUTE) as server:
        yield server


def server_time(ping):
    return datetime.fromisoformat(ping.data["time"].replace("Z", "+00:00"))


def test_order_heartbeats_deadlines_sessions_and_presence_are_not_disturbed(timed, clock, people):
    alice = people(timed, worker=timed.workers[0]).sign_in("alice")
    bob = people(timed, worker=timed.workers[1]).sign_in("bob")
    streams = [person.listen("room=lobby") for person in (alice, bob)]
    streams[0].expect("presence", lambda presence: presence["count"] == 2)
    token, said = alice.token(), [alice.say("before")]
    for name, step in STEPS.items():
        clock.step(step)
        began = time.monotonic()
        answer = alice.post("/rooms/lobby/messages", token=token, body=name, client_id=name.replace(" ", "-"))
        assert answer.status == 201, "token and session are as good as before"
        assert time.monotonic() - began < 4, "it was not refused by a deadline of the wrong clock, nor left to one"
        said.append(answer.json)
        for stream in streams:
            stream.expect_message(name)
            off = server_time(stream.expect("ping")) - datetime.now(timezone.utc) - timedelta(seconds=step)
            assert abs(off) < timedelta(seconds=60), "premise: the server lives by that clock"
        began = time.monotonic()
        bob.poll(f"room=lobby&since={bob.cursor()}&wait=1")
        assert 0.9 < time.monotonic() - began < 20, "held as long as was wished"
        assert bob.poll(f"room=lobby&since={said[0]['id'] - 1}")["events"][-2]["data"]["body"] == name
    assert [message["id"] for message in said] == sorted(message["id"] for message in said)
    for stream in streams:
        assert [event.data for event in stream.named("message")] == said
        assert not any(event.data.get("went") for event in stream.named("presence")), "nobody was taken for gone"
        assert not stream.has_ended


def test_limits_lock_nobody_out_for_an_hour(timed, clock, people):
    clock.step(0)
    carol = people(timed).sign_in("carol")
    token = carol.token()

    def refused():
        answer = carol.post("/rooms/lobby/messages", token=token, body=f"again {time.monotonic_ns()}")
        return answer if answer.status == 429 else None

    for step in (0, HOUR, -HOUR):
        clock.step(step)
        answer = eventually(refused)
        assert answer.code == "slow_down"
        assert re.fullmatch(r"\d+", answer.headers["Retry-After"])
        assert int(answer.headers["Retry-After"]) <= RETRY_MAX_SECONDS
    clock.step(-HOUR)
    eventually(lambda: not refused())
