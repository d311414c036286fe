"""What only a database server can do to the store: be busy, restart, cut connections, and hand over to another."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import RootTransaction

from chat import runtime
from chat.core import config as configuration
from chat.core.errors import ChatError, ConfigError
from chat.domain import messages
from chat.store import InDoubt, Store, engines, writer
from chat.store.postgres import database, native, timeline, vacuum
from chat.store.tables import events
from chat.store.trouble import Unavailable
from tests.support.chats import Chat, opened
from tests.support.failing import failing
from tests.support.postgres import USER, Postgres, a_place, ended, running
from tests.support.serving import eventually

TEXT = "an unmistakable sentence"


@pytest.fixture
def chat(instance: Path, postgres: Postgres) -> Iterator[Chat]:
    with opened(instance, database_url=postgres.database(), database_connections=2) as chat:
        yield chat


def count(store: Store) -> int:
    with store.read() as connection:
        return events.highest_id(connection)


def is_usable(store: Store) -> bool:
    with suppress(Unavailable):
        count(store)
        return True
    return False


def append(tx) -> int:
    return tx.append("room:1", "message", "{}")


def test_what_cannot_be_begun_is_refused_and_all_works_when_the_server_is_back(chat: Chat, postgres: Postgres):
    before = count(chat.store)
    postgres.stop()
    try:
        for _ in range(2):
            with pytest.raises(ChatError) as refused:
                chat.store.write(append)
            assert refused.value.code == "busy"
            assert not is_usable(chat.store)
    finally:
        postgres.start()
    assert chat.store.write(append) == before + 1
    eventually(lambda: is_usable(chat.store))
    assert count(chat.store) == before + 1


def test_connections_that_were_cut_cost_nobody_anything(chat: Chat, postgres: Postgres):
    before = chat.store.write(append)
    with chat.store.read(), chat.store.read():
        pass  # two connections are there
    postgres.cut()
    assert [is_usable(chat.store) for _ in range(3)] == [True, True, True]
    postgres.cut()
    assert chat.store.write(append) == before + 1


def test_a_connection_that_is_lost_in_the_midst_of_a_question_is_not_used_again(chat: Chat, postgres: Postgres, caplog):
    with pytest.raises(Unavailable), chat.store.read() as connection:
        postgres.cut()
        events.highest_id(connection)
    assert is_usable(chat.store)
    assert "reset" not in caplog.text, "and nobody tries to set it right"


def test_where_the_connection_is_lost_during_a_commit_nobody_is_answered(
    chat: Chat, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
):
    bob = chat.guest("bob")
    commit = RootTransaction.commit
    with monkeypatch.context() as cut:
        cut.setattr(RootTransaction, "commit", lambda self: (postgres.cut(), commit(self)))
        with pytest.raises(InDoubt):
            chat.post(bob, "hello", client_id="k1")
    posted = [chat.store.write(messages.post, bob, "lobby", "hello", "k1") for _ in range(2)]
    assert [post.is_new for post in posted] == [True, False], "and to ask again is harmless"


def test_an_upgrade_waits_for_another_and_may_take_its_time(chat: Chat):
    with chat.store._engine.upgrading() as connection:
        for name in database.PATIENT:
            assert connection.exec_driver_sql(f"SHOW {name}").scalar_one() == "0"
    limited = chat.store.write(lambda tx: tx.connection.exec_driver_sql("SHOW lock_timeout").scalar_one())
    assert limited == "5s", "others wait for a writer, but not for ever"


def test_a_crowd_waits_for_a_connection_but_not_for_ever(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "POOL_SECONDS", 0.1)
    chat.store.stop()
    chat.store = Store(chat.config)
    with ExitStack() as crowd:
        for _ in range(2):
            crowd.enter_context(chat.store.read())
        with pytest.raises(Unavailable, match="couldn't get a connection"):
            count(chat.store)
    assert is_usable(chat.store)


def test_whoever_waits_is_given_the_connection_that_another_gives_back(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    """None lies idle while somebody waits, however few there are."""
    together, counted = threading.Barrier(6), []

    def ask() -> None:
        together.wait(20)
        for _ in range(20):
            counted.append(count(chat.store))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(counted) == 120


def test_a_batch_sends_a_mark_for_each_change_and_moves_the_head_once(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    execute = psycopg.Cursor.execute

    def note(self, query, *arguments, **named):
        asked.append(query.decode() if isinstance(query, bytes) else str(query))
        return execute(self, query, *arguments, **named)

    chat.store.write(append)
    monkeypatch.setattr(psycopg.Cursor, "execute", note)
    chat.store._writer._run([writer.Job(append) for _ in range(5)])
    assert sum("SAVEPOINT" in sql for sql in asked) == 5
    assert sum("UPDATE log_head" in sql for sql in asked) == 1
    assert len(asked) == len(["BEGIN", "lock", "highest id", "head"]) + 5 * len(["mark", "event"]), asked


@pytest.mark.parametrize("is_in_c", [True, False])
def test_the_writer_s_connection_waits_in_c_where_psycopg_can(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, is_in_c: bool
):
    waited: list[float] = []
    wait = native.WAIT
    assert wait is not None, "premise: it looks as it did when this was written"
    in_c = (lambda *what, interval: (waited.append(interval), wait(*what, interval=interval))[1]) if is_in_c else None
    monkeypatch.setattr(native, "WAIT", in_c)
    assert chat.store.write(append) == count(chat.store)
    assert bool(waited) == is_in_c


# Another server takes over


def test_after_a_replica_that_was_behind_has_taken_over_no_id_is_given_again_and_everybody_begins_anew(instance: Path):
    with ExitStack() as opening:
        first = opening.enter_context(running())
        folder, port = opening.enter_context(a_place())
        name = first.database().rpartition("/")[2]
        second = opening.enter_context(ended(Postgres(folder, port)))
        both = f"postgresql://{USER}@127.0.0.1:{first.port},127.0.0.1:{port}/{name}"
        chat = opening.enter_context(opened(instance, database_url=both))
        bob = chat.guest("bob")
        kept = chat.post(bob, "what both have")
        first.replica(folder, port)
        lost = chat.post(bob, "what the replica never had")
        reader, other = chat.reader(bob, cursor=chat.hub.last_id), chat.another_hub()
        first.kill()
        second.start()
        second.promote()
        eventually(lambda: is_usable(chat.store))
        said = chat.post(bob, "what comes after", client_id="k1")
        other.wake()
        assert said["id"] > lost["id"] + timeline.SKIPPED_IDS - 10 and kept["id"] < lost["id"]
        for hub in (chat.hub, other):
            assert hub.last_id == said["id"] and [event.id for event in hub.feed.ring] == []
        assert reader.end == "slow", "it comes back, and is told of the gap"
        with chat.store.read() as connection:
            assert [events.has_lost(connection, id) for id in (kept["id"], lost["id"], said["id"])] \
                == [False, True, False]
            assert events.is_in_gap(connection, lost["id"])


def test_the_ids_that_were_skipped_do_not_count_as_events(chat: Chat):
    chat.store.write(events.skip_ids, 8 * timeline.SKIPPED_IDS)  # a long log is counted again but seldom
    chat.store.write(append)
    before = chat.store.write(events.count)
    chat.store.write(events.skip_ids, timeline.SKIPPED_IDS)
    chat.store.write(append)
    assert chat.store.write(events.count) == before + 1


# What was erased


def test_what_is_erased_leaves_the_tables_with_the_next_vacuum(chat: Chat, postgres: Postgres, monkeypatch):
    monkeypatch.setattr(vacuum, "PAUSE_SECONDS", 0.0)
    bob = chat.guest("bob")
    message = chat.post(bob, TEXT)
    chat.store.write(messages.remove, bob, message["id"])
    counted = ("SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname IN ('messages', 'events')")
    eventually(lambda: postgres.query(counted, chat.config.database_url) == [(0,)])


def test_a_vacuum_is_tried_again_until_it_has_worked_but_not_at_once():
    now, tried = [0.0], []

    class Connection:
        def execute(self, sql: bytes) -> None:
            tried.append(sql)
            if len(tried) == 1:
                raise OSError("the server is away")

        def close(self) -> None:
            pass

    def is_tried(number: int) -> bool:
        vacuuming.begin()
        eventually(lambda: len(tried) >= number)
        return len(tried) == number

    vacuuming = vacuum.Vacuum(Connection, clock=lambda: now[0])
    assert is_tried(1) and vacuuming.is_needed and not vacuuming.is_due
    now[0] += vacuum.PAUSE_SECONDS
    assert vacuuming.is_due and is_tried(2)
    eventually(lambda: not vacuuming.is_needed)
    vacuuming.note_erasure()
    assert is_tried(2), "within a minute"
    now[0] += vacuum.PAUSE_SECONDS
    assert is_tried(3) and tried[0].startswith(b"VACUUM ")


def test_where_no_thread_can_be_started_a_vacuum_is_tried_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runtime.current(), "start_native", failing(RuntimeError("can't start new thread")))
    vacuuming = vacuum.Vacuum(lambda: None)
    vacuuming.begin()
    assert vacuuming.is_needed


def test_a_password_is_told_to_nobody(instance: Path, monkeypatch: pytest.MonkeyPatch):
    config = configuration.load({"CHAT_INSTANCE": str(instance),
                                 "CHAT_DATABASE_URL": "postgresql://alice:s3cret@127.0.0.1:1/chat"})
    store = Store(config)
    with pytest.raises(Unavailable) as unavailable:
        count(store)
    store.stop()
    assert "s3cret" not in f"{unavailable.value} {unavailable.value.words} {store.name}"
    assert store.name == "PostgreSQL database chat at 127.0.0.1"
    with pytest.raises(ConfigError) as refused:
        configuration.load({"CHAT_DATABASE_URL": "mysql://alice:s3cret@127.0.0.1/chat"})
    assert "s3cret" not in str(refused.value)


def test_without_the_driver_it_is_said_how_to_get_it(instance: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "chat.store.postgres.engine", None)
    config = configuration.load({"CHAT_INSTANCE": str(instance), "CHAT_DATABASE_URL": "postgresql://127.0.0.1/chat"})
    with pytest.raises(ConfigError, match="pip install"):
        engines.engine_for(config)
