"""Nothing that fails on the way ends what everybody needs: the writer, the relay, what is done each second."""

import errno
import fcntl
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat.core import config as configuration
from chat.core import pacing
from chat.domain import retention
from chat.realtime.relay import unix as relay_module
from chat.realtime.relay.passing import PassingRelay
from chat.realtime.relay.unix import UnixRelay
from chat.realtime.sending import Backlog
from chat.server.lasting_process import LastingProcess
from chat.store import writer
from chat.store.sqlite import checkpoints
from chat.store.sqlite.engine import SqliteEngine
from chat.store.sqlite.remnants import Remnants
from chat.store.tables import facts
from tests.support.chats import Chat
from tests.support.failing import NO_FILES, failing
from tests.support.serving import eventually


@pytest.fixture
def threaded(chat: Chat) -> Chat:
    chat.store.start()
    return chat


def put(tx: Any, name: str) -> str:
    facts.put(tx, name, "1")
    tx.append("room:1", "message", "{}")
    return name


def is_kept(chat: Chat, name: str) -> bool:
    with chat.store.read() as connection:
        return facts.get(connection, name) is not None


# The writer


@pytest.mark.parametrize("error", [NO_FILES, ValueError("list.remove(x): x not in list"), KeyError("slug")])
def test_what_a_ring_raises_ends_no_writer(threaded: Chat, caplog: pytest.LogCaptureFixture, error: Exception):
    rung = threaded.store._writer._on_commit
    threaded.store._writer._on_commit = failing(error)
    assert threaded.store.write(put, "first") == "first", "it is saved, and so it is acknowledged"
    assert threaded.store.write(put, "second") == "second"
    threaded.store._writer._on_commit = rung
    threaded.store.write(put, "third")
    assert threaded.hub.last_id == 3, "the next ring brings what the lost ones did not"
    assert "is not made known before the next look" in caplog.text


def test_without_a_thread_it_is_acknowledged_too(chat: Chat):
    chat.store._writer._on_commit = failing(NO_FILES)
    assert chat.store.write(put, "first") == "first" and is_kept(chat, "first")


def test_a_job_that_cannot_be_woken_keeps_no_answer_from_the_others(threaded: Chat, monkeypatch: pytest.MonkeyPatch):
    gate, begun = threading.Event(), threading.Event()
    run = writer.Writer._run

    def held(self: Any, batch: Any) -> Any:
        begun.set()
        gate.wait(10)
        return run(self, batch)

    monkeypatch.setattr(writer.Writer, "_run", held)
    first = threading.Thread(target=threaded.store.write, args=(put, "first"))
    first.start()
    assert begun.wait(10)
    deaf = writer.Job(lambda tx: put(tx, "deaf"))
    deaf.waiter = None  # type: ignore[assignment]
    threaded.store._writer._queue.put([deaf])
    answers: list[str] = []
    second = threading.Thread(target=lambda: answers.append(threaded.store.write(put, "second")))
    second.start()
    eventually(lambda: threaded.store._writer._queue.qsize() == 2)
    gate.set()
    first.join(10)
    second.join(10)
    assert answers == ["second"] and is_kept(threaded, "deaf")


@pytest.mark.parametrize(
    "where, name", [(Remnants, "wipe"), (checkpoints, "checkpoint"), (checkpoints, "changed_pages")]
)
def test_what_goes_wrong_after_the_commit_undoes_no_acknowledgement(
    threaded: Chat, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
):
    def erase(tx: Any, fact: str) -> str:
        tx.erases = True
        return put(tx, fact)

    with monkeypatch.context() as patched:
        patched.setattr(where, name, failing(ValueError("not a page")))
        assert threaded.store.write(erase, "first") == "first"
    assert is_kept(threaded, "first") and threaded.hub.last_id == 1 and threaded.store._writer.must_scrub
    assert threaded.store.write(erase, "second") == "second"
    assert not threaded.store._writer.must_scrub


def test_a_writer_that_failed_by_itself_goes_on(threaded: Chat, monkeypatch: pytest.MonkeyPatch, caplog):
    with monkeypatch.context() as patched:
        patched.setattr(SqliteEngine, "rest", failing(NO_FILES))
        assert threaded.store.write(put, "first") == "first"
        eventually(lambda: "goes on after an error" in caplog.text)
    assert threaded.store.write(put, "second") == "second"


def test_a_connection_that_cannot_be_closed_does_not_end_the_writer(threaded: Chat, monkeypatch: pytest.MonkeyPatch):
    threaded.store.write(put, "first")
    with monkeypatch.context() as patched:
        patched.setattr(writer.Writer, "_run", failing(ValueError("unforeseen")))
        patched.setattr(threaded.store._engine._connection, "invalidate", failing(NO_FILES))
        with pytest.raises(ValueError, match="unforeseen"):
            threaded.store.write(put, "refused")
    assert threaded.store.write(put, "second") == "second" and not is_kept(threaded, "refused")


def test_a_turnstile_that_cannot_be_left_undoes_no_change(threaded: Chat, monkeypatch: pytest.MonkeyPatch):
    flock = fcntl.flock

    def unlocking_fails(file: int, how: int) -> None:
        flock(file, how)
        if how == fcntl.LOCK_UN:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("chat.store.sqlite.turnstile.fcntl.flock", unlocking_fails)
    assert threaded.store.write(put, "first") == "first" and threaded.hub.last_id == 1


# The relay


@pytest.fixture
def relays(instance: Path) -> Iterator[list[UnixRelay]]:
    relays = [UnixRelay(instance) for _ in range(2)]
    yield relays
    for relay in relays:
        relay.stop()


