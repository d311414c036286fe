"""What the store promises, whichever engine is below it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from chat.core import config as configuration
from chat.core import times
from chat.core.errors import ChatError
from chat.store import Store, Transaction, creation, writer
from chat.store import schema as tables
from chat.store.tables import events, facts, news, users
from chat.store.trouble import DatabaseError
from tests.support.serving import eventually

Open = Callable[..., Store]


@contextmanager
def opening(environ: dict[str, str]) -> Iterator[Open]:
    """Opens, in a new database, one more store for each process; each writes in a thread of its own."""
    config = configuration.load(environ)
    creation.upgrade(config)
    with ExitStack() as opened:

        def open_store(on_commit: Callable[[], None] = lambda: None) -> Store:
            store = Store(config, on_commit)
            opened.callback(store.stop)
            store.start()
            return store

        yield open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def environ(request, tmp_path: Path) -> dict[str, str]:
    """The settings by which a chat has a new database of each kind."""
    environ = {"CHAT_INSTANCE": str(tmp_path)}
    if request.param == "postgresql":
        environ["CHAT_DATABASE_URL"] = request.getfixturevalue("postgres").database()
    return environ


@pytest.fixture
def open_store(environ: dict[str, str]) -> Iterator[Open]:
    before = threading.active_count()
    with opening(environ) as open_store:
        yield open_store
    eventually(lambda: threading.active_count() <= before)


@pytest.fixture
def store(open_store: Open) -> Store:
    return open_store()


def put(tx: Transaction, name: str, value: str = "1") -> str:
    facts.put(tx, name, value)
    return value


def append(tx: Transaction, times: int = 1) -> int:
    return [tx.append("room:1", "message", "{}") for _ in range(times)][-1]


def kept(store: Store, name: str) -> str | None:
    with store.read() as connection:
        return facts.get(connection, name)


def look(store: Store, cursor: int) -> news.News:
    with store.glance() as connection:
        return news.look(connection, cursor)


def ids(store: Store) -> list[int]:
    with store.read() as connection:
        return [event.id for event in events.after(connection, 0, 10_000)]


def highest_id(store: Store) -> int:
    with store.read() as connection:
        return events.highest_id(connection)


def in_threads(count: int, function: Callable[[int], Any]) -> list[Any]:
    """What the function gave or raised for each number, called from as many threads."""
    results: list[object] = [None] * count

    def run(number: int) -> None:
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


class Held:
    """A change that the store is in the midst of, until it is let go."""

    def __init__(self, store: Store) -> None:
        self._goes_on, begun = threading.Event(), threading.Event()

        def hold(tx: Transaction) -> None:
            put(tx, "held")
            begun.set()
            self._goes_on.wait(20)

        self._thread = threading.Thread(target=store.write, args=(hold,))
        self._thread.start()
        assert begun.wait(10)

    def let_go(self) -> None:
        self._goes_on.set()
        self._thread.join(20)


# Reading


def test_a_reading_sees_one_moment_and_a_glance_the_newest(store: Store):
    with store.read() as reading:
        assert facts.get(reading, "colour") is None
        store.write(put, "colour")
        assert facts.get(reading, "colour") is None
        with store.glance() as glance:
            assert facts.get(glance, "colour") == "1"
    assert kept(store, "colour") == "1"


def test_readers_do_not_wait_for_a_change_and_see_nothing_of_it_before_its_end(store: Store, open_store: Open):
    other = open_store()
    held = Held(store)
    assert kept(store, "held") is None and kept(other, "held") is None
    held.let_go()
    assert kept(store, "held") == kept(other, "held") == "1"


def test_a_reader_can_write_nothing(store: Store):
    with pytest.raises(DatabaseError), store.read() as connection:
        connection.execute(insert(tables.facts), {"name": "colour", "value": "green"})
    assert kept(store, "colour") is None


# Writing


def test_what_was_answered_is_there_for_every_other_process(store: Store, open_store: Open):
    other = open_store()
    for number in range(20):
        assert store.write(put, "number", str(number)) == str(number)
        assert kept(other, "number") == str(number)


def test_what_was_answered_is_there_after_a_restart(open_store: Open):
    store = open_store()
    store.write(put, "colour", "green")
    store.stop()
    assert kept(open_store(), "colour") == "green"


def test_one_failing_change_undoes_itself_alone(store: Store):
    def change(tx: Transaction, number: int) -> int:
        put(tx, f"n{number}")
        append(tx)
        if number % 3 == 0:
            raise ChatError("invalid", "No threes.")
        return number

    held = Held(store)
    threading.Timer(0, held.let_go).start()
    for number, result in enumerate(in_threads(30, lambda number: store.write(change, number))):
        assert (result.code == "invalid") if number % 3 == 0 else result == number
        assert kept(store, f"n{number}") == (None if number % 3 == 0 else "1")
    assert ids(store) == list(range(1, 21)), "and the ids of those that failed are given to others"


def test_changes_that_come_together_share_a_commit_and_a_ring(open_store: Open):
    rung: list[bool] = []
    store = open_store(lambda: rung.append(True))
    held = Held(store)
    changes = threading.Thread(target=in_threads, args=(20, lambda number: store.write(append)))
    changes.start()
    eventually(lambda: store._writer._queue.qsize() == 20)
    held.let_go()
    changes.join(20)
    assert len(ids(store)) == 20 and len(rung) == 1


def test_what_comes_while_another_process_writes_shares_a_commit(
    store: Store, open_store: Open, monkeypatch: pytest.MonkeyPatch
):
    begun, commit = threading.Event(), store._writer._commit
    monkeypatch.setattr(store._writer, "_commit", lambda batch: (begun.set(), commit(batch))[1])
    held = Held(open_store())
    first = threading.Thread(target=store.write, args=(append,))
    first.start()
    assert begun.wait(20)
    others = threading.Thread(target=in_threads, args=(20, lambda number: store.write(append)))
    others.start()
    eventually(lambda: store._writer._queue.qsize() == 20)
    held.let_go()
    first.join(20)
    others.join(20)
    assert len(ids(store)) == 21 and sum(store.commits.changes.cells[:-1]) == 1


def test_whoever_writes_rings_once_a_commit_and_only_for_news(open_store: Open):
    rung: list[bool] = []
    store = open_store(lambda: rung.append(True))
    store.write(put, "no news")
    assert not rung
    store.write(append, 3)
    assert len(rung) == 1


def test_a_change_that_is_not_begun_in_time_is_taken_back(store: Store, monkeypatch: pytest.MonkeyPatch):
    held = Held(store)
    with monkeypatch.context() as hurried, pytest.raises(ChatError) as refused:
        hurried.setattr(writer, "QUEUE_SECONDS", 0.1)
        store.write(put, "late")
    assert (refused.value.code, refused.value.retry_after_seconds) == ("busy", 2)
    held.let_go()
    store.write(put, "next")
    assert kept(store, "late") is None and kept(store, "next") == "1"


def test_of_two_processes_one_writes_at_a_time(store: Store, open_store: Open):
    def count(tx: Transaction) -> None:
        put(tx, "count", str(int(facts.get(tx.connection, "count") or 0) + 1))

    stores = store, open_store()
    assert in_threads(20, lambda number: stores[number % 2].write(count)) == [None] * 20
    assert kept(store, "count") == "20"


# The log


def test_ids_become_visible_in_their_order_whoever_gives_them(store: Store, open_store: Open):
    other, seen = open_store(), [ids(store)]

    def write(number: int) -> None:
        while len({len(visible) for visible in seen}) < 5:  # or nobody would have read meanwhile
            (store, other)[number % 2].write(append, 2)

    writing = threading.Thread(target=in_threads, args=(4, write))
    writing.start()
    while writing.is_alive():
        seen.append(ids(other))
    for visible in [*seen, ids(store)]:
        assert visible == list(range(1, len(visible) + 1))


def test_the_id_is_known_before_the_event_is_appended(store: Store):
    def change(tx: Transaction) -> tuple[int, int]:
        return tx.next_id(), append(tx)

    assert store.write(change) == (1, 1) and store.write(change) == (2, 2)


def test_ids_are_never_given_again_and_the_highest_stays_known(store: Store, open_store: Open):
    store.write(append, 5)
    assert store.write(events.prune, times.ago(days=-1), 0, 100) == 5
    assert ids(store) == [] and highest_id(store) == 5
    other = open_store()
    assert highest_id(other) == 5 and other.write(append) == 6
    assert store.write(append) == 7


def test_an_id_is_not_given_again_though_its_event_left_the_log_before_the_commit(store: Store):
    def come_and_go(tx: Transaction) -> int:
        event_id = append(tx)
        events.forget(tx, [event_id])
        return event_id

    def fail(tx: Transaction) -> None:
        append(tx)
        raise ChatError("invalid", "No.")

    held, given, threads = Held(store), [], []
    for count, change in enumerate((come_and_go, fail, append), 1):
        write = partial(in_threads, 1, lambda _, change=change: given.append(store.write(change)))
        threads.append(threading.Thread(target=write))
        threads[-1].start()
        eventually(lambda count=count: store._writer._queue.qsize() == count)
    held.let_go()
    for thread in threads:
        thread.join(20)
    assert sorted(given) == [1, 2] and ids(store) == [2]
    assert [store.write(come_and_go), highest_id(store), store.write(append)] == [3, 3, 4]


def test_pruning_drops_the_oldest_so_many_at_a_time_and_says_up_to_where(store: Store):
    store.write(append, 10)
    assert store.write(events.prune, times.ago(days=1), 4, 5) == 5
    assert ids(store) == [6, 7, 8, 9, 10]
    assert store.write(events.prune, times.ago(days=1), 4, 5) == 1
    assert store.write(events.prune, times.ago(days=1), 4, 5) == 0, "none of them is old"
    assert ids(store) == [7, 8, 9, 10]
    with store.read() as connection:
        assert events.pruned_to(connection) == 6


def test_the_next_events_beyond_a_cursor_come_in_order_and_within_bounds(store: Store):
    def change(tx: Transaction) -> None:
        for number in range(6):
            tx.append(f"room:{number % 2}", "message", "x" * 10)

    store.write(change)
    with store.read() as connection:
        assert [event.id for event in events.after(connection, 2, 3)] == [3, 4, 5]
        for most, most_bytes, expected in ((10, 1000, ([3, 5], True)), (1, 1000, ([3], False)), (10, 5, ([3], False))):
            found, is_all = events.piece_after(connection, 1, ["room:0"], most, most_bytes)
            assert ([event.id for event in found], is_all) == expected


# Versions


def test_one_question_tells_whether_there_is_anything_to_do(store: Store):
    nothing = look(store, 0)
    assert nothing == (nothing.last_id, False, False, False)
    last_id = store.write(append)
    assert look(store, 0).last_id == last_id == nothing.last_id + 1

    def wish(tx: Transaction) -> None:
        tx.connection.execute(insert(tables.inbox).values(room="lobby", author="cron", body="hi"))
        users.change(tx, users.add(tx, "alice", kind="guest", colour=1, bearer=1), forgetting="leave:0")

    store.write(wish)
    assert look(store, 0)[1:] == (False, True, True)
    assert [look(store, cursor).has_lost(cursor) for cursor in (last_id, last_id + 1)] == [False, True]
    store.write(events.skip_ids, 10)
    store.write(append)
    cursors = (last_id, last_id + 1, last_id + 10, last_id + 11)
    assert [look(store, cursor).has_lost(cursor) for cursor in cursors] == [False, True, True, False]


def test_a_database_of_another_version_is_refused_and_one_of_this_is_not(store: Store, open_store: Open):
    other = open_store()
    other.check()
    store.write(lambda tx: tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(ChatError) as refused:
        other.check()
    assert (refused.value.code, refused.value.retry_after_seconds) == ("busy", 60)
