"""What happens by itself: old messages and addresses go in their time, in small steps that nobody notices."""

import dataclasses
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from chat.core import config as configuration
from chat.core import times
from chat.core.errors import ChatError, ConfigError
from chat.domain import messages, moderation, retention, sessions
from chat.realtime import subscription
from chat.realtime.readers import Reader
from chat.store import Store
from chat.store.schema import bans as bans_table
from chat.store.schema import messages as message_table
from chat.store.schema import sessions as session_table
from chat.store.tables import bans, events
from chat.store.tables import messages as message_rows
from tests.support.chats import Chat, opened
from tests.support.serving import eventually

TEXT = "an unmistakable sentence"


@pytest.fixture
def chat(instance: Path):
    with opened(instance, keep_days=30) as chat:
        yield chat


def make_old(chat: Chat, days: float, table=message_table, *columns: str, **where: object) -> None:
    """Date the rows of a table back by so many days."""
    change = (
        update(table)
        .values(dict.fromkeys(columns or ("created_at",), times.ago(days=days)))
        .filter_by(**where)
    )
    chat.store.write(lambda tx: tx.connection.execute(change))


def say_long_ago(chat: Chat, author, body: str, days: float) -> int:
    message = chat.post(author, body)
    make_old(chat, days, id=message["id"])
    return message["id"]


def a_minute_passes(chat: Chat) -> None:
    for _ in range(60):
        retention.every_second(chat.store)
    retention.every_minute(chat.store, chat.config)


def files_with(chat: Chat, words: str) -> list[str]:
    """The files of the instance that contain these words."""
    paths = [path for path in chat.config.instance.rglob("*") if path.is_file()]
    return sorted(path.name for path in paths if words.encode() in path.read_bytes())


def shown(chat: Chat) -> list[str]:
    with chat.store.read() as connection:
        return [message.body for message in message_rows.before(connection, 1, None, 10_000)][::-1]


# Messages


def test_what_is_old_goes_and_what_is_young_stays(chat: Chat, bob):
    say_long_ago(chat, bob, f"{TEXT}, too old", 31)
    say_long_ago(chat, bob, "old", 29)
    chat.post(bob, "new")
    a_minute_passes(chat)
    assert shown(chat) == ["old", "new"]
    assert files_with(chat, TEXT) == []


def test_without_the_setting_all_is_kept(instance: Path):
    with opened(instance) as chat:
        say_long_ago(chat, chat.guest("bob"), TEXT, 36_500)
        a_minute_passes(chat)
        assert shown(chat) == [TEXT]


def test_no_replay_shows_it_again_and_no_reader_is_told(chat: Chat, bob):
    other = chat.another_hub()
    old = say_long_ago(chat, bob, TEXT, 31)
    chat.store.write(messages.edit, bob, old, f"{TEXT}, edited")
    other.wake()
    live = {hub: chat.reader(None, cursor=hub.last_id, hub=hub, named=[1]) for hub in (chat.hub, other)}
    a_minute_passes(chat)
    other.wake()
    for hub, reader in live.items():
        assert chat.read_all(reader, hub) == [] and reader.end is None
        for fresh in (hub, chat.another_hub()):
            late = chat.reader(None, hub=fresh, named=[1])
            assert "message" not in {name for _, name, _ in chat.read_all(late, fresh)}
        assert TEXT not in str([event.frame for event in hub.feed.ring])


def test_a_client_id_outlives_it(chat: Chat, bob):
    first = chat.post(bob, TEXT, client_id="kept")
    make_old(chat, 31)
    a_minute_passes(chat)
    again = chat.store.write(messages.post, bob, "lobby", TEXT, "kept")
    assert (again.is_new, again.message["id"], again.message["body"]) == (False, first["id"], "")
    assert shown(chat) == []


def test_it_is_gone_on_its_own_page_and_for_its_author(chat: Chat, bob):
    old = say_long_ago(chat, bob, TEXT, 31)
    a_minute_passes(chat)
    for verb, arguments in (
        (messages.edit, (bob, old, "back")),
        (messages.remove, (bob, old)),
        (moderation.remove_message, (None, old)),
    ):
        with pytest.raises(ChatError, match="Message not found"):
            chat.store.write(verb, *arguments)


