"""Everything that one person can have has a maximum."""

import json

import pytest
from sqlalchemy import func, select

from chat.core import times
from chat.core.errors import ChatError
from chat.domain import erasure, inbox, moderation, naming, ownership, personal_data, rooms, sessions
from chat.store.schema import device_codes
from chat.store.schema import inbox as inbox_table
from chat.store.schema import sessions as session_table
from chat.store.tables import acts, users
from tests.support.chats import Chat

HERE = sessions.From("9.9.9.9", "Lynx/2.9")


def count(chat: Chat, table, *where) -> int:
    with chat.store.read() as connection:
        return connection.execute(select(func.count()).select_from(table).where(*where)).scalar()


def change(chat: Chat, statement: str) -> None:
    chat.store.write(lambda tx: tx.connection.exec_driver_sql(statement))


def sign_in_elsewhere(chat: Chat, user) -> str:
    code = chat.store.write(sessions.make_device_code, user.id)
    return chat.store.write(sessions.use_device_code, code, HERE).key


def is_living(chat: Chat, key: str) -> bool:
    with chat.store.read() as connection:
        return sessions.find_by_session(connection, key) is not None


def test_of_too_many_sessions_the_one_ends_that_was_used_longest_ago(chat: Chat, alice, monkeypatch):
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 3)
    first, second = sign_in_elsewhere(chat, alice), sign_in_elsewhere(chat, alice)
    first_id = find(chat, first)
    change(chat, "UPDATE sessions SET seen_at = '2026-01-01T00:00:00.000Z'")
    chat.store.write(sessions.visit, alice.id, first_id, HERE)
    bobs = sign_in_elsewhere(chat, chat.guest("bob"))
    reader = chat.reader(alice)
    keys = [sign_in_elsewhere(chat, alice) for _ in range(2)]
    assert [is_living(chat, key) for key in (first, second, *keys, bobs)] == [True, False, True, True, True]
    assert count(chat, session_table, session_table.c.user_id == alice.id, session_table.c.ended_at.is_(None)) == 3
    assert reader.end is None, "only what belongs to that session ends"


def find(chat: Chat, key: str) -> int:
    with chat.store.read() as connection:
        return sessions.find_by_session(connection, key).session_id


def test_of_too_many_links_for_devices_the_oldest_is_void(chat: Chat, alice):
    bobs = chat.store.write(sessions.make_device_code, chat.guest("bob").id)
    codes = [chat.store.write(sessions.make_device_code, alice.id) for _ in range(sessions.DEVICE_CODES_MAX)]
    change(chat, f"UPDATE device_codes SET created_at = '{times.ago(minutes=5)}'")
    codes += [chat.store.write(sessions.make_device_code, alice.id) for _ in range(3)]
    assert count(chat, device_codes) == sessions.DEVICE_CODES_MAX + 1
    used = []
    for code in [*codes, bobs]:
        try:
            used.append(bool(chat.store.write(sessions.use_device_code, code, HERE)))
        except ChatError as error:
            assert error.code == "invalid"
            used.append(False)
    assert used[-4:] == [True] * 4 and used.count(True) == sessions.DEVICE_CODES_MAX + 1


def test_links_that_are_too_old_do_not_wait_for_somebody_to_use_one(chat: Chat, alice):
    chat.store.write(sessions.make_device_code, chat.guest("bob").id)
    change(chat, "UPDATE device_codes SET created_at = '2001-01-01T00:00:00.000Z'")
    chat.store.write(sessions.make_device_code, alice.id)
    assert count(chat, device_codes) == 1


def test_of_the_rows_of_other_programs_that_cannot_be_posted_the_newest_stay(chat: Chat, monkeypatch):
    monkeypatch.setattr(inbox, "REFUSED_KEPT", 5)
    for number in range(12):
        change(chat, f"INSERT INTO inbox (room, author, body) VALUES ('nowhere', 'hal', '{number}')")
        inbox.move_inbox(chat.store)
    with chat.store.read() as connection:
        assert list(connection.execute(select(inbox_table.c.body)).scalars()) == ["7", "8", "9", "10", "11"]


def test_of_the_acts_of_owners_the_newest_stay(chat: Chat, alice, monkeypatch):
    monkeypatch.setattr(acts, "ACTS_MAX", 5)
    for number in range(12):
        chat.store.write(acts.add, None, "set", None, f"CHAT_{number}")
    with chat.store.read() as connection:
        assert [act.about for act in acts.newest(connection, 100)] == [f"CHAT_{number}" for number in range(11, 6, -1)]


def test_with_a_person_the_addresses_are_banned_that_they_used_last(chat: Chat, alice, monkeypatch):
    monkeypatch.setattr(moderation, "BANNED_NETWORKS_MAX", 3)
    for number in range(1, 7):
        chat.store.write(lambda tx, at: sessions.begin(tx, alice.id, sessions.From(at, "")), f"9.0.0.{number}")
        change(chat, f"UPDATE sessions SET seen_at = '{times.ago(days=7 - number)}' WHERE address = '9.0.0.{number}'")
    networks = chat.store.write(moderation.ban, None, alice.id, "", None, chat.config)
    assert networks == ["9.0.0.4", "9.0.0.5", "9.0.0.6"]


def open_room(chat: Chat, user, number: int, most: int | None = 1000) -> None:
    chat.store.write(rooms.open_room, user, f"Room {number}", "", "", most=most)


def test_one_person_can_have_opened_only_so_many_of_the_existing_rooms(chat: Chat, alice, monkeypatch):
    monkeypatch.setattr(naming, "OPENED_MAX", 3)
    for number in range(3):
        open_room(chat, alice, number)
    with pytest.raises(ChatError, match="more than 3 rooms") as refused:
        open_room(chat, alice, 4)
    assert refused.value.code == "forbidden"
    open_room(chat, chat.guest("bob"), 5)
    chat.store.write(moderation.remove_room, None, "room-1")
    open_room(chat, alice, 6)
    open_room(chat, alice, 7, most=None)


def test_the_site_has_so_many_rooms_and_only_owners_open_more(chat: Chat, alice):
    for number, name in enumerate(("bob", "carol", "dave")):  # beside the lobby
        open_room(chat, chat.guest(name), number, most=4)
    with pytest.raises(ChatError, match="can't have more rooms") as refused:
        open_room(chat, alice, 4, most=4)
    assert refused.value.code == "forbidden"
    chat.store.write(ownership.claim, alice, chat.store.write(ownership.make_kept_code, chat.config))
    with chat.store.read() as connection:
        alice = users.find(connection, alice.id)
    open_room(chat, alice, 5, most=4)
    chat.store.write(moderation.remove_room, None, "room-1")
    chat.store.write(moderation.remove_room, None, "room-2")
    open_room(chat, chat.guest("erin"), 6, most=4)


def test_who_opened_a_room_is_known_to_them_alone_and_forgotten_with_them(chat: Chat, alice):
    open_room(chat, alice, 1)
    about_alice, about_bob = (json.loads("".join(personal_data.about(chat.store, user.id)))
                              for user in (alice, chat.guest("bob")))
    assert (about_alice["rooms_opened"], about_bob["rooms_opened"]) == (["room-1"], [])
    chat.store.write(erasure.ask, alice, "leave")
    with chat.store.read() as connection:
        assert rooms.room_table.count(connection, opened_by=alice.id) == 0
