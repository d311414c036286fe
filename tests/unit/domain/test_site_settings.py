"""What applies to the whole running site: which bans are in force, whom they cover, and the current settings."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import select, update

from chat.core import addresses, log_events, times
from chat.core.errors import ChatError
from chat.domain import moderation, ownership, sessions, site_settings
from chat.realtime import visibility
from chat.realtime.readers import Reader
from chat.store.schema import bans as bans_table
from chat.store.tables import bans, settings, users
from tests.support.chats import Chat, opened

PUBLIC = "9.9.9.9"
HOME = "2a01:4f8:10:20::1"  # one of many addresses of one customer


@pytest.fixture
def chat(instance: Path):
    with opened(
        instance, trusted_proxies="10.1.0.0/16, 2a01:4f8:1:1::5, unix", site_name="Operator's"
    ) as chat:
        yield chat


@pytest.fixture
def alice(chat: Chat):
    """The owner."""
    alice = chat.guest("alice")
    chat.store.write(ownership.claim, alice, chat.store.write(ownership.make_kept_code, chat.config))
    with chat.store.read() as connection:
        return users.find(connection, alice.id)


def guest_from(chat: Chat, name: str, *addresses: str):
    """A guest with a session from each of these addresses."""
    guest = chat.guest(name)
    for address in addresses:
        chat.store.write(lambda tx, at=address: sessions.begin(tx, guest.id, sessions.From(at, "Lynx")))
    return guest


def ban(chat: Chat, actor, guest, reason: object = "", seconds: int | None = None) -> list[str]:
    return chat.store.write(moderation.ban, actor, guest.id, reason, seconds, chat.config)


# Whom a ban covers

MET = [
    (PUBLIC, [PUBLIC]),
    (f"::ffff:{PUBLIC}", [PUBLIC]),
    (HOME, ["2a01:4f8:10:20::/64"]),
    ("127.0.0.1", []),
    ("127.8.8.8", []),
    ("::1", []),
    ("::ffff:127.0.0.1", []),
    ("10.1.2.3", []),
    ("10.200.0.1", []),
    ("172.16.0.1", []),
    ("192.168.1.1", []),
    ("169.254.1.1", []),
    ("100.64.0.1", []),
    ("0.0.0.0", []),
    ("fe80::1", []),
    ("fd00::1", []),
    ("2a01:4f8:1:1::5", []),
    ("nonsense", []),
    ("", []),
    (None, []),
]


@pytest.mark.parametrize(("address", "networks"), MET, ids=lambda value: str(value))
def test_a_ban_covers_the_guests_addresses_and_nobody_elses(chat: Chat, alice, address, networks):
    dave = guest_from(chat, "dave", address)
    assert ban(chat, alice, dave) == networks
    with chat.store.read() as connection:
        standing = bans.standing(connection, times.now())
    assert {row.user_id for row in standing} == {dave.id}
    assert [row.network for row in standing] == (networks or [None])


def test_a_network_that_contains_a_proxy_is_not_banned(chat: Chat, alice):
    assert ban(chat, alice, guest_from(chat, "dave", "2a01:4f8:1:1::77")) == []


def test_each_address_of_a_guest_is_banned_once(chat: Chat, alice):
    dave = guest_from(chat, "dave", PUBLIC, "127.0.0.1", HOME, "2a01:4f8:10:20::2", PUBLIC)
    assert ban(chat, alice, dave) == ["2a01:4f8:10:20::/64", PUBLIC]


@pytest.mark.parametrize("ended", ["end sessions", "sign out"])
def test_a_guest_who_was_signed_out_is_still_banned_by_address(chat: Chat, alice, ended):
    """Whoever floods and signs out, or is signed out first, must not come back under the next name."""
    dave = guest_from(chat, "dave", PUBLIC)
    if ended == "end sessions":
        chat.store.write(moderation.end_sessions, alice, dave.id)
    else:
        ids = chat.store.write(
            lambda tx: tx.connection.exec_driver_sql("SELECT id FROM sessions").scalars().all()
        )
        for session_id in ids:
            chat.store.write(sessions.sign_out, session_id)
    assert ban(chat, alice, dave) == [PUBLIC]


def test_an_owner_cannot_be_banned_by_nobody(chat: Chat, alice):
    bob = chat.guest("bob")
    chat.store.write(ownership.claim, bob, chat.store.write(ownership.make_kept_code, chat.config))
    for actor, banned in ((alice, alice), (alice, bob), (None, alice)):
        with pytest.raises(ChatError) as refused:
            ban(chat, actor, banned)
        assert refused.value.code == "forbidden"
    with chat.store.read() as connection:
        assert connection.execute(select(bans_table)).all() == []


@pytest.mark.parametrize(
    ("reason", "code"), [("x" * 201, "too_long"), ("a\nb", "invalid"), (["a"], "invalid")]
)
def test_a_reason_is_one_line(chat: Chat, alice, reason, code):
    with pytest.raises(ChatError) as refused:
        ban(chat, alice, chat.guest("dave"), reason)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("", None),
        (None, None),
        ("1m", 60),
        ("30m", 1800),
        ("2h", 7200),
        (" 2 h ", 7200),
        ("7d", 604_800),
        ("1w", 604_800),
        ("9999w", 9999 * 604_800),
    ],
)
def test_a_span_is_read_as_people_write_it(span, seconds):
    assert moderation.span_seconds(span) == seconds


@pytest.mark.parametrize(
    "span", ["0m", "2", "h", "-2h", "2s", "2h30m", "1.5h", "99999d", "for ever", "²h", "٢h", 2, ["2h"]]
)
def test_what_is_no_span_is_refused(span):
    with pytest.raises(ChatError) as refused:
        moderation.span_seconds(span)
    assert (refused.value.code, refused.value.field) == ("invalid", "for")


def test_the_longest_span_is_a_date_that_can_be_told(chat: Chat, alice):
    ban(chat, alice, chat.guest("dave"), "", moderation.span_seconds("9999w"))
    with chat.store.read() as connection:
        assert bans.standing(connection, times.now())[0].until > times.ahead(days=60_000)


# Which bans are in force


def standing(chat: Chat, guest, network: str | None = None) -> tuple[str, str | None] | None:
    """What a process that starts now says of this guest: why, and until when, they are banned."""
    found = site_settings.SiteSettings(chat.store, chat.config).ban_of(guest and guest.id, network)
    return found and (found.reason, found.until)


def let_pass(chat: Chat, **duration: float) -> None:
    """Make as if every ban that ends within this duration had ended."""
    ended = (
        update(bans_table)
        .where(bans_table.c.until < times.ahead(**duration))
        .values(until=times.ago(seconds=1))
    )
    chat.store.write(lambda tx: tx.connection.execute(ended))


def test_a_ban_with_its_reason_covers_the_guest_and_their_networks(chat: Chat, alice):
    dave, erin = guest_from(chat, "dave", PUBLIC, HOME), chat.guest("erin")
    ban(chat, alice, dave, "spam")
    expected = ("spam", None)
    assert standing(chat, dave) == expected
    assert standing(chat, None, PUBLIC) == standing(chat, erin, PUBLIC) == expected, "under another name, too"
    assert standing(chat, erin, addresses.network_of("2a01:4f8:10:20:ffff::9")) == expected, "the same customer"
    assert standing(chat, erin, addresses.network_of("2a01:4f8:10:21::1")) is None
    assert (
        standing(chat, erin) is standing(chat, alice, "127.0.0.1") is standing(chat, None, "9.9.9.8") is None
    )


def test_a_ban_for_a_time_ends_by_itself(chat: Chat, alice):
    dave = guest_from(chat, "dave", PUBLIC)
    ban(chat, alice, dave, "", 60)
    running = site_settings.SiteSettings(chat.store, chat.config)
    found = running.ban_of(dave.id, None)
    assert found and times.ago() < found.until < times.ahead(seconds=61)
    let_pass(chat, hours=1)
    running.reload()
    assert running.ban_of(dave.id, PUBLIC) is None


def test_a_ban_ends_by_the_clock_without_any_event(chat: Chat, alice, monkeypatch: pytest.MonkeyPatch):
    dave = guest_from(chat, "dave", PUBLIC)
    ban(chat, alice, dave, "", 60)
    running = site_settings.SiteSettings(chat.store, chat.config)
    assert running.ban_of(dave.id, PUBLIC)
    later = times.ahead(seconds=61)
    monkeypatch.setattr(times, "now", lambda: later)
    assert running.ban_of(dave.id, PUBLIC) is None


@pytest.mark.parametrize("spans", [(60, None), (None, 60), (60, 3600), (3600, 60)])
def test_of_several_bans_the_longest_counts(chat: Chat, alice, monkeypatch: pytest.MonkeyPatch, spans):
    dave = guest_from(chat, "dave", PUBLIC)
    for seconds in spans:
        ban(chat, alice, dave, f"{seconds}", seconds)
    running = site_settings.SiteSettings(chat.store, chat.config)
    later = times.ahead(seconds=61)
    monkeypatch.setattr(times, "now", lambda: later)
    for user_id, network in ((dave.id, None), (None, PUBLIC)):
        found = running.ban_of(user_id, network)
        assert found and found.reason in ("None", "3600")


def test_unbanning_lifts_all_of_it_and_nothing_else(chat: Chat, alice):
    dave, erin = guest_from(chat, "dave", PUBLIC, HOME), guest_from(chat, "erin", PUBLIC)
    for _ in range(2):
        ban(chat, alice, dave)
    ban(chat, alice, erin)
    chat.store.write(moderation.unban, alice, dave.id)
    assert standing(chat, dave) is standing(chat, dave, addresses.network_of(HOME)) is None
    assert standing(chat, erin) and standing(chat, dave, PUBLIC), "it is erin's address, too"
    with pytest.raises(ChatError) as refused:
        chat.store.write(moderation.unban, alice, dave.id)
    assert refused.value.code == "not_found"


def test_the_readers_of_a_banned_guest_end_and_nobody_elses(chat: Chat, alice):
    dave, erin = guest_from(chat, "dave", PUBLIC), chat.guest("erin")
    readers = {user.name: chat.reader(user, named=[1]) for user in (alice, dave, erin)}
    from_there = Reader(lambda: visibility.of_stays([], [log_events.network_channel(PUBLIC)]), 0)
    chat.hub.register(from_there)
    ban(chat, alice, dave)
    assert {name: reader.end for name, reader in readers.items()} == {
        "alice": None,
        "dave": "revoked",
        "erin": None,
    }
    assert from_there.end == "revoked"
    chat.post(alice, "said later")
    assert chat.read_all(readers["dave"]) == [] and chat.read_all(readers["erin"])


def test_the_log_keeps_no_address(chat: Chat, alice):
    ban(chat, alice, guest_from(chat, "dave", PUBLIC, HOME))
    rows = chat.store.write(
        lambda tx: tx.connection.exec_driver_sql("SELECT channel || data FROM events").scalars().all()
    )
    assert [row for row in rows if row.startswith("network:")], "premise"
    assert not [row for row in rows if "9.9.9" in row or "4f8" in row]


# Settings in force


def test_the_operators_value_holds_until_the_owner_sets_one(chat: Chat, alice):
    running = site_settings.SiteSettings(chat.store, chat.config)
    assert running.config == chat.config and running.config.site_name == "Operator's"
    chat.store.write(
        site_settings.change_settings, alice, {"CHAT_SITE_NAME": " Harbour ", "CHAT_KEEP_DAYS": "30"}, chat.config
    )
    running.reload()
    assert (running.config.site_name, running.config.keep_days) == ("Harbour", 30)
    assert running.config.welcome == chat.config.welcome and chat.config.site_name == "Operator's"


def test_every_process_is_told_of_a_change(instance: Path):
    with opened(instance) as chat:
        alice = chat.guest("alice")
        told = []
        other = chat.another_hub()
        other._on_site = lambda event: told.append(True)
        chat.store.write(site_settings.change_settings, alice, {"CHAT_SITE_NAME": "Harbour"}, chat.config)
        other.wake()
        assert told == [True]
        chat.post(alice, "hi")
        other.wake()
        assert told == [True], "and of nothing else"


def test_of_two_threads_that_read_it_anew_the_newer_state_stays(chat: Chat, alice, monkeypatch: pytest.MonkeyPatch):
    running = site_settings.SiteSettings(chat.store, chat.config)
    dave = guest_from(chat, "dave", PUBLIC)
    has_read, may_go_on = threading.Event(), threading.Event()
    standing = bans.standing

    def read_and_stand(connection, now):
        found = standing(connection, now)
        if not has_read.is_set():
            has_read.set()
            assert may_go_on.wait(30)
        return found

    monkeypatch.setattr(bans, "standing", read_and_stand)
    early, late = threading.Thread(target=running.reload), threading.Thread(target=running.reload)
    early.start()
    assert has_read.wait(30)
    ban(chat, alice, dave)
    late.start()
    late.join(0.5)  # it is done, or waits for the other
    may_go_on.set()
    for thread in (early, late):
        thread.join(30)
    assert running.ban_of(dave.id, None) is not None


def test_what_the_owner_may_set_is_what_has_a_check(chat: Chat):
    for name in site_settings.OWNERS:
        setting = site_settings.BY_NAME[name]
        assert (
            site_settings.read(name, setting.default) == getattr(chat.config, setting.attribute)
            or name == "CHAT_SITE_NAME"
        )


def test_a_stranger_in_the_table_changes_nothing(chat: Chat):
    """A row of another version, or of somebody with the database open."""
    chat.store.write(lambda tx: settings.put(tx, "CHAT_INSTANCE", "/tmp"))
    chat.store.write(lambda tx: settings.put(tx, "CHAT_OF_TOMORROW", "1"))
    chat.store.write(lambda tx: settings.put(tx, "CHAT_KEEP_DAYS", "a while"))
    assert site_settings.SiteSettings(chat.store, chat.config).config == chat.config