def test_every_step_is_small_and_the_next_goes_on(chat: Chat, bob, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "STEP_MESSAGES", 10)
    for number in range(25):
        chat.post(bob, f"{TEXT} {number}")
    make_old(chat, 31)
    steps = []
    monkeypatch.setattr(chat.store, "write", counted(chat, steps))
    eventually(lambda: a_minute_passes(chat) or not shown(chat))
    assert [step for step in steps if step] == [10, 10, 5], "oldest first, none twice"
    assert files_with(chat, TEXT) == []


def counted(chat: Chat, steps: list[int]):
    """`Store.write` that notes how many messages each change took away."""

    def write(change, *arguments):
        before = len(shown(chat))
        result = Store.write(chat.store, change, *arguments)
        steps.append(before - len(shown(chat)))
        return result

    return write


def test_many_old_messages_do_not_block_the_ticker(chat: Chat, bob, monkeypatch: pytest.MonkeyPatch):
    """Pings, presence and the forgetting of others wait for each turn: it must not last until all is done."""
    monkeypatch.setattr(retention, "STEP_MESSAGES", 1)
    for number in range(100):
        chat.post(bob, f"{number}")
    make_old(chat, 31)
    retention.every_second(chat.store)
    retention.every_minute(chat.store, chat.config)
    assert len(shown(chat)) >= 50, "one turn is some steps, not all"
    eventually(lambda: a_minute_passes(chat) or not shown(chat))


def test_two_processes_do_it_together(chat: Chat, bob):
    other = Store(chat.config)
    say_long_ago(chat, bob, TEXT, 31)
    for store in (chat.store, other):
        retention.every_minute(store, chat.config)
    other.stop()
    assert shown(chat) == []


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "", " ", "never", "٣", "99999999999"])
def test_no_time_at_all_is_refused(instance: Path, days: str):
    """Otherwise a typo would empty the chat."""
    with pytest.raises(ConfigError, match="CHAT_KEEP_DAYS"):
        configuration.load({"CHAT_INSTANCE": str(instance), "CHAT_KEEP_DAYS": days})


# A clock that leaps ahead


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch):
    """Set the clock so many days ahead of the right time."""

    def set_ahead(days: float) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, zone=None):
                return datetime.now(zone) + timedelta(days=days)

        monkeypatch.setattr(times, "datetime", Clock)

    return set_ahead


def test_a_clock_that_leaps_ahead_takes_nothing_away_for_good(chat: Chat, bob, set_clock):
    dave = chat.guest("dave")
    chat.store.write(lambda tx: sessions.begin(tx, bob.id, sessions.From("9.9.9.9", "Lynx")))
    chat.store.write(bans.add, dave.id, ["9.9.9.0"], "", times.ahead(days=1))
    chat.post(bob, TEXT)
    with chat.store.read() as connection:
        logged = len(events.after(connection, 0, 100))
    for days in (40, 40.02, 40.5):
        set_clock(days)
        a_minute_passes(chat)
        with pytest.raises(ChatError, match="That name is taken"):
            chat.guest("dave")
    set_clock(0)
    a_minute_passes(chat)
    assert shown(chat) == [TEXT] and networks(chat) == ["9.9.9.0"]
    with chat.store.read() as connection:
        assert len(events.after(connection, 0, 100)) == logged
        assert "9.9.9.9" in connection.execute(select(session_table.c.address)).scalars().all()


@pytest.mark.parametrize("moments", [
    (40, 41.1), (40, 0, 31, 32.1), (3, 6, 9, 31.5, 33), (0.03 * step for step in range(1100)),
], ids=["it stays so for a day", "it was set right", "the chat runs seldom", "time passes"])
def test_what_is_old_goes_once_the_clock_may_be_believed(chat: Chat, bob, set_clock, moments):
    chat.post(bob, TEXT)
    for days in moments:
        set_clock(days)
        retention.every_minute(chat.store, chat.config)
    set_clock(days + 0.01)
    retention.every_minute(chat.store, chat.config)
    assert shown(chat) == []


