"""Clients that are not ours read a stream: npm's `eventsource`, `httpx-sse`, `sseclient-py`, `curl -N`."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.eventsource import EventSource
from tests.support.plugin import needs_tool
from tests.support.serving import TOP, eventually, serve

LISTEN = TOP / "bench" / "soak" / "listen.mjs"
SSECLIENT = Path(__file__).with_name("listen_sseclient.py")
SILENCE_SECONDS = "30"
CLIENTS = {
    "eventsource": ["node", str(LISTEN)],
    "httpx-sse": [sys.executable, "-m", "bench.soak.listen_httpx"],
    "sseclient-py": [sys.executable, str(SSECLIENT)],
}
MORE = {"httpx-sse": [SILENCE_SECONDS]}
TEXTS = ["plain", "zwei\nZeilen", "data: x\n\nevent: forged", "é 🙂 日本", "a\u2028b\u2029c\x85d\x0be\x0cf", "x" * 4000]

pytestmark = [needs_tool("node", "curl"), pytest.mark.slow]


@pytest.fixture
def server():
    with serve(workers=2, heartbeat_seconds=1) as server:
        yield server


class Listener:
    """A client's process; `events` is what it has printed so far: name, id, data."""

    def __init__(self, process):
        self.events = []
        self._lines = process.stdout

    def keep(self):
        for line in self._lines:
            said = json.loads(line)
            if said.get("data"):  # httpx-sse makes an event of `retry` alone
                self.events.append((said["event"], said["id"], json.loads(said["data"])))

    @property
    def names(self):
        return [name for name, _, _ in self.events]

    @property
    def messages(self):
        return [data for name, _, data in self.events if name == "message"]


@contextmanager
def listening(command):
    process = subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    listener = Listener(process)
    thread = threading.Thread(target=listener.keep)
    thread.start()
    try:
        yield listener
    finally:
        process.kill()
        thread.join()
        process.communicate()


def cookies_of(person):
    return "; ".join(f"{name}={value}" for name, value in person.cookies.items())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_foreign_client_hears_everything_once_and_in_order_also_over_a_restart(server, people, client):
    alice = people(server, "alice")
    alice.look("/rooms/lobby")
    cursor = alice.cursor()
    said = [alice.say(text) for text in TEXTS]
    url = f"{server.base_url}/stream?room=lobby"
    with listening([*CLIENTS[client], url, cookies_of(alice), str(cursor), *MORE.get(client, [])]) as listener:
        eventually(lambda: len(listener.messages) == len(said))
        said.append(alice.say("live"))
        eventually(lambda: len(listener.messages) == len(said))
        assert listener.names[0] == "hello"
        eventually(lambda: "ping" in listener.names)
        server.stop()
        server.start()
        alice.close()
        said.append(alice.say("after the restart"))
        eventually(lambda: len(listener.messages) >= len(said))
    assert listener.messages == said
    ids = [int(id) for name, id, _ in listener.events if name == "message"]
    assert ids == [message["id"] for message in said]
    assert listener.names.count("hello") >= 2, "premise: it came back"


def curl(url, cookies, *more, until):
    """What `curl -N` prints until two pings after the message with this id, when nothing can be on its way any more."""
    command = ["curl", "--silent", "--no-buffer", "--max-time", "100", "--cookie", cookies, *more, url]
    source, events, pings = EventSource(), [], 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            while pings < 2:
                piece = os.read(process.stdout.fileno(), 65536)
                assert piece, f"it ended by itself, after {events}"
                events += source.feed(piece)
                pings = sum(event.type == "ping" and int(event.last_event_id) >= until for event in events)
        finally:
            process.kill()
    return events


def test_curl_reads_it_and_goes_on_with_the_last_id(server, people):
    alice = people(server, "alice")
    cursor = alice.cursor()
    said = [alice.say(text) for text in TEXTS]
    url = f"{server.base_url}/stream?room=lobby"
    events = curl(f"{url}&since={cursor}", cookies_of(alice), until=said[-1]["id"])
    assert events[0].type == "hello"
    heard = [json.loads(event.data) for event in events if event.type == "message"]
    assert heard == said
    later = alice.say("later")
    last = events[-1].last_event_id
    again = curl(url, cookies_of(alice), "--header", f"Last-Event-ID: {last}", until=later["id"])
    assert [json.loads(event.data) for event in again if event.type == "message"] == [later]
