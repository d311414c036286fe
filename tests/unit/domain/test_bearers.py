"""Who has a name: nobody can take one that looks like another's, and searching by look-alikes finds it."""

import threading

import pytest
from sqlalchemy import event, insert

from chat.core.errors import ChatError
from chat.domain import accounts, bots, erasure, inbox, moderation, sessions
from chat.store import Store
from chat.store.schema import inbox as inbox_table
from chat.store.tables import messages as message_table
from chat.store.tables import users
from tests.support.chats import Chat

LONG_AGO = "2001-01-01T00:00:00.000Z"


@pytest.fixture
def twins(chat: Chat):
    """Two users whose names an earlier version accepted as different, the imitation first."""
    false, true = chat.guest("somebody"), chat.guest("Paul")
    chat.store.write(users.change, false.id, name="PauI", name_key="paui", drawn_key="Paul")
    return false, true


def is_taken(verb, *values) -> bool:
    try:
        verb(*values)
    except ChatError as error:
        assert error.code == "name_taken"
        return True
    return False


def found(chat: Chat, name: str) -> int | None:
    with chat.store.read() as connection:
        bearer = users.find_by_name(connection, name)
    return bearer and bearer.id


@pytest.mark.parametrize("name", ["PauI", "Pau1", "Pau|", "Раul", "РаuI", "Pau\u04c0"])
def test_a_guest_takes_no_name_that_is_drawn_like_anothers(chat: Chat, name: str):
    chat.guest("Paul")
    assert is_taken(chat.guest, name)


def test_either_may_come_first(chat: Chat):
    chat.guest("PauI")
    assert is_taken(chat.guest, "Paul") and is_taken(chat.guest, "paui")


def test_names_that_differ_by_a_letter_which_is_seen_are_free(chat: Chat):
    for name in ("Ian", "Lan", "Ali", "All", "Bob", "B0b", "carol", "Caro1"):
        assert chat.guest(name).name == name


def test_of_two_workers_with_names_drawn_alike_one_is_refused(chat: Chat):
    other = Store(chat.config)
    pairs = [(f"Carl {letter}", f"CarI {letter}") for letter in "abcdefgh"]
    outcomes: dict[str, bool] = {}

    def sign_in(store: Store, name: str, at_once: threading.Barrier) -> None:
        at_once.wait()
        outcomes[name] = is_taken(store.write, accounts.sign_in, name, 30, sessions.From(None, ""))

    try:
        for pair in pairs:
            at_once = threading.Barrier(2)
            both = [threading.Thread(target=sign_in, args=(store, name, at_once))
                    for store, name in zip((chat.store, other), pair, strict=True)]
            for each in both:
                each.start()
            for each in both:
                each.join()
    finally:
        other.stop()
    assert [sorted(outcomes[name] for name in pair) for pair in pairs] == [[False, True]] * len(pairs)


def test_a_name_drawn_alike_is_free_when_its_bearer_stays_away_and_theirs_ends_with_it(chat: Chat):
    paul = chat.guest("Paul")
    reader = chat.reader(paul)
    chat.store.write(users.change, paul.id, seen_at=LONG_AGO)
    another = chat.guest("PauI")
    assert reader.end == "revoked" and found(chat, "Paul") == another.id
    assert another.bearer == 2 and another.colour != paul.colour, "seen beside what Paul wrote"


def test_the_drawn_name_of_a_forgotten_user_is_not_kept(chat: Chat):
    paul = chat.guest("Paul")
    chat.store.write(erasure.ask, paul, "leave")
    with chat.store.read() as connection:
        assert users.find(connection, paul.id).drawn_key is None
    assert chat.guest("PauI").bearer == 1
    assert chat.guest(erasure.NAMELESS).bearer == 1


def test_a_bot_is_found_by_a_look_alike_of_its_name_and_a_persons_name_is_refused(chat: Chat):
    chat.guest("Paul")
    chat.store.write(bots.add_bot, "hal")
    with chat.store.read() as connection:
        hal = users.find_by_name(connection, "hal")
    assert is_taken(chat.guest, "haI")
    assert chat.store.write(bots.bot_named, "ha1").id == hal.id
    assert is_taken(chat.store.write, bots.add_bot, "PauI")


def test_the_inbox_refuses_a_name_that_looks_like_a_persons(chat: Chat):
    chat.guest("Paul")
    chat.store.write(bots.add_bot, "hal")
    authors = [{"room": "lobby", "author": author, "body": author} for author in ("PauI", "haI")]
    chat.store.write(lambda tx: tx.connection.execute(insert(inbox_table), authors))
    inbox.move_inbox(chat.store)
    with chat.store.read() as connection:
        left = connection.execute(inbox_table.select()).all()
        assert [(row.author, "Someone already has this name" in row.reason) for row in left] == [("PauI", True)]
        hal = users.find_by_name(connection, "hal")
        assert [message.body for message in message_table.of_author(connection, hal.id, 0, 9)] == ["haI"]


def test_the_owner_finds_by_what_is_read(chat: Chat):
    paul = chat.guest("PauI")
    assert chat.store.write(moderation.find_by_name, "Paul") == paul.id
    chat.store.write(moderation.ban_by_name, "Paul", "", None, chat.config)
    with chat.store.read() as connection:
        assert [user.name for user in users.newest(connection, "Pau", 9)] == ["PauI"]
        assert [user.name for user in users.newest(connection, "aul", 9)] == ["PauI"]
        assert users.newest(connection, "AUL", 9) == []


def test_of_twins_each_is_found_by_their_own_spelling(chat: Chat, twins):
    false, true = twins
    assert [found(chat, name) for name in ("Paul", "PAUL", "PauI", "paui")] == [true.id, true.id, false.id, false.id]
    assert found(chat, "Pau1") == false.id, "else the first"
    assert is_taken(chat.guest, "paul") and is_taken(chat.guest, "PAUI") and is_taken(chat.guest, "Pau1")


def test_both_twins_lose_the_name_to_whoever_takes_it(chat: Chat, twins):
    false, true = twins
    chat.store.write(users.change, false.id, seen_at=LONG_AGO)
    assert is_taken(chat.guest, "PauI"), "the other one is here"
    chat.store.write(users.change, true.id, seen_at=LONG_AGO)
    assert chat.guest("PauI").bearer == 3
    with chat.store.read() as connection:
        assert all(users.is_released(connection, twin.id) for twin in twins)


@pytest.mark.parametrize("look_up", [users.bearers, users.colours_of_bearers])
def test_a_name_is_looked_up_by_its_indexes(chat: Chat, look_up):
    asked = []
    with chat.store.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *values: asked.append(values[2:4]))
        look_up(connection, "Paul")
        [(statement, values)] = asked
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    steps = [step.detail for step in plan]
    assert any("users_by_look (drawn_key=?)" in step for step in steps)
    assert not any(step.startswith("SCAN") for step in steps), steps