def test_a_doubtful_clock_keeps_no_log_without_end(instance: Path, set_clock):
    with opened(instance, log_events=1000) as chat:
        bob = chat.guest("bob")
        for number in range(20):
            chat.post(bob, f"message {number}")
        set_clock(40)
        retention.every_minute(chat.store, dataclasses.replace(chat.config, log_events=5))
        with chat.store.read() as connection:
            assert len(events.after(connection, 0, 100)) == 5


# Addresses


def test_addresses_and_browsers_go_after_their_days(chat: Chat, bob):
    for address, days in (("9.9.9.9", 8), ("8.8.4.4", 6)):
        chat.store.write(
            lambda tx, at=address: sessions.begin(tx, bob.id, sessions.From(at, f"Browser at {at}"))
        )
        make_old(chat, days, session_table, "seen_at", address=address)
    a_minute_passes(chat)
    with chat.store.read() as connection:
        rows = connection.execute(select(session_table.c.address, session_table.c.user_agent)).all()
    assert ("8.8.4.4", "Browser at 8.8.4.4") in rows
    assert not [row for row in rows if "9.9.9.9" in str(row)]
    assert len(rows) == 3, "the sessions themselves go on"
    assert files_with(chat, "9.9.9.9") == []


def test_the_address_of_a_ban_stays_as_long_as_the_ban(chat: Chat, bob):
    for number, ended_days in enumerate((None, 40, 1, 8)):
        until = times.ago(days=ended_days) if ended_days else None
        chat.store.write(bans.add, bob.id, [f"9.9.9.{number}"], "", until)
    a_minute_passes(chat)
    assert networks(chat) == ["9.9.9.0", None, "9.9.9.2", None]
    chat.store.write(moderation.unban, None, bob.id)
    make_old(chat, 8, bans_table, "lifted_at")
    a_minute_passes(chat)
    assert set(networks(chat)) == {None}


def networks(chat: Chat) -> list[str | None]:
    with chat.store.read() as connection:
        return list(connection.execute(select(bans_table.c.network).order_by(bans_table.c.id)).scalars())


# Sessions


def test_sessions_that_nobody_came_back_to_end_with_all_that_hears_by_them(
    chat: Chat, bob, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "STEP_SESSIONS", 2)
    for _ in range(5):
        chat.store.write(sessions.begin, bob.id, sessions.From("9.9.9.9", ""))
    for session_id, days in enumerate((179, 181, 181, 181, 181, 181), start=1):
        make_old(chat, days, session_table, "seen_at", id=session_id)
    ended = 6
    chat.store.write(sessions.sign_out, ended)
    readers = {session_id: a_reader_by(chat, bob, session_id) for session_id in (1, 2, 5)}
    before = chat.hub.last_id
    a_minute_passes(chat)
    with chat.store.read() as connection:
        told = [row.channel for row in events.after(connection, before, 100)]
        assert list(connection.execute(select(session_table.c.id)).scalars()) == [1]
    assert told == [f"session:{session_id}" for session_id in (2, 3, 4, 5)], "each once, and what had ended no more"
    assert {session_id: reader.end for session_id, reader in readers.items()} == {1: None, 2: "revoked", 5: "revoked"}


@pytest.mark.parametrize(("days", "ended"), [
    ((1, 180.9, 180.5), []), ((1, 181, 180.5), [2, 3]), ((180.1, 181, 180.5), []),
], ids=["not every minute", "all of a day", "not by a clock that is wrong"])
def test_sessions_end_together_about_once_a_day(chat: Chat, bob, days, ended):
    for session_id, age in enumerate(days, start=1):
        if session_id > 1:
            chat.store.write(sessions.begin, bob.id, sessions.From("9.9.9.9", ""))
        make_old(chat, age, session_table, "seen_at", id=session_id)
    before = chat.hub.last_id
    a_minute_passes(chat)
    with chat.store.read() as connection:
        told = [row.channel for row in events.after(connection, before, 100)]
    assert told == [f"session:{session_id}" for session_id in ended]


def a_reader_by(chat: Chat, user, session_id: int) -> Reader:
    """A reader whom the end of this session ends."""
    own = [f"user:{user.id}", f"session:{session_id}"]
    reader = Reader(subscription.of_reader(chat.store, user, own, None, session_id), chat.hub.last_id)
    chat.hub.register(reader)
    return reader
