"""Being forgotten: what goes, what stays, that it comes to an end; and what is kept about somebody, all of it."""

import json
from typing import Any

import pytest
from sqlalchemy import event, select

from chat.core import times
from chat.core.errors import ChatError
from chat.domain import erasure, messages, moderation, ownership, rooms, sessions
from chat.store import Store
from chat.store.schema import messages as message_table
from chat.store.tables import users
from tests.support.chats import Chat

NAME = "Quirinus Zephyr"  # occurs nowhere by chance
TEXT = "an unmistakable sentence"
PLACES = 32_766  # SQLite's own limit of a statement's parameters; some builds allow more


@pytest.fixture
def zephyr(chat: Chat):
    """Somebody who has been in rooms, has written, edited, removed and read there, and was seen by others."""
    zephyr, bob = chat.guest(NAME), chat.guest("bob")
    for slug in ("lobby", "garden"):
        if slug != "lobby":
            chat.store.write(rooms.open_room, bob, slug, None, "")
        chat.store.write(rooms.join, zephyr, slug)
        for number in range(3):
            chat.post(zephyr, f"{TEXT} {number}", slug, client_id=f"{slug}{number}")
        edited, removed, _ = written_by(chat, zephyr)[-3:]
        chat.store.write(messages.edit, zephyr, edited.id, f"{TEXT}, edited")
        chat.store.write(messages.remove, zephyr, removed.id)
        heard = chat.post(bob, "hello", slug)
        chat.store.write(rooms.read, zephyr, slug, heard["id"])
    chat.store.write(rooms.leave, zephyr, "garden")
    chat.store.write(rooms.join, zephyr, "garden")
    return zephyr


def written_by(chat: Chat, user: Any) -> list[Any]:
    with chat.store.read() as connection:
        query = select(message_table).where(message_table.c.author_id == user.id)
        return list(connection.execute(query.order_by(message_table.c.id)).all())


def forget(chat: Chat, user: Any, choice: str) -> None:
    chat.store.write(erasure.ask, user, choice)
    forget_on(chat)


def forget_on(chat: Chat) -> None:
    """Take the steps of some minutes."""
    for _ in range(100):
        erasure.go_on(chat.store)


def files_with(chat: Chat, words: str) -> list[str]:
    """The files of the instance that contain these words, as they are or as JSON has them."""
    paths = [path for path in chat.config.instance.rglob("*") if path.is_file()]
    return sorted(path.name for path in paths if words.encode() in path.read_bytes())


def replay(chat: Chat, hub=None) -> str:
    """All that a reader from the beginning is given, as it goes over the wire."""
    everything = chat.reader(None, named=[1, 2], hub=hub)
    heard = ""
    while found := (hub or chat.hub).feed.read(everything):
        heard += b"".join(event.frame for event in found).decode()
    return heard


@pytest.mark.parametrize("choice", erasure.CHOICES)
def test_the_name_leaves_everything(chat: Chat, zephyr, choice):
    other = chat.another_hub()
    other.feed.ring.floor = 0
    early = chat.reader(None, named=[1, 2])
    assert NAME in replay(chat) and files_with(chat, NAME), "premise"
    forget(chat, zephyr, choice)
    other.wake()
    for hub in (chat.hub, other, chat.another_hub()):
        assert NAME not in replay(chat, hub)
    assert NAME not in str([event.frame for event in chat.hub.feed.ring]), "nor does a ring keep it"
    assert early.end is None, "nobody else is sent away"
    assert files_with(chat, NAME) == files_with(chat, NAME.casefold()) == []


@pytest.mark.parametrize("choice", erasure.CHOICES)
def test_what_was_written_goes_or_stays_as_they_chose(chat: Chat, zephyr, choice):
    before = written_by(chat, zephyr)
    forget(chat, zephyr, choice)
    after = written_by(chat, zephyr)
    assert [message.id for message in after] == [message.id for message in before], "tombstones stay"
    if choice == "remove":
        assert {(message.body, message.removed_by) for message in after} == {("", "author")}
        assert all(message.removed_at for message in after)
        assert files_with(chat, TEXT) == []
    else:
        assert [message.body for message in after] == [message.body for message in before]
        assert [message.edited_at for message in after] == [message.edited_at for message in before]
    assert all(erasure.NAMELESS in message.html and NAME not in message.html for message in after)


def test_readers_are_told_of_each_change_of_a_message(chat: Chat, zephyr):
    reader = chat.reader(None, cursor=chat.hub.last_id, named=[1, 2])
    forget(chat, zephyr, "remove")
    told = [event for event in replay_from(chat, reader) if event["name"] in ("edit", "remove")]
    assert {event["data"]["id"] for event in told} == {message.id for message in written_by(chat, zephyr)}
    assert {event["data"]["author"]["name"] for event in told} == {erasure.NAMELESS}


def replay_from(chat: Chat, reader) -> list[dict]:
    found = []
    while news := chat.hub.feed.read(reader):
        found += [{"name": each.name, "data": json.loads(each.data)} for each in news]
    return found


def test_what_others_wrote_stays_as_it_is(chat: Chat, zephyr):
    bob = chat.guest("Bob the second")
    chat.post(bob, f"{NAME} said: {TEXT}")
    kept = written_by(chat, bob)
    forget(chat, zephyr, "remove")
    assert written_by(chat, bob) == kept


