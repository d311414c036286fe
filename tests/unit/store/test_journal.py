"""Which journal the database has: a write-ahead log where that works, and all of the chat with a rollback journal."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chat.domain import messages
from chat.store.sqlite import journal
from tests.support.chats import opened

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:5 / /dev/shm rw - tmpfs tmpfs rw
41 22 0:44 / /home rw,relatime shared:9 - nfs4 filer:/home rw,vers=4.2
42 41 8:2 / /home/local rw - xfs /dev/sdb1 rw
43 22 0:45 / /mnt/my\\040share rw - cifs //filer/share rw
44 22 0:46 / /mnt/ssh rw - fuse.sshfs alice@example.org: rw
45 22 0:47 / /mnt/disk rw - fuse.ntfs /dev/sdc1 rw
46 22 0:48 / /mnt/ssh/below rw - tmpfs tmpfs rw
47 46 0:49 / /mnt/ssh/below rw - nfs filer:/x rw
"""


@pytest.mark.parametrize(("path", "kind"), [
    ("/srv/longwave", None), ("/home/alice/longwave", "nfs4"), ("/home", "nfs4"), ("/homely", None),
    ("/home/local/chat", None), ("/mnt/my share/chat", "cifs"), ("/mnt/ssh/chat", "fuse.sshfs"), ("/mnt/disk", None),
    ("/mnt/ssh/below/chat", "nfs"), ("/dev/shm", None)])
def test_a_network_file_system_is_known_by_the_table_of_mounts(path: str, kind: str | None):
    assert journal.remote_file_system(Path(path), MOUNTS) == kind


def test_nothing_is_remote_where_the_table_says_nothing():
    assert journal.remote_file_system(Path("/anywhere"), "") is None
    assert journal.remote_file_system(Path("/anywhere"), "garbage\n1 2 - \n") is None


def test_this_machine_keeps_a_write_ahead_log(tmp_path: Path):
    with opened(tmp_path) as chat:
        chat.post(chat.guest("alice"), "hi")
    assert journal.in_force(chat.database) == journal.WAL


def test_on_a_network_file_system_it_is_the_rollback_journal_and_the_log_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(journal, "remote_file_system", lambda path, mounts=None: "nfs4")
    caplog.set_level(logging.WARNING)
    with opened(tmp_path) as chat:
        chat.post(chat.guest("alice"), "hi")
    assert journal.in_force(chat.database) == journal.ROLLBACK
    assert [record.getMessage() for record in caplog.records if "nfs4" in record.getMessage()] \
        == ["the database is on nfs4: rollback journal, readers and writers wait for each other"]


def test_a_file_system_without_shared_memory_is_found_by_a_trial(tmp_path: Path):
    """SQLite's own locking by files has none, as some file systems."""
    path = tmp_path / "longwave.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?vfs=unix-dotfile", uri=True)) as connection:
        assert journal.choose(connection, path, "auto") == journal.ROLLBACK
        connection.execute("CREATE TABLE works (yes)")


def test_the_operator_decides(tmp_path: Path):
    for number, wanted in enumerate((journal.ROLLBACK, journal.WAL, journal.ROLLBACK)):
        with opened(tmp_path, journal=wanted) as chat:
            chat.post(chat.guest(f"guest {number}"), "hi")
            assert journal.in_force(chat.database) == wanted


def test_with_a_rollback_journal_everything_is_heard_and_what_is_removed_leaves_the_file(tmp_path: Path):
    with opened(tmp_path, journal="rollback") as chat:
        alice = chat.guest("alice")
        chat.store.start()
        message = chat.post(alice, "a secret that must go")
        heard = [name for _, name, channel in chat.read_all(chat.reader(alice)) if channel == "room:1"]
        assert heard == ["join", "message"]
        chat.store.write(messages.remove, alice, message["id"])
    kept = [path for path in tmp_path.iterdir() if path.is_file() and b"a secret that must go" in path.read_bytes()]
    assert kept == []
