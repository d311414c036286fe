"""The hub when something fails on the way: its place in the log moves with what it took in, and the next look heals."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from chat.core import log_events
from chat.core.log_events import MISSED
from chat.domain import messages, moderation, rooms, site_settings
from chat.realtime import feed as feed_module
from chat.realtime import subscription
from chat.realtime.readers import Listeners, Reader
from chat.store import Store
from tests.support.chats import Chat, opened


@pytest.fixture
def chat(instance: Path):
    with opened(instance, ring_events=64) as chat:
        yield chat


class Failing:
    """A step that fails with the call `at`, and never again."""

    def __init__(self, step: Callable[..., Any], at: int = 1) -> None:
        self._step = step
        self._at = at
        self.calls = 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls == self._at:
            raise OSError("Too many open files")
        return self._step(*arguments, **named)

    @property
    def has_failed(self) -> bool:
        return self.calls >= self._at


class Woken:
    """In place of a reader's waiter: counts how often it was woken, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.count = 0

    def wake(self) -> None:
        self.count += 1
        if self.error is not None:
            raise self.error


class Other:
    """Another process: its hub, what it was told of the site, a member's reader and one that is about to be banned."""

    def __init__(self, chat: Chat) -> None:
        self.told: list[str] = []
        self.chat = chat
        self.alice, self.bob, self.mallory = (chat.guest(name) for name in ("alice", "bob", "mallory"))
        chat.store.write(rooms.open_room, self.alice, "Garden", "garden", "")
        self.hub = chat.another_hub()
        self.hub._on_site = lambda event: self.told.append(event.name)
        self.began_at = self.hub.last_id
        self.member = chat.reader(self.alice, cursor=self.began_at, hub=self.hub)
        self.banned = chat.reader(self.mallory, cursor=self.began_at, hub=self.hub)
        self.heard = chat.read_all(self.member, self.hub) + chat.read_all(self.banned, self.hub)

    def much_happens(self) -> None:
        write = self.chat.store.write
        self.chat.post(self.alice, "in the garden", room="garden")
        self.hub.wake()
        write(rooms.change, "garden", "Wood", "")
        write(rooms.join, self.alice, "lobby")
        said = self.chat.post(self.bob, "the old secret")
        write(messages.edit, self.bob, said["id"], "the new words")
        write(rooms.change, "garden", "Orchard", "")
        write(moderation.ban, None, self.mallory.id, "enough", None, self.chat.config)
        self.chat.post(self.bob, "and on")

    def expect_all_once(self) -> None:
        heard = self.chat.read_all(self.member, self.hub)
        fresh = self.chat.another_hub()
        assert heard == self.chat.read_all(self.chat.reader(self.alice, self.began_at, fresh), fresh)
        names = [name for _, name, _ in heard]
        assert names == ["message", "room", "join", "join", "join", "message", "edit", "listed", "room", "message"]
        frames = b"".join(event.frame for event in self.hub.feed.ring)
        assert b"the new words" in frames and b"the old secret" not in frames
        assert self.banned.end == "revoked" and self.member.end is None
        assert self.told == [log_events.CHANGED]


@pytest.fixture
def other(chat: Chat) -> Other:
    return Other(chat)


STEPS = {
    "the log": (feed_module.events, "after"),
    "what a room's events say now": (feed_module.events, "find_all"),
    "the store": (Store, "glance"),
    "what a reader may hear": (rooms, "refresh_all"),
    "the listeners": (Listeners, "add"),
}


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_lost_or_repeated_when_a_step_fails(
    chat: Chat, other: Other, monkeypatch: pytest.MonkeyPatch, step: str, at: int
):
    other.much_happens()
    where, name = STEPS[step]
    if step == "what a reader may hear":
        failing = other.hub._refresh_all = Failing(other.hub._refresh_all, at)
    else:
        failing = Failing(getattr(where, name), at)
        monkeypatch.setattr(where, name, lambda *arguments, **named: failing(*arguments, **named))
    monkeypatch.setattr(feed_module, "PIECE_EVENTS", 4)
    other.hub.feed.ring.most_events = 1000
    for _ in range(3):
        with suppress(OSError):
            other.hub.wake()
    assert failing.has_failed, "premise"
    other.expect_all_once()


def test_who_was_concerned_by_what_came_before_the_failure_is_woken(
    chat: Chat, other: Other, monkeypatch: pytest.MonkeyPatch
):
    other.much_happens()
    other.member.waiter.wait(0)
    with chat.store.read() as connection:
        piece = feed_module.events.after(connection, other.hub.last_id, 2)
    monkeypatch.setattr(feed_module, "PIECE_EVENTS", 2)
    monkeypatch.setattr(feed_module.events, "after", Failing(feed_module.events.after, at=2))
    with pytest.raises(OSError):
        other.hub.wake()
    assert other.hub.last_id == piece[-1].id and other.member.waiter.wait(0)


def test_a_reader_that_cannot_be_woken_keeps_nobody_else_from_it(chat: Chat, other: Other, monkeypatch, caplog):
    readers = [chat.reader(other.alice, other.began_at, other.hub) for _ in range(5)]
    for reader in readers[::2]:
        reader.waiter = Woken(error=OSError("Too many open files"))
    other.much_happens()
    other.hub.wake()
    assert all(reader.waiter.wait(0) for reader in readers[1::2])
    assert "could not be woken" in caplog.text
    other.expect_all_once()