def test_it_begins_at_once(chat: Chat, zephyr):
    """Before any of the steps: signed out, streams at an end, out of the rooms, the name free."""
    reader = chat.reader(zephyr)
    chat.store.write(erasure.ask, zephyr, "leave")
    assert reader.end == "revoked"
    with chat.store.read() as connection:
        assert (
            connection.exec_driver_sql("SELECT 1 FROM sessions WHERE user_id = ?", (zephyr.id,)).all() == []
        )
        assert (
            connection.exec_driver_sql(
                "SELECT 1 FROM memberships WHERE user_id = ? AND to_id IS NULL", (zephyr.id,)
            ).all()
            == []
        )
    for verb, arguments in (
        (messages.post, ("lobby", "more")),
        (rooms.join, ("lobby",)),
        (rooms.open_room, ("Den", None, "")),
    ):
        with pytest.raises(ChatError):
            chat.store.write(verb, zephyr, *arguments)
    assert chat.guest(NAME).id != zephyr.id


def test_whoever_takes_the_name_keeps_it(chat: Chat, zephyr):
    chat.store.write(erasure.ask, zephyr, "remove")
    heir = chat.guest(NAME)
    chat.post(heir, "mine now")
    forget_on(chat)
    assert written_by(chat, heir)[0].body == "mine now" and NAME in written_by(chat, heir)[0].html
    assert f'"name":"{NAME}"' in replay(chat)


@pytest.mark.parametrize("choice", ["", None, "all", ["remove"], 1])
def test_without_a_choice_nothing_happens(chat: Chat, zephyr, choice):
    with pytest.raises(ChatError) as refused:
        chat.store.write(erasure.ask, zephyr, choice)
    assert (refused.value.code, refused.value.field) == ("invalid", "choice")
    forget_on(chat)
    assert files_with(chat, NAME)


@pytest.mark.parametrize("choice", erasure.CHOICES)
def test_it_survives_a_restart_midway(chat: Chat, zephyr, monkeypatch: pytest.MonkeyPatch, choice):
    monkeypatch.setattr(erasure, "STEP_MESSAGES", 2)
    chat.store.write(erasure.ask, zephyr, choice)
    erasure.go_on(chat.store)
    assert files_with(chat, NAME), "premise: it is not done"
    for _ in range(10):
        store = Store(chat.config)  # a process that starts, takes a step and dies
        erasure.go_on(store)
        store.stop()
    with chat.store.read() as connection:
        assert users.to_forget(connection) == []
    assert files_with(chat, NAME) == []


def test_two_processes_that_step_at_once_do_no_harm(chat: Chat, zephyr, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(erasure, "STEP_MESSAGES", 2)
    chat.store.write(erasure.ask, zephyr, "remove")
    for _ in range(5):
        chat.store.write(erasure.step, zephyr.id)
        chat.store.write(erasure.step, zephyr.id)
    changes = chat.reader(None, named=[1, 2])
    removed = [event["data"]["id"] for event in replay_from(chat, changes) if event["name"] == "remove"]
    assert len(removed) == len(set(removed)) >= 6, "each once"
    assert files_with(chat, NAME) == []


def test_a_user_with_many_messages_is_forgotten_in_small_steps(chat: Chat):
    zephyr = chat.guest(NAME)
    for number in range(2 * erasure.STEP_MESSAGES + 1):
        chat.post(zephyr, f"{TEXT} {number}")
    chat.store.write(erasure.ask, zephyr, "remove")
    left = []
    for _ in range(4):
        left.append(sum(bool(message.body) for message in written_by(chat, zephyr)))
        erasure.go_on(chat.store)
    assert left == [201, 101, 1, 0]
    assert files_with(chat, NAME) == []


def test_a_user_with_many_read_marks_can_be_forgotten(chat: Chat):
    """Each mark of reading is an event of the user's own channel; a statement has a limited number of places."""
    zephyr = chat.guest(NAME)
    chat.store.write(rooms.join, zephyr, "lobby")
    chat.store.write(add_reads, zephyr, count=PLACES + 1)
    most = []
    event.listen(chat.store._engine._reading, "before_cursor_execute", lambda *call: most.append(len(call[3])))
    forget(chat, zephyr, "leave")
    assert NAME not in replay(chat)
    assert max(most) <= PLACES


def add_reads(tx, user: Any, count: int) -> None:
    tx.connection.exec_driver_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        "INSERT INTO events (channel, name, data, created_at) SELECT ?, 'read', '{}', ? FROM n",
        (count, f"user:{user.id}", times.now()),
    )
    tx.connection.exec_driver_sql("UPDATE log_head SET last_id = (SELECT max(id) FROM events)")


def test_the_name_leaves_the_log_of_rooms_that_are_no_more(chat: Chat, zephyr):
    chat.store.write(rooms.remove_room, "garden")
    forget(chat, zephyr, "leave")
    assert files_with(chat, NAME) == []


def test_the_name_leaves_closed_rooms(chat: Chat, zephyr):
    chat.store.write(rooms.set_kind, "garden", "closed")
    forget(chat, zephyr, "leave")
    assert files_with(chat, NAME) == []


def test_an_owner_who_is_forgotten_leaves_the_site_without_one(chat: Chat, zephyr):
    chat.store.write(ownership.claim, zephyr, chat.store.write(ownership.make_kept_code, chat.config))
    forget(chat, zephyr, "leave")
    with chat.store.read() as connection:
        assert not users.has_owner(connection)
    assert ownership.code_to_show(chat.store, chat.config), "the next start shows a link again"
    assert files_with(chat, NAME) == []


def test_a_ban_outlives_being_forgotten(chat: Chat, zephyr):
    """Or "Delete my account" would be the way around every ban by address."""
    chat.store.write(lambda tx: sessions.begin(tx, zephyr.id, sessions.From("9.9.9.9", "Lynx")))
    chat.store.write(moderation.ban, None, zephyr.id, "spam", None, chat.config)
    forget(chat, zephyr, "leave")
    with chat.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT network FROM bans WHERE lifted_at IS NULL").scalars().all()
    assert rows == ["9.9.9.9"]
    assert files_with(chat, NAME) == []
