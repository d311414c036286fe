"""The parking lot: rounds in slices, pauses only under load, full connections; the bytes that readers share."""

import os
import socket
import time
from pathlib import Path

import pytest

from chat.domain import rooms, serializers
from chat.realtime import hub, parking, subscription
from chat.realtime.holds import Hold
from chat.realtime.streams import Stream, Streams
from tests.support.chats import Chat, opened, own_channels
from tests.support.turns import Turns, received


@pytest.fixture
def chat(tmp_path: Path):
    with opened(tmp_path, ring_events=16) as chat:
        yield chat


def test_readers_of_the_same_rooms_are_given_the_same_bytes(chat: Chat, streams: Streams, listen):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    chat.post(bob, "by which he joins")
    readers = [listen(alice)[0], listen(bob)[0]]
    chat.post(bob, "once")
    chat.post(bob, "again")
    pieces = [chat.hub.feed.share(reader) for reader in readers]
    assert pieces[0] is pieces[1] and pieces[0].count(b"event: message") == 2
    assert [reader.cursor for reader in readers] == [chat.hub.last_id] * 2


def test_what_is_a_reader_s_own_is_given_to_nobody_else(chat: Chat, streams: Streams, listen):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    chat.store.write(rooms.join, alice, "lobby")
    message = chat.post(bob, "read me")
    hers, his = listen(alice)[0], listen(bob)[0]
    chat.store.write(rooms.read, alice, "lobby", message["id"])
    assert b"event: read" in chat.hub.feed.share(hers)
    assert chat.hub.feed.share(his) == b""


def test_a_room_is_not_shared_before_one_is_in_it(chat: Chat, listen):
    """The membership is in the store before this process has read the log so far."""
    alice, bob = chat.guest("alice"), chat.guest("bob")
    other = chat.another_hub()
    chat.store.write(rooms.open_room, bob, "Den", "den", "")
    chat.post(bob, "before she came", room="den")
    chat.store.write(rooms.join, alice, "den")
    reader = chat.reader(alice, cursor=other.last_id, hub=other)
    assert chat.read_all(reader, other) == [] and reader.cursor < reader.visibility.settled_id, "premise"
    other.wake()
    assert other.feed.share(reader) is None, "not as long as a border of what it hears is still to come"
    heard = [name for _, name, _ in chat.read_all(reader, other)]
    assert heard == ["listed", "join", "join"], "no word from before she came"


@pytest.fixture
def clock(monkeypatch):
    """The parking's clock, which stands still; `clock[0] += 1` lets a second pass."""
    clock = [time.monotonic() + 1]
    monkeypatch.setattr(parking.time, "monotonic", lambda: clock[0])
    return clock


@pytest.mark.parametrize("others_seconds, slices", [(0, [2, 2, 2, 1]), (0.005, [2, 4, 1]), (0.01, [2, 5])])
def test_a_round_goes_in_slices_as_long_as_the_turn_of_the_loop_between(
        chat: Chat, loop: Turns, listen, monkeypatch, clock, others_seconds, slices):
    monkeypatch.setattr(parking, "SLICE_READERS", 2)
    bob = chat.guest("bob")
    ends = [listen()[1] for _ in range(7)]

    def write(fd, piece):
        clock[0] += 0.002
        return written(fd, piece)

    written = os.write
    monkeypatch.setattr(os, "write", write)
    chat.post(bob, "to all")
    served = []
    while loop.due:
        loop.turn()
        served.append(sum(b"to all" in received(end) for end in ends))
        clock[0] += others_seconds
    assert served[:len(slices)] == slices
    assert sum(served) == 7


def test_a_slice_is_never_long_however_long_all_else_took(chat: Chat, loop: Turns, listen, monkeypatch, clock):
    monkeypatch.setattr(parking, "SLICE_READERS", 1)
    bob = chat.guest("bob")
    ends = [listen()[1] for _ in range(9)]

    def write(fd, piece):
        clock[0] += 0.6 * parking.PAUSE_SECONDS
        return written(fd, piece)

    written = os.write
    monkeypatch.setattr(os, "write", write)
    chat.post(bob, "to all")
    loop.turn()
    clock[0] += 60
    for end in ends:
        received(end)
    loop.turn()
    assert sum(b"to all" in received(end) for end in ends) == 2


def test_nobody_waits_while_little_is_said_and_rounds_have_pauses_under_load(
        chat: Chat, loop, listen, monkeypatch, clock):
    bob = chat.guest("bob")
    listen()
    chat.post(bob, "first")
    assert loop.due[0][0] == 0

    def write(fd, piece):
        clock[0] += 0.01
        return len(piece)

    monkeypatch.setattr(os, "write", write)
    loop.turn()
    chat.post(bob, "second, while the first has just gone")
    chat.post(bob, "third")
    [(pause, _)] = loop.due
    assert 0 < pause <= parking.PAUSE_SECONDS, "one round for both"


def test_who_begins_at_the_newest_event_needs_nobody_s_greenlet(chat: Chat, streams: Streams, loop: Turns, monkeypatch):
    monkeypatch.setattr(streams.lot, "serve_slowly", lambda reader: pytest.fail("it has everything"))
    alice = chat.guest("alice")
    chat.store.write(rooms.join, alice, "lobby")
    refresh = subscription.of_reader(chat.store, alice, [], None)
    reader = Stream(streams, serializers.as_wire_user(alice), refresh, chat.hub.last_id)
    chat.hub.register(reader)
    assert reader.rosters()
    here, end = socket.socketpair()
    end.setblocking(False)
    streams.lot.park(reader, here.detach(), b"head")
    loop.settle()
    chat.post(alice, "to all")
    loop.settle()
    assert b"to all" in received(end)
    streams.lot.let_go(reader)
    end.close()


