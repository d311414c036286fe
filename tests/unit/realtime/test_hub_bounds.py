"""What a process keeps is bounded: nothing of readers that have gone, and only so many bytes of what was said."""

import gc
import logging
import weakref
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from chat.domain import messages, rooms
from chat.realtime import feed as feed_module
from chat.realtime import hub as hub_module
from chat.realtime import ring as ring_module
from chat.realtime import selftest_clock, subscription
from chat.realtime.readers import Reader
from chat.realtime.ring import Ring
from chat.store.sqlite.engine import AT_HAND
from tests.support.chats import Chat, opened, own_channels

RING_BYTES = 1_000_000
LARGE = "&" * 4000  # as html five times as long


@pytest.fixture
def chat(instance: Path):
    with opened(instance, ring_bytes=RING_BYTES) as chat:
        yield chat


def objects() -> Counter[str]:
    """How many there are, but for those that SQLAlchemy has of its connections."""
    gc.collect()
    return Counter(type(kept).__name__ for kept in gc.get_objects() if type(kept) is not weakref.ref)


class Dying(Reader):
    """A reader whose wakes fail."""

    def wake(self) -> None:
        raise OSError("Bad file descriptor")


# Readers


@pytest.mark.parametrize("due_in", [None, 0, 15, 40_000], ids=["never due", "due", "due soon", "due tomorrow"])
@pytest.mark.parametrize("kind", [Reader, Dying])
def test_a_reader_that_has_gone_leaves_nothing(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: type, due_in: int | None
):
    """On hosts where nothing ticks, too: what is to be done for a reader must not wait for its time to be let go."""
    caplog.set_level(logging.CRITICAL, "chat.realtime.readers")  # a record keeps what it tells of
    clock = [1000.0]
    monkeypatch.setattr(hub_module.time, "monotonic", lambda: clock[0])
    alice = chat.guest("alice")
    chat.store.write(rooms.join, alice, "lobby")
    refresh = subscription.of_reader(chat.store, alice, own_channels(alice), None)

    def come_and_go(times: int, ticks: bool) -> None:
        for _ in range(times):
            reader = kind(refresh, chat.hub.last_id)
            reader.due_at = clock[0] + due_in if due_in is not None else reader.due_at
            chat.hub.register(reader)
            chat.hub.expect(reader)
            chat.hub.feed.read(reader)
            if ticks:
                clock[0] += 7
                chat.hub.tick()
            chat.hub.forget(reader)
            chat.hub.expect(reader)

    come_and_go(50, ticks=True)
    come_and_go(200, ticks=False)
    before = objects()
    come_and_go(500, ticks=False)
    come_and_go(50, ticks=True)
    more = objects() - before
    assert max(more.values(), default=0) < 50, more
    assert not chat.hub.readers and not len(chat.hub._due) and not chat.hub._listeners._by_channel


def test_who_waits_for_nothing_that_a_time_brings_is_not_looked_at_each_second(chat: Chat):
    reader = chat.reader(named=[1])
    assert len(chat.hub._due) == 0
    reader.due_at = 10.0
    chat.hub.expect(reader)
    chat.hub.expect(reader)
    assert len(chat.hub._due) == 1


# Events


def test_the_ring_keeps_to_its_bytes_and_what_leaves_it_is_served_from_the_store(chat: Chat):
    bob, other = chat.guest("bob"), chat.another_hub()
    start = other.last_id
    posted = []
    while not chat.hub.feed.ring.floor:
        posted.append(chat.post(bob, LARGE)["id"])
        assert sum(len(event.frame) for event in chat.hub.feed.ring) == chat.hub.feed.ring.size <= RING_BYTES
        assert len(posted) < chat.config.ring_events, "it must be the bytes"
    assert start < chat.hub.feed.ring.floor < chat.hub.last_id
    other.wake()
    for hub in (chat.hub, other):
        heard = chat.read_all(chat.reader(named=[1], cursor=start, hub=hub), hub)
        assert [id for id, name, _ in heard if name == "message"] == posted


