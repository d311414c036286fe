"""Stays: one continues if nothing has happened since it ended, and their number is limited."""

from itertools import count

import pytest

from chat.core import times
from chat.core.errors import ChatError
from chat.domain import messages, retention, rooms, stays


def join(chat, user, slug="lobby", **options):
    chat.store.write(rooms.join, user, slug, **options)


def leave(chat, user, slug="lobby"):
    chat.store.write(rooms.leave, user, slug)


def come_again(chat, user, **options):
    leave(chat, user)
    join(chat, user, **options)


def stays_of(chat, user):
    with chat.store.read() as connection:
        return [tuple(stay) for stay in rooms.room_table.stays(connection, user.id)]


def told(chat, name):
    """The ids of the room's events of this name."""
    return [event_id for event_id, event, channel in chat.read_all(chat.reader(None, named=[1])) if event == name]


def change_all(chat, statement):
    chat.store.write(lambda tx: tx.connection.exec_driver_sql(statement))


# Continuing


def test_who_comes_back_before_anything_happened_goes_on_with_the_stay_before(chat, alice):
    join(chat, alice)
    for _ in range(30):
        come_again(chat, alice)
    joins, leaves = told(chat, "join"), told(chat, "leave")
    assert (len(joins), len(leaves)) == (31, 30), "each is an event"
    assert stays_of(chat, alice) == [(1, joins[0], None)]
    leave(chat, alice)
    assert stays_of(chat, alice) == [(1, joins[0], told(chat, "leave")[-1])]


def test_what_happens_in_other_rooms_is_in_nobodys_way(chat, alice, bob):
    chat.store.write(rooms.open_room, bob, "Garden", "garden", "")
    join(chat, alice)
    leave(chat, alice)
    chat.post(bob, "here in the garden", room="garden")
    join(chat, alice)
    assert len(stays_of(chat, alice)) == 1


def post(chat, alice, bob):
    chat.post(bob, "while she was away")


def post_that_the_log_has_forgotten(chat, alice, bob):
    post(chat, alice, bob)
    chat.store.write(retention.prune, times.ahead(days=1), 0)


def edit(chat, alice, bob):
    [message_id] = told(chat, "message")
    chat.store.write(messages.edit, alice, message_id, "edited while she was away")


def come(chat, alice, bob):
    join(chat, bob)


def rename(chat, alice, bob):
    chat.store.write(rooms.change, "lobby", "The lobby", "")


@pytest.mark.parametrize("happen", [post, post_that_the_log_has_forgotten, edit, come, rename])
def test_what_happened_between_two_stays_is_between_them(chat, alice, bob, happen):
    chat.post(alice, "hello")
    leave(chat, alice)
    [(_, _, left_at)] = stays_of(chat, alice)
    happen(chat, alice, bob)
    join(chat, alice)
    [*_, (_, back_at, end)] = stays_of(chat, alice)
    assert back_at > left_at and end is None


def test_a_reader_that_was_away_is_given_the_same_of_a_stay_that_went_on(chat, alice, bob):
    join(chat, alice)
    cursor = chat.hub.last_id
    come_again(chat, alice)
    chat.post(bob, "after she came back")
    heard = chat.read_all(chat.reader(alice, cursor=cursor))
    assert [(name, channel) for _, name, channel in heard] == [
        ("leave", "room:1"), ("leave", f"user:{alice.id}"), ("join", "room:1"), ("join", f"user:{alice.id}"),
        ("join", "room:1"), ("message", "room:1"),
    ]


def test_what_was_said_before_counts_as_read_when_one_comes_back(chat, alice, bob):
    join(chat, alice)
    said = chat.post(bob, "which she has not read")
    come_again(chat, alice)
    assert len(stays_of(chat, alice)) == 1
    with chat.store.read() as connection:
        assert rooms.room_table.membership(connection, 1, alice.id).read_id == said["id"]


# How many


