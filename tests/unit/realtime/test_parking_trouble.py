"""The parking when something fails: that reader is let go, with all that it has, and everybody else is served."""

import errno
import os
import socket
from typing import Any

import pytest

from chat.domain import rooms
from chat.realtime import subscription
from chat.realtime.holds import HeldPoll, Hold
from chat.realtime.streams import Stream, StreamBody
from tests.support.chats import Chat
from tests.support.failing import NO_FILES, failing
from tests.support.turns import Turns, received


def test_a_reader_that_cannot_be_parked_keeps_neither_place_nor_connection(chat: Chat, loop: Turns, streams, listen):
    home = streams
    stays, its_end = listen()
    for broken in ("register", "set_blocking"):
        for body_of in (_stream_body, _held_poll):
            reader, park = body_of(chat, home)
            here, there = socket.socketpair()
            fd = here.detach()
            with there, pytest.MonkeyPatch.context() as patched:
                if broken == "register":
                    patched.setattr(home.lot, "_poller", _NoPoller())
                else:
                    patched.setattr(os, "set_blocking", failing(NO_FILES))
                with pytest.raises(OSError):
                    park(fd)
                assert reader not in chat.hub.readers and len(home.lot) == 1
                assert there.recv(1) == b"", "the connection is closed"
    chat.post(chat.guest("bob"), "and all else goes on")
    loop.settle()
    assert b"all else goes on" in received(its_end)


class _NoPoller:
    def register(self, fd: int, events: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def _stream_body(chat: Chat, home: Any) -> Any:
    reader = parking_reader(chat, home)
    body = StreamBody(reader, b"opening", 15)
    return reader, lambda fd: body.park(home.lot, fd, b"head", None)


def _held_poll(chat: Chat, home: Any) -> Any:
    reader = Hold(chat.hub, subscription.of_reader(chat.store, None, [], [1]), 0)
    chat.hub.register(reader)
    body = HeldPoll(reader)
    return reader, lambda fd: body.park(home.lot, fd, lambda fd: None)


def parking_reader(chat: Chat, home: Any) -> Any:
    reader = Stream(home, None, subscription.of_reader(chat.store, None, [], [1]), 0)
    chat.hub.register(reader)
    return reader


@pytest.mark.parametrize("can_be_closed", [True, False])
def test_one_reader_s_trouble_ends_that_reader_and_no_round(
    chat: Chat, loop: Turns, streams, listen, can_be_closed: bool
):
    bob = chat.guest("bob")
    readers = [listen() for _ in range(5)]
    troubled, end = readers[2]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(troubled), "go_on", _but_for(troubled, type(troubled).go_on, KeyError("trouble")))
        if not can_be_closed:
            patched.setattr(type(troubled), "close", _but_for(troubled, type(troubled).close, NO_FILES))
        for number in range(3):
            chat.post(bob, f"number {number}")
            loop.settle()
    for reader, its_end in readers:
        got = received(its_end) if reader is not troubled else b""
        assert [f"number {number}".encode() in got for number in range(3)] == [reader is not troubled] * 3
    assert len(streams.lot) == 4
    chat.hub.forget(troubled)


def _but_for(troubled: Any, method: Any, error: Exception) -> Any:
    def call(self: Any, *arguments: Any) -> Any:
        if self is troubled:
            raise error
        return method(self, *arguments)

    return call


def test_a_failure_while_receiving_does_not_end_the_receiving_loop(
    chat: Chat, loop: Turns, streams, listen, monkeypatch: pytest.MonkeyPatch
):
    (troubled, its_end), (other, other_end) = listen(), listen()
    kind = type(troubled)
    monkeypatch.setattr(kind, "on_end_of_input", _but_for(troubled, kind.on_end_of_input, KeyError("trouble")))
    its_end.shutdown(socket.SHUT_WR)
    loop.settle()
    assert troubled not in chat.hub.readers and other in chat.hub.readers
    other_end.close()
    loop.settle()
    assert other not in chat.hub.readers


def test_slow_serving_that_was_ended_begins_anew(chat: Chat, loop: Turns, streams, listen, monkeypatch):
    reader, end = listen()
    with monkeypatch.context() as patched:
        patched.setattr(loop, "breathe", failing(KeyboardInterrupt()))
        streams.lot.serve_slowly(reader)
        with pytest.raises(KeyboardInterrupt):
            loop.settle()
    chat.store.write(rooms.change, "lobby", "Parlour", "")
    loop.settle()
    assert b"Parlour" in received(end)
