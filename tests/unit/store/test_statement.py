"""Prepared statements: the same rows as by SQLAlchemy's own way, in a transaction and outside of one."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import NamedTuple

import psycopg
import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

import chat.store
from chat.core import config as configuration
from chat.store import creation
from chat.store.schema import memberships, rooms, users
from chat.store.statement import Compiled, Prepared, PreparedValue, Statement, fetch_all, fetch_first
from chat.store.tables import facts
from chat.store.tables.users import User
from chat.store.trouble import DatabaseError
from tests.support.chats import Chat
from tests.support.postgres import Postgres

BY_ID = select(users).where(users.c.id == bindparam("user_id"), users.c.kind != "bot")
SLUGS = select(rooms.c.id, rooms.c.slug).order_by(rooms.c.id)


class Slug(NamedTuple):
    id: int
    slug: str


class Turned(NamedTuple):
    slug: str
    id: int


class Member(NamedTuple):
    user: User
    room_id: int


MEMBERS = select(users, memberships.c.room_id).join(memberships, memberships.c.user_id == users.c.id)


def statements() -> dict[str, Statement]:
    """Every statement of the store that is built once, by its name."""
    found = [module.name for module in walk_packages(chat.store.__path__, "chat.store.")]
    modules = [import_module(name) for name in found if ".migrations" not in name]
    named = {f"{module.__name__}.{name}": value for module in modules for name, value in vars(module).items()}
    return {name: value for name, value in named.items() if isinstance(value, Statement)}


def test_every_statement_of_the_store_finds_what_its_row_says():
    assert "chat.store.tables.messages._BY_ID" in statements(), "or this looks at nothing"
    for name, statement in statements().items():
        for dialect in (sqlite.dialect(), postgresql.dialect()):
            # To compile one raises TypeError where its row has other fields.
            assert Compiled(statement._build(), dialect, statement._maker).sql, name


def test_a_server_understands_every_statement_whatever_its_values_are(instance: Path, postgres: Postgres):
    url = postgres.database()
    creation.upgrade(configuration.load({"CHAT_INSTANCE": str(instance), "CHAT_DATABASE_URL": url}))
    dialect = postgresql.psycopg.dialect()
    for name, statement in statements().items():
        sql = Compiled(statement._build(), dialect, statement._maker).sql
        parameters = dict.fromkeys(re.findall(r"%\((\w+)\)s", sql))
        for number, parameter in enumerate(parameters, 1):
            sql = sql.replace(f"%({parameter})s", f"${number}")
        try:
            postgres.query("PREPARE asked AS " + sql.replace("%%", "%"), url)
        except psycopg.Error as error:
            pytest.fail(f"{name}: {error}")


def test_a_row_is_what_sqlalchemy_would_give(chat: Chat):
    bob = chat.guest("bob")
    with chat.store.read() as connection:
        expected = connection.execute(BY_ID, {"user_id": bob.id}).one()
        found = Prepared(lambda: BY_ID, User).first(connection, user_id=bob.id)
    assert found is not None and found._asdict() == expected._asdict()
    assert found.is_owner is False, "SQLite keeps a number"


def test_what_is_not_there_is_none(chat: Chat):
    with chat.store.glance() as connection:
        assert Prepared(lambda: BY_ID, User).first(connection, user_id=99) is None
        assert Prepared(lambda: BY_ID, User).all(connection, user_id=99) == []
        by_id = select(users.c.name).where(users.c.id == bindparam("user_id"))
        assert PreparedValue[str](lambda: by_id).value(connection, user_id=99) is None
        assert fetch_first(connection, BY_ID, User, {"user_id": 99}) is None


def test_a_single_value_comes_without_a_row(chat: Chat):
    chat.guest("bob")
    is_owner = PreparedValue[bool](lambda: select(users.c.is_owner))
    with chat.store.glance() as connection:
        assert is_owner.value(connection) is False and is_owner.all(connection) == [False]


@pytest.mark.parametrize("row", [Turned, Member])
def test_a_row_with_other_fields_than_the_columns_is_refused(chat: Chat, row):
    with chat.store.glance() as connection:
        for find in (Prepared(lambda: SLUGS, row).all, lambda connection: fetch_all(connection, SLUGS, row)):
            with pytest.raises(TypeError, match=f"{row.__name__} has the fields .*, but the columns are .'id', 'slug'"):
                find(connection)
        with pytest.raises(TypeError, match="one column"):
            PreparedValue[int](lambda: SLUGS).value(connection)


def test_a_rows_first_field_may_be_a_row_itself(chat: Chat):
    bob = chat.guest("bob")
    chat.post(bob, "hi")
    with chat.store.read() as connection:
        for find in (Prepared(lambda: MEMBERS, Member).all, lambda connection: fetch_all(connection, MEMBERS, Member)):
            assert find(connection) == [Member(bob, 1)]
            assert type(find(connection)[0].user) is User


def test_a_statement_that_is_not_prepared_has_the_same_rows(chat: Chat):
    with chat.store.read() as connection:
        found = fetch_all(connection, SLUGS, Slug)
        assert found == Prepared(lambda: SLUGS, Slug).all(connection) and found[0].slug == "lobby"
        assert type(found[0]) is Slug and fetch_first(connection, SLUGS, Slug) == found[0]


def test_a_glance_keeps_no_snapshot_open(chat: Chat):
    with chat.store.glance() as first:
        Prepared(lambda: SLUGS, Slug).all(first)
        facts.get(first, "anything")  # through SQLAlchemy, which begins a transaction
    chat.store.write(lambda tx: facts.put(tx, "colour", "green"))
    with chat.store.glance() as second:
        assert second is first, "or this shows nothing"
        assert facts.get(second, "colour") == "green"


def test_a_glance_that_failed_leaves_a_connection_that_works(chat: Chat):
    broken = PreparedValue[int](lambda: select(rooms.c.id).where(rooms.c.id == bindparam("room_id")))
    for _ in range(3):
        with pytest.raises(DatabaseError, match="room_id"), chat.store.glance() as connection:
            broken.value(connection)
    assert chat.store._engine._reading.pool.checkedout() == 0, "it went back"
    with chat.store.glance() as connection:
        assert broken.value(connection, room_id=99) is None