def come_and_go_between_others(chat, user, other):
    """Until it is refused; returns how often they came, and the error."""
    for number in count():
        join(chat, other)
        try:
            join(chat, user, is_limited=True)
        except ChatError as error:
            return number, error
        leave(chat, user)
        leave(chat, other)


def test_who_has_come_too_often_today_is_told_when_to_come_back(chat, alice, bob, monkeypatch):
    monkeypatch.setattr(stays, "STAYS_A_DAY_IN_ROOM", 7)
    came, error = come_and_go_between_others(chat, alice, bob)
    assert (came, error.code) == (7, "slow_down")
    assert 86400 - 600 < error.retry_after_seconds <= 86401
    assert len(stays_of(chat, alice)) == 7
    chat.store.write(rooms.open_room, bob, "Garden", "garden", "")
    join(chat, alice, "garden", is_limited=True)
    join(chat, bob, is_limited=True)
    change_all(chat, "UPDATE events SET created_at = '2001-01-01T00:00:00.000Z'")
    join(chat, alice, is_limited=True)
    assert len(stays_of(chat, alice)) == 9


def test_who_may_not_come_may_not_post_there_either(chat, alice, bob, monkeypatch):
    monkeypatch.setattr(stays, "STAYS_A_DAY_IN_ROOM", 1)
    come_and_go_between_others(chat, alice, bob)
    with pytest.raises(ChatError) as refused:
        chat.store.write(messages.post, alice, "lobby", "hello", is_limited=True)
    assert refused.value.code == "slow_down"


def test_joins_of_all_rooms_together_are_limited_per_day_too(chat, alice, bob, monkeypatch):
    monkeypatch.setattr(stays, "STAYS_A_DAY", 3)
    for number in range(3):
        chat.store.write(rooms.open_room, bob, f"Room {number}", f"room-{number}", "")
        join(chat, alice, f"room-{number}", is_limited=True)
    with pytest.raises(ChatError) as refused:
        join(chat, alice, is_limited=True)
    assert refused.value.code == "slow_down"


def test_continuing_a_stay_is_never_refused_and_without_limits_nothing_is(chat, alice, bob, monkeypatch):
    monkeypatch.setattr(stays, "STAYS_A_DAY_IN_ROOM", 2)
    came, _ = come_and_go_between_others(chat, alice, bob)
    assert came == 2
    join(chat, alice)
    for _ in range(5):
        come_again(chat, alice, is_limited=True)


def test_stays_of_which_the_log_tells_nothing_more_are_dropped_when_one_comes_again(chat, alice, bob):
    for _ in range(3):
        chat.post(bob, "between")
        join(chat, alice)
        leave(chat, alice)
    chat.store.write(retention.prune, times.ahead(days=1), 0)
    chat.post(bob, "and now")
    assert len(stays_of(chat, alice)) == 3
    join(chat, alice)
    assert [end for _, _, end in stays_of(chat, alice)] == [None]


def test_nobody_can_be_in_more_than_so_many_rooms(chat, alice, bob, monkeypatch):
    monkeypatch.setattr(stays, "ROOMS_MAX", 2)
    limited = {"is_limited": True}
    for number in range(3):
        chat.store.write(rooms.open_room, None, f"Room {number}", f"room-{number}", "")
    join(chat, alice, "room-0", **limited)
    join(chat, alice, "room-1", **limited)
    for act in (lambda tx: rooms.join(tx, alice, "room-2", **limited),
                lambda tx: messages.post(tx, alice, "room-2", "hello", **limited),
                lambda tx: rooms.open_room(tx, alice, "Mine", "mine", "", most=1000)):
        with pytest.raises(ChatError, match="You're in 2 rooms") as refused:
            chat.store.write(act)
        assert refused.value.code == "forbidden"
    leave(chat, alice, "room-0")
    join(chat, alice, "room-2", **limited)
    chat.store.write(rooms.join, alice, "room-0")
