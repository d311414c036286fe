"""What every presence promises, between the processes of one machine; and where an implementation deviates."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chat.core.wire import to_json
from chat.realtime.presence import Presence
from chat.realtime.presence.file import WRITE_SECONDS, FilePresence
from chat.realtime.presence.memory import GRACE_SECONDS, MemoryPresence
from chat.realtime.presence.rosters import NAMES_WHOLE, POLL_WHOLES_BYTES, TOKEN_CHARACTERS, Roster
from chat.realtime.relay.unix import UnixRelay
from tests.support.serving import eventually

ALICE, BOB = ({"id": number, "name": name, "kind": "guest"} for number, name in ((1, "alice"), (2, "bob")))
LOBBY = {7: "lobby"}
MANY_ROOMS = {room_id: f"room-{room_id}" for room_id in range(1, 301)}
NOBODY = Roster(0, [], [])


class Told:
    """A hub that notes what readers are told."""

    last_id = 57

    def __init__(self) -> None:
        self.frames: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, channel: str, frame: bytes) -> None:
        name, _, data = frame.decode().partition("\n")
        self.frames.append((channel, name.removeprefix("event: "), json.loads(data.strip().removeprefix("data: "))))


class Machine:
    """Two processes and the clock that they share; a poller may seem to be here `longer_seconds` longer than so."""

    longer_seconds = 0.0

    def __init__(self, instance: Path, roster_max: int = 200) -> None:
        self.now = 1_000_000.0
        self.hubs = Told(), Told()
        self.processes: tuple[Presence, Presence] = self.open(instance, roster_max)
        for process in self.processes:
            process.start()
        self.settle()

    def open(self, instance: Path, roster_max: int) -> tuple[Presence, Presence]:
        raise NotImplementedError

    def settle(self) -> None:
        """Wait until all has arrived that one process has told the other."""

    def close(self) -> None:
        """Leave nothing open."""

    def clock(self) -> float:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now += 1
            for process in self.processes:
                process.tick()
            self.settle()

    def rosters(self) -> Roster:
        """What both show of the lobby, which must be the same."""
        one, other = (process.roster(7) for process in self.processes)
        assert one == other
        return one


class FileMachine(Machine):
    longer_seconds = WRITE_SECONDS

    def open(self, instance: Path, roster_max: int) -> tuple[Presence, Presence]:
        path = instance / "attendance.db"
        return FilePresence(path, roster_max, self.clock), FilePresence(path, roster_max, self.clock)


class CountingRelay(UnixRelay):
    """One that counts what it has published."""

    published = 0

    def publish(self, news: dict[str, Any]) -> None:
        self.published += 1
        super().publish(news)


class MemoryMachine(Machine):
    def open(self, instance: Path, roster_max: int) -> tuple[Presence, Presence]:
        self.relays = CountingRelay(instance), CountingRelay(instance)
        self.heard = [0, 0]
        one, other = (MemoryPresence(hub, relay, roster_max, self.clock)  # type: ignore[arg-type]
                      for hub, relay in zip(self.hubs, self.relays, strict=True))
        for number, (relay, process) in enumerate(zip(self.relays, (one, other), strict=True)):
            relay.start(lambda: None, lambda news, number=number, process=process: self._hear(number, process, news))
        return one, other

    def _hear(self, number: int, process: Presence, news: dict[str, Any]) -> None:
        process.receive(news)
        self.heard[number] += 1

    def settle(self) -> None:
        one, other = self.relays
        eventually(lambda: self.heard == [other.published - other.lost, one.published - one.lost])

    def close(self) -> None:
        for relay in self.relays:
            relay.stop()


KINDS = {"memory": MemoryMachine, "file": FileMachine}
holding_streams = pytest.mark.parametrize("kind", [MemoryMachine], ids=["memory"])


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request) -> type[Machine]:
    return request.param


@pytest.fixture
def make(kind: type[Machine], tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    before, made = threading.active_count(), []

    def make(**settings: int) -> Machine:
        made.append(kind(tmp_path, **settings))
        return made[-1]

    yield make
    for machine in made:
        machine.close()
    eventually(lambda: threading.active_count() <= before)


@pytest.fixture
def machine(make: Callable[..., Machine]) -> Machine:
    return make()


def crowd(count: int) -> list[dict[str, Any]]:
    return [{"id": 100 + number, "name": f"guest{number:03}", "kind": "guest"} for number in range(count)]


def test_who_polls_is_here_in_every_process_until_their_time_is_over(machine: Machine):
    one, other = machine.processes
    assert machine.rosters() == NOBODY, "asked before anybody came"
    one.poll(BOB, LOBBY, 60)
    other.poll(ALICE, LOBBY, 60)
    machine.pass_seconds(59)
    assert machine.rosters() == one.shown(7) == other.shown(7) == Roster(2, [ALICE, BOB], [])
    assert one.roster(8) == NOBODY
    machine.pass_seconds(2 + machine.longer_seconds)
    assert machine.rosters() == one.shown(7) == other.shown(7) == NOBODY


def test_who_polls_again_is_never_gone_too_early(machine: Machine):
    one, other = machine.processes
    for _ in range(10):
        one.poll(ALICE, LOBBY, 60)
        machine.pass_seconds(4)
    machine.pass_seconds(55)
    assert other.roster(7).here == [ALICE], "60 s after the last poll"


def test_the_latest_status_says_who_is_away_whichever_process_received_it(machine: Machine):
    one, other = machine.processes
    one.poll(ALICE, LOBBY, 60)
    machine.pass_seconds(1)
    other.set_away(ALICE, 7, is_away=True)
    machine.pass_seconds(1)
    assert machine.rosters() == other.shown(7) == one.shown(7) == Roster(0, [], [ALICE])
    assert one.is_away(1, 7) and other.is_away(1, 7) and not one.is_away(1, 8)
    one.set_away(ALICE, 7, is_away=False)
    machine.pass_seconds(1)
    assert machine.rosters() == Roster(1, [ALICE], []) and not other.is_away(1, 7)


def test_whoever_is_forgotten_is_gone_at_once(machine: Machine):
    one, _ = machine.processes
    one.poll(ALICE, LOBBY, 60)
    machine.pass_seconds(1)
    for process in machine.processes:  # each of which the log tells of it
        process.forget(1, "nameless")
    assert machine.rosters() == NOBODY and one.everybody_here() == set()
    machine.pass_seconds(1)
    went = [change["went"] for hub in machine.hubs for _, _, change in hub.frames if change["went"]]
    assert {user["name"] for users in went for user in users} <= {"nameless"}
    assert machine.rosters() == NOBODY


def test_it_is_known_who_is_here_and_who_is_anywhere(machine: Machine):
    one, other = machine.processes
    one.poll(ALICE, LOBBY, 60)
    other.poll(BOB, {8: "garden"}, 60)
    machine.pass_seconds(1)
    assert 1 in one.people_here() and 2 in other.people_here()
    assert one.everybody_here() == other.everybody_here() == {1, 2}


def test_of_a_crowd_only_the_count_is_shown(make: Callable[..., Machine]):
    machine = make(roster_max=1)
    one, other = machine.processes
    for user in (ALICE, BOB):
        one.poll(user, LOBBY, 60)
    machine.pass_seconds(1)
    assert one.shown(7) == other.shown(7) == Roster(2, [], [])
    assert one.roster(7).here == [ALICE, BOB], "whoever asks for all is given all"
    assert one.token([7]) == other.token([7])


def test_of_many_so_many_names_are_shown_at_most(make: Callable[..., Machine]):
    one, _ = make(roster_max=NAMES_WHOLE + 50).processes
    for user in crowd(NAMES_WHOLE + 1):
        one.poll(user, LOBBY, 60)
    shown = one.shown(7)
    assert (shown.count, len(shown.here)) == (NAMES_WHOLE + 1, NAMES_WHOLE)
    assert shown.here == crowd(NAMES_WHOLE)


def test_a_whole_presence_lists_everybody_here_and_away(machine: Machine):
    one, _ = machine.processes
    for user in (ALICE, BOB):
        one.poll(user, LOBBY, 60)
    one.set_away(BOB, 7, is_away=True)
    whole, empty = map(json.loads, one.wholes({**LOBBY, 8: "garden"}, 5, POLL_WHOLES_BYTES))
    assert whole == {"room": "lobby", "whole": True, "count": 1, "here": [ALICE], "away": [BOB], "cursor": 5}
    assert empty == {"room": "garden", "whole": True, "count": 0, "here": [], "away": [], "cursor": 5}


def test_the_wholes_of_full_rooms_stay_within_their_bound(machine: Machine):
    one, _ = machine.processes
    rooms = {room_id: MANY_ROOMS[room_id] for room_id in range(1, 6)}
    for user in crowd(50):
        one.poll({**user, "name": user["name"] + "\N{GRINNING FACE}" * 24}, rooms, 60)
    bound = 20_000
    told = list(map(json.loads, one.wholes(rooms, 5, bound)))
    assert [whole["room"] for whole in told] == list(rooms.values()) and {whole["count"] for whole in told} == {50}
    with_names = [whole for whole in told if whole["here"]]
    assert with_names and len(with_names) < len(told), "some whole, the others as a count"
    assert all(len(whole["here"]) == 50 for whole in with_names), "none in half"
    assert sum(len(to_json(whole["here"]).encode()) for whole in with_names) <= bound


def test_the_token_is_the_same_in_every_process_and_changes_with_the_roster(machine: Machine):
    one, other = machine.processes
    tokens = [one.token([7, 8])]
    for change in (lambda: one.poll(ALICE, LOBBY, 60), lambda: other.set_away(ALICE, 7, is_away=True),
                   lambda: one.poll(BOB, {8: "garden"}, 60)):
        change()
        machine.pass_seconds(1)
        assert one.token([8, 7]) == other.token([7, 8])
        tokens.append(one.token([7, 8]))
    assert len(set(tokens)) == 4
    machine.pass_seconds(61 + machine.longer_seconds)
    assert one.token([7, 8]) == other.token([7, 8]) == tokens[0]


def test_the_token_of_many_rooms_is_short_and_tells_of_each(machine: Machine):
    one, _ = machine.processes
    one.poll(ALICE, {1: "room-1", 300: "room-300"}, 60)
    before = one.token(MANY_ROOMS)
    assert 0 < len(before) <= TOKEN_CHARACTERS
    one.set_away(ALICE, 300, is_away=True)
    assert one.token(MANY_ROOMS) != before


# Of those that can hold streams


@holding_streams
def test_a_user_who_enters_one_process_is_here_in_all_within_a_second_and_readers_are_sent_it(machine: Machine):
    machine.processes[0].enter(ALICE, LOBBY)
    machine.pass_seconds(2)
    assert machine.rosters() == Roster(1, [ALICE], [])
    came = {"room": "lobby", "count": 1, "came": [ALICE], "went": [], "away": []}
    assert [hub.frames for hub in machine.hubs] == [[("room:7", "presence", came)]] * 2


@holding_streams
def test_a_return_within_the_grace_is_noticed_by_nobody_whichever_process_it_is_to(machine: Machine):
    one, other = machine.processes
    one.enter(ALICE, LOBBY)
    machine.pass_seconds(2)
    told = [len(hub.frames) for hub in machine.hubs]
    one.leave(ALICE, LOBBY)
    machine.pass_seconds(20)
    other.enter(ALICE, LOBBY)
    machine.pass_seconds(40)
    assert machine.rosters().here == [ALICE] and [len(hub.frames) for hub in machine.hubs] == told


@holding_streams
def test_who_does_not_return_is_gone_after_the_grace(machine: Machine):
    one, _ = machine.processes
    one.enter(ALICE, LOBBY)
    machine.pass_seconds(2)
    one.leave(ALICE, LOBBY)
    machine.pass_seconds(GRACE_SECONDS - 1)
    assert machine.rosters().here == [ALICE]
    machine.pass_seconds(3)
    assert machine.rosters() == NOBODY
    assert [hub.frames[-1][2]["went"] for hub in machine.hubs] == [[ALICE]] * 2


@holding_streams
def test_two_streams_of_one_person_are_one_presence(machine: Machine):
    one, _ = machine.processes
    one.enter(ALICE, LOBBY)
    one.enter(ALICE, LOBBY)
    assert one.roster(7).count == 1
    one.leave(ALICE, LOBBY)
    machine.pass_seconds(GRACE_SECONDS + 10)
    assert machine.rosters().here == [ALICE]


@holding_streams
def test_typing_is_told_in_every_process(machine: Machine):
    machine.processes[0].typing(ALICE, 7, "lobby")
    machine.settle()
    typing = ("room:7", "typing", {"room": "lobby", "user": ALICE, "expires_in_ms": 6000})
    assert [hub.frames for hub in machine.hubs] == [[typing]] * 2


# Deviations of the one by a file


@pytest.mark.parametrize("kind", [FileMachine], ids=["file"])
def test_without_streams_nobody_enters_and_nobody_is_told(machine: Machine):
    one, _ = machine.processes
    one.enter(ALICE, LOBBY)
    one.leave(ALICE, LOBBY)
    one.typing(ALICE, 7, "lobby")
    one.receive({"kind": "typing", "user": ALICE, "room_id": 7, "slug": "lobby"})
    machine.pass_seconds(1)
    assert machine.rosters() == NOBODY and [hub.frames for hub in machine.hubs] == [[], []]
