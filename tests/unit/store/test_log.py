"""Keeping the log: pruned in steps, its gaps known, its readers bounded."""

from pathlib import Path

import pytest
from sqlalchemy import insert, update

from chat.core import times
from chat.domain import retention
from chat.realtime import feed as feed_module
from chat.store.schema import events as events_table
from chat.store.schema import gaps
from chat.store.tables import events
from tests.support.chats import Chat, opened


@pytest.fixture
def chat(tmp_path: Path):
    with opened(tmp_path, ring_events=16) as chat:
        yield chat


def kept_ids(chat: Chat) -> list[int]:
    with chat.store.read() as connection:
        return [row.id for row in events.after(connection, 0, 10_000)]


def test_the_log_is_pruned_by_count_and_remembers_up_to_where(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "STEP_EVENTS", 7)
    bob = chat.guest("bob")
    for number in range(40):
        chat.post(bob, str(number))
    newest = kept_ids(chat)[-1]
    while chat.store.write(retention.prune, times.ago(days=1), 10):
        assert len(kept_ids(chat)) >= 10
    assert kept_ids(chat) == list(range(newest - 9, newest + 1))
    with chat.store.read() as connection:
        assert events.pruned_to(connection) == newest - 10
        assert events.highest_id(connection) == newest


def test_the_log_is_pruned_by_age(chat: Chat):
    bob = chat.guest("bob")
    old = chat.post(bob, "old")["id"]
    chat.store.write(
        lambda tx: tx.connection.execute(
            update(events_table).where(events_table.c.id <= old).values(created_at=times.ago(days=40))
        )
    )
    new = chat.post(bob, "new")["id"]
    assert not chat.store.write(retention.prune, times.ago(days=30), 1000)
    assert kept_ids(chat) == [new]


def test_nothing_young_is_pruned_below_the_count(chat: Chat):
    bob = chat.guest("bob")
    chat.post(bob, "young")
    before = kept_ids(chat)
    chat.store.write(retention.prune, times.ago(days=30), 1000)
    assert kept_ids(chat) == before


@pytest.mark.parametrize(("cursor", "is_lost"), [(99, False), (100, False), (101, True), (200, True), (201, False)])
def test_a_cursor_from_a_time_that_a_backup_lost_is_known(chat: Chat, cursor: int, is_lost: bool):
    chat.store.write(lambda tx: tx.connection.execute(insert(gaps), {"after_id": 100, "until_id": 200}))
    with chat.store.read() as connection:
        assert events.is_in_gap(connection, cursor) == is_lost


def test_a_reader_that_falls_off_the_ring_is_closed_with_its_cursor_intact(chat: Chat):
    bob = chat.guest("bob")
    reader = chat.reader(named=[1], cursor=chat.hub.last_id)
    assert chat.read_all(reader) == [], "it must have been live for this to mean anything"
    was_at = reader.cursor
    for number in range(60):
        chat.post(bob, str(number))
    assert chat.hub.feed.read(reader) == []
    assert (reader.end, reader.cursor) == ("slow", was_at)
    again = chat.reader(named=[1], cursor=was_at)
    assert len([name for _, name, _ in chat.read_all(again) if name == "message"]) == 60


def test_a_reader_that_comes_from_far_behind_is_not_taken_for_a_slow_one(chat: Chat):
    bob = chat.guest("bob")
    for number in range(60):
        chat.post(bob, str(number))
    reader = chat.reader(named=[1], cursor=0)
    assert len(chat.read_all(reader)) >= 60 and reader.end is None


def test_a_piece_is_bounded_in_bytes_and_nothing_between_pieces_is_lost(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed_module, "PIECE_BYTES", 3000)
    bob = chat.guest("bob")
    posted = [chat.post(bob, "x" * 1000)["id"] for _ in range(30)]
    for hub in (chat.hub, chat.another_hub()):
        reader = chat.reader(named=[1], hub=hub)
        pieces = []
        while found := hub.feed.read(reader):
            pieces.append(found)
        sizes = [sum(len(event.frame) for event in piece) for piece in pieces]
        largest = max(len(event.frame) for piece in pieces for event in piece)
        assert max(sizes) < 3000 + largest
        assert [event.id for piece in pieces for event in piece if event.name == "message"] == posted
