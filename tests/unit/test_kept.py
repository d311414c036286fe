"""What is kept about somebody, as they are given it: all of it, and nothing of others."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from chat import forgetting, people, rooms
from chat.schema import metadata
from tests.unit.chats import Chat, opened

SECRETS = {"key_hash", "code_hash"}  # they prove who one is: shown to nobody
NOT_THERE = {"lifted_at", "expired_at"}  # for a row that still counts


@pytest.fixture
def chat(instance: Path):
    with opened(instance) as chat:
        yield chat


@pytest.fixture
def zephyr(chat: Chat):
    """Somebody who has written here and there, and whose browser said what it is."""
    zephyr = chat.guest("Zephyr")
    for slug in ("lobby", "garden"):
        if slug != "lobby":
            chat.store.write(rooms.open_room, chat.guest("bob"), slug, None, "")
        chat.post(zephyr, "first", slug)
        removed = chat.post(zephyr, "regretted", slug)
        chat.store.write(rooms.remove, zephyr, removed["id"])
    chat.store.write(rooms.leave, zephyr, "garden")
    chat.store.write(lambda tx: people._begin_session(tx, zephyr.id, people.From("9.9.9.9", "Lynx/2.9")))
    return zephyr


def test_it_holds_all_that_they_wrote_and_where_they_were(chat: Chat, zephyr):
    kept = forgetting.kept_about(chat.store, zephyr)
    assert kept["user"]["name"] == "Zephyr" and kept["user"]["created_at"].endswith("Z")
    assert ("9.9.9.9", "Lynx/2.9") in [(visit["address"], visit["user_agent"]) for visit in kept["sessions"]]
    assert [(stay["slug"], stay["to_id"] is None) for stay in kept["rooms"]] == [
        ("lobby", True),
        ("garden", False),
    ]
    assert [message["body"] for message in kept["messages"]] == ["first", "", "first", ""]
    assert json.loads(json.dumps(kept)) == kept


def test_it_holds_nothing_of_others(chat: Chat, zephyr):
    bob = chat.guest("Another person")
    chat.store.write(lambda tx: people._begin_session(tx, bob.id, people.From("8.8.4.4", "Opera")))
    chat.post(bob, "not about zephyr")
    told = json.dumps(forgetting.kept_about(chat.store, zephyr))
    assert "8.8.4.4" not in told and "not about zephyr" not in told and "Another person" not in told


def test_it_holds_no_key(chat: Chat, zephyr):
    hashes = chat.store.write(
        lambda tx: tx.connection.exec_driver_sql("SELECT key_hash FROM sessions").scalars().all()
    )
    told = json.dumps(forgetting.kept_about(chat.store, zephyr))
    assert len(hashes) >= 2 and not [key_hash for key_hash in hashes if key_hash in told]


def test_it_names_every_table_that_names_the_user(chat: Chat):
    """Whatever text stands beside a user's id, in whichever table, is in what they are given, but for keys."""
    zephyr = chat.guest("Zephyr")
    marked = chat.store.write(mark_rows_of, zephyr.id)
    assert {"sessions", "device_codes", "messages", "bans", "acts"} <= {
        place.split(".")[0] for place in marked.values()
    }
    told = json.dumps(forgetting.kept_about(chat.store, zephyr))
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
