"""The download of what is stored about a user: all of it, and nothing about others."""

import json
from typing import Any

import pytest
from sqlalchemy import insert

from chat import runtime
from chat.domain import messages, personal_data, rooms, sessions
from chat.store.schema import metadata
from tests.support.chats import Chat

SECRETS = {"key_hash", "code_hash"}  # they prove who one is: shown to nobody
NOT_THERE = {"lifted_at", "expired_at"}  # for a row that still counts


@pytest.fixture
def zephyr(chat: Chat):
    """A user who has written in several rooms, and whose browser sent its User-Agent."""
    zephyr = chat.guest("Zephyr")
    for slug in ("lobby", "garden"):
        if slug != "lobby":
            chat.store.write(rooms.open_room, chat.guest("bob"), slug, None, "")
        chat.post(zephyr, "first", slug)
        removed = chat.post(zephyr, "regretted", slug)
        chat.store.write(messages.remove, zephyr, removed["id"])
    chat.store.write(rooms.leave, zephyr, "garden")
    chat.store.write(lambda tx: sessions.begin(tx, zephyr.id, sessions.From("9.9.9.9", "Lynx/2.9")))
    return zephyr


def test_it_holds_all_that_they_wrote_and_where_they_were(chat: Chat, zephyr):
    told = json.loads("".join(personal_data.about(chat.store, zephyr.id)))
    assert told["user"]["name"] == "Zephyr" and told["user"]["created_at"].endswith("Z")
    assert ("9.9.9.9", "Lynx/2.9") in [(visit["address"], visit["user_agent"]) for visit in told["sessions"]]
    assert [(stay["slug"], stay["to_id"] is None) for stay in told["rooms"]] == [
        ("lobby", True),
        ("garden", False),
    ]
    assert [message["body"] for message in told["messages"]] == ["first", "", "first", ""]


def test_what_proves_or_compares_is_left_out(chat: Chat, zephyr):
    told = json.loads("".join(personal_data.about(chat.store, zephyr.id)))
    assert not {"name_key", "drawn_key", "key_hash"} & told["user"].keys()
    assert all("key_hash" not in session for session in told["sessions"])


def test_it_holds_nothing_of_others(chat: Chat, zephyr):
    bob = chat.guest("Another person")
    chat.store.write(lambda tx: sessions.begin(tx, bob.id, sessions.From("8.8.4.4", "Opera")))
    chat.post(bob, "not about zephyr")
    told = "".join(personal_data.about(chat.store, zephyr.id))
    assert "8.8.4.4" not in told and "not about zephyr" not in told and "Another person" not in told


def test_the_file_is_written_in_pieces_with_turns_for_others_in_between(chat: Chat, zephyr, monkeypatch):
    carol = chat.guest("carol")
    for number in range(4 * personal_data.PIECE_ROWS):
        chat.post(zephyr, f"word {number}")
        chat.post(carol, "between")
    turns = []
    monkeypatch.setattr(runtime.current(), "breathe", lambda: turns.append(1))
    monkeypatch.setattr(personal_data, "WINDOW_IDS", 70)
    pieces = list(personal_data.about(chat.store, zephyr.id))
    told = json.loads("".join(pieces))
    assert [message["body"] for message in told["messages"]][4:] == [f"word {number}" for number in range(200)]
    assert max(piece.count('"body"') for piece in pieces) == personal_data.PIECE_ROWS and len(turns) >= 4


def test_what_happens_while_it_is_written(chat: Chat, zephyr):
    """What was removed meanwhile is gone, and what was written after it was begun is not in it."""
    later = chat.post(zephyr, "removed in the middle")
    pieces = personal_data.about(chat.store, zephyr.id)
    begun = next(pieces)
    chat.store.write(messages.remove, zephyr, later["id"])
    chat.post(zephyr, "too late")
    told = json.loads(begun + "".join(pieces))
    assert [message["body"] for message in told["messages"]] == ["first", "", "first", "", ""]


def test_it_holds_no_key(chat: Chat, zephyr):
    hashes = chat.store.write(
        lambda tx: tx.connection.exec_driver_sql("SELECT key_hash FROM sessions").scalars().all()
    )
    told = "".join(personal_data.about(chat.store, zephyr.id))
    assert len(hashes) >= 2 and not [key_hash for key_hash in hashes if key_hash in told]


def test_it_names_every_table_that_names_the_user(chat: Chat):
    """Every text in a row with a user's id, in whichever table, is in the user's download, except keys."""
    zephyr = chat.guest("Zephyr")
    marked = chat.store.write(mark_rows_of, zephyr.id)
    assert {"sessions", "device_codes", "messages", "bans", "acts"} <= {
        place.split(".")[0] for place in marked.values()
    }
    told = "".join(personal_data.about(chat.store, zephyr.id))
    assert [place for text, place in marked.items() if text not in told] == []


def mark_rows_of(tx, user_id: int) -> dict[str, str]:
    """Put a row into each table for each of its columns that can name a user; returns where each text is."""
    marked = {}
    for table in metadata.sorted_tables:
        for pointer in filter(is_of_user, table.columns):
            texts = {
                column.name: f"{table.name} {pointer.name} {column.name}"[:24]
                for column in table.columns
                if is_telling(column)
            }
            row: dict[str, Any] = {column.name: 1 for column in table.columns if is_needed(column)}
            row |= dict.fromkeys(SECRETS & set(table.columns.keys()), f"{table.name} {pointer.name}")
            tx.connection.execute(insert(table).values(**row | texts | {pointer.name: user_id}))
            marked.update({text: f"{table.name}.{name}" for name, text in texts.items()})
    return marked


def is_of_user(column) -> bool:
    points = any(key.column.table.name == "users" for key in column.foreign_keys)
    return points or column.name in ("user_id", "subject_id")


def is_telling(column) -> bool:
    return column.type.python_type is str and column.name not in SECRETS | NOT_THERE | {
        "html",
        "html_version",
    }


def is_needed(column) -> bool:
    is_filled = column.primary_key and column.table.name != "messages"
    return not column.nullable and not is_filled and column.server_default is None
