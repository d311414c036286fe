"""What every form of process promises: it is open once it is made, and whatever becomes of it, nothing stays open."""

import errno
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from chat.core import config as configuration
from chat.core import pacing
from chat.core.config import Config
from chat.core.errors import ChatError
from chat.domain import accounts, inbox, messages, sessions, site_settings
from chat.realtime.sending import Backlog
from chat.runtime.metrics import Board
from chat.runtime.secret import SecretError
from chat.server import capacity
from chat.server.lasting_process import LastingProcess
from chat.server.per_request_process import PerRequestProcess
from chat.server.process import Process
from chat.store import Store, trouble
from chat.store.tables import users
from tests.support.failing import failing
from tests.support.serving import eventually, open_files

KINDS = {"lasting": LastingProcess, "per request": PerRequestProcess}
MUCH = capacity.threaded(64, 1)
Open = Callable[..., Process]


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request) -> type[Process]:
    return request.param


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration.load({"CHAT_INSTANCE": str(tmp_path / "instance")})


@pytest.fixture
def open_process(kind: type[Process], config: Config) -> Iterator[Open]:
    """Makes a process of the chat, as another one of its processes would be."""
    opened: list[Process] = []

    def open_process(kind: type[Process] = kind, config: Config = config, **known: Any) -> Process:
        opened.append(kind(config, Backlog(), pacing.POLL_INTERVAL_MS, **known))
        return opened[-1]

    yield open_process
    for process in opened:
        process.stop()


@pytest.fixture
def process(open_process: Open) -> Process:
    return open_process()


def guest(process: Process, name: str) -> Any:
    signed_in = process.store.write(accounts.sign_in, name, 30, sessions.From(None, ""))
    with process.store.read() as connection:
        return users.find(connection, signed_in.user_id)


def after_request(process: Process) -> None:
    work = process.work_after_request()
    if work is not None:
        work()


def knows(process: Process, claim: Callable[[], bool]) -> bool:
    """Whether it is so for the next request; a process that learns between requests may need a moment."""
    process.before_request()
    return claim()


# While it is open


def test_what_it_writes_it_knows_at_once(process: Process):
    alice = guest(process, "alice")
    posted = process.store.write(messages.post, alice, "lobby", "hi", None).message
    assert process.hub.last_id == posted["id"]


def test_what_others_write_it_knows_with_a_later_request(process: Process, open_process: Open):
    for another in (open_process(PerRequestProcess), open_process(LastingProcess)):
        posted = another.store.write(inbox.post_as, "hal", "lobby", "from elsewhere").message
        eventually(lambda id=posted["id"]: knows(process, lambda: process.hub.last_id >= id))


def test_what_the_owner_sets_elsewhere_is_in_force_with_a_later_request(process: Process, open_process: Open):
    another = open_process()
    another.store.write(site_settings.change_settings, None, {"CHAT_SITE_NAME": "Elsewhere"}, another.operators_config)
    eventually(lambda: knows(process, lambda: process.config.site_name == "Elsewhere"))
    assert process.operators_config.site_name != "Elsewhere"


def test_rows_of_the_inbox_are_posted_with_a_later_request(process: Process):
    path, last_id = process.operators_config.instance / "longwave.db", process.hub.last_id
    with closing(sqlite3.connect(path, timeout=20)) as database, database:
        database.execute("INSERT INTO inbox(room, author, body) VALUES ('lobby', 'cron', 'from outside')")
    eventually(lambda: knows(process, lambda: process.hub.last_id > last_id))


def test_whoever_polls_is_here_for_other_processes(process: Process, open_process: Open):
    alice, another = {"id": 1, "name": "alice", "kind": "guest"}, open_process()
    process.presence.poll(alice, {1: "lobby"}, 60)
    eventually(lambda: knows(another, lambda: alice["id"] in another.presence.everybody_here()))


def test_its_figures_are_seen_by_others(process: Process):
    after_request(process)
    board = Board(process.operators_config.instance / "metrics")
    eventually(lambda: any(sheet.is_alive for sheet in board.sheets()))


def test_it_holds_as_many_readers_whenever_its_host_is_known(process: Process, open_process: Open):
    assert process.hosting is None
    process.grant(MUCH)
    before = open_process(budget=MUCH)
    assert process.streams.most == before.streams.most and process.streams.lifetime == before.streams.lifetime
    after_request(process)
    assert process.hosting is not None and (process.operators_config.instance / "host").exists()


