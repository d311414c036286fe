"""A clock that was stepped back by a day: nobody is lost, nothing is lost, nothing comes twice."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from chat.core import times
from chat.domain import accounts, erasure, messages, moderation, retention, sessions, site_settings
from chat.realtime.presence.memory import MemoryPresence
from chat.realtime.relay.local import LocalRelay
from chat.store.schema import metadata
from chat.store.tables import messages as message_table
from tests.support.chats import Chat, opened


@pytest.fixture
def chat(instance: Path):
    with opened(instance, keep_days=1) as chat:
        yield chat


def step_back(chat: Chat, **duration: float) -> None:
    """Everything that is written down lies so much later than it seemed."""

    def change(tx) -> None:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if column.name.endswith("_at") or column.name == "until":
                    for moment in tx.connection.execute(select(column).distinct()).scalars().all():
                        later = moment and times.text_of(times.moment_of(moment) + timedelta(**duration))
                        tx.connection.execute(
                            update(table).where(column == moment).values({column.name: later})
                        )

    chat.store.write(change)


def said(chat: Chat) -> list[str]:
    with chat.store.read() as connection:
        return [message.body for message in message_table.before(connection, 1, None, 100)][::-1]


def test_messages_stay_in_the_order_in_which_they_were_said(chat: Chat, bob):
    chat.post(bob, "before")
    step_back(chat, days=1)
    message = chat.post(bob, "tpyo")
    chat.store.write(messages.edit, bob, message["id"], "after")
    retention.every_minute(chat.store, chat.config)
    assert said(chat) == ["before", "after"]
    reader = chat.reader(None, named=[1])
    assert [name for _, name, _ in chat.read_all(reader) if name != "join"] == ["message", "message", "edit"]


def test_sessions_names_and_bans_hold(chat: Chat, bob):
    signed_in = chat.store.write(accounts.sign_in, "carol", 30, sessions.From("9.9.9.9", "Lynx"))
    dave = chat.guest("dave")
    chat.store.write(moderation.ban, None, dave.id, "", 3600, chat.config)
    step_back(chat, days=1)
    retention.every_minute(chat.store, chat.config)
    with chat.store.read() as connection:
        carol = sessions.find_by_session(connection, signed_in.key)
    assert carol.user.name == "carol"
    with pytest.raises(Exception, match="That name is taken"):
        chat.guest("carol")
    standing = site_settings.SiteSettings(chat.store, chat.config)
    assert standing.ban_of(dave.id, None) and not standing.ban_of(bob.id, None)


def test_one_who_is_being_forgotten_is_forgotten(chat: Chat, bob):
    message = chat.post(bob, "words")
    chat.store.write(erasure.ask, bob, "remove")
    step_back(chat, days=1)
    erasure.go_on(chat.store)
    assert said(chat) == [""] and message["id"]


def test_somebody_who_comes_back_after_the_clock_was_stepped_back_is_here(monkeypatch: pytest.MonkeyPatch):
    presence = [MemoryPresence(Mute(), LocalRelay(), 200), MemoryPresence(Mute(), LocalRelay(), 200)]
    bob = {"id": 2, "name": "bob", "kind": "guest"}
    for one in presence:
        one.enter(bob, {1: "lobby"})
    presence[0].set_away(bob, 1, is_away=True)
    bring(presence[0], presence[1])
    assert presence[1].is_away(2, 1), "premise"
    stepped = time.time() - 86_400
    monkeypatch.setattr(time, "time", lambda: stepped)
    presence[1].set_away(bob, 1, is_away=False)
    assert not presence[1].is_away(2, 1)


class Mute:
    def send(self, channel: str, frame: bytes) -> None:
        pass


def bring(told: MemoryPresence, hears: MemoryPresence) -> None:
    """Let one process hear all that another knows."""
    published: list[dict] = []
    told._relay.publish = published.append  # type: ignore[method-assign]
    told.receive({"kind": "ask", "of": None})
    for news in published:
        hears.receive(news)
