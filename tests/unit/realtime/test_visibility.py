"""What a reader may hear, from the stays in which they were: by the ids of joins and leaves, however many there are."""

import gc
import random
import time

from chat.domain import rooms
from chat.realtime import subscription, visibility
from tests.support.chats import opened

MANY, FEW = 40_000, 1_000


def of(*stays):
    return visibility.of_stays(stays, ["user:7"])


def many_stays(count):
    """One stay after the other in one room, each of ten ids with ten between; the user is in the last."""
    stays = [(1, 20 * number, 20 * number + 10) for number in range(1, count)]
    return [*stays, (1, 20 * count, None)]


def fastest(work):
    """The seconds that this thread computed in the quickest of a few tries, whatever else the machine did then."""

    def took():
        began = time.thread_time()
        work()
        return time.thread_time() - began

    gc.collect()
    gc.disable()  # its searches go through all that there is
    try:
        return min(took() for _ in range(5))
    finally:
        gc.enable()


class Compared(int):
    """The id of an event that counts how often such an id was compared."""

    times = 0

    def _counted(compare):
        def count(self, other):
            Compared.times += 1
            return compare(self, other)

        return count

    __lt__, __le__, __gt__, __ge__, __eq__ = map(_counted, (int.__lt__, int.__le__, int.__gt__, int.__ge__, int.__eq__))
    __hash__ = int.__hash__


def comparisons(ask):
    before = Compared.times
    ask()
    return Compared.times - before


def test_a_room_is_heard_from_the_join_to_the_leave_and_both_are_heard():
    heard = of((1, 10, 20), (1, 30, None), (2, 15, 16))
    assert [at for at in range(40) if heard.includes("room:1", at)] == [*range(10, 21), *range(30, 40)]
    assert [at for at in range(40) if heard.includes("room:2", at)] == [15, 16]
    assert not heard.includes("room:3", 15)
    assert heard.includes("user:7", 1) and not heard.includes("user:8", 1)
    assert heard.present_rooms() == (1,)


def test_the_order_in_which_stays_are_read_does_not_matter():
    stays = many_stays(50)
    random.Random(1).shuffle(stays)
    assert of(*stays).rooms.spans == of(*many_stays(50)).rooms.spans


def test_who_came_back_before_a_room_was_closed_hears_it_on():
    """The stay that keeps the room's past begins at 0, before the stays that came before it."""
    heard = of((1, 10, 20), (1, 0, None))
    assert heard.present_rooms() == (1,)
    assert all(heard.includes("room:1", at) for at in (1, 15, 25, 1000))


def test_who_left_a_closed_room_keeps_its_past_and_no_more():
    heard = of((1, 10, 20), (1, 0, 40))
    assert heard.present_rooms() == ()
    assert heard.includes("room:1", 1) and heard.includes("room:1", 40) and not heard.includes("room:1", 41)


def test_forty_times_the_stays_take_some_forty_times_as_long():
    few, many = many_stays(FEW), many_stays(MANY)
    ratio = fastest(lambda: of(*many)) / fastest(lambda: of(*few))
    assert ratio < 10 * MANY / FEW, "squared it would be 1,600"


def test_whether_an_event_is_heard_is_not_asked_of_stay_after_stay():
    heard = of(*((room_id, Compared(first), last and Compared(last)) for room_id, first, last in many_stays(FEW)))
    assert len(heard.rooms.spans["room:1"]) == FEW

    def ask():
        assert heard.includes("room:1", Compared(20 * FEW - 15))
        assert not heard.includes("room:1", Compared(20 * FEW - 5))

    assert 0 < comparisons(ask) < FEW / 10


def test_a_reader_is_not_told_of_stays_that_ended_before_its_cursor(instance):
    with opened(instance) as chat:
        alice, bob = chat.guest("alice"), chat.guest("bob")
        for _ in range(3):
            chat.store.write(rooms.join, alice, "lobby")
            chat.store.write(rooms.leave, alice, "lobby")
            chat.post(bob, "hello")
        chat.store.write(rooms.join, alice, "lobby")
        refreshes = [subscription.of_reader(chat.store, alice, ["user:1"], None, since=since)
                   for since in (0, chat.hub.last_id)]
        everything, newest = [refresh() for refresh in refreshes]
    spans = everything.rooms.spans["room:1"]
    assert len(spans) == 4 and newest.rooms.spans["room:1"] == spans[3:]
    assert newest.present_rooms() == everything.present_rooms() == (1,)
