"""The blackout after a restart: whose it is counted as, and from when to when."""

from bench.soak.blackout import STEADY_SECONDS, blackouts
from bench.soak.diary import Diary, Gap, Seat
from bench.soak.faults import Done

AT = 100.0
KILLED = Done("worker killed", AT, AT, was_alone=True)


def gap(lost_at: float, back_at: float, silent_at: float = AT - 1, lasted_seconds: float = 60.0) -> Gap:
    return Gap(lost_at - lasted_seconds, silent_at, lost_at, back_at, 0.5)


def found(*gaps: Gap, done: tuple[Done, ...] = (KILLED,), way: str = "stream") -> dict:
    diary = Diary(Seat("carol", way, None, ("lobby",)))
    diary.gaps = list(gaps)
    return blackouts([diary], done)


def test_it_begins_with_the_fault_and_ends_with_the_next_sign():
    figures = found(gap(AT + 0.1, AT + 1.5))["worker killed"]
    assert figures["readers"] == figures["faults"] == 1
    assert figures["p50_seconds"] == figures["p99_seconds"] == figures["max_seconds"] == 1.5
    assert figures["waited_max_seconds"] == 0.5


def test_who_is_served_after_the_fault_goes_dark_later():
    assert found(gap(AT + 3.1, AT + 4.0, silent_at=AT + 3))["worker killed"]["max_seconds"] == 1.0


def test_what_was_lost_before_or_after_the_next_fault_is_not_counted():
    another = Done("flood", AT + 5, AT + 6, was_alone=True)
    assert found(gap(AT - 0.1, AT + 1))["worker killed"]["readers"] == 0
    assert found(gap(AT + 5.1, AT + 6), done=(KILLED, another))["worker killed"]["readers"] == 0


def test_a_fault_that_came_with_another_is_nobodys():
    figures = found(gap(AT + 0.1, AT + 1.5), done=(KILLED._replace(was_alone=False),))["worker killed"]
    assert figures == {"faults": 0, "readers": 0}


def test_streams_alone_are_counted_and_only_those_that_had_been_well():
    assert found(gap(AT + 0.1, AT + 1), way="curl")["worker killed"]["readers"] == 0
    assert found(gap(AT + 0.1, AT + 1, lasted_seconds=STEADY_SECONDS / 2))["worker killed"]["readers"] == 0


def test_a_kind_that_did_not_happen_is_not_told():
    assert found(gap(AT + 0.1, AT + 1)).keys() == {"worker killed"}
