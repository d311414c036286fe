"""What SQLite's errors mean, and what the rest of the program hears of them."""

import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from chat.core import config as configuration
from chat.store import Store, creation
from chat.store.schema import rooms
from chat.store.sqlite.errors import classify
from chat.store.trouble import DatabaseError, Unavailable
from tests.support.chats import Chat


def wrapped(kind, cause):
    return kind("SELECT 1", {}, cause)


OF_FILE = [
    sqlite3.OperationalError("database is locked"),
    sqlite3.OperationalError("disk I/O error"),
    sqlite3.OperationalError("attempt to write a readonly database"),
    sqlite3.DatabaseError("database disk image is malformed"),
    wrapped(OperationalError, sqlite3.OperationalError("unable to open database file")),
]
OF_STATEMENTS = [
    sqlite3.OperationalError("no such table: rooms"),
    sqlite3.OperationalError('near "SELEC": syntax error'),
    sqlite3.ProgrammingError("You did not supply a value"),
    sqlite3.IntegrityError("UNIQUE constraint failed"),
    wrapped(IntegrityError, sqlite3.IntegrityError("UNIQUE constraint failed")),
]
OF_OTHERS = [ValueError("no"), OSError(errno.ENOSPC, "No space left on device"), KeyError("no such table")]


@pytest.mark.parametrize("error", OF_FILE, ids=str)
def test_a_file_that_fails_is_no_fault_of_the_program(tmp_path: Path, error: Exception):
    diagnosis = classify(error, tmp_path / "longwave.db")
    assert diagnosis is not None and not diagnosis.is_fault


@pytest.mark.parametrize("error", OF_STATEMENTS, ids=str)
def test_a_statement_that_fails_is(tmp_path: Path, error: Exception):
    diagnosis = classify(error, tmp_path / "longwave.db")
    assert diagnosis is not None and diagnosis.is_fault


@pytest.mark.parametrize("error", OF_OTHERS, ids=str)
def test_what_is_not_the_drivers_is_not_told_as_if_it_were(tmp_path: Path, error: Exception):
    assert classify(error, tmp_path / "longwave.db") is None


def damaged(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(("happens", "words"), [
    (damaged, "is damaged"), (Path.unlink, "is missing"), (a_folder, "is a folder"),
])
def test_whoever_runs_the_chat_is_told_what_is_wrong_and_what_to_do(tmp_path: Path, happens, words: str):
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path)})
    creation.upgrade(config)
    happens(tmp_path / "longwave.db")
    store = Store(config)
    with pytest.raises(Unavailable) as unavailable:
        store.check()
    store.stop()
    assert words in unavailable.value.words and str(tmp_path / "longwave.db") in unavailable.value.words


def test_a_question_that_is_wrong_is_a_fault_however_it_is_asked(chat: Chat):
    for way in (chat.store.read, chat.store.glance):
        with pytest.raises(DatabaseError) as fault, way() as connection:
            connection.execute(text("SELECT no_such_column FROM rooms"))
        assert not isinstance(fault.value, Unavailable)
        with way() as connection:
            assert connection.execute(select(rooms.c.slug)).scalar() == "lobby", "and the next one works"


def test_what_a_caller_raises_while_it_reads_is_theirs(chat: Chat):
    with pytest.raises(KeyError), chat.store.read():
        raise KeyError("theirs")
