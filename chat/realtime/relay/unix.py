"""The relay of one machine: datagram sockets in a folder."""

import hashlib
import json
import logging
import os
import secrets
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from chat import runtime
from chat.realtime.relay import News, OnNews
from chat.realtime.relay.receiving import RING, pass_on

log = logging.getLogger(__name__)

STOP = b"stop"
NOTHING = b""  # what a socket that was shut down yields; nobody sends it
PATH_BYTES = 107  # the longest address of a Unix socket, without its final zero
PEERS_SECONDS = 1.0  # how long a list of the other processes is used, in case the folder's time is too coarse
DATAGRAM_MAX_BYTES = 1 << 18
DEAF_SECONDS = 1.0  # before receiving is tried again after an error


class UnixRelay:
    """Between the processes of one machine: each has a datagram socket, in a folder that only their user can enter.

    A full queue drops what comes (on many kernels it holds ten datagrams). That does not matter for rings, because a
    process with ten rings waiting will read the log anyway. It can ring without being started, as commands do. Making
    or starting it raises OSError when the folder or a socket cannot be opened.
    """

    def __init__(self, instance: Path) -> None:
        self.lost = 0
        self._folder = run_folder(instance)
        self._listing = threading.Lock()  # two threads may find the same process dead
        self._peers: list[str] = []
        self._listed_at = float("-inf")
        self._changed_at = 0
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._receiver: socket.socket | None = None
        self._path: str | None = None

    def start(self, on_ring: Callable[[], None], on_news: OnNews) -> None:
        self._on_ring, self._on_news = on_ring, on_news
        path = str(self._folder / f"{os.getpid()}-{secrets.token_hex(4)}")
        with ExitStack() as opening:
            self._receiver = opening.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            self._receiver.bind(path)
            opening.callback(os.unlink, path)
            runtime.current().start(self._receive, "relay")
            self._path = path
            opening.pop_all()

    def ring(self) -> None:
        self._send(RING)

    def publish(self, news: News) -> None:
        self._send(json.dumps(news, ensure_ascii=False).encode())

    def stop(self) -> None:
        if self._path is not None:
            assert self._receiver is not None
            if not self._send_to(self._path, STOP):  # somebody has removed the socket
                with suppress(OSError):  # not every system can shut down a socket without a peer
                    self._receiver.shutdown(socket.SHUT_RD)
            Path(self._path).unlink(missing_ok=True)
            self._path = None
        self._sender.close()

    def _send(self, datagram: bytes) -> None:
        gone = {path for path in self._listed_peers() if not self._send_to(path, datagram)}
        if gone:
            with self._listing:
                self._peers = [path for path in self._peers if path not in gone]

    def _send_to(self, path: str, datagram: bytes) -> bool:
        """Send without waiting; false when that process is gone."""
        try:
            self._sender.sendto(datagram, path)
        except ConnectionRefusedError:  # its process was killed
            with suppress(OSError):  # another process may have been quicker
                os.unlink(path)
            return False
        except FileNotFoundError:  # it has ended
            return False
        except OSError:  # its queue is full, or the system is out of memory for it
            self.lost += 1
        return True

    def _listed_peers(self) -> list[str]:
        """The sockets of the others, listed a moment ago; an older list when the folder cannot be read now."""
        with self._listing:
            try:
                changed_at = self._folder.stat().st_mtime_ns
                if changed_at != self._changed_at or time.monotonic() - self._listed_at > PEERS_SECONDS:
                    with os.scandir(self._folder) as found:
                        self._peers = [entry.path for entry in found if entry.path != self._path]
                    self._changed_at, self._listed_at = changed_at, time.monotonic()
            except FileNotFoundError:  # somebody has removed the folder; every process still looks by itself
                self._peers = []
            except OSError as error:  # too many open files, for instance
                log.warning("the other processes cannot be listed: %s", error)
            return self._peers

    def _receive(self) -> None:
        receiver = self._receiver
        assert receiver is not None
        while True:
            try:
                datagrams = [receiver.recv(DATAGRAM_MAX_BYTES), *_waiting(receiver)]
            except OSError as error:  # it must not stop receiving for good
                log.error("other processes cannot be heard: %s", error)
                time.sleep(DEAF_SECONDS)
                continue
            if STOP in datagrams or NOTHING in datagrams:
                return receiver.close()
            pass_on(datagrams, self._on_ring, self._on_news)


def _waiting(receiver: socket.socket) -> list[bytes]:
    """All other datagrams that have come, so that one reading of the log answers many rings."""
    datagrams = []
    receiver.setblocking(False)  # not MSG_DONTWAIT, after which gevent's socket would wait all the same
    try:
        while datagram := receiver.recv(DATAGRAM_MAX_BYTES):
            datagrams.append(datagram)
        return datagrams
    except BlockingIOError:
        return datagrams
    finally:
        receiver.setblocking(True)


def to_others(instance: Path) -> UnixRelay | None:
    """A relay to the lasting processes of the machine; None where there has never been one. Raises OSError."""
    return UnixRelay(instance) if _place(instance).exists() else None


def _place(instance: Path) -> Path:
    folder = instance.absolute() / "run"
    if len(os.fsencode(folder)) + len("/1234567-01234567") <= PATH_BYTES:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"longwave-{os.getuid()}-{name}"


def run_folder(instance: Path) -> Path:
    """The folder for the processes' sockets: `run` in the instance, or a private temporary one if the path is too long.

    Makes it if necessary. Raises PermissionError when it belongs to somebody else, or another OSError.
    """
    folder = _place(instance)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else. Remove it, or set TMPDIR to a folder of your own.")
    return folder
