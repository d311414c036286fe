"""The pool that a thread belongs to, as long as Python's threads and pools look as they did."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chat.runtime import cpython_internals
from chat.runtime.cpython_internals import INTERNALS, pool_size
from chat.server import capacity


@pytest.fixture
def never_looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(INTERNALS, "_known", None)
    yield


def size_seen_in_a_pool_of(size: int) -> int | None:
    with ThreadPoolExecutor(size) as pool:
        return pool.submit(lambda: pool_size(threading.current_thread())).result()


def test_this_python_is_one_that_was_tried_and_looks_as_it_did():
    assert INTERNALS.is_tried and INTERNALS.are_known()
    assert size_seen_in_a_pool_of(7) == 7


def test_a_thread_of_one_s_own_belongs_to_no_pool_and_nothing_of_it_is_called():
    called: list[int] = []
    for arguments in ((), (called.clear, 1), (lambda: called.append(1),), (None,)):
        assert pool_size(threading.Thread(target=print, args=arguments)) is None
    assert not called


@pytest.mark.usefixtures("never_looked")
def test_where_pools_look_different_the_threads_that_can_be_seen_are_counted_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(cpython_internals, "_size_of", lambda thread: 1000)
    assert size_seen_in_a_pool_of(7) is None
    with ThreadPoolExecutor(7) as pool:
        assert pool.submit(lambda: capacity.facts({"SERVER_SOFTWARE": "somebody's"}).threads).result() == 1
    assert caplog.text.count("is different inside (ThreadPoolExecutor)") == 1
