"""Flood control: bursts, rates, many processes, and clocks that step."""

import multiprocessing
from pathlib import Path

import pytest

from chat import limits as module
from chat.limits import Limits, Rate

RATE = Rate(burst=5, seconds=2.0)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(tmp_path: Path, clock: Clock):
    limits = Limits(tmp_path / "limits", clock)
    yield limits
    limits.close()


def count(limits: Limits, name: str, tries: int, cost: float = 1.0) -> int:
    return sum(limits.wait_seconds({name: RATE}, cost) == 0 for _ in range(tries))


def test_a_burst_is_allowed_and_then_one_at_a_time(limits: Limits, clock: Clock):
    assert count(limits, "post:1", 50) == 5
    clock.now += 2
    assert count(limits, "post:1", 50) == 1
    clock.now += 1000
    assert count(limits, "post:1", 50) == 5


def test_the_wait_is_told_and_waiting_so_long_suffices(limits: Limits, clock: Clock):
    count(limits, "post:1", 5)
    wait = limits.wait_seconds({"post:1": RATE})
    assert wait == pytest.approx(2.0)
    clock.now += wait
    assert limits.wait_seconds({"post:1": RATE}) == 0


def test_a_refused_deed_costs_nothing(limits: Limits, clock: Clock):
    count(limits, "post:1", 1000)
    clock.now += 2
    assert limits.wait_seconds({"post:1": RATE}) == 0


def test_a_deed_may_cost_double(limits: Limits):
    assert count(limits, "post:1", 50, cost=2.0) == 2


def test_a_deed_counts_against_every_name_or_against_none(limits: Limits):
    narrow, wide = Rate(2, 10.0), Rate(3, 10.0)
    for person in ("a", "a"):
        assert limits.wait_seconds({person: narrow, "address": wide}) == 0
    assert limits.wait_seconds({"a": narrow, "address": wide}) > 0
    assert limits.wait_seconds({"b": narrow, "address": wide}) == 0, "the refused one did not use the address up"
    assert limits.wait_seconds({"c": narrow, "address": wide}) > 0


def test_others_are_not_counted(limits: Limits):
    count(limits, "post:1", 50)
    assert count(limits, "post:2", 50) == 5


def test_the_count_outlives_a_restart(tmp_path: Path, clock: Clock):
    before = Limits(tmp_path / "limits", clock)
    count(before, "post:1", 50)
    before.close()
    after = Limits(tmp_path / "limits", clock)
    assert count(after, "post:1", 50) == 0
    after.close()


@pytest.mark.parametrize("step", [-86400, -1])
def test_a_clock_that_steps_back_neither_locks_out_nor_forgives(limits: Limits, clock: Clock, step: int):
    count(limits, "post:1", 50)
    clock.now += step
    assert count(limits, "post:1", 50) == 0
    clock.now += 5 * 2
    assert count(limits, "post:1", 50) >= 5 - 1


def _count_in_process(path: Path, counted) -> None:
    limits = Limits(path)
    counted.put(sum(limits.wait_seconds({"post:1": Rate(100, 1000.0)}) == 0 for _ in range(100)))
    limits.close()


def test_processes_count_together(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    counted = context.Queue()
    processes = [
        context.Process(target=_count_in_process, args=(tmp_path / "limits", counted)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    total = sum(counted.get(timeout=30) for _ in processes)
    for process in processes:
        process.join()
    assert total == 100


def test_more_names_than_places_still_count_the_newest(limits: Limits, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SLOTS", 16)
    for number in range(200):
        limits.wait_seconds({f"other{number}": RATE})
    count(limits, "post:1", 50)
    assert count(limits, "post:1", 50) == 0
