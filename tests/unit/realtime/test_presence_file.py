"""Who polls, kept in a file: the same answers as presence between lasting processes, and few writes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chat.realtime.hub import Hub
from chat.realtime.presence.file import WRITE_SECONDS, Attendance
from chat.realtime.presence.memory import Presence, Roster
from chat.realtime.relay import LocalRelay
from tests.support.chats import opened

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


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("instance")) as chat:
        yield chat.hub


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "attendance.db"


@pytest.fixture(params=["file", "memory"])
def presence(request, hub: Hub, path: Path, clock: Clock):
    """One contract, two implementations."""
    return Attendance(hub, path, 200, clock) if request.param == "file" else Presence(hub, LocalRelay(), 200, clock)


def test_who_polls_is_here_until_their_time_is_over(presence, clock):
    before = presence.token([1])
    presence.poll(BOB, LOBBY, 60)
    presence.poll(ALICE, LOBBY, 60)
    assert presence.roster(1) == presence.shown(1) == Roster(2, [ALICE, BOB], [])
    assert presence.people_here() == {1, 2} and presence.count(1) == 2 and presence.count(2) == 0
    assert presence.token([1]) != before
    clock.now += 61 + WRITE_SECONDS
    presence.tick()
    assert presence.roster(1) == Roster(0, [], []) and presence.token([1]) == before


def test_the_newest_word_says_who_is_away(presence):
    presence.poll(ALICE, LOBBY, 60)
    here = presence.token([1])
    presence.say(ALICE, 1, is_away=True)
    assert presence.is_away(1, 1) and presence.roster(1) == Roster(0, [], [ALICE]) and presence.token([1]) != here
    presence.say(ALICE, 1, is_away=False)
    assert not presence.is_away(1, 1) and presence.count(1) == 1 and presence.token([1]) == here
    assert '"here":[{"id":1,' in presence.whole(1, "lobby", 57)


def test_whoever_is_forgotten_is_gone_at_once(presence):
    presence.poll(ALICE, LOBBY, 60)
    presence.forget(1, "nameless")
    assert presence.count(1) == 0


def test_above_the_most_only_the_count_is_shown(hub, path, clock):
    presence = Attendance(hub, path, 1, clock)
    for user in (ALICE, BOB):
        presence.poll(user, LOBBY, 60)
    assert presence.shown(1) == Roster(2, [], [])


def test_other_processes_see_it_and_a_poller_is_never_gone_too_early(hub, path, clock):
    one, other = (Attendance(hub, path, 200, clock) for _ in range(2))
    for _ in range(10):
        one.poll(ALICE, LOBBY, 60)
        clock.now += 4
    assert other.count(1) == 1
    clock.now += 55
    assert other.count(1) == 1, "60 s after the last poll"


def test_no_process_goes_on_showing_what_it_showed_first(hub, path, clock):
    one, other = (Attendance(hub, path, 200, clock) for _ in range(2))
    assert other.shown(1) == Roster(0, [], []), "premise: it was asked before anybody came"
    one.poll(ALICE, LOBBY, 60)
    assert other.shown(1) == Roster(1, [ALICE], [])
    assert '"here":[{"id":1,' in other.whole(1, "lobby", 57)
    one.say(ALICE, 1, is_away=True)
    assert other.shown(1) == Roster(0, [], [ALICE])
    clock.now += 61 + WRITE_SECONDS
    assert other.shown(1) == Roster(0, [], [])


def test_nobody_stays_for_long_because_a_clock_was_wrong_for_a_while(hub, path, clock):
    presence = Attendance(hub, path, 200, clock)
    clock.now += 365 * 86400
    presence.poll(ALICE, LOBBY, 60)
    clock.now -= 365 * 86400
    assert presence.count(1) == 0 and presence.people_here() == set(), "a year from now is no time to trust"
    presence.poll(ALICE, LOBBY, 60)
    assert presence.count(1) == 1
    clock.now += 61 + WRITE_SECONDS
    assert presence.count(1) == 0


def test_it_is_written_at_most_once_in_twenty_seconds(hub, path, clock, monkeypatch):
    presence = Attendance(hub, path, 200, clock)
    writes = []

    def write(*words):
        writes.append(clock.now)
        Attendance._write(presence, *words)

    monkeypatch.setattr(presence, "_write", write)
    for _ in range(100):
        presence.poll(ALICE, LOBBY, 60)
        clock.now += 1
    assert len(writes) == 5
    presence.poll({**ALICE, "name": "Alice"}, LOBBY, 60)
    assert presence.roster(1).here[0]["name"] == "Alice", "but a new name at once"


def test_the_file_is_its_owners_alone_and_nothing_is_kept_open(hub, path, clock):
    Attendance(hub, path, 200, clock).poll(ALICE, LOBBY, 60)
    assert path.stat().st_mode & 0o077 == 0
    assert str(path) not in {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_damaged_file_costs_a_roster_and_never_an_answer(hub, path, clock, content):
    path.write_bytes(content)
    presence = Attendance(hub, path, 200, clock)
    assert presence.count(1) == 0
    presence.poll(ALICE, LOBBY, 60)
    presence.poll(ALICE, LOBBY, 60)
    assert presence.count(1) == 1


@pytest.mark.parametrize("damage", [
    "UPDATE stays SET user = '{'", "UPDATE stays SET user = '[]'", "UPDATE stays SET user = NULL",
    "ALTER TABLE stays RENAME COLUMN user TO something", "DROP TABLE words",
])
def test_what_stands_there_and_makes_no_sense_is_begun_anew(hub, path, clock, damage):
    presence = Attendance(hub, path, 200, clock)
    presence.poll(ALICE, LOBBY, 60)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(damage)
    assert presence.count(1) <= 1
    presence.poll(ALICE, LOBBY, 60)
    presence.poll(ALICE, LOBBY, 60)
    assert presence.roster(1) == Roster(1, [ALICE], [])


def test_a_busy_file_is_left_alone_and_not_waited_for(hub, path, clock, monkeypatch):
    monkeypatch.setattr("chat.realtime.presence.file.BUSY_SECONDS", 0.01)
    presence = Attendance(hub, path, 200, clock)
    presence.poll(ALICE, LOBBY, 60)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        presence.poll(BOB, LOBBY, 60)
        assert presence.count(1) == 0
    assert presence.count(1) == 1
