"""The tables as the program knows them are those that the migrations make."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import Connection

import chat.store.migrations
from chat.core import config as configuration
from chat.core import times
from chat.core.errors import ChatError
from chat.domain import accounts, rooms, sessions
from chat.store import Store, Transaction, creation
from chat.store.schema import VERSION, metadata
from chat.store.sqlite.database import writing_engine
from chat.store.tables import events, users
from tests.support.postgres import Postgres

PARTIAL = ("events_by_message", "memberships_current", "messages_kept", "users_forgetting", "users_named")


def test_a_migrated_database_is_the_one_that_the_schema_makes(tmp_path: Path):
    creation.upgrade(configuration.load({"CHAT_INSTANCE": str(tmp_path)}))
    (tmp_path / "made.db").touch()
    with opened(tmp_path / "longwave.db") as migrated, opened(tmp_path / "made.db") as made:
        context = MigrationContext.configure(migrated)
        assert context.get_current_revision() == VERSION
        assert compare_metadata(context, metadata) == []
        metadata.create_all(made)
        before = described(migrated)
        assert before.pop("alembic_version") and before == described(made)
        assert before["events"]["indexes"], "premise"


def test_a_migrated_database_of_a_server_is_the_one_that_the_schema_makes(instance: Path, postgres: Postgres):
    url, other = postgres.database(), postgres.database()
    creation.upgrade(configuration.load({"CHAT_INSTANCE": str(instance), "CHAT_DATABASE_URL": url}))
    with connected(url) as migrated, connected(other) as made:
        context = MigrationContext.configure(migrated)
        assert compare_metadata(context, metadata) == []
        metadata.create_all(made)
        before = described(migrated)
        assert before.pop("alembic_version")
        for table in before.values():
            for name in PARTIAL:  # the schema names the rows of an index for SQLite alone
                if name in table["indexes"]:
                    assert table["indexes"][name]["dialect_options"].pop("postgresql_where"), name
        assert before == described(made)
        assert set(PARTIAL) <= {name for table in before.values() for name in table["indexes"]}


def described(connection: Connection) -> dict[str, Any]:
    """All that there is to say of the tables; columns in any order, as later ones stand at a migrated table's end."""
    found = inspect(connection)
    is_file = connection.dialect.name == "sqlite"
    sql = dict(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all()) if is_file else {}
    return {
        table: {
            "columns": {column["name"]: {**column, "type": str(column["type"])} for column in found.get_columns(table)},
            "key": found.get_pk_constraint(table),
            "indexes": {index["name"]: repr_of(index) for index in found.get_indexes(table)},
            "unique": sorted(found.get_unique_constraints(table), key=str),
            "references": sorted(found.get_foreign_keys(table), key=str),
            "gives no id twice": "AUTOINCREMENT" in sql.get(table, ""),
        }
        for table in found.get_table_names()
    }


def repr_of(index: Any) -> dict[str, Any]:
    options = {name: str(value) for name, value in index["dialect_options"].items()}
    return {**index, "dialect_options": options}


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection, connection.begin():
        yield connection
    engine.dispose()


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    engine = writing_engine(path, "full")
    with engine.connect() as connection, connection.begin():
        yield connection
    engine.dispose()


@pytest.mark.parametrize("lost", [[], [9, 8], list(range(1, 10))], ids=["nothing", "the newest", "everything"])
def test_the_log_goes_on_where_it_was_whatever_was_pruned(tmp_path: Path, lost: list[int]):
    """Before the table `log_head` SQLite itself kept the highest id."""

    def fill(connection: Connection) -> None:
        for id in range(1, 10):
            connection.exec_driver_sql("INSERT INTO events VALUES (?, 'room:1', 'message', '{}', ?, '')", (id, id))
        for id in lost:
            connection.exec_driver_sql("DELETE FROM events WHERE id = ?", (id,))

    config = configuration.load({"CHAT_INSTANCE": str(tmp_path)})
    with upgraded(config, "0010", fill) as store:
        with store.read() as connection:
            assert [event.id for event in events.after(connection, 0, 20)] == sorted({*range(1, 10)} - {*lost})
            assert events.highest_id(connection) == 9
        assert store.write(lambda tx: tx.append("room:1", "message", "{}")) == 10


def test_a_process_of_the_version_before_goes_on_until_it_ends_and_no_id_is_given_twice(tmp_path: Path):
    """It counts by SQLite's own table, and knows no `log_head`: it was open before the upgrade."""

    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO events VALUES (7, 'room:1', 'message', '{}', NULL, '')")
        connection.exec_driver_sql("DELETE FROM events")  # pruned

    config = configuration.load({"CHAT_INSTANCE": str(tmp_path)})
    with upgraded(config, "0010", fill) as store:
        assert old_append(store) == 8
        assert store.write(lambda tx: tx.append("room:1", "message", "{}")) == 9
        assert old_append(store) == 10
        with store.read() as connection:
            assert events.highest_id(connection) == 10
        assert store.write(lambda tx: tx.append("room:1", "message", "{}")) == 11


def old_append(store: Store) -> int:
    def append(tx: Transaction) -> int:
        connection = tx.connection
        last_id = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'events'").scalar_one()
        values = (last_id + 1, "room:1", "message", "{}", "")
        connection.exec_driver_sql("INSERT INTO events VALUES (?, ?, ?, ?, NULL, ?)", values)
        return values[0]

    return store.write(append)


def test_the_log_of_a_new_database_begins_with_one(tmp_path: Path):
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path)})
    creation.upgrade(config)
    store = Store(config)
    assert store.write(lambda tx: tx.append("room:1", "message", "{}")) == 1
    store.stop()


def test_the_program_asks_for_the_newest_version():
    settings = Config()
    settings.set_main_option("script_location", str(Path(chat.store.migrations.__file__).parent))
    assert ScriptDirectory.from_config(settings).get_current_head() == VERSION


