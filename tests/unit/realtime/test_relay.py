"""Inside the relay of one machine: its folder, and the sockets in it."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.realtime.relay import unix as module
from chat.realtime.relay.unix import UnixRelay, run_folder


def left_behind(relay: UnixRelay) -> Path:
    """The socket of a process that died without a word."""
    path = relay._folder / "999-0"
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(path))
    dead.close()
    return path


def test_the_socket_of_a_process_that_died_is_removed(tmp_path: Path):
    relay = UnixRelay(tmp_path)
    socket_of_the_dead = left_behind(relay)
    assert socket_of_the_dead.exists(), "premise"
    relay.ring()
    assert not socket_of_the_dead.exists() and relay._peers == []
    relay.stop()


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
    rang, one, other = threading.Event(), UnixRelay(deep), UnixRelay(deep)
    other.start(rang.set, lambda news: None)
    one.ring()
    assert rang.wait(5)
    one.stop()
    other.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_temporary_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    deep = tmp_path / ("d" * 100)
    os.chown(run_folder(deep), 12345, 12345)
    with pytest.raises(PermissionError, match="TMPDIR"):
        run_folder(deep)
