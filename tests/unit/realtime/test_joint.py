"""Work that many ask for at once: once for all who came while it was done, and one failure for all who waited."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from chat.realtime.joint import Joint
from tests.support.serving import eventually


class Work:
    """Work that goes on until it is let go on, as often as it is begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.at_once = 0
        self.error: Exception | None = None
        self._go_on = threading.Semaphore(0)
        self.joint = Joint(self._do)
        self.asked = 0

    def _do(self) -> None:
        self.begun += 1
        self.at_once += 1
        assert self.at_once == 1, "never twice at a time"
        assert self._go_on.acquire(timeout=20)
        self.at_once -= 1
        if self.error is not None:
            raise self.error

    def ask(self, pool: ThreadPoolExecutor, times: int = 1) -> "list[Future[None]]":
        """So many callers, each of whom has asked when this returns."""
        numbers = self.joint._numbers
        before = repr(numbers)
        asked = []
        for _ in range(times):
            asked.append(pool.submit(self.joint))
            eventually(lambda seen=before: repr(numbers) != seen)
            before = repr(numbers)
        return asked

    def begin(self, pool: ThreadPoolExecutor) -> "Future[None]":
        """A caller for whom the work has begun."""
        number = self.begun
        [asked] = self.ask(pool)
        eventually(lambda: self.begun == number + 1)
        return asked

    def go_on(self) -> None:
        self._go_on.release()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(32) as pool:
        yield pool


def test_it_is_done_once_more_for_all_who_came_while_it_was_done(work: Work, pool: ThreadPoolExecutor):
    first, others = work.begin(pool), work.ask(pool, 20)
    work.go_on()
    first.result(20)
    eventually(lambda: work.begun == 2)
    assert not any(other.done() for other in others), "what they ask for may have come after it had begun"
    work.go_on()
    for other in others:
        other.result(20)
    assert work.begun == 2


def test_a_failure_is_shared_by_those_who_waited_and_by_nobody_later(work: Work, pool: ThreadPoolExecutor):
    work.error = OSError("no database")
    first, others = work.begin(pool), work.ask(pool, 20)
    work.go_on()
    for caller in (first, *others):
        with pytest.raises(OSError, match="no database"):
            caller.result(20)
    assert work.begun == 1, "nobody waits for one failure after another"
    work.error = None
    work.go_on()
    work.joint()
    assert work.begun == 2


def test_each_who_comes_alone_has_it_done(work: Work):
    for number in range(3):
        work.go_on()
        work.joint()
        assert work.begun == number + 1