def test_much_at_once_is_dropped_as_it_is_read(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    """And not when all of it is in memory."""
    monkeypatch.setattr(feed_module, "PIECE_EVENTS", 5)
    bob, other = chat.guest("bob"), chat.another_hub()
    for _ in range(80):
        chat.post(bob, LARGE)
    sizes = []
    trim = Ring.trim
    monkeypatch.setattr(Ring, "trim", lambda ring: sizes.append(ring.size) or trim(ring))
    other.wake()
    largest = max(len(event.frame) for event in other.feed.ring)
    assert len(sizes) > 10 and max(sizes) <= RING_BYTES + 5 * largest


def test_the_bytes_of_what_was_rewritten_are_counted(chat: Chat):
    bob = chat.guest("bob")
    ids = [chat.post(bob, "short")["id"] for _ in range(60)]
    for id in ids:
        chat.store.write(messages.edit, bob, id, LARGE)
        assert sum(len(event.frame) for event in chat.hub.feed.ring) == chat.hub.feed.ring.size <= RING_BYTES
    assert chat.hub.feed.ring.floor > 0, "premise"


def test_an_event_is_in_memory_once(chat: Chat):
    bob = chat.guest("bob")
    said = chat.post(bob, "naïve “words” \u2028 and 🙂")
    [event] = [event for event in chat.hub.feed.ring if event.id == said["id"]]
    with chat.store.read() as connection:
        assert event.data == feed_module.events.find_all(connection, [event.id])[event.id]
    assert "data" not in type(event).__slots__ and event.data is not event.data


def test_a_piece_of_the_store_is_read_no_further_than_it_is_served(chat: Chat):
    bob = chat.guest("bob")
    for _ in range(80):
        chat.post(bob, LARGE)
    assert chat.hub.feed.ring.floor > 0, "premise"
    reader = chat.reader(named=[1])
    piece = chat.hub.feed._from_store(reader.cursor, chat.hub.last_id, reader.visibility)
    assert piece is not None
    sizes = [len(event.frame) for event in piece.events]
    assert sum(sizes) <= feed_module.PIECE_BYTES + max(sizes)


# Frames without an id


def test_frames_without_an_id_keep_to_their_bytes_and_who_missed_some_is_told_so(chat: Chat):
    behind, up_to_date = (chat.reader(named=[1], cursor=chat.hub.last_id) for _ in range(2))
    frame = b"x" * 30_000
    for _ in range(ring_module.PASSING_FRAMES // 2):
        chat.hub.send("room:1", frame)
        chat.hub.feed.read_passing(up_to_date)
    kept = chat.hub.feed.passing.after(0)
    assert ring_module.PASSING_BYTES - len(frame) < sum(len(frame) for _, frame in kept) <= ring_module.PASSING_BYTES
    assert not up_to_date.has_missed_passing
    chat.hub.feed.read(behind)
    assert chat.hub.feed.share(behind) is None, "it must read, and so learn of it"
    assert chat.hub.feed.read_passing(behind) == [frame] * len(kept)
    assert behind.has_missed_passing


def test_a_frame_above_the_bytes_is_kept_all_the_same(chat: Chat):
    reader = chat.reader(named=[1])
    for _ in range(2):
        chat.hub.send("room:1", b"x" * 2 * ring_module.PASSING_BYTES)
    assert len(chat.hub.feed.read_passing(reader)) == 1


# What readers share


def test_what_is_joined_for_readers_of_different_rooms_keeps_to_its_bytes(chat: Chat, monkeypatch):
    """A thousand readers of the lobby, each of another set of rooms, would have each its own copy."""
    monkeypatch.setattr(ring_module, "SHARED_BYTES", 50_000)
    bob = chat.guest("bob")
    for number in range(1, 41):
        chat.store.write(rooms.open_room, None, f"Room {number}", f"r{number}", "")
    start = chat.hub.last_id
    readers = [chat.reader(named=[1, number + 1], cursor=start) for number in range(1, 41)]
    for reader in readers:
        reader.has_new_rooms = False  # it was told who is there
        assert chat.hub.feed.share(reader) == b""
    posted = [chat.post(bob, "y" * 1000)["id"] for _ in range(3)]
    for reader in readers:
        piece = chat.hub.feed.share(reader)
        assert [f"id: {id}\n".encode() in piece for id in posted] == [True] * 3
        batches = chat.hub.feed._shared._batches.values()
        kept = sum(len(bytes) for batch in batches for bytes in batch._by_rooms.values())
        assert kept <= ring_module.SHARED_BYTES
    assert chat.hub.feed._shared.size < len(piece) * len(readers), "premise: together it would be too much"


# What the store keeps


def test_connections_of_a_crowd_of_threads_are_not_kept(chat: Chat):
    with ExitStack() as open_ones:
        for _ in range(3 * AT_HAND):
            open_ones.enter_context(chat.store.glance())
    assert len(chat.store._readers._at_hand) == AT_HAND
    assert chat.store._engine._reading.pool.checkedout() == AT_HAND


# The clocks of the self-test


def test_a_clock_for_which_there_is_no_room_takes_no_place(chat: Chat, streams):
    streams.most = 2
    clocks = [selftest_clock.Ticker(streams, 0, 20) for _ in range(4)]
    assert [clock.take_place() for clock in clocks] == [True, True, False, False]
    assert set(clocks) & selftest_clock._open == set(clocks[:2]) == chat.hub.readers
    for clock in clocks:
        clock.close()
    assert not set(clocks) & selftest_clock._open and not chat.hub.readers
