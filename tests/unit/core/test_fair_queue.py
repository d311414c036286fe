"""Senders and their groups take turns in a queue, however much each has waiting."""

import pytest

from chat.core.fair_queue import FairQueue


def taken(queue: FairQueue[str]) -> str:
    return " ".join(queue.take() for _ in range(len(queue)))


def test_senders_take_turns_and_each_has_its_own_in_order():
    queue: FairQueue[str] = FairQueue()
    for one in ("a1", "a2", "a3", "b1", "b2", "c1"):
        queue.add(one[0], one)
    assert taken(queue) == "a1 b1 c1 a2 b2 a3"
    with pytest.raises(KeyError):
        queue.take()


def test_neighbours_share_the_turns_of_their_group():
    queue: FairQueue[str] = FairQueue(lambda sender: sender == "z")
    for one in ("a1", "b1", "c1", "z1", "z2", "z3"):
        queue.add(one[0], one)
    assert taken(queue) == "a1 z1 b1 z2 c1 z3"


def test_what_waits_no_more_has_no_turn_and_leaves_nothing():
    queue: FairQueue[str] = FairQueue()
    for one in ("a1", "b1", "b2"):
        queue.add(one[0], one)
    assert [queue.remove("a", "a1"), queue.remove("a", "a1"), queue.remove("b", "b1")] == [True, False, True]
    assert len(queue) == 1 and taken(queue) == "b2"
    assert not queue._groups
