"""The owner's verbs: the code that makes one, bans and what they may not meet, settings, and the log of it all."""

import dataclasses
import hmac
import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from chat.core.errors import ChatError
from chat.domain import messages, moderation, ownership, site_settings
from chat.runtime import secret
from chat.store.tables import acts, settings, users
from chat.store.tables import rooms as room_table
from tests.support.chats import Chat


@pytest.fixture
def alice(chat: Chat):
    """The owner."""
    alice = chat.guest("alice")
    chat.store.write(ownership.claim, alice, chat.store.write(ownership.make_kept_code, chat.config))
    return found(chat, alice)


def found(chat: Chat, user):
    with chat.store.read() as connection:
        return users.find(connection, user.id)


def is_owner(chat: Chat, user) -> bool:
    return found(chat, user).is_owner


def ban(chat: Chat, owner_user, guest, reason: object = "", seconds: int | None = None) -> list[str]:
    return chat.store.write(moderation.ban, owner_user, guest.id, reason, seconds, chat.config)


def acts_of(chat: Chat) -> list[tuple]:
    with chat.store.read() as connection:
        return [
            (act.name, act.act, act.subject, act.about, act.reason) for act in acts.newest(connection, 100)
        ]


# Becoming the owner


def test_the_code_makes_one_owner_and_dies(chat: Chat):
    alice, bob = chat.guest("alice"), chat.guest("bob")
    code = chat.store.write(ownership.make_kept_code, chat.config)
    assert not is_owner(chat, alice)
    chat.store.write(ownership.claim, alice, code)
    assert is_owner(chat, alice)
    for somebody in (bob, alice):
        with pytest.raises(ChatError, match="has been used"):
            chat.store.write(ownership.claim, somebody, code)
    assert not is_owner(chat, bob)


@pytest.mark.parametrize("forged", ["", "0" * 32, "é", "\ud800", "\0", None, 0, True, [], {}, "x" * 100_000])
def test_a_forged_code_is_refused_whether_there_is_a_code_or_none(chat: Chat, forged: object):
    bob = chat.guest("bob")
    with pytest.raises(ChatError) as without:
        chat.store.write(ownership.claim, bob, forged)
    code = chat.store.write(ownership.make_kept_code, chat.config)
    with pytest.raises(ChatError) as beside:
        chat.store.write(ownership.claim, bob, forged)
    assert without.value.code == beside.value.code == "forbidden"
    chat.store.write(ownership.claim, bob, code)
    with pytest.raises(ChatError):
        chat.store.write(ownership.claim, chat.guest("mallory"), forged)


