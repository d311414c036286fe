"""What an idle process asks of the store each second: one question, and others only where its answer says so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chat.core import config as configuration
from chat.core import pacing
from chat.domain import accounts, erasure, messages, sessions
from chat.realtime.relay.local import LocalRelay
from chat.realtime.sending import Backlog
from chat.runtime.threads import Threads
from chat.server import lasting_process
from chat.server.lasting_process import LastingProcess
from chat.server.per_request_process import PerRequestProcess
from chat.server.process import Process
from chat.store import creation
from chat.store.postgres import vacuum
from chat.store.tables import users
from tests.support.postgres import Postgres

SECONDS = 5
Open = Callable[..., Process]


@pytest.fixture
def open_process(instance: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Makes a process, another one of the same chat each time; what they do each second is done by the test."""
    monkeypatch.setattr(lasting_process, "relay_for", lambda *_: LocalRelay())  # another has a connection of its own
    monkeypatch.setattr(Threads, "every", lambda self, seconds, function, name: lambda: None)
    monkeypatch.setattr(vacuum.Vacuum, "begin", lambda self: setattr(self, "_vacuumed", self._erasures))
    environ = {"CHAT_INSTANCE": str(instance), "CHAT_DATABASE_URL": postgres.database()}
    opened: list[Process] = []

    def open_process(kind: type[Process] = LastingProcess, **settings: str) -> Process:
        config = configuration.load(environ | settings)
        creation.upgrade(config)
        opened.append(kind(config, Backlog(), pacing.POLL_INTERVAL_MS))
        return opened[-1]

    yield open_process
    for process in opened:
        process.stop()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is sent to the server, in whose words ever, and by whatever of the driver."""
    asked: list[str] = []
    execute = psycopg.Cursor.execute

    def note(self: Any, query: Any, *arguments: Any, **named: Any) -> Any:
        asked.append(query.decode() if isinstance(query, bytes) else str(query))
        return execute(self, query, *arguments, **named)

    monkeypatch.setattr(psycopg.Cursor, "execute", note)
    return asked


def pass_seconds(process: Process, count: int = SECONDS) -> None:
    """What a lasting process does meanwhile."""
    assert isinstance(process, LastingProcess)
    for _ in range(count):
        process._log_due_at = 0.0
        process._tick()
        process._look()
        process._upkeep()


def test_an_idle_process_asks_once_a_second(open_process: Open, asked: list[str]):
    process = open_process()
    pass_seconds(process, 1)
    asked.clear()
    pass_seconds(process)
    assert len(asked) == SECONDS, asked
    assert len(set(asked)) == 1, "and the same each time"


def test_nor_does_a_request_ask_more_than_once_what_is_new(open_process: Open, asked: list[str]):
    process = open_process(PerRequestProcess)
    process.before_request()
    asked.clear()
    process.before_request()
    assert len(asked) == 1, asked


def test_what_it_was_not_told_of_it_finds_with_its_next_look(open_process: Open):
    process, another = open_process(), open_process(PerRequestProcess)
    signed_in = another.store.write(accounts.sign_in, "alice", 30, sessions.From(None, ""))
    with another.store.read() as connection:
        alice = users.get(connection, signed_in.user_id)
    posted = another.store.write(messages.post, alice, "lobby", "hi", None).message
    pass_seconds(process, 1)
    assert process.hub.last_id == posted["id"]


def test_a_row_of_the_inbox_is_posted_by_the_next_look(open_process: Open, postgres: Postgres):
    process = open_process()
    before = process.hub.last_id
    postgres.query("INSERT INTO inbox(room, author, body) VALUES ('lobby', 'cron', 'hi')",
                   process.operators_config.database_url)
    pass_seconds(process, 1)
    assert process.hub.last_id > before


def test_a_wish_to_be_forgotten_is_carried_on_until_it_is_done(open_process: Open, asked: list[str]):
    process = open_process()
    pass_seconds(process, 1)
    signed_in = process.store.write(accounts.sign_in, "alice", 30, sessions.From(None, ""))
    with process.store.read() as connection:
        alice = users.get(connection, signed_in.user_id)
    process.store.write(erasure.ask, alice, "remove")
    pass_seconds(process, 1)
    with process.store.read() as connection:
        assert users.to_forget(connection) == []
    pass_seconds(process, 2)
    asked.clear()
    pass_seconds(process)
    assert len(asked) == SECONDS, asked


@pytest.mark.parametrize("look_seconds, reads", [("0", 0), ("0.2", SECONDS), ("1", SECONDS), ("60", 1)])
def test_the_log_is_read_as_often_as_the_operator_wants(
    open_process: Open, monkeypatch: pytest.MonkeyPatch, look_seconds: str, reads: int
):
    process = open_process(CHAT_LOOK_SECONDS=look_seconds)
    assert isinstance(process, LastingProcess)
    read: list[Any] = []
    monkeypatch.setattr(process.hub, "wake", read.append)
    for second in range(SECONDS):
        now = 100 + 0.99 * second  # sooner than it should be, as a loop's timers may be
        monkeypatch.setattr("chat.server.lasting_process.time.monotonic", lambda now=now: now)
        process._look()
    assert len(read) == reads
