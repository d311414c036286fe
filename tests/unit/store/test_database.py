"""What each connection to the SQLite file is told."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from chat.store.sqlite import database
from tests.support.chats import Chat


def test_who_writes_has_the_write_lock_from_the_beginning_and_readers_do_not_mind(chat: Chat):
    path = Path(chat.database)
    engine = database.writing_engine(path, "full")
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as another:
        with engine.connect() as connection, connection.begin():
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                another.execute("BEGIN IMMEDIATE")
            assert another.execute("SELECT count(*) FROM rooms").fetchone()[0] >= 1
        another.execute("BEGIN IMMEDIATE")
        another.execute("ROLLBACK")
    engine.dispose()


def test_who_reads_cannot_write(chat: Chat):
    engine = database.reading_engine(Path(chat.database))
    with engine.connect() as connection, connection.begin():
        with pytest.raises(OperationalError, match="readonly"):
            connection.exec_driver_sql("DELETE FROM rooms")
    engine.dispose()
