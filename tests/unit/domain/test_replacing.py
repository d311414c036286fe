"""An event replaces the earlier ones that it makes obsolete: in the log, in every ring, for every cursor."""

import random
from typing import Any

import pytest
from sqlalchemy import func, select

from chat.core import times
from chat.core.errors import ChatError
from chat.domain import erasure, messages, retention, rooms
from chat.store.schema import events as events_table
from chat.store.tables import events, facts
from tests.support.chats import Chat


def log_of(chat: Chat, *names: str) -> list[Any]:
    with chat.store.read() as connection:
        return [row for row in events.after(connection, 0, 10_000) if row.name in names]


def names(chat: Chat, message_id: int) -> list[str]:
    return [row.name for row in log_of(chat, "message", "edit", "remove") if row.message_id == message_id]


class Cost:
    """What a change costs the database: how many rows it writes, and how many bytes of the log."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def of(self, change: Any, *arguments: Any) -> int:
        def counted(tx: Any) -> int:
            driver = tx.connection.connection.driver_connection
            before = driver.total_changes
            change(tx, *arguments)
            return driver.total_changes - before

        return self._chat.store.write(counted)


# Edits


def test_the_hundredth_edit_costs_what_the_second_did(chat: Chat):
    bob, cost = chat.guest("bob"), Cost(chat)
    said = chat.post(bob, "x" * 4000)
    chat.store.write(messages.edit, bob, said["id"], "y" * 4000)
    costs, sizes = [], []
    for number in range(100):
        costs.append(cost.of(messages.edit, bob, said["id"], f"{number:03d}" + "z" * 3997))
        sizes.append(sum(len(row.data) for row in log_of(chat, "message", "edit")))
    assert len(set(costs)) == 1 and costs[0] < 10
    assert len(set(sizes)) == 1
    assert names(chat, said["id"]) == ["message", "edit"]


def test_a_log_with_many_edits_of_an_older_version_is_rid_of_them_by_the_next(chat: Chat):
    bob = chat.guest("bob")
    said = chat.post(bob, "first")
    for _ in range(20):
        chat.store.write(lambda tx: tx.append("room:1", "edit", "{}", message_id=said["id"]))
    assert names(chat, said["id"]).count("edit") == 20, "premise"
    chat.store.write(messages.edit, bob, said["id"], "last")
    assert names(chat, said["id"]) == ["message", "edit"]


@pytest.mark.parametrize("last", ["edit", "remove"])
def test_rings_and_log_keep_only_the_latest_edit_or_removal(chat: Chat, last: str):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    behind, often = chat.another_hub(), chat.another_hub()
    start = chat.hub.last_id
    live = chat.reader(named=[1], cursor=start, hub=often)
    said, other = chat.post(bob, "a secret"), chat.post(alice, "something else")
    heard = []
    for number in range(5):
        chat.store.write(messages.edit, bob, said["id"], f"the secret {number}")
        chat.post(alice, f"between {number}")
        often.wake()
        heard += chat.read_all(live, often)
    if last == "remove":
        chat.store.write(messages.remove, bob, said["id"])
    newest = [id for id, name, _ in chat.read_all(chat.reader(named=[1], cursor=start)) if name == last][-1]
    expected = ["message", last]
    for hub in (chat.hub, behind, often, chat.another_hub()):
        hub.wake()
        told = [event for event in hub.feed.ring if event.message_id == said["id"]]
        assert [event.name for event in told] in (expected, []), "a process that begins has an empty ring"
        for cursor in range(start, newest + 1):
            changes = [(id, name) for id, name, _ in chat.read_all(chat.reader(named=[1], cursor=cursor, hub=hub), hub)
                       if name in ("edit", "remove")]
            assert changes == ([(newest, last)] if cursor < newest else [])
    assert [name for _, name, _ in heard].count("edit") == 5, "who was there heard each"
    heard += chat.read_all(live, often)
    assert len({id for id, _, _ in heard}) == len(heard)
    assert other["id"] in [id for id, _, _ in heard]


def test_what_is_drawn_anew_without_a_name_takes_the_place_of_what_was_there(chat: Chat):
    bob = chat.guest("bob")
    edited, removed, plain = (chat.post(bob, f"number {number}")["id"] for number in range(3))
    chat.store.write(messages.edit, bob, edited, "edited")
    chat.store.write(messages.remove, bob, removed)
    chat.store.write(erasure.ask, bob, "leave")
    while erasure.go_on(chat.store):
        pass
    assert [names(chat, id) for id in (edited, removed, plain)] == [
        ["message", "edit"], ["message", "remove"], ["message", "edit"]]
    told = [(event.message_id, event.name) for event in chat.hub.feed.ring if event.name in ("edit", "remove")]
    assert told == [(row.message_id, row.name) for row in log_of(chat, "edit", "remove")]


# Read marks


def test_a_read_mark_takes_the_place_of_the_person_s_earlier_one_of_the_room(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    other = chat.another_hub()
    chat.store.write(rooms.open_room, bob, "Garden", "garden", "")
    for slug in ("lobby", "garden"):
        for person in (alice, bob):
            chat.store.write(rooms.join, person, slug)
    for number in range(6):
        for slug in ("lobby", "garden"):
            said = chat.post(bob, str(number), room=slug)
            chat.store.write(rooms.read, alice, slug, said["id"])
        chat.store.write(rooms.read, bob, "lobby", said["id"])
        other.wake()
    marks = log_of(chat, "read")
    assert sorted((row.channel, '"lobby"' in row.data) for row in marks) == [
        (f"user:{alice.id}", False), (f"user:{alice.id}", True), (f"user:{bob.id}", True)]
    for hub in (chat.hub, other):
        assert [event.id for event in hub.feed.ring if event.name == "read"] == [row.id for row in marks]
    said = [event.id for event in other.feed.ring if event.name == "message"]
    assert [row.id for row in log_of(chat, "message")] == said


def test_leaving_a_room_takes_the_mark_along(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    for number in range(4):
        chat.store.write(rooms.join, alice, "lobby")
        said = chat.post(bob, str(number))
        chat.store.write(rooms.read, alice, "lobby", said["id"])
        assert len(log_of(chat, "read")) == 1
        chat.store.write(rooms.leave, alice, "lobby")
    assert log_of(chat, "read") == []


# Lists of rooms


def test_the_log_keeps_only_the_latest_listed_or_unlisted_of_each_room(chat: Chat):
    chat.store.write(rooms.open_room, None, "Garden", "garden", "")
    others = [row.id for row in log_of(chat, "listed", "unlisted")][:-1]
    for kind, name in (("closed", "unlisted"), ("open", "listed"), ("closed", "unlisted"), ("open", "listed")):
        chat.store.write(rooms.set_kind, "garden", kind)
        of_garden = [row for row in log_of(chat, "listed", "unlisted") if row.id not in others]
        assert [row.name for row in of_garden] == [name]
        assert [event.name for event in chat.hub.feed.ring if event.channel == "rooms"] == [name]


# Counting rows


def rows(chat: Chat) -> int:
    with chat.store.read() as connection:
        return connection.execute(select(func.count()).select_from(events_table)).scalar() or 0


def test_events_are_counted_and_not_the_differences_of_ids(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    chat.store.write(rooms.join, alice, "lobby")
    first = chat.post(bob, "first")["id"]
    chat.post(bob, "second")
    for _ in range(30):
        said = chat.post(bob, "to be read")
        chat.store.write(rooms.read, alice, "lobby", said["id"])
        chat.store.write(messages.edit, bob, first, f"edited after {said['id']}")
    ids = [row.id for row in log_of(chat, "message", "edit", "read", "join")]
    there = rows(chat)
    assert chat.hub.last_id > there + 50, "premise"
    chat.store.write(retention.prune, times.ago(days=1), there)
    assert rows(chat) == there and log_of(chat, "message")[0].id == first
    chat.store.write(retention.prune, times.ago(days=1), there - 5)
    assert rows(chat) == there - 5
    with chat.store.read() as connection:
        assert events.pruned_to(connection) == ids[4], "the last that has gone"
    for _ in range(3):
        chat.post(bob, "one more")
        chat.store.write(retention.prune, times.ago(days=1), 20)
        assert rows(chat) == 20


def test_the_count_is_right_whatever_happened(chat: Chat):
    people = [chat.guest(name) for name in ("alice", "bob", "carol")]
    chance = random.Random(11)
    posted: list[tuple[int, Any]] = []

    def refused(tx: Any, person: Any) -> None:
        messages.post(tx, person, "lobby", "to be undone")
        raise ChatError("invalid", "undone")

    acts = {
        "post": lambda person: posted.append((chat.post(person, "said")["id"], person)),
        "edit": lambda person: posted
        and chat.store.write(messages.edit, posted[-1][1], posted[-1][0], str(chance.random())),
        "remove": lambda person: posted and chat.store.write(messages.remove, *reversed(posted.pop())),
        "read": lambda person: posted and chat.store.write(rooms.read, person, "lobby", posted[-1][0]),
        "leave": lambda person: chat.store.write(rooms.leave, person, "lobby"),
        "refused": lambda person: chat.store.write(refused, person),
        "prune": lambda person: chat.store.write(retention.prune, times.ago(days=1), 25),
        "expire": lambda person: chance.random() < 0.1 and chat.store.write(retention.expire, times.ahead(days=1))
        and posted.clear(),
    }
    done = set()
    for _ in range(300):
        act = chance.choice(list(acts))
        try:
            acts[act](chance.choice(people))
            done.add(act)
        except ChatError as error:
            done.add(error.message)
        assert chat.store.write(events.count) == rows(chat), act
    assert done >= acts.keys() - {"refused"} and "undone" in done
    assert chat.hub.last_id > 3 * rows(chat), "premise: there must be many holes"


def test_all_rows_are_counted_again_only_after_the_log_has_grown_enough(chat: Chat):
    """So seldom that it costs nothing, and so that an error in the count does not last."""
    bob, asked = chat.guest("bob"), []
    for number in range(40):
        chat.post(bob, str(number))
    driver = chat.store._engine._connection.connection.driver_connection
    driver.set_trace_callback(lambda sql: asked.append(sql) if "count(*)" in sql else None)
    for number in range(5):
        chat.post(bob, str(number))
        assert chat.store.write(events.count) == rows(chat)
    assert len(asked) == 1
    chat.store.write(facts.put, "log_holes", "7")  # as by a process of another version
    assert chat.store.write(events.count) == rows(chat) - 7, "premise"
    for number in range(20):
        chat.post(bob, str(number))
    assert chat.store.write(events.count) == rows(chat) and len(asked) == 2


def test_ids_of_undone_events_are_reused_within_the_batch(chat: Chat):
    def undone(tx: Any) -> None:
        tx.append("room:1", "message", "{}")
        raise ChatError("invalid", "undone")

    before = chat.hub.last_id
    with pytest.raises(ChatError, match="undone"):
        chat.store.write(undone)
    assert chat.store.write(lambda tx: tx.append("room:1", "message", "{}")) == before + 1
    assert chat.store.commits.events == before + 1
