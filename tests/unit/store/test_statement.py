"""Prepared statements: the same rows as by SQLAlchemy's own way, in a transaction and outside of one."""

import sqlite3

import pytest
from sqlalchemy import bindparam, select

from chat.store.schema import rooms, users
from chat.store.statement import Prepared
from chat.store.tables import facts
from tests.support.chats import Chat

BY_ID = select(users).where(users.c.id == bindparam("user_id"), users.c.kind != "bot")
SLUGS = select(rooms.c.id, rooms.c.slug).order_by(rooms.c.id)


def test_a_row_is_what_sqlalchemy_would_give(chat: Chat):
    bob = chat.guest("bob")
    with chat.store.read() as connection:
        expected = connection.execute(BY_ID, {"user_id": bob.id}).one()
        found = Prepared(BY_ID).first(connection, user_id=bob.id)
    assert found._asdict() == expected._asdict()
    assert found.is_owner is False, "SQLite keeps a number"


def test_what_is_not_there_is_none(chat: Chat):
    with chat.store.glance() as connection:
        assert Prepared(BY_ID).first(connection, user_id=99) is None
        assert Prepared(BY_ID).value(connection, user_id=99) is None
        assert Prepared(BY_ID).all(connection, user_id=99) == []



def test_a_glance_holds_no_moment_afterwards(chat: Chat):
    with chat.store.glance() as first:
        Prepared(SLUGS).all(first)
        facts.get(first, "anything")  # through SQLAlchemy, which begins a transaction
    chat.store.write(lambda tx: facts.put(tx, "colour", "green"))
    with chat.store.glance() as second:
        assert second is first, "or this shows nothing"
        assert facts.get(second, "colour") == "green"


def test_a_glance_that_failed_leaves_a_connection_that_works(chat: Chat):
    broken = Prepared(select(rooms.c.id).where(rooms.c.id == bindparam("room_id")))
    for _ in range(3):
        with pytest.raises(sqlite3.ProgrammingError), chat.store.glance() as connection:
            broken.first(connection)
    assert chat.store._reading.pool.checkedout() == 0, "it went back"
    with chat.store.glance() as connection:
        assert broken.first(connection, room_id=99) is None
