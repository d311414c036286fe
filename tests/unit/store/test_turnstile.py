"""The turnstile before the write lock: one process at a time, and nobody waits for one that is stopped."""

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from chat import runtime
from chat.runtime import threads
from chat.store.sqlite import turnstile as module
from chat.store.sqlite.turnstile import Turnstile
from tests.support.chats import opened
from tests.support.serving import PATIENCE_SECONDS


@pytest.fixture(params=[threads.Threads, threads.OneAtATime], ids=["threads", "one at a time"])
def process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether somebody can stand in the queue for us, or we look again and again."""
    monkeypatch.setattr(runtime, "_current", request.param())


def hold(path: Path) -> int:
    """Another process in the turnstile: a description of its own on the same file."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def until_others_wait_for(turnstile: Turnstile, path: Path) -> None:
    """Pass again and again until that keeps others out."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with turnstile.passed():
            probe = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            finally:
                os.close(probe)
        assert time.monotonic() < deadline, "whoever passes must hold the lock again"


def test_whoever_is_inside_does_not_wait_for_themselves_and_stays_inside(tmp_path: Path):
    turnstile = Turnstile(tmp_path / "t")
    with turnstile.passed():
        with turnstile.passed():
            pass
        assert not is_free(tmp_path / "t")
    assert is_free(tmp_path / "t")


def is_free(path: Path) -> bool:
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


@pytest.mark.usefixtures("process")
def test_one_is_inside_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 30.0)
    inside, most = [], []

    def pass_often() -> None:
        turnstile = Turnstile(tmp_path / "t")
        for _ in range(50):
            with turnstile.passed():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=pass_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 200 and max(most) == 1


@pytest.mark.usefixtures("process")
def test_a_stopped_process_is_passed_and_order_returns_when_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    stopped = hold(tmp_path / "t")
    turnstile = Turnstile(tmp_path / "t")
    with turnstile.passed():
        pass
    os.close(stopped)
    until_others_wait_for(turnstile, tmp_path / "t")


@pytest.mark.usefixtures("process")
def test_a_stopped_process_is_waited_for_once_until_it_has_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    waits = []
    monkeypatch.setattr(Turnstile, "_wait", lambda self, wait=Turnstile._wait: waits.append(self) or wait(self))
    stopped = hold(tmp_path / "t")
    turnstile = Turnstile(tmp_path / "t")
    for _ in range(5):
        with turnstile.passed():
            pass
    assert waits == [turnstile], "all but the first pass at once"
    os.close(stopped)
    until_others_wait_for(turnstile, tmp_path / "t")
    stopped = hold(tmp_path / "t")
    with turnstile.passed():
        assert waits == [turnstile] * 2
    os.close(stopped)


def test_a_stopped_process_does_not_keep_others_from_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    with opened(tmp_path) as chat:
        stopped = hold(chat.database.with_suffix(".turnstile"))
        carol = chat.guest("carol")
        assert chat.post(carol, "in spite of it")["body"] == "in spite of it"
        os.close(stopped)
