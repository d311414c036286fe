"""The hub: what readers are given, in which order, and what a ring does not forget to replace."""

import time
from pathlib import Path

import pytest

from chat.domain import bots, messages, rooms
from chat.realtime import feed as feed_module
from chat.realtime import hub as hub_module
from chat.realtime import ring as ring_module
from chat.realtime import subscription
from chat.realtime.readers import Reader
from tests.support.chats import Chat, opened


@pytest.fixture
def chat(tmp_path: Path):
    with opened(tmp_path, ring_events=16) as chat:
        yield chat


def names(heard):
    return [name for _, name, _ in heard]


class Expected(Reader):
    """A reader that notes whether it was woken, and how often it was asked when it is due."""

    def __init__(self, chat: Chat, due_at: float):
        super().__init__(subscription.of_reader(chat.store, None, [], [1]), 0)
        self.due = due_at
        self.looked_at = 0
        self.is_woken = False

    @property
    def due_at(self):
        self.looked_at += 1
        return self.due

    @due_at.setter
    def due_at(self, moment):
        self.due = moment

    def wake(self):
        self.is_woken = True


def test_a_reader_is_woken_by_what_it_may_hear_and_by_nothing_else(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    chat.store.write(rooms.join, alice, "lobby")
    chat.store.write(rooms.open_room, bob, "Garden", None, "")
    reader = chat.reader(alice, cursor=chat.hub.last_id)
    chat.post(bob, "not for alice", room="garden")
    assert not reader.waiter.wait(0)
    chat.post(bob, "for alice")
    assert reader.waiter.wait(0)
    assert names(chat.read_all(reader)) == ["join", "message"], "bob's joining of the lobby, and what he says there"


def test_the_cursor_moves_past_what_is_not_for_the_reader(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    reader = chat.reader(alice)
    chat.post(bob, "in a room that alice is not in")
    assert chat.read_all(reader) == []
    assert reader.cursor == chat.hub.last_id


def test_catch_up_from_the_store_and_live_delivery_bring_the_same(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    live = chat.reader(alice)
    for number in range(30):
        chat.post(bob, f"before {number}")
    chat.store.write(rooms.join, alice, "lobby")
    for number in range(30):
        chat.post(bob, f"during {number}")
    heard = chat.read_all(live)
    chat.store.write(rooms.leave, alice, "lobby")
    chat.post(bob, "after")
    heard += chat.read_all(live)
    late = chat.read_all(chat.reader(alice), chat.hub)
    fresh = chat.another_hub()
    assert chat.hub.feed.ring.floor > 0, "the ring must have dropped events for this to mean anything"
    assert heard == late == chat.read_all(chat.reader(alice, hub=fresh), fresh)
    assert names(heard) == ["join", "join", *["message"] * 30, "leave", "leave"]


def test_a_room_is_heard_from_the_join_event_on_though_the_reader_was_there_before(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    other = chat.another_hub()
    reader = chat.reader(alice, cursor=chat.hub.last_id, hub=other)
    chat.store.write(rooms.join, alice, "lobby")
    chat.post(bob, "the first words after")
    other.wake()
    assert names(chat.read_all(reader, other)) == ["join", "join", "join", "message"]


def test_pieces_are_bounded_and_nothing_between_them_is_lost(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feed_module, "PIECE_EVENTS", 7)
    bob = chat.guest("bob")
    posted = [chat.post(bob, str(number))["id"] for number in range(40)]
    reader = chat.reader(named=[1])
    pieces = []
    while found := chat.hub.feed.read(reader):
        pieces.append([event.id for event in found if event.name == "message"])
    assert max(map(len, pieces)) <= 7
    assert sum(pieces, []) == posted


@pytest.mark.parametrize("act", ["edit", "remove"])
def test_what_is_changed_is_changed_in_every_ring_and_in_the_log(chat: Chat, act: str):
    bob = chat.guest("bob")
    other = chat.another_hub()
    message = chat.post(bob, "the old secret")
    other.wake()
    if act == "edit":
        chat.store.write(messages.edit, bob, message["id"], "the new words")
    else:
        chat.store.write(messages.remove, bob, message["id"])
    other.wake()
    fresh = chat.another_hub()
    for hub in (chat.hub, other, fresh):
        reader = chat.reader(hub=hub, named=[1])
        frames = b"".join(event.frame + event.data.encode() for event in hub.feed.read(reader))
        assert b"secret" not in frames
        assert f"event: {act}".encode() in frames


def test_a_frame_that_is_not_in_the_log_reaches_those_who_hear_the_room_now(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    chat.store.write(rooms.join, alice, "lobby")
    inside, outside = chat.reader(alice), chat.reader(bob)
    chat.hub.send("room:1", b"event: typing\n\n")
    assert inside.waiter.wait(0) and not outside.waiter.wait(0)
    assert chat.hub.feed.read_passing(inside) == [b"event: typing\n\n"]
    assert chat.hub.feed.read_passing(outside) == []
    assert chat.hub.feed.read_passing(inside) == [], "each frame once"


def test_a_reader_that_missed_frames_without_id_is_told_so(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    reader = chat.reader(named=[1])
    for _ in range(ring_module.PASSING_FRAMES):
        chat.hub.send("room:1", b"x")
    chat.hub.feed.read_passing(reader)
    assert not reader.has_missed_passing
    for _ in range(ring_module.PASSING_FRAMES + 1):
        chat.hub.send("room:1", b"x")
    chat.hub.feed.read_passing(reader)
    assert reader.has_missed_passing


def test_a_reader_is_woken_when_its_time_has_come(chat: Chat):
    reader = chat.reader(named=[1])
    chat.hub.tick()
    assert not reader.waiter.wait(0)
    reader.due_at = time.monotonic()
    chat.hub.expect(reader)
    chat.hub.tick()
    assert reader.waiter.wait(0)


def test_only_those_are_looked_at_whose_time_may_have_come(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    began, passed = time.monotonic(), 0
    monkeypatch.setattr(hub_module.time, "monotonic", lambda: began + passed)
    readers = [Expected(chat, began + seconds) for seconds in (3, 3, 60)]
    for reader in readers:
        chat.hub.register(reader)
    readers[1].due_at = began + 60  # it was sent something meanwhile
    looked_at = [reader.looked_at for reader in readers]
    for passed in (1, 6):  # noqa: B007 - the clock
        chat.hub.tick()
    assert [reader.is_woken for reader in readers] == [True, False, False]
    assert readers[2].looked_at == looked_at[2], "nobody asks the silent whether they are due, second by second"
    for passed in (100, 101):  # noqa: B007
        chat.hub.tick()
    assert all(reader.is_woken for reader in readers)
    chat.hub.forget(readers[0])
    readers[0].is_woken = False
    chat.hub.tick()
    assert not readers[0].is_woken


def test_a_change_of_a_room_asks_once_for_all_who_listen(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    alice, bob, stranger = (chat.guest(name) for name in ("alice", "bob", "stranger"))
    for person in (alice, bob):
        chat.store.write(rooms.join, person, "lobby")
    members = [chat.reader(person, named=named) for person in (alice, bob) for named in (None, [1])]
    outsiders = [chat.reader(named=[1]), chat.reader(stranger, named=[1])]
    asked = []
    for question in ("stays", "stays_of_all", "open_ids"):
        monkeypatch.setattr(rooms.room_table, question, counted(getattr(rooms.room_table, question), asked))
    chat.store.write(rooms.set_kind, "lobby", "closed")
    assert sorted(asked) == ["open_ids", "stays_of_all"]
    assert [reader.end for reader in members] == [None] * 4
    assert [reader.end for reader in outsiders] == ["revoked"] * 2
    chat.post(alice, "among us")
    for reader in members:
        assert names(chat.read_all(reader))[-2:] == ["room", "message"]


def counted(question, asked):
    def ask(*values):
        asked.append(question.__name__)
        return question(*values)

    return ask


def test_closing_ends_every_reader_and_whoever_comes_after(chat: Chat):
    early = chat.reader(named=[1])
    chat.hub.close("restart")
    late = chat.reader(named=[1])
    assert early.end == late.end == "restart"
    assert early.waiter.wait(0)


def test_a_new_key_ends_what_a_bot_has_opened_with_the_old_one(chat: Chat):
    key = chat.store.write(bots.add_bot, "hal")
    with chat.store.read() as connection:
        hal = bots.find_bot(connection, key)
    reader = chat.reader(hal)
    chat.store.write(bots.add_bot, "hal")
    assert reader.end == "revoked"


def test_a_name_taken_by_another_ends_the_streams_of_its_former_bearer(chat: Chat):
    carol = chat.guest("carol")
    reader = chat.reader(carol)
    with chat.store._engine._reading.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        connection.exec_driver_sql("UPDATE users SET seen_at = '2020-01-01T00:00:00.000Z'")
        connection.exec_driver_sql("COMMIT")
    another = chat.guest("CAROL")
    assert reader.end == "revoked"
    assert another.id != carol.id and another.bearer == 2 and another.colour != carol.colour
