"""A disk that is full for a while: what was refused is not there, what was acknowledged is; nothing is restarted."""

import errno
import os
import threading
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.server.conftest import QUICK_MINUTES
from tests.shell.checkout import alone
from tests.support.clients import Person
from tests.support.plugin import needs_tool
from tests.support.serving import GUNICORN, eventually, serve

pytestmark = needs_tool("unshare")

ON_A_SMALL_DISK = (*alone("--mount"), "sh", "-c",
                   'mkdir -p "$CHAT_INSTANCE" && mount -t tmpfs -o size=16m tmpfs "$CHAT_INSTANCE" && exec "$@"', "sh")
WRITERS = 6
ENOUGH = 25  # posts of one kind, so that the writers have met what was to be met
PAUSE_SECONDS = 0.015  # a little less often than the limit allows


@pytest.fixture(scope="module")
def cramped():
    """Its instance lies on a small file system in memory, which other processes see through the server's eyes alone."""
    with serve(command=(*ON_A_SMALL_DISK, *GUNICORN), arguments=QUICK_MINUTES, keep_days=30, limits="on",
               posts_per_minute=6000, forgives="could not|ticker: |upkeep: |look: |SIGKILL") as server:
        yield server


@contextmanager
def full(server):
    """Not a page is left. Gives what fills it up anew, since a log that is carried into the database makes room."""
    ballast = Path(f"/proc/{server.pid}/root{server.instance}/ballast")
    with open(ballast, "wb", buffering=0) as file:
        def fill():
            with until_no_space_is_left():
                while True:
                    file.write(bytes(4096))
        eventually(lambda: (fill(), os.fstatvfs(file.fileno()).f_bfree == 0)[1])
        try:
            yield fill
        finally:
            ballast.unlink()


@contextmanager
def until_no_space_is_left():
    try:
        yield
    except OSError as error:
        assert error.errno == errno.ENOSPC


class Writer(threading.Thread):
    """Posts one message after another; `outcomes` is the answer's status by client id, None where none came."""

    def __init__(self, server, worker, number):
        super().__init__(name=f"writer {number}")
        self.person = Person(server, worker).sign_in(f"writer {number}")
        self.outcomes = {}
        self._number = number
        self._is_over = threading.Event()
        self._token = self.person.token()

    def run(self):
        while not self._is_over.wait(PAUSE_SECONDS):
            client_id = f"w{self._number}-{len(self.outcomes)}"
            self.outcomes[client_id] = self.post(client_id)

    def post(self, client_id):
        with suppress(OSError, HTTPException):
            return self.person.post("/rooms/lobby/messages", token=self._token, body=f"{client_id} " + "x" * 500,
                                    client_id=client_id).status
        self.person.close()
        return None

    def end(self):
        self._is_over.set()
        self.join()


def count(writers, status):
    return sum(list(writer.outcomes.values()).count(status) for writer in writers)


def await_more(writers, status, meanwhile=lambda: None):
    """Until so many more posts have ended so."""
    before = count(writers, status)
    eventually(lambda: (meanwhile(), count(writers, status) >= before + ENOUGH)[1])


def all_messages(person):
    """Every message of the lobby as the store has it, oldest first."""
    found, after = [], 0
    while True:
        page = person.get(f"/rooms/lobby/messages?limit=200&after={after}").json
        found += page["messages"]
        if not page["more"]:
            return found
        after = found[-1]["id"]


def test_exactly_those_posts_are_refused_whose_rows_are_not_in(cramped, people):
    workers = cramped.workers
    reader = people(cramped)
    stream = reader.listen("room=lobby")
    writers = [Writer(cramped, workers[number % 2], number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(2):
            await_more(writers, 201)
            with full(cramped) as fill:
                await_more(writers, 503, meanwhile=fill)
                assert reader.get("/rooms/lobby/messages").status == 200, "reading goes on"
            await_more(writers, 201)
    finally:
        for writer in writers:
            writer.end()
    outcomes = {client_id: status for writer in writers for client_id, status in writer.outcomes.items()}
    acknowledged = {client_id for client_id, status in outcomes.items() if status == 201}
    in_doubt = {client_id for client_id, status in outcomes.items() if status is None}
    assert set(outcomes.values()) <= {201, 503, None}
    kept = [message["client_id"] for message in all_messages(reader)]
    assert len(kept) == len(set(kept))
    assert acknowledged <= set(kept) <= acknowledged | in_doubt
    for writer in writers:
        for client_id, status in writer.outcomes.items():
            if status != 201:
                assert writer.post(client_id) == (200 if client_id in kept else 201)
        writer.person.close()
    found = all_messages(reader)
    stream.expect("message", lambda message: message["id"] == found[-1]["id"])
    assert [event.data for event in stream.named("message")] == found, "each once, in order"
    assert cramped.workers == workers, "and nobody was restarted"


def test_a_worker_that_starts_while_the_disk_is_full_reads_at_once_and_writes_when_there_is_room(cramped, people):
    doomed, other = cramped.workers
    with Person(cramped, other) as bob:
        bob.sign_in("bob, who stays")
        token = bob.token()
        with full(cramped) as fill:
            cramped.kill_worker(doomed)
            newcomer = people(cramped, worker=cramped.workers[-1])
            eventually(lambda: (fill(), newcomer.get("/healthz").code == "busy")[1])
            assert newcomer.get("/rooms/lobby").status == 200
            assert newcomer.listen("room=lobby").events[0].name == "hello"
        newcomer.sign_in("bob, who came").say("there is room")
        assert bob.post("/rooms/lobby/messages", token=token, body="indeed").status == 201


def test_flood_control_whose_file_was_cut_short_counts_on_when_there_is_room(cramped, people):
    workers = cramped.workers
    writers = [people(cramped, worker=worker).sign_in(f"typist {worker}") for worker in workers]
    tokens = [writer.token() for writer in writers]

    def type_now():
        return {writer.post("/rooms/lobby/typing", token=token).status
                for writer, token in zip(writers, tokens, strict=True)}

    assert type_now() == {204}
    os.truncate(f"/proc/{cramped.pid}/root{cramped.instance}/limits", 0)
    with full(cramped) as fill:
        eventually(lambda: (fill(), type_now() == {503})[1])
    eventually(lambda: type_now() == {204})
    assert cramped.workers == workers, "nobody was ended by looking at the file"
