"""A database that is deleted or replaced while it runs: nothing is acknowledged that a restart would not find."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chat.core.errors import ChatError
from chat.store.sqlite.place import Place
from chat.store.tables import rooms as room_table
from tests.support.chats import Chat


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def replace(path: Path) -> None:
    """By another of the same content."""
    with closing(sqlite3.connect(path)) as database, closing(sqlite3.connect(path.with_name("copy.db"))) as copy:
        database.backup(copy)
    path.with_name("copy.db").replace(path)


WAYS = [delete, move, replace]


def kept(chat: Chat) -> list[str]:
    """What a process that starts now finds."""
    with closing(sqlite3.connect(chat.database)) as database:
        return [body for (body,) in database.execute("SELECT body FROM messages ORDER BY id")]


def reopened(chat: Chat, looks: int = 3) -> bool:
    """Whether a few seconds are enough for it to be opened anew."""
    return any(chat.store.reopen() for _ in range(looks))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_threaded", [False, True], ids=["here", "in a thread"])
def test_what_is_written_after_it_is_refused(chat: Chat, bob, way: Callable, is_threaded: bool, caplog):
    if is_threaded:
        chat.store.start()
    chat.post(bob, "before")
    way(chat.database)
    for _ in range(3):
        with pytest.raises(ChatError) as refused:
            chat.post(bob, "lost?")
        assert refused.value.code == "busy"
    said = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == 1 and "removed or replaced" in said[0] and "docs/operating.md" in said[0]
    if way is not replace:
        assert not chat.database.exists(), "and no empty one is put in its place"


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_wiped_where_nothing_can_be_written(chat: Chat, bob, way: Callable):
    assert chat.store.must_scrub, "premise: a process begins so"
    way(chat.database)
    with pytest.raises(ChatError):
        chat.post(bob, "lost?")
    chat.store.scrub()
    assert chat.store.must_scrub, "it is done once there is a database"


@pytest.mark.parametrize("way", WAYS)
def test_what_is_committed_while_it_goes_is_not_acknowledged(chat: Chat, bob, way: Callable):
    chat.post(bob, "before")

    def change(tx) -> None:
        room_table.change(tx, 1, topic="lost")
        way(chat.database)

    with pytest.raises(ChatError, match="can.t save"):
        chat.store.write(change)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_threaded", [False, True], ids=["here", "in a thread"])
def test_it_goes_on_with_what_is_there_again(chat: Chat, bob, way: Callable, is_threaded: bool, tmp_path: Path):
    if is_threaded:
        chat.store.start()
    chat.post(bob, "before")
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(chat.database)) as database, closing(sqlite3.connect(backup)) as copy:
        database.backup(copy)
    way(chat.database)
    if way is not replace:
        assert not reopened(chat), "nothing is there"
        for suffix in ("-wal", "-shm"):
            chat.database.with_name(f"longwave.db{suffix}").unlink(missing_ok=True)
        shutil.copy(backup, chat.database)
    assert reopened(chat) and not chat.store.reopen(), "once"
    chat.post(bob, "after")
    assert kept(chat) == ["before", "after"]
    with chat.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM messages").scalar() == 2, "readers see it, too"


@pytest.mark.parametrize("suffixes", [("-wal",), ("-shm",), ("-wal", "-shm")], ids="".join)
@pytest.mark.parametrize("is_threaded", [False, True], ids=["here", "in a thread"])
def test_a_log_that_is_deleted_loses_nothing_that_was_acknowledged(chat: Chat, bob, suffixes, is_threaded: bool):
    if is_threaded:
        chat.store.start()
    with chat.store.read() as connection:
        connection.exec_driver_sql("SELECT 1")  # readers have it open
    chat.post(bob, "before")
    for suffix in suffixes:
        chat.database.with_name(f"longwave.db{suffix}").unlink()
    acknowledged = ["before"]
    for number in range(10):
        try:
            acknowledged.append(chat.post(bob, f"message {number}", client_id=f"{number}")["body"])
        except ChatError:
            chat.store.reopen()
    assert len(acknowledged) > 5, "it goes on"
    assert kept(chat) == acknowledged


def test_a_log_that_is_deleted_while_a_change_is_committed_is_carried_over(chat: Chat, bob):
    chat.post(bob, "before")

    def change(tx) -> str:
        room_table.change(tx, 1, topic="kept")
        chat.database.with_name("longwave.db-wal").unlink()
        return "acknowledged"

    assert chat.store.write(change) == "acknowledged"
    with closing(sqlite3.connect(chat.database)) as database:
        assert database.execute("SELECT topic FROM rooms WHERE id = 1").fetchall() == [("kept",)]


def test_where_another_has_begun_a_log_the_old_one_is_left_alone(chat: Chat):
    log, place = chat.database.with_name("longwave.db-wal"), Place(chat.database)
    with chat.store.read() as connection:
        connection.exec_driver_sql("SELECT 1")
        place.note_opened()
        assert place.is_kept and log.exists(), "premise"
        log.rename(log.with_name("moved"))
        assert not place.is_kept and place.has_lost_log_alone
        log.touch()
        assert not place.is_kept and not place.has_lost_log_alone


def test_a_database_of_another_version_is_not_taken(chat: Chat, bob):
    chat.post(bob, "before")
    replace(chat.database)
    with closing(sqlite3.connect(chat.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(ChatError, match="another version"):
        reopened(chat)
    with pytest.raises(ChatError, match="can.t save"):
        chat.post(bob, "lost?")


def test_what_is_still_being_copied_is_not_taken(chat: Chat, bob):
    chat.post(bob, "before")
    replace(chat.database)
    for _ in range(3):
        chat.database.touch()
        assert not chat.store.reopen()
    assert reopened(chat)
