"""The channels on which the verbs log their events, compared with the list of events."""

from typing import Any

from sqlalchemy import select

from chat.core import times
from chat.core.log_events import EVENTS
from chat.domain import accounts, messages, moderation, retention, rooms, sessions, site_settings
from chat.store import Transaction
from chat.store.schema import sessions as sessions_table
from tests.support.chats import Chat

PUBLIC = "93.184.216.34"


class Told:
    """All events by their names and what their channels begin with, also of those that have left the log since."""

    def __init__(self, chat: Chat, monkeypatch: Any) -> None:
        self.pairs: set[tuple[str, str]] = set()
        append = Transaction.append

        def noted(tx: Transaction, channel: str, name: str, *rest: Any, **more: Any) -> int:
            self.pairs.add((name, channel.partition(":")[0]))
            return append(tx, channel, name, *rest, **more)

        monkeypatch.setattr(Transaction, "append", noted)


def test_every_logged_event_is_told_on_the_channels_of_its_row_and_on_no_others(chat: Chat, monkeypatch):
    told, write = Told(chat, monkeypatch), chat.store.write
    here = sessions.From(PUBLIC, "")
    bob = chat.guest("bob")
    signed_in = write(accounts.sign_in, "carol", chat.config.guest_days, here)
    write(rooms.open_room, bob, "Garden", "garden", "")
    said = [chat.post(bob, word, "garden") for word in ("one", "two")]
    write(messages.edit, bob, said[0]["id"], "other")
    write(messages.remove, bob, said[1]["id"])
    write(rooms.read, bob, "garden", said[0]["id"])
    write(rooms.set_kind, "garden", "closed")
    write(rooms.leave, bob, "garden")
    with chat.store.read() as connection:
        session_id = connection.execute(
            select(sessions_table.c.id).where(sessions_table.c.user_id == signed_in.user_id)
        ).scalar_one()
    write(moderation.ban, None, signed_in.user_id, "", None, chat.config)
    write(sessions.sign_out, session_id)
    write(site_settings.change_settings, None, {"CHAT_ENTRY_WORD": "sesame"}, chat.config)
    write(retention.expire, times.ahead(days=1))
    assert told.pairs == {(event.name, channel) for event in EVENTS if event.is_logged for channel in event.channels}