def test_upgrading_again_changes_nothing_and_the_file_is_its_owners_alone(tmp_path: Path):
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path / "new")})
    creation.upgrade(config)
    before = (config.instance / "longwave.db").read_bytes()
    creation.upgrade(config)
    assert (config.instance / "longwave.db").read_bytes() == before
    assert (config.instance / "longwave.db").stat().st_mode & 0o077 == 0
    assert config.instance.stat().st_mode & 0o077 == 0


def test_twins_of_the_first_version_keep_their_names_and_nobody_new_gets_one(tmp_path: Path):
    """Its keys took what shows nothing for something, and fewer letters for one another."""
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path)})
    names = ["carol", "caro\ufffcl", "\ufffc", "c\u0430rol", "Dave", "nameless", "gone", "g\ufffcone"]
    old_keys = ["carol", "caro\ufffcl", "\ufffc", "c\u0430rol", "dave", "nameless:6", "gone", "g\ufffcone"]
    with upgraded(config, "0003", with_people(names, old_keys, released=("nameless", "gone"))) as store:
        with store.read() as connection:
            kept = connection.exec_driver_sql("SELECT name, name_key FROM users ORDER BY id").all()
            assert [name for name, _ in kept] == names
            assert kept[5].name_key == "nameless:6", "whoever was forgotten has no name"
            found = [owner_of(connection, name) for name in (*names[:5], "CAROL", "gone")]
            assert found == [1, 2, 3, 4, 5, 1, 8], "each by their own spelling, else the first"
        for name in ("carol", "Carol", "\u0441arol", "DAVE", "gone"):
            with pytest.raises(ChatError) as refusal:
                sign_in(store, name)
            assert refusal.value.code == "name_taken"
        store.write(users.change, 1, seen_at="2001-01-01T00:00:00.000Z")
        with pytest.raises(ChatError):
            sign_in(store, "carol")  # one twin has stayed away, but the others have not
        for user_id in (2, 4):
            store.write(users.change, user_id, seen_at="2001-01-01T00:00:00.000Z")
        assert sign_in(store, "carol").user_id == 9
        with store.read() as connection:
            assert [users.is_released(connection, user_id) for user_id in (1, 2, 3, 4)] == [True, True, False, True]


def test_names_drawn_alike_before_they_were_compared_so_are_kept_and_nobody_new_gets_one(tmp_path: Path):
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path)})
    names = ["Paul", "PauI", "nameless", "Bi11"]
    keys = ["paul", "paui", "nameless:3", "bi11"]
    with upgraded(config, "0005", with_people(names, keys, released=("nameless", "Bi11"))) as store:
        with store.read() as connection:
            kept = connection.exec_driver_sql("SELECT name, name_key, drawn_key FROM users ORDER BY id").all()
            drawn = ["Paul", "Paul", None, "Bill"]
            assert kept == list(zip(names, keys, drawn, strict=True)), "whoever was forgotten has no look"
            assert [owner_of(connection, name) for name in ("Paul", "PauI", "PAUL", "paui")] == [1, 2, 1, 2]
        for name in ("Paul", "PauI", "Pau1", "paui"):
            with pytest.raises(ChatError) as refusal:
                sign_in(store, name)
            assert refusal.value.code == "name_taken"
        assert sign_in(store, "Bill").user_id == 5
        with store.read() as connection:
            assert users.find(connection, 5).bearer == 2, "after Bi11"


@contextmanager
def upgraded(config, version, fill):
    """The store of a database of that earlier version, filled so, as today's upgrade leaves it."""
    path = config.instance / "longwave.db"
    path.touch()  # an engine opens what is there, and makes none
    engine = writing_engine(path, "full")
    with engine.connect() as connection, connection.begin():
        chat.store.migrations.upgrade(connection, version)
        fill(connection)
    engine.dispose()
    creation.upgrade(config)
    store = Store(config)
    try:
        yield store
    finally:
        store.stop()


def with_people(names, keys, released):
    def fill(connection):
        for name, key in zip(names, keys, strict=True):
            released_at = times.now() if name in released else None
            connection.exec_driver_sql(
                "INSERT INTO users (name, name_key, kind, colour, bearer, created_at, seen_at, released_at)"
                " VALUES (?, ?, 'guest', 0, 1, ?, ?, ?)", (name, key, times.now(), times.now(), released_at))
    return fill


def owner_of(connection, name):
    return users.find_by_name(connection, name).id


def sign_in(store, name):
    return store.write(accounts.sign_in, name, 30, sessions.From(None, ""))


def with_rooms(*rows):
    def fill(connection):
        for row in rows:
            connection.exec_driver_sql("INSERT INTO rooms (slug, name, kind, topic, created_at)"
                                       " VALUES (?, ?, ?, '', ?)", (*row, times.now()))
    return fill


def test_rooms_of_one_name_keep_it_and_nobody_new_gets_it(tmp_path: Path):
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path)})
    before = with_rooms(("tea", "Tea", "open"), ("tea-2", "\uff34ea", "open"), ("~4", "", "removed"))
    with upgraded(config, "0006", before) as store:
        with store.read() as connection:
            kept = connection.exec_driver_sql("SELECT name, name_key FROM rooms ORDER BY id").all()
        assert kept == [("Lobby", "lobby"), ("Tea", "tea"), ("\uff34ea", "tea"), ("", "")]
        with pytest.raises(ChatError) as refusal:
            store.write(rooms.open_room, None, "TEA", None, "")
        assert (refusal.value.code, refusal.value.params["room"]) == ("name_taken", "tea")
        assert store.write(rooms.change, "tea-2", "\uff34ea", "another topic"), "a twin of before may get a topic"
