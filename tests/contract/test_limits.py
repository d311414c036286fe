"""What flood control promises, wherever it counts: bursts, rates, many processes, and clocks that step."""

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chat.runtime import limits as limits_module
from chat.runtime.limits import Limits, Rate

RATE = Rate(burst=5, seconds=2.0)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def by_file(folder: Path, *clock: Callable[[], float]) -> Limits:
    return Limits(folder / "limits", *clock)


KINDS = {"file": by_file}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request) -> Callable[..., Limits]:
    return request.param


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_limits(kind: Callable[..., Limits], tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Limits]]:
    """Opens what one more process counts by, together with those that are open."""
    opened: list[Limits] = []

    def open_limits() -> Limits:
        opened.append(kind(tmp_path, clock))
        return opened[-1]

    yield open_limits
    for limits in opened:
        limits.close()


@pytest.fixture
def limits(open_limits: Callable[[], Limits]) -> Limits:
    return open_limits()


def count(limits: Limits, name: str, tries: int, cost: float = 1.0) -> int:
    return sum(limits.wait_seconds({name: RATE}, cost) == 0 for _ in range(tries))


def test_a_burst_is_allowed_and_then_one_at_a_time(limits: Limits, clock: Clock):
    assert count(limits, "post:1", 50) == 5
    clock.now += 2
    assert count(limits, "post:1", 50) == 1
    clock.now += 1000
    assert count(limits, "post:1", 50) == 5


def test_waiting_as_long_as_it_says_is_enough(limits: Limits, clock: Clock):
    count(limits, "post:1", 5)
    wait = limits.wait_seconds({"post:1": RATE})
    assert wait == pytest.approx(2.0)
    clock.now += wait
    assert limits.wait_seconds({"post:1": RATE}) == 0


def test_a_refused_deed_costs_nothing(limits: Limits, clock: Clock):
    count(limits, "post:1", 1000)
    clock.now += 2
    assert limits.wait_seconds({"post:1": RATE}) == 0


def test_a_question_costs_nothing_and_is_answered_as_a_deed_is(limits: Limits):
    for _ in range(50):
        assert limits.wait_seconds({"post:1": RATE}, is_question=True) == 0
    assert count(limits, "post:1", 50) == 5
    assert limits.wait_seconds({"post:1": RATE}, is_question=True) == pytest.approx(2.0)


def test_a_deed_may_cost_double(limits: Limits):
    assert count(limits, "post:1", 50, cost=2.0) == 2


def test_a_deed_counts_against_every_name_or_against_none(limits: Limits):
    narrow, wide = Rate(2, 10.0), Rate(3, 10.0)
    for person in ("a", "a"):
        assert limits.wait_seconds({person: narrow, "address": wide}) == 0
    assert limits.wait_seconds({"a": narrow, "address": wide}) > 0
    assert limits.wait_seconds({"b": narrow, "address": wide}) == 0, "the refused one did not use the address up"
    assert limits.wait_seconds({"c": narrow, "address": wide}) > 0


def test_a_deed_that_counts_against_nobody_is_free(limits: Limits):
    assert [limits.wait_seconds({}) for _ in range(50)] == [0.0] * 50


def test_others_are_not_counted(limits: Limits):
    count(limits, "post:1", 50)
    assert count(limits, "post:2", 50) == 5


def test_those_that_are_open_together_count_together(open_limits: Callable[[], Limits]):
    one, other = open_limits(), open_limits()
    assert count(one, "post:1", 3) == 3
    assert count(other, "post:1", 50) == 2 and count(one, "post:1", 50) == 0


def test_the_count_outlives_a_restart(open_limits: Callable[[], Limits]):
    before = open_limits()
    count(before, "post:1", 50)
    before.close()
    assert count(open_limits(), "post:1", 50) == 0


@pytest.mark.parametrize("step", [-86400, -1])
def test_a_clock_that_steps_back_neither_locks_out_nor_forgives(limits: Limits, clock: Clock, step: int):
    count(limits, "post:1", 50)
    clock.now += step
    assert count(limits, "post:1", 50) == 0
    clock.now += 5 * 2
    assert count(limits, "post:1", 50) >= 5 - 1


def _count_in_process(kind: Callable[..., Limits], folder: Path, together: Any, counted: Any) -> None:
    limits = kind(folder)
    limits_module.LOCK_TRIES = 1_000_000  # on a busy machine whoever is inside may be stopped, and then is passed by
    together.wait(30)
    counted.put(sum(limits.wait_seconds({"post:1": Rate(2000, 1000.0)}) == 0 for _ in range(2000)))
    limits.close()


def test_processes_that_count_at_once_count_together(kind: Callable[..., Limits], tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    together, counted = context.Barrier(3), context.Queue()
    arguments = kind, tmp_path, together, counted
    processes = [context.Process(target=_count_in_process, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    total = sum(counted.get(timeout=30) for _ in processes)
    for process in processes:
        process.join()
    assert total == 2000
