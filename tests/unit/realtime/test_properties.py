"""Whatever happens in whatever order, every reader has what the oracle says: exactly once, in order, nothing else."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from chat.core.errors import ChatError
from chat.domain import messages, rooms
from chat.realtime import feed as feed_module
from chat.realtime import subscription
from chat.realtime.hub import Hub
from chat.realtime.readers import Reader
from chat.store.tables import events
from tests.support.chats import Chat, own_channels

PEOPLE = ("alice", "bob", "carol")
ROOMS = ("lobby", "garden")
RING_EVENTS = 8  # so few that readers fall off it all the time


class Follower:
    """A reader with its cursor, which reconnects to one process or the other, and all that it was given."""

    def __init__(self, name: str, cursor: int) -> None:
        self.name = name
        self.cursor = self.began_at = cursor
        self.heard: list[tuple[int, str]] = []
        self.reader: Reader | None = None
        self.hub: Hub | None = None


class ChatMachine(RuleBasedStateMachine):
    """Two processes on one store. The second is rung only when the machine says so."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.chat = Chat(Path(self.folder.name), ring_events=16)
        self.users = {name: self.chat.guest(name) for name in PEOPLE}
        self.chat.store.write(rooms.open_room, None, "Garden", "garden", "")
        self.chat.hub.feed.ring.most_events = RING_EVENTS
        self.other = self._start_other()
        self.stays: dict[tuple[str, str], list[list[int | None]]] = {}
        self.log: list[tuple[int, str, str]] = []  # id, channel, name
        self.messages: list[tuple[int, str]] = []
        self._learn()
        self.followers = [Follower(name, self.chat.hub.last_id) for name in PEOPLE]

    def teardown(self) -> None:
        if hasattr(self, "chat"):
            self.chat.store.stop()
            self.folder.cleanup()

    def _learn(self) -> None:
        """Read the log as the oracle does: straight from the table, with no hub between."""
        seen = self.log[-1][0] if self.log else 0
        with self.chat.store.read() as connection:
            for row in events.after(connection, seen, 10_000):
                self.log.append((row.id, row.channel, row.name))

    # What people do

    @rule(name=st.sampled_from(PEOPLE), slug=st.sampled_from(ROOMS))
    def post(self, name: str, slug: str) -> None:
        message = self.chat.post(self.users[name], f"by {name}", room=slug)
        self.messages.append((message["id"], name))
        self._learn()
        self._note_stays()

    @rule(name=st.sampled_from(PEOPLE), slug=st.sampled_from(ROOMS))
    def join(self, name: str, slug: str) -> None:
        self.chat.store.write(rooms.join, self.users[name], slug)
        self._learn()
        self._note_stays()

    @rule(name=st.sampled_from(PEOPLE), slug=st.sampled_from(ROOMS))
    def leave(self, name: str, slug: str) -> None:
        self.chat.store.write(rooms.leave, self.users[name], slug)
        self._learn()
        self._note_stays()

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), act=st.sampled_from(["edit", "remove"]))
    def change(self, data: Any, act: str) -> None:
        message_id, name = data.draw(st.sampled_from(self.messages))
        try:
            if act == "edit":
                self.chat.store.write(messages.edit, self.users[name], message_id, f"edited {len(self.log)}")
            else:
                self.chat.store.write(messages.remove, self.users[name], message_id)
        except ChatError as error:
            assert error.code == "not_found", "it was removed before"
        self._learn()

    @precondition(lambda self: self.messages)
    @rule(name=st.sampled_from(PEOPLE), slug=st.sampled_from(ROOMS), back=st.integers(0, 3))
    def mark_read(self, name: str, slug: str, back: int) -> None:
        message_id, _ = self.messages[-1 - back % len(self.messages)]
        self.chat.store.write(rooms.read, self.users[name], slug, message_id)
        self._learn()

    def _note_stays(self) -> None:
        """The stays as the log itself tells them: the room's copy of each join and leave."""
        with self.chat.store.read() as connection:
            for name, user in self.users.items():
                for room_id, from_id, to_id in rooms.room_table.stays(connection, user.id):
                    known = self.stays.setdefault((name, f"room:{room_id}"), [])
                    if known and known[-1][0] == from_id:
                        known[-1][1] = to_id
                    elif [from_id, to_id] not in known:
                        known.append([from_id, to_id])

    # What happens to processes and readers

    @rule()
    def ring(self) -> None:
        self.other.wake()

    @rule()
    def restart(self) -> None:
        """The second process dies, with every reader that it has, and another takes its place."""
        for follower in self.followers:
            if follower.hub is self.other:
                follower.reader = None
        self.other = self._start_other()

    def _start_other(self) -> Hub:
        hub = self.chat.another_hub()
        hub.feed.ring.most_events = RING_EVENTS
        return hub

    @rule(at=st.integers(0, len(PEOPLE) - 1), to_other=st.booleans())
    def reconnect(self, at: int, to_other: bool) -> None:
        follower = self.followers[at]
        if follower.reader is not None and follower.hub is not None:
            follower.hub.forget(follower.reader)
        self._connect(follower, self.other if to_other else self.chat.hub)

    def _connect(self, follower: Follower, hub: Hub) -> None:
        follower.hub = hub
        user = self.users[follower.name]
        refresh = subscription.of_reader(self.chat.store, user, own_channels(user), None, since=follower.cursor)
        follower.reader = Reader(refresh, follower.cursor)
        follower.hub.register(follower.reader)

    @rule(at=st.integers(0, len(PEOPLE) - 1), pieces=st.integers(1, 3))
    def read(self, at: int, pieces: int) -> None:
        follower = self.followers[at]
        for _ in range(pieces):
            if follower.reader is not None:  # until it is told that it is too slow
                self._take(follower)

    def _take(self, follower: Follower) -> bool:
        assert follower.reader is not None and follower.hub is not None
        found = follower.hub.feed.read(follower.reader)
        if follower.reader.end:
            assert follower.reader.end == "slow"
            follower.reader = None
            return False
        follower.heard += [(event.id, event.name) for event in found]
        follower.cursor = follower.reader.cursor
        return bool(found)

    @rule()
    def compare(self) -> None:
        """Let everybody catch up, on either process, and compare."""
        self.other.wake()
        for at, follower in enumerate(self.followers):
            while follower.reader is None or self._take(follower) or follower.reader is None:
                if follower.reader is None:
                    self._connect(follower, self.other if at % 2 == 0 else self.chat.hub)
            ids = [id for id, _ in follower.heard]
            assert ids == sorted(set(ids)), "each once, in order"
            assert self._still_there(follower.heard) == self._still_there(self._expected(follower)), follower.name

    def _still_there(self, heard: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Without what a later event has taken the place of: of that each hears as much as came before."""
        with self.chat.store.read() as connection:
            there = {row.id for row in events.after(connection, 0, 10_000)}
        assert {name for id, name, in heard if id not in there} <= {"edit", "read"}
        return [(id, name) for id, name in heard if id in there]

    def _expected(self, follower: Follower) -> list[tuple[int, str]]:
        user = self.users[follower.name]
        expected = []
        for event_id, channel, name in self.log:
            if event_id <= follower.began_at:
                continue
            spans = self.stays.get((follower.name, channel), [])
            is_in = any(first <= event_id and (last is None or event_id <= last) for first, last in spans)
            if is_in or channel == f"user:{user.id}":
                expected.append((event_id, name))
        return expected


ChatMachine.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestChat = ChatMachine.TestCase


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch):
    """Pieces so small that every run crosses their borders."""
    monkeypatch.setattr(feed_module, "PIECE_EVENTS", 5)
    monkeypatch.setattr(feed_module, "PIECE_BYTES", 3000)
