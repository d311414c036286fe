"""Inside the writer: what it does about a file that cannot be written."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from chat.core.errors import ChatError
from chat.store.tables import facts
from tests.support.chats import Chat, opened


@pytest.fixture
def chat(tmp_path: Path):
    with opened(tmp_path) as chat:
        chat.store.start()
        yield chat


def put(tx, name, value="1"):
    facts.put(tx, name, value)
    return value


def kept(chat: Chat, name: str) -> str | None:
    with chat.store.read() as connection:
        return facts.get(connection, name)


def test_a_file_that_cannot_be_written_refuses_and_recovers_without_a_restart(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("chat.store.sqlite.database.BUSY_TIMEOUT_MS", 100)
    chat.store.write(lambda tx: tx.connection.execute(text("PRAGMA busy_timeout = 100")))
    other = sqlite3.connect(chat.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ChatError) as refused:
        chat.store.write(put, "while locked")
    assert refused.value.code == "busy"
    other.execute("ROLLBACK")
    other.close()
    chat.store.write(put, "afterwards")
    assert kept(chat, "while locked") is None and kept(chat, "afterwards") == "1"