def test_codes_are_compared_in_constant_time_and_nowhere_kept(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    code = chat.store.write(ownership.make_kept_code, chat.config)
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    for forged in ("", code[:-1], code + "x", code.swapcase()):
        with pytest.raises(ChatError):
            chat.store.write(ownership.claim, chat.guest(f"guest{len(compared)}"), forged)
    assert [len(a) == len(b) == 64 for a, b in compared] == [True] * 4, (
        "hashes: neither length nor bytes tell"
    )
    assert code not in str(
        chat.store.write(lambda tx: tx.connection.exec_driver_sql("SELECT * FROM facts").all())
    )


def test_a_new_code_voids_the_one_before(chat: Chat):
    alice = chat.guest("alice")
    first, second = (chat.store.write(ownership.make_kept_code, chat.config) for _ in range(2))
    assert first != second
    with pytest.raises(ChatError):
        chat.store.write(ownership.claim, alice, first)
    chat.store.write(ownership.claim, alice, second)


def test_the_code_lies_in_a_file_for_the_operator_alone_until_it_is_used(chat: Chat):
    path = chat.config.instance / "owner-code"
    code = ownership.code_to_show(chat.store, chat.config)
    assert path.read_text() == f"{code}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ownership.code_to_show(chat.store, chat.config) == code, "the next start shows the same"
    chat.store.write(ownership.claim, chat.guest("alice"), code)
    assert ownership.code_to_show(chat.store, chat.config) is None, "there is an owner"


def test_of_two_processes_that_begin_a_chat_at_once_one_makes_the_code(chat: Chat, monkeypatch):
    codes = []

    def write(*change):
        monkeypatch.undo()
        codes.append(ownership.code_to_show(chat.store, chat.config))
        return chat.store.write(*change)

    monkeypatch.setattr(chat.store, "write", write)
    codes.append(ownership.code_to_show(chat.store, chat.config))
    assert codes[0] == codes[1] == ownership.code_to_show(chat.store, chat.config)


def test_no_code_is_made_when_somebody_has_become_the_owner_meanwhile(chat: Chat, monkeypatch):
    alice = chat.guest("alice")

    def write(*change):
        monkeypatch.undo()
        chat.store.write(ownership.claim, alice, ownership.code_to_show(chat.store, chat.config))
        ownership.forget_code_file(chat.config)
        return chat.store.write(*change)

    monkeypatch.setattr(chat.store, "write", write)
    assert ownership.code_to_show(chat.store, chat.config) is None


def test_a_code_file_that_is_lost_or_stale_is_made_anew(chat: Chat):
    path = chat.config.instance / "owner-code"
    code = ownership.code_to_show(chat.store, chat.config)
    for spoil in (path.unlink, lambda: (path.write_text("stale\n"), path.chmod(0o644))):
        spoil()
        assert ownership.code_to_show(chat.store, chat.config) == code
        assert path.read_text() == f"{code}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    chat.store.write(ownership.claim, chat.guest("alice"), code)
    path.write_text(f"{code}\n")  # of another host
    assert ownership.code_to_show(chat.store, chat.config) is None and not path.exists()


def test_hosts_with_the_same_key_show_the_same_code_and_others_void_it(chat: Chat, tmp_path: Path):
    code = ownership.code_to_show(chat.store, chat.config)
    key = secret.of(chat.config.instance, "")
    same = dataclasses.replace(chat.config, instance=tmp_path, secret=key.strip())
    assert ownership.code_to_show(chat.store, same) == code
    assert (tmp_path / "owner-code").read_text() == f"{code}\n"
    assert ownership.code_to_show(chat.store, dataclasses.replace(same, secret="0" * 64)) != code


def test_what_the_database_knows_is_no_help_in_finding_the_code(chat: Chat):
    code = ownership.code_to_show(chat.store, chat.config)
    with chat.store.read() as connection:
        kept = [value for name, value in connection.execute(text("SELECT name, value FROM facts")) if "owner" in name]
    assert len(kept) == 2 and code not in kept
    for value in kept:
        with pytest.raises(ChatError):
            chat.store.write(ownership.claim, chat.guest("mallory"), value)


def test_an_owners_name_is_never_free(chat: Chat, alice):
    chat.store.write(lambda tx: users.change(tx, alice.id, seen_at="2001-01-01T00:00:00.000Z"))
    with pytest.raises(ChatError, match="That name is taken"):
        chat.guest("Alice")


# People


def test_nobody_can_be_banned_who_is_not_there(chat: Chat, alice):
    for verb in (
        lambda tx: moderation.ban(tx, alice, 987, "", None, chat.config),
        lambda tx: moderation.unban(tx, alice, 987),
        lambda tx: moderation.end_sessions(tx, alice, 987),
        lambda tx: moderation.unban_by_name(tx, "alice"),
        lambda tx: moderation.ban_by_name(tx, "nobody", "", None, chat.config),
    ):
        with pytest.raises(ChatError) as refused:
            chat.store.write(verb)
        assert refused.value.code == "not_found"
    assert [act for _, act, *_ in acts_of(chat)] == ["became owner"]


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("dave", "DAV"),
        ("Zoë", "zoë"),
        ("Élodie", "Élodie"),
        ("Élodie", "élod"),
        ("Иван", "Иван"),
        ("Иван", "иван"),
        ("100%", "0%"),
        ("a_b", "_"),
    ],
)
def test_the_owner_finds_people_by_a_part_of_their_name(chat: Chat, alice, name, search):
    chat.guest(name)
    chat.guest("somebody else")
    with chat.store.read() as connection:
        assert [user.name for user in users.newest(connection, search, 100)] == [name]


# Settings


def stored(chat: Chat) -> dict[str, str]:
    with chat.store.read() as connection:
        return settings.all_set(connection)


def change(chat: Chat, alice, **values: str) -> None:
    typed = {f"CHAT_{name.upper()}": value for name, value in values.items()}
    chat.store.write(site_settings.change_settings, alice, typed, chat.config)


AS_THEY_ARE = {
    "site_name": "Longwave",
    "welcome": "",
    "entry_word": "",
    "rooms_by": "all",
    "keep_days": "forever",
    "limits": "on",
    "posts_per_minute": "30",
}


def test_what_the_owner_left_as_it_was_stays_the_operators(chat: Chat, alice):
    """The form holds every setting; saving it must not pin the operator's values for good."""
    change(chat, alice, **AS_THEY_ARE | {"site_name": "Harbour"})
    assert stored(chat) == {"CHAT_SITE_NAME": "Harbour"}
    assert [act[3] for act in acts_of(chat) if act[1] == "set"] == ["CHAT_SITE_NAME"]


def test_a_setting_can_be_set_back(chat: Chat, alice):
    change(chat, alice, site_name="Harbour")
    change(chat, alice, site_name="Longwave")
    assert stored(chat) == {}, "it is the operator's again"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keep_days", "0"),
        ("keep_days", "-1"),
        ("keep_days", "1.5"),
        ("keep_days", ""),
        ("keep_days", "never"),
        ("site_name", ""),
        ("site_name", "x" * 61),
        ("rooms_by", "guests"),
        ("limits", "maybe"),
        ("posts_per_minute", "0"),
        ("posts_per_minute", "-1"),
        ("entry_word", "x" * 101),
        ("welcome", "x" * 1001),
    ],
)
def test_a_wrong_setting_is_refused_with_all_that_came_with_it(chat: Chat, alice, name, value):
    with pytest.raises(ChatError) as refused:
        change(chat, alice, **{"site_name": "Harbour", name: value})
    assert (refused.value.code, refused.value.field) == ("invalid", f"CHAT_{name.upper()}")
    assert stored(chat) == {}


