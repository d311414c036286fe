"""What tests of the parts share."""

import socket
import tempfile
from pathlib import Path

import pytest

from chat import runtime
from chat.domain import serializers
from chat.realtime import subscription
from chat.realtime.presence.memory import MemoryPresence
from chat.realtime.relay.local import LocalRelay
from chat.realtime.streams import Stream, Streams
from tests.support.chats import Chat, opened, own_channels
from tests.support.serving import MEMORY
from tests.support.turns import Turns, received


@pytest.fixture
def instance():
    """The folder of a chat, in memory, where nobody waits for a disk."""
    with tempfile.TemporaryDirectory(prefix="longwave-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def chat(instance: Path):
    with opened(instance) as chat:
        yield chat


@pytest.fixture
def alice(chat: Chat):
    return chat.guest("alice")


@pytest.fixture
def bob(chat: Chat):
    return chat.guest("bob")


@pytest.fixture
def loop(monkeypatch):
    turns = Turns()
    monkeypatch.setattr(runtime, "current", lambda: turns)
    return turns


@pytest.fixture
def streams(chat: Chat, loop: Turns):
    return Streams(chat.store, chat.hub, MemoryPresence(chat.hub, LocalRelay(), 200), chat.config)


@pytest.fixture
def listen(chat: Chat, streams: Streams, loop: Turns):
    """Parks a reader; gives it, and the other end of its connection."""
    ends = []

    def listen(user=None, named=(1,)):
        wire = serializers.as_wire_user(user) if user else None
        refresh = subscription.of_reader(chat.store, user, own_channels(user), list(named) if named else None)
        reader = Stream(streams, wire, refresh, chat.hub.last_id)
        chat.hub.register(reader)
        here, there = socket.socketpair()
        there.setblocking(False)
        ends.append(there)
        streams.lot.park(reader, here.detach(), b"")
        loop.settle()
        received(there)
        return reader, there

    yield listen
    for end in ends:
        end.close()
    for reader in list(chat.hub.readers):
        streams.lot.let_go(reader)
