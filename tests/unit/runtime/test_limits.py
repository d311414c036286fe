"""Flood control: bursts, rates, many processes, and clocks that step."""

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from chat.runtime import limits as module
from chat.runtime.limits import Limits, Rate

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


def test_threads_of_one_process_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    limits, counted = Limits(tmp_path / "limits"), []
    find = module._find

    def find_and_give_way(*arguments):
        found = find(*arguments)
        os.sched_yield()  # another thread may go on before this one has written what it counted
        return found

    monkeypatch.setattr(module, "_find", find_and_give_way)

    def flood() -> None:
        counted.append(sum(limits.wait_seconds({"post:1": Rate(150, 1000.0)}) == 0 for _ in range(100)))

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limits.close()
    assert sum(counted) == 150, "of 400"


def _count_after_it_was_cut_short(path: Path, counted) -> None:
    limits = Limits(path)
    limits.wait_seconds({"post:1": RATE})
    for size in (0, 100_001):
        os.truncate(path, size)
        counted.put(count(limits, "post:1", 50))
    limits.close()


def test_a_file_that_is_cut_short_ends_nobody_and_counts_anew(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    counted = context.Queue()
    process = context.Process(target=_count_after_it_was_cut_short, args=(tmp_path / "limits", counted))
    process.start()
    process.join()
    assert process.exitcode == 0, "not a signal, as who looks at a mapped file gets"
    after_all_of_it, after_a_part = counted.get(timeout=30), counted.get(timeout=30)
    assert after_all_of_it == 5 and after_a_part in (0, 5)


def test_names_at_the_end_of_the_file_are_counted_as_others(limits: Limits, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_hash", lambda name: module.SLOTS * int(name) - 1)
    for number in range(1, module.PROBES + 1):
        assert count(limits, str(number), 50) == 5
    assert [count(limits, str(number), 50) for number in range(1, module.PROBES + 1)] == [0] * module.PROBES


def test_where_nothing_can_be_counted_that_is_told(tmp_path: Path):
    limits = Limits(tmp_path / "no folder" / "limits")
    with pytest.raises(OSError, match="No such file"):
        limits.wait_seconds({"post:1": RATE})
