"""What was removed leaves the files: whoever was in the way, whoever died over it, and nobody waits for it."""

import errno
import fcntl
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import Any

import pytest

from chat.core.errors import ChatError
from chat.domain import messages, retention
from chat.store import Store
from chat.store.sqlite import checkpoints
from chat.store.sqlite.database import BUSY_TIMEOUT_MS
from chat.store.sqlite.remnants import Remnants
from chat.store.sqlite.turnstile import Turnstile
from tests.support.chats import Chat

TEXT = "an unmistakable sentence"


def files_with(chat: Chat, words: str) -> list[str]:
    """The files of the instance that contain these words."""
    paths = [path for path in chat.config.instance.rglob("*") if path.is_file()]
    return sorted(path.name for path in paths if words.encode() in path.read_bytes())


@contextmanager
def a_long_look(chat: Chat):
    """Another program reads for long, a backup for instance: the write-ahead log cannot be emptied meanwhile."""
    with closing(sqlite3.connect(chat.database)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchall()
        yield


def test_it_is_gone_at_once(chat: Chat, bob):
    message = chat.post(bob, TEXT)
    assert files_with(chat, TEXT), "premise"
    chat.store.write(messages.edit, bob, message["id"], "something else")
    assert files_with(chat, TEXT) == []


def test_a_reader_in_the_way_only_delays_it(chat: Chat, bob):
    message = chat.post(bob, TEXT)
    with a_long_look(chat):
        chat.store.write(messages.remove, bob, message["id"])
        retention.every_second(chat.store)
        assert files_with(chat, TEXT), "premise: the reader still sees what was there"
    retention.every_second(chat.store)
    assert files_with(chat, TEXT) == []


def test_nobody_waits_for_a_reader_in_the_way(chat: Chat, bob):
    message = chat.post(bob, TEXT)
    with a_long_look(chat):
        began = time.monotonic()
        chat.store.write(messages.remove, bob, message["id"])
        for _ in range(3):
            retention.every_second(chat.store)
            chat.post(bob, "meanwhile")
        assert time.monotonic() - began < BUSY_TIMEOUT_MS / 1000, "it was not waited for even once"


def test_a_process_that_died_before_it_was_done_leaves_it_to_the_next(chat: Chat, bob):
    message = chat.post(bob, TEXT)
    with a_long_look(chat):
        killed = Store(chat.config)
        killed.write(messages.remove, bob, message["id"])
    assert files_with(chat, TEXT), "premise"
    started = Store(chat.config)
    started.check()
    retention.every_second(started)
    started.stop()
    assert files_with(chat, TEXT) == []


def test_another_process_does_it_for_a_command_that_has_ended(chat: Chat, bob):
    message = chat.post(bob, TEXT)
    with a_long_look(chat):
        command = Store(chat.config)
        command.write(messages.remove_as_owner, message["id"])
        command.stop()
    assert files_with(chat, TEXT), "premise"
    chat.hub.wake()
    retention.every_second(chat.store)
    assert files_with(chat, TEXT) == []


def test_the_database_overwrites_what_it_frees(chat: Chat):
    """Asked for here, because some builds of SQLite do so by themselves, and others do not."""
    assert chat.store.write(lambda tx: tx.connection.exec_driver_sql("PRAGMA secure_delete").scalar()) == 1


def test_nothing_removed_stays_in_the_pages_of_the_file(chat: Chat, bob):
    """Bodies of all lengths, removed and edited in all orders, while others come: SQLite moves rows about."""
    ids = [chat.post(bob, f"{TEXT} {number} " + "x" * (number * 37 % 3900))["id"] for number in range(120)]
    for number in sorted(range(120), key=lambda number: number * 47 % 120):
        if number % 2:
            chat.store.write(messages.remove, bob, ids[number])
        else:
            chat.store.write(messages.edit, bob, ids[number], "y" * (number * 53 % 3900 + 1))
        chat.post(bob, "z" * (number * 71 % 3900 + 1))
    assert files_with(chat, TEXT) == []


def test_a_text_that_was_moved_before_it_was_removed_is_gone(chat: Chat, bob):
    """It is edited and grows, others, too, and so it moves from page to page; then it is removed."""
    ids = [chat.post(bob, TEXT * (1 + number * 7 % 16))["id"] for number in range(80)]
    for number, id in enumerate(ids):
        chat.store.write(messages.edit, bob, id, TEXT * (5 + number * 11 % 37))
    for id in ids:
        chat.store.write(messages.remove, bob, id)
    assert files_with(chat, TEXT) == []


def test_a_log_that_was_shortened_without_a_removal_leaves_nothing_for_later(chat: Chat, bob, monkeypatch):
    monkeypatch.setattr(checkpoints, "LOG_BYTES", 0)
    test_a_text_that_was_moved_before_it_was_removed_is_gone(chat, bob)


def test_a_log_that_cannot_be_emptied_refuses_nobody(chat: Chat, bob, monkeypatch, caplog):
    """The change is in the store; what is left of the text goes when the cause has gone."""
    message = chat.post(bob, TEXT)
    with monkeypatch.context() as patched:
        patched.setattr(Remnants, "wipe", full_disk)
        chat.store.write(messages.remove, bob, message["id"])
    assert "could not empty the write-ahead log" in caplog.text
    retention.every_second(chat.store)
    retention.every_second(chat.store)
    assert not chat.store.must_scrub and files_with(chat, TEXT) == []


def test_nobody_writes_between_a_removal_and_its_scrubbing(chat: Chat, bob, monkeypatch: pytest.MonkeyPatch):
    """Another process would put its own pages behind those that are to go."""
    turnstile, empty, kept_out = chat.database.with_suffix(".turnstile"), checkpoints.Checkpoints.empty, []

    def watched(self: checkpoints.Checkpoints, connection: Any) -> Any:
        with open(turnstile) as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        kept_out.append(True)
        return empty(self, connection)

    message = chat.post(bob, TEXT)
    monkeypatch.setattr(checkpoints.Checkpoints, "empty", watched)
    turns = []
    passed = Turnstile._entered
    monkeypatch.setattr(Turnstile, "_entered", lambda self: turns.append(True) or passed(self))
    chat.store.write(messages.remove, bob, message["id"])
    assert kept_out and len(turns) == 1, "the change and the scrubbing are one turn"


def test_a_log_that_cannot_be_looked_at_costs_no_answer(chat: Chat, bob, monkeypatch, caplog):
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.Checkpoints, "is_due", full_disk)
        assert chat.post(bob, "kept")["body"] == "kept"
    assert "could not look at the write-ahead log" in caplog.text


def full_disk(*args: object) -> bool:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_could_not_be_emptied_now_is_emptied_later(chat: Chat, bob, monkeypatch: pytest.MonkeyPatch):
    chat.post(bob, "in the write-ahead log")
    chat.store.must_scrub = True

    def refuse(*_: object) -> None:
        raise ChatError("busy", "not now")

    with monkeypatch.context() as patched, pytest.raises(ChatError):
        patched.setattr(chat.store, "write", refuse)
        chat.store.scrub()
    assert chat.store.must_scrub
    chat.store.scrub()
    assert not chat.store.must_scrub and not chat.store._engine.has_remains()
