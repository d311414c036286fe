"""The relay between processes of one machine: rings and news over real sockets."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chat.realtime import relay as module
from chat.realtime.relay import UnixRelay, run_folder


class Listener:
    """A process at the relay, as far as the relay knows."""

    def __init__(self, instance: Path) -> None:
        self.rang = threading.Event()
        self.news: list[dict[str, Any]] = []
        self.heard = threading.Event()
        self.relay = UnixRelay(instance)
        self.relay.start(self.rang.set, self._hear)

    def die(self) -> Path:
        """End without a word, as a killed process does; returns the socket that stays behind."""
        path = Path(self.relay._path)
        self.relay._send_to(str(path), module.STOP)
        self._wait_until_closed()
        self.relay._path = None
        self.relay._sender.close()
        return path

    def stop(self) -> None:
        if self.relay._path is not None:
            self.relay.stop()
            self._wait_until_closed()

    def _wait_until_closed(self) -> None:
        deadline = time.monotonic() + 5
        while self.relay._receiver.fileno() != -1:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def _hear(self, news: dict[str, Any]) -> None:
        self.news.append(news)
        self.heard.set()


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[[], Listener]]:
    listeners: list[Listener] = []

    def start() -> Listener:
        listeners.append(Listener(tmp_path))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.stop()


def test_a_ring_reaches_every_other_process_and_not_its_own(listen):
    one, other, third = listen(), listen(), listen()
    one.relay.ring()
    assert other.rang.wait(5) and third.rang.wait(5)
    assert not one.rang.is_set()


def test_a_process_that_has_just_started_hears_the_first_ring(listen):
    one, other = listen(), listen()
    one.relay.ring()
    assert other.rang.wait(5)
    late = listen()
    one.relay.ring()
    assert late.rang.wait(5)


def test_news_arrive_with_their_content(listen):
    one, other = listen(), listen()
    one.relay.publish({"kind": "typing", "user": {"name": "Zoë"}})
    assert other.heard.wait(5)
    assert other.news == [{"kind": "typing", "user": {"name": "Zoë"}}]


def test_a_command_can_ring_without_being_heard(listen, tmp_path: Path):
    listener = listen()
    command = UnixRelay(tmp_path)
    command.ring()
    command.stop()
    assert listener.rang.wait(5)


def test_a_process_that_died_without_a_word_is_forgotten_and_its_socket_removed(listen, tmp_path: Path):
    one, other = listen(), listen()
    one.relay.ring()
    assert other.rang.wait(5)
    left_behind = other.die()
    assert left_behind.exists()
    one.relay.ring()
    assert not left_behind.exists()


def test_a_full_queue_never_blocks_whoever_rings(listen, monkeypatch: pytest.MonkeyPatch):
    gate = threading.Event()
    one, other = listen(), listen()
    other.relay._on_ring = gate.wait
    for _ in range(5000):
        one.relay.ring()
    assert one.relay.lost > 0, "the queue must have been full for this to mean anything"
    rang = threading.Event()
    other.relay._on_ring = rang.set
    gate.set()
    assert rang.wait(5), "of many rings at least one is heard"


def test_the_folder_can_be_entered_by_its_owner_alone(tmp_path: Path):
    assert run_folder(tmp_path).stat().st_mode & 0o777 == 0o700


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary folder in which a socket's whole path fits into its address."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_a_path_that_is_too_long_for_a_socket_becomes_a_private_temporary_one(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(short_path))
    deep = short_path / ("d" * 100)
    folder = run_folder(deep)
    assert folder.parent == short_path and folder.stat().st_mode & 0o777 == 0o700
    assert run_folder(deep) == folder, "every process finds the same"
    assert run_folder(short_path / ("e" * 100)) != folder
    one, other = Listener(deep), Listener(deep)
    one.relay.ring()
    assert other.rang.wait(5)
    one.stop()
    other.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_temporary_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    deep = tmp_path / ("d" * 100)
    os.chown(run_folder(deep), 12345, 12345)
    with pytest.raises(PermissionError, match="TMPDIR"):
        run_folder(deep)
