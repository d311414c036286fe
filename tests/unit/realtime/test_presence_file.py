"""Inside presence by a file: few writes, and whatever becomes of the file, an answer."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chat.realtime.presence.file import WRITE_SECONDS, FilePresence
from chat.realtime.presence.rosters import Roster

ALICE, BOB = ({"id": number, "name": name, "kind": "guest"} for number, name in ((1, "alice"), (2, "bob")))
LOBBY = {1: "lobby"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()



@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "attendance.db"








def test_no_process_goes_on_showing_what_it_showed_first(path, clock):
    one, other = (FilePresence(path, 200, clock) for _ in range(2))
    assert other.shown(1) == Roster(0, [], []), "premise: it was asked before anybody came"
    one.poll(ALICE, LOBBY, 60)
    assert other.shown(1) == Roster(1, [ALICE], [])
    assert '"here":[{"id":1,' in next(other.wholes(LOBBY, 57, 1000))
    one.set_away(ALICE, 1, is_away=True)
    assert other.shown(1) == Roster(0, [], [ALICE])
    clock.now += 61 + WRITE_SECONDS
    assert other.shown(1) == Roster(0, [], [])


def test_nobody_stays_for_long_because_a_clock_was_wrong_for_a_while(path, clock):
    presence = FilePresence(path, 200, clock)
    clock.now += 365 * 86400
    presence.poll(ALICE, LOBBY, 60)
    clock.now -= 365 * 86400
    assert presence.roster(1).count == 0 and presence.people_here() == set(), "a year from now is no time to trust"
    presence.poll(ALICE, LOBBY, 60)
    assert presence.roster(1).count == 1
    clock.now += 61 + WRITE_SECONDS
    assert presence.roster(1).count == 0


def test_it_is_written_at_most_once_in_twenty_seconds(path, clock, monkeypatch):
    presence = FilePresence(path, 200, clock)
    writes = []

    def write(*words):
        writes.append(clock.now)
        FilePresence._write(presence, *words)

    monkeypatch.setattr(presence, "_write", write)
    for _ in range(100):
        presence.poll(ALICE, LOBBY, 60)
        clock.now += 1
    assert len(writes) == 5
    presence.poll({**ALICE, "name": "Alice"}, LOBBY, 60)
    assert presence.roster(1).here[0]["name"] == "Alice", "but a new name at once"


def test_the_file_is_its_owners_alone_and_nothing_is_kept_open(path, clock):
    FilePresence(path, 200, clock).poll(ALICE, LOBBY, 60)
    assert path.stat().st_mode & 0o077 == 0
    assert str(path) not in {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_damaged_file_costs_a_roster_and_never_an_answer(path, clock, content):
    path.write_bytes(content)
    presence = FilePresence(path, 200, clock)
    assert presence.roster(1).count == 0
    presence.poll(ALICE, LOBBY, 60)
    presence.poll(ALICE, LOBBY, 60)
    assert presence.roster(1).count == 1


@pytest.mark.parametrize("damage", [
    "UPDATE stays SET user = '{'", "UPDATE stays SET user = '[]'", "UPDATE stays SET user = NULL",
    "ALTER TABLE stays RENAME COLUMN user TO something", "DROP TABLE words",
])
def test_a_damaged_file_is_replaced(path, clock, damage):
    presence = FilePresence(path, 200, clock)
    presence.poll(ALICE, LOBBY, 60)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(damage)
    assert presence.roster(1).count <= 1
    presence.poll(ALICE, LOBBY, 60)
    presence.poll(ALICE, LOBBY, 60)
    assert presence.roster(1) == Roster(1, [ALICE], [])


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_whatever_is_there_no_connection_to_it_stays_open(path, clock, monkeypatch, content: bytes):
    path.write_bytes(content)
    opened, connect = [], sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **named: opened.append(connect(*args, **named)) or opened[-1])
    FilePresence(path, 200, clock).roster(1)
    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_a_busy_file_is_left_alone_and_not_waited_for(path, clock, monkeypatch):
    monkeypatch.setattr("chat.realtime.presence.file.BUSY_SECONDS", 0.01)
    presence = FilePresence(path, 200, clock)
    presence.poll(ALICE, LOBBY, 60)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        presence.poll(BOB, LOBBY, 60)
        assert presence.roster(1).count == 0
    assert presence.roster(1).count == 1
