"""Inside presence in memory: what heals when datagrams are lost, and how little readers are told."""

import json
from pathlib import Path
from typing import Any

import pytest

from chat.realtime.presence import memory as module
from chat.realtime.presence.memory import MemoryPresence
from chat.realtime.presence.rosters import Roster
from chat.realtime.relay import NEWS_BYTES
from chat.realtime.relay.local import LocalRelay

ALICE = {"id": 1, "name": "alice", "kind": "guest"}
BOB = {"id": 2, "name": "bob", "kind": "guest"}
LOBBY = {7: "lobby"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Wires(LocalRelay):
    """A relay between processes of this test, which can lose what it is given."""

    def __init__(self, everybody: list["Process"], me: "Process") -> None:
        self._everybody, self._me = everybody, me
        self.loses = False
        self.published: list[dict[str, Any]] = []

    def publish(self, news: dict[str, Any]) -> None:
        self.published.append(news)
        for process in self._everybody:
            if process is not self._me and not self.loses:
                process.presence.receive(json.loads(json.dumps(news)))


class Told:
    """A hub that notes what readers are told."""

    last_id = 0

    def __init__(self) -> None:
        self.frames: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, channel: str, frame: bytes) -> None:
        name, _, data = frame.decode().partition("\n")
        self.frames.append((channel, name.removeprefix("event: "), json.loads(data.strip().removeprefix("data: "))))


class Process:
    def __init__(self, everybody: list["Process"], clock: Clock, roster_max: int = 200) -> None:
        self.hub = Told()
        self.relay = Wires(everybody, self)
        self.presence = MemoryPresence(self.hub, self.relay, roster_max, clock)  # type: ignore[arg-type]
        everybody.append(self)
        self.presence.start()

    def here(self) -> list[str]:
        return [user["name"] for user in self.presence.roster(7).here]


class Machine:
    def __init__(self, count: int = 2, **settings: int) -> None:
        self.clock = Clock()
        self.processes: list[Process] = []
        for _ in range(count):
            Process(self.processes, self.clock, **settings)

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.now += 1
            for process in self.processes:
                process.presence.tick()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_whoever_is_away_from_a_room_that_nobody_entered_troubles_no_process(machine: Machine, caplog):
    machine.processes[0].presence.set_away(ALICE, 7, is_away=True)
    machine.pass_seconds(2)
    assert [process.hub.frames for process in machine.processes] == [[], []]
    assert caplog.records == []


def test_a_lost_datagram_heals(machine: Machine):
    one, other = machine.processes
    machine.pass_seconds(1)
    one.relay.loses = True
    one.presence.enter(ALICE, LOBBY)
    machine.pass_seconds(1)
    one.relay.loses = False
    assert other.here() == [], "the datagram must have been lost for this to mean anything"
    machine.pass_seconds(int(module.BEACON_SECONDS) + 1)
    assert other.here() == ["alice"]


def test_a_lost_answer_is_asked_for_again(machine: Machine):
    one, other = machine.processes
    one.relay.loses = True
    one.presence.enter(ALICE, LOBBY)
    machine.pass_seconds(7)
    one.relay.loses = False
    machine.pass_seconds(12)
    assert other.here() == ["alice"]


def test_a_new_process_learns_at_once_who_is_with_the_others(machine: Machine):
    machine.processes[0].presence.enter(ALICE, LOBBY)
    late = Process(machine.processes, machine.clock)
    assert late.here() == ["alice"]


def test_the_people_of_a_killed_process_leave_but_not_at_once(machine: Machine):
    one, other = machine.processes
    one.presence.enter(ALICE, LOBBY)
    machine.pass_seconds(1)
    machine.processes.remove(one)
    machine.pass_seconds(20)
    assert other.here() == ["alice"]
    machine.pass_seconds(15)
    assert other.here() == []


def test_the_newest_word_about_being_away_counts_whichever_process_heard_it(machine: Machine):
    one, other = machine.processes
    one.presence.enter(ALICE, LOBBY)
    machine.pass_seconds(1)
    other.presence.set_away(ALICE, 7, is_away=True)
    machine.pass_seconds(2)
    for process in machine.processes:
        roster = process.presence.roster(7)
        assert (roster.count, roster.here, roster.away) == (0, [], [ALICE])
        assert process.hub.frames[-1][2]["away"] == [ALICE]
    one.presence.set_away(ALICE, 7, is_away=False)
    machine.pass_seconds(2)
    assert one.here() == other.here() == ["alice"]
    assert other.hub.frames[-1][2]["came"] == [ALICE]



def test_readers_are_told_once_a_second_and_fifty_names_at_most(machine: Machine):
    one, _ = machine.processes
    for number in range(120):
        one.presence.enter({"id": number, "name": f"guest{number}", "kind": "guest"}, LOBBY)
    for expected in (50, 50, 20):
        before = len(one.hub.frames)
        machine.pass_seconds(1)
        assert [len(change["came"]) for _, _, change in one.hub.frames[before:]] == [expected]
    machine.pass_seconds(10)
    assert len(one.hub.frames) == 3


def test_of_a_crowd_only_the_count_is_sent_every_five_seconds():
    machine = Machine(roster_max=10)
    one, other = machine.processes
    for number in range(2000):
        one.presence.enter({"id": number, "name": f"guest{number}", "kind": "guest"}, LOBBY)
        if number % 200 == 0:
            machine.pass_seconds(1)
    machine.pass_seconds(5)
    for process in (one, other):
        changes = [change for _, _, change in process.hub.frames]
        assert len(changes) <= 4
        assert changes[-1] == {"room": "lobby", "count": 2000}
    assert other.presence.shown(7) == Roster(2000, [], [])


def test_names_are_sent_again_when_a_crowd_has_shrunk():
    machine = Machine(roster_max=10)
    here = machine.processes[0].presence
    for number in range(20):
        here.enter({"id": number, "name": f"p{number}", "kind": "guest"}, LOBBY)
    machine.pass_seconds(6)
    assert here.shown(7) == Roster(20, [], [])
    for number in range(15):
        here.leave({"id": number, "name": f"p{number}", "kind": "guest"}, LOBBY)
    machine.pass_seconds(30)
    for process in machine.processes:
        wholes = [change for _, _, change in process.hub.frames if change.get("whole")]
        assert [whole["count"] for whole in wholes] == [5]
        assert {user["name"] for user in wholes[0]["here"]} == {f"p{number}" for number in range(15, 20)}
        assert process.presence.shown(7).count == 5




def test_nothing_is_kept_of_those_who_are_gone(machine: Machine):
    one, other = machine.processes
    one.presence.enter(ALICE, LOBBY)
    one.presence.set_away(ALICE, 7, is_away=True)
    machine.pass_seconds(1)
    one.presence.leave(ALICE, LOBBY)
    machine.pass_seconds(40)
    for process in (one, other):
        for places in process.presence._merged.all_places():
            assert not places.rooms and not places.statuses
        assert not process.presence._announcer._sent and not process.presence._merged.changed


def test_no_datagram_is_larger_than_a_socket_accepts(machine: Machine, tmp_path: Path):
    one, _ = machine.processes
    for number in range(1000):
        one.presence.enter({"id": 10**9 + number, "name": "\U0001f600" * 32, "kind": "member"}, {7: "x" * 40})
    machine.pass_seconds(6)
    late = Process(machine.processes, machine.clock)
    assert len(late.here()) == 1000
    sizes = [len(json.dumps(news, ensure_ascii=False).encode()) for news in one.relay.published]
    assert max(sizes) < NEWS_BYTES