@pytest.mark.parametrize("event", [log_events.CHANGED, MISSED])
def test_what_the_process_could_not_learn_of_it_is_told_again(chat: Chat, other: Other, caplog, event: str):
    """A ban that did not come into force in this process would not do so until its restart."""
    other.hub._on_site = Failing(other.hub._on_site)
    if event == log_events.CHANGED:
        chat.store.write(site_settings.announce_change)
    else:
        other.hub.skip_to_end()
    other.hub.wake()
    assert other.told == [] and "could not take in" in caplog.text
    for _ in range(2):
        other.hub.wake()
        assert other.told == [event], "once"


# A reader's place


def test_a_reader_whose_visibility_cannot_be_read_takes_no_place(chat: Chat):
    alice = chat.guest("alice")
    reader = Reader(Failing(subscription.of_reader(chat.store, alice, [], None)), 0)
    reader.due_at = 0.0
    with pytest.raises(OSError):
        chat.hub.register(reader)
    assert (len(chat.hub.readers), chat.hub.held["poll"], len(chat.hub._due)) == (0, 0, 0)
    chat.hub.register(reader)
    assert (len(chat.hub.readers), chat.hub.held["poll"], len(chat.hub._due)) == (1, 1, 1)
    chat.hub.forget(reader)
    assert (len(chat.hub.readers), chat.hub.held["poll"], len(chat.hub._due)) == (0, 0, 0)


# Far behind


def test_a_process_far_behind_begins_with_an_empty_ring_and_everybody_comes_back(
    chat: Chat, other: Other, monkeypatch: pytest.MonkeyPatch
):
    """Its cursors would otherwise jump over what it left out, and old frames would show what was removed since."""
    said = chat.post(other.bob, "the old secret")
    other.hub.wake()
    assert len(other.hub.feed.ring) > 0, "premise"
    early = chat.reader(cursor=other.began_at, hub=other.hub, named=[1])
    chat.store.write(messages.remove, other.bob, said["id"])
    monkeypatch.setattr(feed_module, "PIECE_EVENTS", 16)
    changes = other.hub.room_changes
    for number in range(80):
        chat.post(other.bob, f"number {number}")
    chat.store.write(moderation.ban, None, other.mallory.id, "enough", None, chat.config)
    chat.post(other.bob, "the last")
    other.hub.wake()
    assert other.hub.last_id == chat.hub.last_id
    assert (len(other.hub.feed.ring), other.hub.feed.ring.floor) == (0, other.hub.last_id)
    assert {reader.end for reader in (early, other.member, other.banned)} == {"slow"}
    assert early.waiter.wait(0) and other.hub.feed.read(early) == []
    assert other.told == [MISSED] and other.hub.room_changes > changes
    back = chat.reader(cursor=early.cursor, hub=other.hub, named=[1])
    fresh = chat.another_hub()
    chat.post(other.bob, "live again")
    for hub in (other.hub, fresh):
        hub.wake()
    heard = chat.read_all(back, other.hub)
    assert heard == chat.read_all(chat.reader(cursor=early.cursor, hub=fresh, named=[1]), fresh)
    assert len(heard) > 80


def test_a_process_whose_next_events_were_pruned_does_not_step_over_what_they_told_it(
    chat: Chat, other: Other, monkeypatch: pytest.MonkeyPatch
):
    chat.store.write(moderation.ban, None, other.mallory.id, "enough", None, chat.config)
    for number in range(20):
        chat.post(other.bob, f"number {number}")
    chat.store.write(feed_module.events.prune, "2000", 10, 1000)
    other.hub.wake()
    assert other.told == [MISSED] and other.member.end == "slow"


def test_a_few_missing_ids_need_no_new_beginning(chat: Chat, other: Other):
    def ruin(tx):
        for _ in range(3):
            tx.next_id()
            tx._last_id += 1
        tx.append("room:1", "message", "{}")

    chat.store.write(ruin)
    other.hub.wake()
    assert other.told == [] and other.member.end is None and other.hub.last_id == chat.hub.last_id


def test_joins_of_one_moment_are_asked_about_and_woken_for_once(chat: Chat, other: Other):
    """They stay one event each."""
    asked = []
    refresh_all = other.hub._refresh_all
    other.hub._refresh_all = lambda refreshes: asked.append(len(refreshes)) or refresh_all(refreshes)
    other.member.waiter = Woken()

    def come_and_go(tx):
        for _ in range(10):
            rooms.join(tx, other.alice, "lobby")
            rooms.leave(tx, other.alice, "lobby")
        rooms.join(tx, other.alice, "lobby")
        messages.post(tx, other.bob, "lobby", "and she hears it")

    chat.store.write(come_and_go)
    other.hub.wake()
    assert asked == [1] and other.member.waiter.count == 1
    heard = [name for _, name, _ in chat.read_all(other.member, other.hub)]
    fresh = chat.another_hub()
    assert len(heard) == len(chat.read_all(chat.reader(other.alice, other.began_at, fresh), fresh))
    assert heard.count("join") + heard.count("leave") == 43 and heard[-1] == "message"