def left_behind(relay: UnixRelay) -> Path:
    """The socket of a process that died without a word."""
    path = relay._folder / f"999-{len(os.listdir(relay._folder))}"
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(path))
    dead.close()
    return path


def test_two_threads_may_find_the_same_process_dead(relays: list[UnixRelay], monkeypatch: pytest.MonkeyPatch):
    relay, _ = relays
    relay._peers = [str(left_behind(relay))]
    known = list(relay._peers)
    both = threading.Barrier(2)
    send_to = UnixRelay._send_to

    def together(self: UnixRelay, path: str, datagram: bytes) -> bool:
        is_there = send_to(self, path, datagram)
        both.wait(10)
        return is_there

    monkeypatch.setattr(relay, "_listed_peers", lambda: known)
    monkeypatch.setattr(UnixRelay, "_send_to", together)
    errors: list[Exception] = []

    def ring() -> None:
        try:
            relay.ring()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ring) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert errors == [] and relay._peers == [] and os.listdir(relay._folder) == []


@pytest.mark.parametrize("step", ["scandir", "unlink"])
def test_a_lack_of_descriptors_raises_nothing_and_forgets_nobody(
    relays: list[UnixRelay], monkeypatch: pytest.MonkeyPatch, step: str
):
    one, other = relays
    rang = threading.Event()
    other.start(rang.set, lambda news: None)
    one.ring()
    assert rang.wait(10), "premise"
    rang.clear()
    left_behind(one)
    monkeypatch.setattr(relay_module.os, step, failing(NO_FILES))
    one.ring()
    assert rang.wait(10), "whoever was known is rung"


def test_a_process_that_does_not_last_rings_or_does_not(instance: Path, monkeypatch: pytest.MonkeyPatch, caplog):
    relay_module.run_folder(instance)
    relay = PassingRelay(lambda: relay_module.to_others(instance))
    for name in ("run_folder", "UnixRelay"):
        with monkeypatch.context() as patched:
            patched.setattr(relay_module, name, failing(NO_FILES))
            relay.ring()
    relay.ring()
    assert caplog.text.count("could not be rung") == 2


def test_a_bad_datagram_costs_no_other_and_trouble_with_listening_passes(
    relays: list[UnixRelay], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_module, "DEAF_SECONDS", 0.0)
    one, other = relays
    rang, heard, news = threading.Event(), threading.Event(), []
    waiting = [failing(NO_FILES), lambda receiver: [b"{", b"[]", b'{"kind": "typing"}', b"ring"]]

    def wait(receiver: socket.socket) -> list[bytes]:
        return waiting.pop(0)(receiver) if waiting else []

    def take(said: Any) -> None:
        news.append(said["kind"])
        heard.set()

    monkeypatch.setattr(relay_module, "_waiting", wait)
    other.start(rang.set, take)
    one.publish({"kind": "lost with the trouble"})
    one.publish({"kind": "heard"})
    assert rang.wait(10) and heard.wait(10)
    eventually(lambda: "typing" in news)


def test_a_relay_whose_folder_was_emptied_can_stop(instance: Path):
    relay = UnixRelay(instance)
    relay.start(lambda: None, lambda news: None)
    receiver = relay._receiver
    assert receiver is not None
    for entry in os.scandir(relay._folder):
        os.unlink(entry.path)
    relay.stop()
    eventually(lambda: receiver.fileno() == -1)


# What is done each second


@pytest.fixture
def process(instance: Path) -> Iterator[LastingProcess]:
    """A whole process; its ticker goes when the test says so."""
    config = configuration.load({"CHAT_INSTANCE": str(instance), "CHAT_LOOK_SECONDS": "60"})
    process = LastingProcess(config, Backlog(), pacing.POLL_INTERVAL_MS)
    yield process
    process.stop()


WORKS = {
    "_look": lambda process: [(process.hub, "wake"), (process, "_post_inbox")],
    "_tick": lambda process: [(process.streams, "tick"), (process.presence, "tick"), (process, "note_figures")],
    "_upkeep": lambda process: [(retention, "every_second"), (process.watermarks, "publish"),
                                (retention, "every_minute"), (process, "_touch_who_is_here")],
}


@pytest.mark.parametrize("round", WORKS)
@pytest.mark.parametrize("error", [NO_FILES, KeyError("slug")])
def test_whatever_fails_in_a_second_all_else_is_done(
    process: LastingProcess, monkeypatch: pytest.MonkeyPatch, error: Exception, round: str
):
    done = []
    works = WORKS[round](process)
    for failed in range(len(works)):
        done.clear()
        for number, (where, name) in enumerate(works):
            note = failing(error) if number == failed else lambda *_, name=name: done.append(name)
            monkeypatch.setattr(where, name, note)
        process._seconds, process._log_due_at = 3599, 0
        getattr(process, round)()
        assert done == [name for number, (_, name) in enumerate(works) if number != failed]


def test_a_roster_that_cannot_be_told_keeps_no_other_from_it(process: LastingProcess, monkeypatch: pytest.MonkeyPatch):
    presence, told = process.presence, []
    user = {"id": 1, "name": "alice", "kind": "guest"}
    presence.poll(user, {1: "lobby", 2: "garden", 3: "den"}, 60)
    tell = presence._send_changes

    def some(room_id: int, now: float) -> None:
        if room_id == 2:
            raise KeyError(room_id)
        told.append(room_id)
        tell(room_id, now)

    monkeypatch.setattr(presence, "_send_changes", some)
    presence.tick()
    assert told == [1, 3]
