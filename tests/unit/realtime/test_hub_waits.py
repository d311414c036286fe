"""The store may take its time: nobody waits for it under the hub's lock, and what happens meanwhile is not missed."""

import os
import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest

from chat.domain import moderation, rooms
from chat.realtime import hub as hub_module
from chat.realtime import subscription
from chat.realtime.hub import Hub
from chat.realtime.readers import Reader
from chat.store import Store
from tests.support.chats import Chat, opened, own_channels
from tests.support.turns import received


@pytest.fixture
def chat(instance):
    with opened(instance, ring_events=64) as chat:
        yield chat


def is_at_rest(hub: Hub) -> bool:
    """Whether the loop would find it so."""
    found: list[bool] = []

    def look() -> None:
        with hub.at_rest() as is_free:
            found.append(is_free)

    looking = threading.Thread(target=look)
    looking.start()
    looking.join(20)
    return found[0]


@pytest.fixture
def asked(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each question to the store, whether the hub was at rest."""
    asked: list[bool] = []
    glance = Store.glance

    @contextmanager
    def noted(store: Store):
        asked.append(is_at_rest(chat.hub))
        with glance(store) as connection:
            yield connection

    monkeypatch.setattr(Store, "glance", noted)
    return asked


def reader_of(chat: Chat, user, refresh: Callable[[], object] | None = None, cursor: int = 0) -> Reader:
    return Reader(refresh or subscription.of_reader(chat.store, user, own_channels(user), None), cursor)


def test_the_store_is_asked_while_the_hub_is_at_rest(chat: Chat, asked: list[bool]):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    for user in (alice, bob):
        chat.store.write(rooms.join, user, "lobby")
    live, behind = reader_of(chat, alice, cursor=chat.hub.last_id), reader_of(chat, bob)
    for reader in (live, behind):
        chat.hub.register(reader)
    for number in range(80):
        chat.post(alice, f"more than the ring holds: {number}")
    chat.store.write(rooms.change, "lobby", "Hall", "")
    chat.read_all(behind)
    chat.hub.skip_to_end()
    chat.hub.start()
    assert len(asked) > 80 and all(asked)


def during(step: Callable, what: Callable[[], object], at: int = 1) -> Callable:
    """The step, but with the call `at` something happens just after what it has found out."""
    calls = 0

    def stepped(*arguments: object):
        nonlocal calls
        calls += 1
        found = step(*arguments)
        if calls == at:
            what()
        return found

    return stepped


def test_a_room_that_is_joined_while_it_is_looked_up_what_a_reader_may_see_is_not_missed(chat: Chat):
    alice = chat.guest("alice")
    look_up = subscription.of_reader(chat.store, alice, own_channels(alice), None)
    reader = reader_of(chat, alice, during(look_up, lambda: chat.store.write(rooms.join, alice, "lobby")))
    chat.hub.register(reader)
    said = chat.post(alice, "hello")
    assert said["id"] in [id for id, _, _ in chat.read_all(reader)]


def test_who_is_banned_while_it_is_looked_up_what_they_may_see_is_not_let_in(chat: Chat):
    mallory = chat.guest("mallory")
    look_up = subscription.of_reader(chat.store, mallory, own_channels(mallory), None)
    ban = (moderation.ban, None, mallory.id, "enough", None, chat.config)
    reader = reader_of(chat, mallory, during(look_up, lambda: chat.store.write(*ban)))
    chat.hub.register(reader)
    assert reader.end == "revoked"


def test_who_is_banned_while_what_they_missed_is_read_is_given_none_of_it(chat: Chat, monkeypatch):
    mallory, bob = chat.guest("mallory"), chat.guest("bob")
    chat.store.write(rooms.join, mallory, "lobby")
    for number in range(80):
        chat.post(bob, f"more than the ring holds: {number}")
    reader = chat.reader(mallory)
    ban = (moderation.ban, None, mallory.id, "enough", None, chat.config)
    read = during(chat.hub.feed._from_store, lambda: chat.store.write(*ban))
    monkeypatch.setattr(chat.hub.feed, "_from_store", read)
    assert chat.hub.feed.read(reader) == [] and reader.end == "revoked"


def test_where_access_changes_again_and_again_a_reader_gets_in_all_the_same(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    look_up = subscription.of_reader(chat.store, alice, own_channels(alice), None)
    other, writing = chat.another_hub(), []

    def much_happens() -> object:
        found = look_up()
        for verb in (rooms.join, rooms.leave):
            chat.store.write(verb, bob, "lobby")
        waking = threading.Thread(target=other.wake)
        waking.start()
        writing.append(waking)
        if len(writing) <= hub_module.REGISTER_TRIES:
            waking.join(20)
        return found

    other.register(reader_of(chat, alice, much_happens))
    for waking in writing:
        waking.join(20)
    assert len(writing) == hub_module.REGISTER_TRIES + 1 and len(other.readers) == 1


def test_who_comes_while_it_is_looked_up_what_the_others_may_see_is_looked_up_too(chat: Chat, monkeypatch):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    hub = chat.another_hub()
    first, second = (reader_of(chat, user, cursor=hub.last_id) for user in (alice, bob))
    hub.register(first)
    hub._refresh_all = during(hub._refresh_all, lambda: hub.register(second))
    # As a question sees it that was asked a moment ago.
    monkeypatch.setattr(subscription.Subscription, "__call__", lambda self: self.visibility((), ()))
    for user in (alice, bob):
        chat.store.write(rooms.join, user, "lobby")
    hub.wake()
    said = chat.post(alice, "hello")
    hub.wake()
    for reader in (first, second):
        assert said["id"] in [id for id, _, _ in chat.read_all(reader, hub)]


def test_a_last_place_is_given_once(chat: Chat):
    alice = chat.guest("alice")
    first = reader_of(chat, alice)
    look_up = subscription.of_reader(chat.store, alice, own_channels(alice), None)
    second = reader_of(chat, alice, during(look_up, lambda: chat.hub.register(first)))
    assert not chat.hub.register(second, has_place=lambda: not chat.hub.readers)
    assert chat.hub.readers == {first}


# Parked readers


def test_a_parked_reader_that_goes_while_it_waits_for_the_store_is_written_to_no_more(
    chat: Chat, streams, listen, loop, monkeypatch
):
    alice = chat.guest("alice")
    chat.store.write(rooms.join, alice, "lobby")
    reader, _ = listen(alice, named=None)
    written: list[int] = []
    take, write = reader.take, os.write
    monkeypatch.setattr(os, "write", lambda fd, piece: written.append(fd) or write(fd, piece))

    def take_and_go() -> bytes:
        streams.lot.let_go(reader)
        reader.has_new_rooms = True
        return take() or b"something"

    monkeypatch.setattr(type(reader), "take", lambda self: take_and_go())
    streams.lot.serve_slowly(reader)
    loop.settle()
    assert not written, "its descriptor may be another's by now"
    assert reader not in chat.hub.readers and streams.presence._mine.stay(1, alice.id).streams == 0


def test_a_parked_reader_that_is_woken_while_it_waits_for_the_store_is_sent_everything_in_order(
    chat: Chat, streams, listen, loop, monkeypatch
):
    bob = chat.guest("bob")
    chat.store.write(rooms.join, bob, "lobby")
    reader, end = listen(bob)
    slugs, is_first = streams.slugs, [True]

    def look_slugs_up(room_ids) -> dict[int, str]:
        """By now the reader has the first frame, which is not yet sent."""
        if is_first:
            is_first.clear()
            chat.hub.send("room:1", b"second ")
            chat.post(bob, "third")
            loop.turn()
            loop.turn()
        return slugs(room_ids)

    monkeypatch.setattr(streams, "slugs", look_slugs_up)
    streams.lot.serve_slowly(reader)
    reader.has_new_rooms = True
    chat.hub.feed.add_passing("room:1", b"first ")
    loop.settle()
    sent = received(end)
    assert sent.index(b"first") < sent.index(b"second") and sent.count(b"event: message") == 1
