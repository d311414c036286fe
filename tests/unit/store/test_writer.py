"""The group-commit writer: durable before it is answered, one failure alone, nothing in doubt."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from chat.core.errors import ChatError
from chat.store import writer
from chat.store.tables import facts
from tests.support.chats import Chat, opened


@pytest.fixture
def chat(tmp_path: Path):
    with opened(tmp_path) as chat:
        chat.store.start()
        yield chat


def put(tx, name, value="1"):
    facts.put(tx, name, value)
    return value


def kept(chat: Chat, name: str) -> str | None:
    with chat.store.read() as connection:
        return facts.get(connection, name)


def in_threads(count, function):
    results: list[object] = [None] * count

    def run(number):
        try:
            results[number] = function(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def test_what_was_answered_is_in_the_file(chat: Chat):
    assert chat.store.write(put, "colour", "green") == "green"
    other = sqlite3.connect(chat.store.path)
    assert other.execute("SELECT value FROM facts WHERE name = 'colour'").fetchone() == ("green",)
    other.close()


def test_changes_that_come_together_share_a_commit(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    batches = []
    run = writer.Writer._run
    gate = threading.Event()
    begun = threading.Event()

    def noted(self, batch):
        begun.set()
        gate.wait(10)
        batches.append(len(batch))
        return run(self, batch)

    monkeypatch.setattr(writer.Writer, "_run", noted)
    first = threading.Thread(target=chat.store.write, args=(put, "first"))
    first.start()
    assert begun.wait(5)
    queued = chat.store._writer._queue
    others = threading.Thread(target=in_threads, args=(20, lambda number: chat.store.write(put, f"n{number}")))
    others.start()
    while queued.qsize() < 20:
        pass
    gate.set()
    first.join(10)
    others.join(10)
    assert batches == [1, 20]


def test_one_failing_change_undoes_itself_alone(chat: Chat):
    def change(tx, number):
        put(tx, f"n{number}")
        if number % 3 == 0:
            raise ChatError("invalid", "No threes.")
        return number

    results = in_threads(30, lambda number: chat.store.write(change, number))
    for number, result in enumerate(results):
        assert isinstance(result, ChatError) if number % 3 == 0 else result == number
        assert kept(chat, f"n{number}") == (None if number % 3 == 0 else "1")


def test_a_change_that_is_not_begun_in_time_is_taken_back(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    gate, begun = threading.Event(), threading.Event()

    def hold(tx):
        begun.set()
        gate.wait(10)

    holding = threading.Thread(target=chat.store.write, args=(hold,))
    holding.start()
    assert begun.wait(5)
    with monkeypatch.context() as hurried, pytest.raises(ChatError) as refused:
        hurried.setattr(writer, "QUEUE_SECONDS", 0.1)
        chat.store.write(put, "late")
    assert (refused.value.code, refused.value.retry_after_seconds) == ("busy", 2)
    gate.set()
    holding.join(10)
    chat.store.write(put, "next")
    assert kept(chat, "late") is None and kept(chat, "next") == "1"


def test_a_file_that_cannot_be_written_refuses_and_recovers_without_a_restart(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("chat.store.sqlite.database.BUSY_TIMEOUT_MS", 100)
    chat.store.write(lambda tx: tx.connection.execute(text("PRAGMA busy_timeout = 100")))
    other = sqlite3.connect(chat.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ChatError) as refused:
        chat.store.write(put, "while locked")
    assert refused.value.code == "busy"
    other.execute("ROLLBACK")
    other.close()
    chat.store.write(put, "afterwards")
    assert kept(chat, "while locked") is None and kept(chat, "afterwards") == "1"


def test_readers_are_woken_once_a_commit_and_only_by_news(tmp_path: Path):
    with opened(tmp_path) as chat:
        rung = []
        chat.store._writer._on_commit = lambda: rung.append(True)
        chat.store.write(put, "no news")
        assert not rung
        chat.store.write(lambda tx: [tx.append("room:1", "message", "{}") for _ in range(3)])
        assert len(rung) == 1


def test_ids_are_never_given_twice(tmp_path: Path):
    with opened(tmp_path) as chat:
        first = chat.store.write(lambda tx: tx.append("room:1", "message", "{}"))
        chat.store.write(lambda tx: tx.connection.execute(text("DELETE FROM events")))
        assert chat.store.write(lambda tx: tx.append("room:1", "message", "{}")) == first + 1