def test_only_a_new_chat_says_where_its_owner_s_code_is(open_process: Open, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    first = open_process()
    assert first.owner_code() and caplog.text.count("the code for becoming the owner") == 1
    open_process()
    assert caplog.text.count("the code for becoming the owner") == 1


# When it ends


def opened_by_this() -> set[str]:
    return open_files(os.getpid())


def test_stopped_it_has_nothing_open_and_can_be_stopped_again(open_process: Open):
    before, threads = opened_by_this(), set(threading.enumerate())
    process = open_process(budget=MUCH)
    process.before_request()
    process.store.write(inbox.post_as, "hal", "lobby", "hi")
    after_request(process)
    assert opened_by_this() > before, "premise"
    process.stop()
    process.stop()
    eventually(lambda: opened_by_this() <= before and set(threading.enumerate()) <= threads)


def test_its_figures_stay_when_it_has_stopped(open_process: Open):
    process = open_process()
    process.store.write(inbox.post_as, "hal", "lobby", "hi")
    after_request(process)
    process.stop()
    sheet, = Board(process.operators_config.instance / "metrics").sheets()
    assert not sheet.is_alive and sheet.cells["events"][0] >= 1


# When it cannot be opened


class Refusing:
    """Has the system refuse one thing to this thread: what is asked for in the folder after so many others."""

    ASKED = ("open", "sqlite3.connect", "os.mkdir")

    def __init__(self) -> None:
        self._folder = ""
        self._left: int | None = None
        self._thread = threading.get_ident()
        sys.addaudithook(self._hear)

    def after(self, others: int, folder: Path) -> None:
        self._left, self._folder = others, str(folder)

    def disarm(self) -> bool:
        """Whether nothing was refused."""
        left, self._left = self._left, None
        return left is not None

    def ask(self) -> None:
        if self._left is None or threading.get_ident() != self._thread:
            return
        self._left = self._left - 1 if self._left else None
        if self._left is None:
            raise OSError(errno.EMFILE, "Too many open files")

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_socket = event in ("socket.__new__", "socket.bind")
        if is_socket or event in self.ASKED and self._folder in str(arguments[0]):
            self.ask()


@pytest.fixture(scope="module")
def hook() -> Refusing:
    """One for all: a hook of this kind stays until Python ends."""
    return Refusing()


@pytest.fixture
def refusing(hook: Refusing, monkeypatch: pytest.MonkeyPatch) -> Refusing:
    start = threading.Thread.start

    def start_if_allowed(thread: threading.Thread) -> None:
        hook.ask()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_if_allowed)
    return hook


def test_whatever_the_system_refuses_nothing_stays_open_and_the_next_try_succeeds(
    open_process: Open, refusing: Refusing, tmp_path: Path
):
    before, threads = opened_by_this(), set(threading.enumerate())
    was_spared, refused = False, 0
    while not was_spared:
        instance = tmp_path / str(refused)
        config = configuration.load({"CHAT_INSTANCE": str(instance)})
        refusing.after(refused, instance)
        with suppress(OSError, trouble.DatabaseError, ChatError, SecretError):
            open_process(config=config, budget=MUCH).stop()
        was_spared = refusing.disarm()
        eventually(lambda: opened_by_this() <= before and set(threading.enumerate()) <= threads)
        open_process(config=config, budget=MUCH).stop()
        eventually(lambda: opened_by_this() <= before)
        refused += 1
    assert refused > 8, "premise"


@pytest.mark.parametrize("step", [(Store, "check"), (Process, "grant"), (Process, "owner_code")],
                         ids=lambda step: step[1])
def test_whatever_fails_by_itself_nothing_stays_open(open_process: Open, monkeypatch: pytest.MonkeyPatch, step: Any):
    before, threads = opened_by_this(), set(threading.enumerate())
    with monkeypatch.context() as patch:
        patch.setattr(*step, failing(ChatError("busy", "not now")))
        with pytest.raises(ChatError, match="not now"):
            open_process(budget=MUCH)
    eventually(lambda: opened_by_this() <= before and set(threading.enumerate()) <= threads)
    assert open_process().store
