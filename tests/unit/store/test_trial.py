"""The trial write behind `/healthz`: shared, so that asking often costs little; and never better than the truth."""

import threading
import time

import pytest

from chat.store.trial import FRESH_SECONDS, Trial
from tests.support import chats
from tests.support.serving import eventually


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def commits(store):
    return sum(store.commits.changes.cells[:-1])


@pytest.fixture
def clock():
    return Clock()


def test_a_success_is_shared_for_a_second(clock):
    attempts = []
    trial = Trial(lambda: attempts.append(1), clock)
    for _ in range(5):
        trial.succeed()
    assert len(attempts) == 1
    clock.now += FRESH_SECONDS
    trial.succeed()
    assert len(attempts) == 2


def test_a_failure_is_told_and_not_remembered(clock):
    attempts = []

    def attempt():
        attempts.append(1)
        if len(attempts) <= 2:
            raise OSError("the disk is full")

    trial = Trial(attempt, clock)
    for _ in range(2):
        clock.now += 0.001
        with pytest.raises(OSError, match="full"):
            trial.succeed()
    clock.now += 0.001
    trial.succeed()
    assert len(attempts) == 3


def test_who_waits_for_a_failing_attempt_shares_its_failure():
    attempts, outcomes, asked, goes_on = [], [], [], threading.Event()

    def attempt():
        attempts.append(1)
        goes_on.wait()
        raise OSError("the disk is full")

    trial = Trial(attempt, lambda: asked.append(1) or time.monotonic())

    def ask():
        try:
            trial.succeed()
        except OSError as error:
            outcomes.append(str(error))

    asking = [threading.Thread(target=ask) for _ in range(5)]
    for thread in asking:
        thread.start()
    eventually(lambda: len(asked) == len(asking))
    goes_on.set()
    for thread in asking:
        thread.join()
    assert (len(attempts), outcomes) == (1, ["the disk is full"] * 5)


def test_a_store_commits_once_for_a_hundred_questions(instance):
    with chats.opened(instance) as chat:
        before = commits(chat.store)
        for _ in range(100):
            chat.store.prove_writable()
        assert 1 <= commits(chat.store) - before < 10
