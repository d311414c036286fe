"""What only a database server can do to the store: be busy, restart, cut connections, and hand over to another."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from sqlalchemy.engine import RootTransaction

from chat.core import config as configuration
from chat.core.errors import ChatError, ConfigError
from chat.domain import messages
from chat.store import InDoubt, Store, engines
from chat.store.postgres import database, timeline, vacuum
from chat.store.tables import events, facts
from chat.store.trouble import Unavailable
from tests.support.chats import Chat, opened
from tests.support.postgres import Postgres
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


def test_connections_that_were_cut_cost_a_writer_nothing_and_readers_one_question(chat: Chat, postgres: Postgres):
    before = chat.store.write(append)
    with chat.store.read(), chat.store.read():
        pass  # two connections are kept
    postgres.cut()
    assert [is_usable(chat.store) for _ in range(3)] == [False, True, True]
    postgres.cut()
    assert chat.store.write(append) == before + 1


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


def test_after_a_server_has_taken_the_place_of_another_no_id_is_given_that_may_have_been_given(
    chat: Chat, postgres: Postgres
):
    last_id = chat.store.write(append)
    chat.store.write(facts.put, timeline._FACT, "00000000")
    assert chat.store.write(append) == last_id + 1, "the same connection leads to the same server"
    postgres.cut()
    skipped = last_id + 1 + timeline.SKIPPED_IDS
    assert [chat.store.write(append) for _ in range(2)] == [skipped + 1, skipped + 2]
    eventually(lambda: is_usable(chat.store))
    with chat.store.read() as connection:
        assert [events.has_lost(connection, id) for id in (last_id + 1, last_id + 2, skipped, skipped + 1)] \
            == [False, True, True, False]


def test_what_is_erased_leaves_the_tables_with_the_next_vacuum(chat: Chat, postgres: Postgres, monkeypatch):
    monkeypatch.setattr(vacuum, "PAUSE_SECONDS", 0.0)
    bob = chat.guest("bob")
    message = chat.post(bob, TEXT)
    chat.store.write(messages.remove, bob, message["id"])
    counted = ("SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname IN ('messages', 'events')")
    eventually(lambda: postgres.query(counted, chat.config.database_url) == [(0,)])


def test_too_early_a_vacuum_is_tried_again(chat: Chat):
    chat.store.write(lambda tx: setattr(tx, "erases", True))
    chat.store.write(lambda tx: setattr(tx, "erases", True))
    assert chat.store._writer.must_scrub and not chat.store._engine.has_remains(), "within a minute"


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
