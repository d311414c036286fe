"""The waits for requests: so many for each sender, and who has waited longest goes first."""

from chat.server.unfinished import Unfinished


class Waiting:
    def __init__(self, sender, is_idle=True):
        self.sender, self.is_idle, self.is_given_up = sender, is_idle, False

    def give_up(self):
        self.is_given_up = True


def test_of_too_many_of_one_sender_the_oldest_are_given_up():
    unfinished = Unfinished(most=3)
    theirs, other = [Waiting("greedy") for _ in range(10)], Waiting("other")
    unfinished.add(other)
    for wait in theirs:
        unfinished.add(wait)
    assert [wait.is_given_up for wait in theirs] == [True] * 7 + [False] * 3
    assert not other.is_given_up


def test_what_has_come_counts_no_more():
    unfinished = Unfinished(most=1)
    waits = [Waiting("quick") for _ in range(10)]
    for wait in waits:
        unfinished.add(wait)
        unfinished.discard(wait)
        unfinished.discard(wait)
    assert not any(wait.is_given_up for wait in waits)


def test_who_is_not_counted_may_have_any_number():
    unfinished = Unfinished(most=1)
    waits = [Waiting(None, is_idle=number < 5) for number in range(10)]
    for wait in waits:
        unfinished.add(wait)
    assert not any(wait.is_given_up for wait in waits)
    assert unfinished.idle() == waits[:5]


def test_the_longest_wait_is_given_up_if_there_is_one():
    unfinished = Unfinished(most=3)
    first, second = Waiting("a"), Waiting("a")
    for wait in (first, second, Waiting("b")):
        unfinished.add(wait)
    assert unfinished.give_up_longest("a") and first.is_given_up and not second.is_given_up
    unfinished.discard(first)
    unfinished.discard(second)
    assert not unfinished.give_up_longest("a")


def test_where_all_are_too_many_whoever_has_the_most_makes_room():
    unfinished = Unfinished(most=10)
    one, *many = Waiting("a"), Waiting("b"), Waiting("b"), Waiting(None)
    for wait in (one, *many):
        unfinished.add(wait)
    assert unfinished.give_up_of_most()
    assert [wait.is_given_up for wait in (one, *many)] == [False, True, False, False]
    for wait in (one, *many):
        unfinished.discard(wait)
    assert not unfinished.give_up_of_most()