def test_a_page_that_is_held_for_a_room_is_answered_for_nothing_else(chat: Chat, streams: Streams, loop: Turns):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    for person in (alice, bob):
        chat.store.write(rooms.join, person, "lobby")
    refresh = subscription.of_reader(chat.store, bob, own_channels(bob), [1])
    hold = Hold(chat.hub, refresh, chat.hub.last_id, "room:1")
    chat.hub.register(hold)
    here, end = socket.socketpair()
    asked = []
    hold.park(streams.lot, here.detach(), asked.append)
    newest = chat.post(alice, "news")["id"]
    loop.settle()
    assert len(asked) == 1
    hold = Hold(chat.hub, refresh, chat.hub.last_id, "room:1")
    chat.hub.register(hold)
    hold.park(streams.lot, asked.pop(), asked.append)
    chat.store.write(rooms.read, bob, "lobby", newest)
    loop.settle()
    assert chat.hub.last_id > newest and not asked, "what was logged for bob alone is not for this page"
    chat.post(alice, "more news")
    loop.settle()
    os.close(asked.pop())
    end.close()


def test_what_the_kernel_does_not_take_waits_and_what_follows_comes_after_it(chat: Chat, streams, loop: Turns, listen):
    bob = chat.guest("bob")
    slow, end = listen()
    other = listen()[1]
    posted = []
    while slow not in streams.lot._unsent:
        posted.append(chat.post(bob, "x" * 4000)["id"])
        loop.settle()
        assert received(other), "nobody else waits"
    posted.append(chat.post(bob, "and this")["id"])
    loop.settle()
    got = received(end)
    assert b"and this" not in got
    for _ in range(100):
        loop.settle()
        got += received(end)
    messages = [block for block in got.split(b"\n\n") if b"event: message" in block]
    assert [int(message.split(b"\nid: ")[1].split(b"\n")[0]) for message in messages] == posted
    assert not streams.lot._unsent


def test_a_reader_that_takes_nothing_for_long_is_dropped(
    chat: Chat, streams: Streams, loop: Turns, listen, monkeypatch
):
    bob = chat.guest("bob")
    slow, _ = listen()
    while slow not in streams.lot._unsent:
        chat.post(bob, "x" * 4000)
        loop.settle()
    streams.tick()
    assert len(streams.lot) == 1
    monkeypatch.setattr(parking, "STALLED_SECONDS", 0)
    streams.tick()
    assert len(streams.lot) == 0 and slow not in chat.hub.readers


def test_a_connection_that_broke_is_the_reader_s_end_and_no_trace(chat: Chat, streams, loop: Turns, listen, caplog):
    bob = chat.guest("bob")
    gone, end = listen()
    stays = listen()[1]
    end.close()
    chat.post(bob, "anyone there?")
    loop.settle()
    assert gone not in chat.hub.readers and len(streams.lot) == 1
    assert b"anyone there?" in received(stays)
    assert not caplog.records


def test_a_reader_that_the_parking_lot_has_dropped_may_still_be_woken(streams: Streams, loop: Turns, listen):
    """Whoever has it in a list does not know yet; in `go_on` it may have been the send itself that ended it."""
    reader, _ = listen()
    streams.lot.let_go(reader)
    reader.wake()
    loop.settle()


def test_the_silent_are_sent_the_same_ping(chat: Chat, streams: Streams, loop: Turns, listen):
    readers = [listen() for _ in range(3)]
    for reader, _ in readers:
        reader.due_at = time.monotonic()
        chat.hub.expect(reader)
    streams.tick()
    loop.settle()
    pings = {received(end) for _, end in readers}
    assert len(pings) == 1 and pings.pop().startswith(b"event: ping\nid: %d\n" % chat.hub.last_id)
    streams.tick()
    loop.settle()
    assert {received(end) for _, end in readers} == {b""}, "the next one comes after the next silence"


def test_a_stream_whose_time_is_over_says_so_and_ends(chat: Chat, streams: Streams, loop: Turns, listen, monkeypatch):
    monkeypatch.setattr(streams, "lifetime_seconds", lambda: 0.0)
    reader, end = listen()
    streams.tick()
    loop.settle()
    assert b'"reason":"lifetime"' in received(end) or reader not in chat.hub.readers
    assert reader not in chat.hub.readers and end.recv(1) == b""


def test_who_goes_during_the_farewell_keeps_nobody_else_from_theirs(chat, streams, loop, listen, monkeypatch):
    ends = dict(listen() for _ in range(3))
    gone = []

    def meanwhile(seconds):
        if not gone:
            gone.append(next(reader for reader in ends if reader.end is None))
            streams.lot.let_go(gone[0])

    monkeypatch.setattr(hub.time, "sleep", meanwhile)
    chat.hub.close("restart", over_seconds=len(ends) * hub.CLOSE_STEP_SECONDS)
    loop.settle()
    assert gone
    assert all(b'"reason":"restart"' in received(end) for reader, end in ends.items() if reader not in gone)


def test_a_reader_that_fell_off_the_ring_is_told(chat: Chat, streams: Streams, loop: Turns, listen):
    bob = chat.guest("bob")
    reader, end = listen()
    for number in range(40):  # and the loop does not turn
        chat.post(bob, str(number))
    loop.settle()
    assert b'"reason":"slow"' in received(end)
    assert reader not in chat.hub.readers
