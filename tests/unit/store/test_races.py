"""What may happen between two steps of one process, each brought about on purpose."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from chat.core import times
from chat.core.errors import ChatError
from chat.domain import messages, retention
from chat.realtime import feed as feed_module
from chat.realtime.feed import Feed
from chat.realtime.hub import Hub
from chat.store import InDoubt, Store, writer
from chat.store.schema import messages as message_table
from tests.support.chats import Chat, opened

NOBODY = 65534


@pytest.fixture
def chat(instance: Path):
    with opened(instance, ring_events=16) as chat:
        yield chat


@pytest.fixture
def threaded(chat: Chat) -> Chat:
    """With its writer in a thread of its own, as in a server."""
    chat.store.start()
    return chat


def once(function: Callable[[], object]) -> Callable[..., None]:
    """Something that happens at the first call alone."""
    left = [function]

    def call(*_: object) -> None:
        if left:
            left.pop()()

    return call


def preceded_by(happening: Callable[..., object], step: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        happening()
        return step(*arguments, **named)

    return call


def followed_by(happening: Callable[..., object], step: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        result = step(*arguments, **named)
        happening()
        return result

    return call


def ids_of_messages(heard: list[tuple[int, str, str]]) -> list[int]:
    return [id for id, name, _ in heard if name == "message"]


def count_messages(chat: Chat) -> int:
    with chat.store.read() as connection:
        return connection.execute(select(func.count()).select_from(message_table)).scalar() or 0


# Register, read, wait

def test_between_register_and_read(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    bob, posted = chat.guest("bob"), []
    between = once(lambda: posted.append(chat.post(bob, "between")["id"]))
    monkeypatch.setattr(Hub, "register", followed_by(between, Hub.register))
    reader = chat.reader(named=[1], cursor=chat.hub.last_id)
    assert ids_of_messages(chat.read_all(reader)) == posted != []
    posted.append(chat.post(bob, "afterwards")["id"])
    assert ids_of_messages(chat.read_all(reader)) == posted[1:]


def test_between_read_and_wait(chat: Chat):
    bob = chat.guest("bob")
    reader = chat.reader(named=[1], cursor=chat.hub.last_id)
    assert chat.hub.feed.read(reader) == []
    chat.post(bob, "between")
    assert reader.waiter.wait(0), "a wake that came before the wait is not lost"
    assert len(chat.hub.feed.read(reader)) == 2, "the message, and bob's joining"


@pytest.mark.parametrize("when", [preceded_by, followed_by], ids=["before the log is read", "after it was read"])
@pytest.mark.parametrize("is_behind", [False, True], ids=["from the ring", "from the store"])
def test_while_the_log_is_being_read(chat: Chat, monkeypatch: pytest.MonkeyPatch, when: Any, is_behind: bool):
    """The process that reads learns of it by its next reading; whoever catches up meanwhile hears it once."""
    bob = chat.guest("bob")
    start = chat.hub.last_id
    posted = [chat.post(bob, f"number {number}")["id"] for number in range(60 if is_behind else 3)]
    between = once(lambda: posted.append(chat.post(bob, "between")["id"]))
    assert (start < chat.hub.feed.ring.floor) == is_behind
    reader = chat.reader(named=[1], cursor=start)
    monkeypatch.setattr(feed_module.events, "piece_after", when(between, feed_module.events.piece_after))
    monkeypatch.setattr(Feed, "read", followed_by(between, Feed.read))  # the ring asks no store
    heard = chat.read_all(reader)
    chat.hub.wake()
    heard += chat.read_all(reader)
    assert ids_of_messages(heard) == posted
    assert len(posted) == (61 if is_behind else 4), "it did happen"


def test_while_another_process_reads_the_log(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    bob, other = chat.guest("bob"), chat.another_hub()
    reader = chat.reader(named=[1], hub=other, cursor=other.last_id)
    posted = [chat.post(bob, "first")["id"]]
    between = once(lambda: posted.append(chat.post(bob, "between")["id"]))
    monkeypatch.setattr(feed_module.events, "after", followed_by(between, feed_module.events.after))
    other.wake()
    assert ids_of_messages(chat.read_all(reader, other)) == posted[:1]
    other.wake()
    assert ids_of_messages(chat.read_all(reader, other)) == posted[1:] != []


# Commit, ring

def test_a_lost_ring_costs_a_look_and_nothing_else(chat: Chat):
    bob, other = chat.guest("bob"), chat.another_hub()
    here = chat.reader(named=[1], cursor=chat.hub.last_id)
    there = chat.reader(named=[1], hub=other, cursor=other.last_id)
    chat.store._writer._on_commit = lambda: None
    posted = [chat.post(bob, "not rung for")["id"]]
    assert not here.waiter.wait(0) and not there.waiter.wait(0)
    for hub, reader in ((chat.hub, here), (other, there)):
        for _ in range(2):
            hub.wake()
        assert reader.waiter.wait(0)
        assert ids_of_messages(chat.read_all(reader, hub)) == posted


def test_rings_that_come_late_repeat_nothing(chat: Chat):
    bob = chat.guest("bob")
    reader = chat.reader(named=[1], cursor=chat.hub.last_id)
    posted = [chat.post(bob, "once")["id"]]
    assert ids_of_messages(chat.read_all(reader)) == posted
    for _ in range(3):
        chat.hub.wake()
    assert not chat.hub.feed.read(reader) and chat.hub.feed.read(reader) == []


# Catch up, prune

def test_a_reader_whose_next_events_are_pruned_while_it_catches_up_is_sent_back(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
):
    """It must not step over them unnoticed: it comes back with its cursor, and is told `reset`."""
    monkeypatch.setattr(feed_module, "PIECE_EVENTS", 5)
    bob = chat.guest("bob")
    start = chat.hub.last_id
    posted = [chat.post(bob, f"number {number}")["id"] for number in range(60)]
    assert start < chat.hub.feed.ring.floor, "it must be the store's for this to mean anything"
    reader = chat.reader(named=[1], cursor=start)
    heard = [event.id for event in chat.hub.feed.read(reader)]
    was_at = reader.cursor
    chat.store.write(retention.prune, times.ago(days=1), 30)
    assert chat.hub.feed.read(reader) == []
    assert (reader.end, reader.cursor) == ("slow", was_at)
    assert set(heard) <= set(range(start, posted[10]))


# Claim, result

def test_a_change_that_was_begun_in_time_is_waited_for_past_the_deadline(
    threaded: Chat, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "QUEUE_SECONDS", 0.05)
    bob, begun, gate = threaded.guest("bob"), threading.Event(), threading.Event()
    waits = watched_waits(monkeypatch, begun, gate.set)

    def slowly(tx: Any) -> Any:
        begun.set()
        return gate.wait(10) and messages.post(tx, bob, "lobby", "slowly", "k1").message

    message = threaded.store.write(slowly)
    assert waits == [writer.QUEUE_SECONDS, writer.RESULT_SECONDS], "the deadline must have passed meanwhile"
    assert message["body"] == "slowly" and count_messages(threaded) == 1


def watched_waits(monkeypatch: pytest.MonkeyPatch, begun: threading.Event, at_result: Callable[[], object]) -> list:
    """How long a change waits, each time; to be begun it has any time, and its deadline passes only then."""
    waits: list[float | None] = []

    def wait(self: Any, seconds: float | None = None) -> bool:
        waits.append(seconds)
        if seconds == writer.QUEUE_SECONDS:
            begun.wait(10)
        elif seconds == writer.RESULT_SECONDS:
            at_result()
        return bool(waiting(self, seconds))

    waiter = type(writer.Job(lambda tx: None).waiter)
    waiting = waiter.wait
    monkeypatch.setattr(waiter, "wait", wait)
    return waits


def test_what_is_in_doubt_is_settled_by_the_repeat(threaded: Chat, monkeypatch: pytest.MonkeyPatch):
    bob, gate, begun = threaded.guest("bob"), threading.Event(), threading.Event()
    monkeypatch.setattr(writer, "QUEUE_SECONDS", 0.05)
    monkeypatch.setattr(writer, "RESULT_SECONDS", 0.06)
    watched_waits(monkeypatch, begun, lambda: None)

    def slowly(tx: Any) -> Any:
        begun.set()
        gate.wait(10)
        return messages.post(tx, bob, "lobby", "slowly", "k1")

    with pytest.raises(InDoubt):
        threaded.store.write(slowly)
    assert begun.is_set()
    monkeypatch.setattr(writer, "QUEUE_SECONDS", 10)
    monkeypatch.setattr(writer, "RESULT_SECONDS", 10)
    gate.set()
    repeat = threaded.store.write(messages.post, bob, "lobby", "again", "k1")
    assert (repeat.is_new, repeat.message["body"]) == (False, "slowly")
    assert count_messages(threaded) == 1


def test_the_same_client_id_at_the_same_instant_in_two_processes_is_one_message(threaded: Chat):
    """Two stores on one file, each with its own writer; whoever is second finds the first one's row."""
    other = Store(threaded.config)
    other.start()
    bob, posted = threaded.guest("bob"), []
    for number in range(20):
        both = threading.Barrier(2)

        def post(store: Store, client_id: str, both: threading.Barrier = both) -> None:
            both.wait(10)
            posted.append(store.write(messages.post, bob, "lobby", "hi", client_id))

        stores = (threaded.store, other)
        threads = [threading.Thread(target=post, args=(store, f"k{number}")) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        first, second = sorted(posted[-2:], key=lambda each: not each.is_new)
        assert (first.is_new, second.is_new) == (True, False)
        assert first.message == second.message
    other.stop()
    assert count_messages(threaded) == 20


# A file that cannot be written

@contextmanager
def full(chat: Chat) -> Iterator[None]:
    """SQLite's own word for a full disk: no connection that is opened meanwhile may make the file grow."""

    def limit(driver_connection: Any, record: object) -> None:
        driver_connection.execute("PRAGMA max_page_count = 1").close()

    event.listen(chat.store._engine._writing, "connect", limit)
    try:
        yield
    finally:
        event.remove(chat.store._engine._writing, "connect", limit)


@contextmanager
def read_only(chat: Chat) -> Iterator[None]:
    """The file may be read and not written; root may do both, so root is nobody meanwhile."""
    is_root = os.geteuid() == 0
    folder = chat.database.parent
    if is_root:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
    chat.database.chmod(0o400)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        chat.database.chmod(0o600)


@pytest.mark.parametrize("trouble", [full, read_only])
def test_what_is_refused_is_not_there_and_the_next_works_when_the_cause_is_gone(chat: Chat, trouble: Any):
    bob = chat.guest("bob")
    chat.store.stop()  # nobody has the file open when the trouble begins
    chat.store = store = Store(chat.config)

    def try_to_post(client_id: str) -> str | None:
        try:
            store.write(messages.post, bob, "lobby", "x" * 4000, client_id)
        except ChatError as error:
            return error.code
        return client_id

    with trouble(chat):
        store.start()
        tried = [try_to_post(f"k{number}") for number in range(30)]
    assert "busy" in tried, "premise: it was in the way"
    kept = {f"k{number}" for number in range(30)} & set(tried)
    with store.read() as connection:
        assert set(connection.execute(select(message_table.c.client_id)).scalars()) == kept
    for number in range(30):
        again = store.write(messages.post, bob, "lobby", "x" * 4000, f"k{number}")
        assert again.is_new == (f"k{number}" not in kept)
    assert count_messages(chat) == 30