def test_a_welcome_may_have_lines_as_browsers_send_them(chat: Chat, alice):
    change(chat, alice, welcome="Hello\r\nand welcome")
    assert stored(chat)["CHAT_WELCOME"] == "Hello\nand welcome"


def test_the_owner_sets_nothing_that_is_the_operators(chat: Chat, alice):
    change(chat, alice, instance="/tmp", trusted_proxies="0.0.0.0/0", hosts="evil.example", nonsense="1")
    assert stored(chat) == {}


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 100])
def test_a_damaged_file_of_the_code_is_written_anew(chat: Chat, content: bytes):
    first = ownership.code_to_show(chat.store, chat.config)
    path = chat.config.instance / ownership.CODE_FILE
    assert path.read_text().strip() == first, "premise"
    path.write_bytes(content)
    assert ownership.code_to_show(chat.store, chat.config) == path.read_text().strip() == first
    chat.store.write(ownership.claim, chat.guest("alice"), first)


# What is so already


def test_closing_a_closed_room_again_opens_its_past_to_nobody(chat: Chat, alice):
    said = chat.post(alice, "said among those who were in it")
    chat.store.write(moderation.close_room, alice, "lobby")
    carol = chat.guest("carol")
    chat.store.write(lambda tx: room_table.begin_stay(tx, 1, carol.id, tx.next_id(), read_id=0))  # by whatever way

    def heard_by_carol() -> list[int]:
        return [event_id for event_id, *_ in chat.read_all(chat.reader(carol, cursor=0))]

    assert said["id"] not in heard_by_carol(), "premise: carol came after it"
    chat.store.write(moderation.close_room, alice, "lobby")
    assert said["id"] not in heard_by_carol()


@pytest.mark.parametrize("verb", [
    lambda chat, alice: chat.store.write(moderation.close_room, alice, "lobby"),
    lambda chat, alice: chat.store.write(moderation.reopen_room, alice, "lobby"),
    lambda chat, alice: chat.store.write(moderation.change_room, alice, "lobby", " Hall", "all is said here "),
    lambda chat, alice: change(chat, alice, site_name="Harbour", posts_per_minute="7"),
], ids=["close", "reopen", "rename", "set"])
def test_what_is_so_already_is_neither_told_nor_noted(chat: Chat, alice, verb):
    verb(chat, alice)
    before = chat.hub.last_id, acts_of(chat)
    verb(chat, alice)
    assert (chat.hub.last_id, acts_of(chat)) == before


# The log of acts


def test_every_act_is_noted_with_who_did_it(chat: Chat, alice):
    dave = chat.guest("dave")
    message = chat.post(dave, "must not stay")
    ban(chat, alice, dave, "spam", 60)
    chat.store.write(moderation.unban, alice, dave.id)
    chat.store.write(moderation.end_sessions, alice, dave.id)
    chat.store.write(moderation.remove_message, alice, message["id"])
    chat.store.write(moderation.change_room, alice, "lobby", "Hall", "")
    chat.store.write(moderation.close_room, alice, "lobby")
    chat.store.write(moderation.reopen_room, alice, "lobby")
    change(chat, alice, site_name="Harbour")
    chat.store.write(moderation.remove_room, None, "lobby")
    assert acts_of(chat)[::-1] == [
        ("alice", "became owner", "alice", "", ""),
        ("alice", "banned", "dave", "", "spam"),
        ("alice", "unbanned", "dave", "", ""),
        ("alice", "ended sessions", "dave", "", ""),
        ("alice", "removed message", "dave", str(message["id"]), ""),
        ("alice", "changed room", None, "lobby", ""),
        ("alice", "closed room", None, "lobby", ""),
        ("alice", "reopened room", None, "lobby", ""),
        ("alice", "set", None, "CHAT_SITE_NAME", ""),
        (None, "removed room", None, "lobby", ""),
    ]


def test_a_message_is_removed_once(chat: Chat, alice):
    message = chat.post(chat.guest("dave"), "must not stay")
    assert chat.store.write(moderation.remove_message, alice, message["id"])["removed_by"] == "owner"
    with pytest.raises(ChatError, match="was deleted"):
        chat.store.write(moderation.remove_message, alice, message["id"])
    with pytest.raises(ChatError, match="was deleted"):
        chat.store.write(messages.edit, chat.guest("erin"), message["id"], "back")
    assert [act for _, act, *_ in acts_of(chat)].count("removed message") == 1
