"""Inside flood control by a file: its places, its lock, and whatever becomes of it."""

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from chat.runtime import limits as module
from chat.runtime.limits import Limits, Rate

RATE = Rate(burst=5, seconds=2.0)


@pytest.fixture
def limits(tmp_path: Path):
    limits = Limits(tmp_path / "limits", lambda: 1_000_000.0)
    yield limits
    limits.close()


def count(limits: Limits, name: str, tries: int, cost: float = 1.0) -> int:
    return sum(limits.wait_seconds({name: RATE}, cost) == 0 for _ in range(tries))












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
