"""Carry rings between processes: one contract, and its forms for one process and for one machine.

A ring says "there is news in the log" and nothing else; one that is lost costs a moment, because every process also
looks by itself. News is what is not in the log (presence, typing) and travels with its content; one that is lost
must be noticed by whoever numbers it.
"""

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
from typing import Any, Protocol

from chat import runtime

log = logging.getLogger(__name__)

OnNews = Callable[[dict[str, Any]], None]

RING = b"ring"
STOP = b"stop"
NOTHING = b""  # what is read of a socket that was shut down; nobody sends it
PATH_BYTES = 107  # what the kernel takes as the address of a Unix socket, less its final zero
PEERS_SECONDS = 1.0  # how long a listing of the other processes is good, should the folder's time be too coarse
DATAGRAM_MAX_BYTES = 1 << 18
DEAF_SECONDS = 1.0  # before listening is tried again, where the system refused it
DATAGRAM_BYTES = 60_000  # well below the default send buffer of a datagram socket


class Relay(Protocol):
    """What carries rings and news from this process to the others of its chat.

    Whatever goes wrong, nobody who rings, publishes or stops waits or sees it raise: what was not carried is found
    by those who look by themselves. An implementation says in its docstring whom it reaches and whom it hears.
    """

    @property
    def lost(self) -> int:
        """How many rings and pieces of news a full queue has dropped since the start."""

    def start(self, on_ring: Callable[[], None], on_news: OnNews) -> None:
        """Begin to hear others; both are called where readers may be woken, and may raise. Call it once at most."""

    def ring(self) -> None:
        """Tell every other process that there is news in the log; many rings may arrive as one. Also before `start`."""

    def publish(self, news: dict[str, Any]) -> None:
        """Give every other process that hears `news`, whole or not at all; at most `DATAGRAM_BYTES` as JSON."""

    def stop(self) -> None:
        """Be heard no more, and hear nothing; also when it was never started."""


class LocalRelay:
    """The relay of a process that is alone: it reaches nobody and hears nobody."""

    lost = 0

    def start(self, on_ring: Callable[[], None], on_news: OnNews) -> None:
        """Nobody will call."""

    def ring(self) -> None:
        """Nobody is there."""

    def publish(self, news: dict[str, Any]) -> None:
        """Nobody is there."""

    def stop(self) -> None:
        """Nothing is open."""


class UnixRelay:
    """Between the processes of one machine: a datagram socket each, in a folder that only their user can enter.

    A full queue drops what comes (ten datagrams, on many kernels). For a ring that is no loss: whoever has ten rings
    waiting will read the log anyway. Not started, it can still ring, as a command does. Raises OSError, when it is
    made or started, where the folder or a socket cannot be had.
    """

    def __init__(self, instance: Path) -> None:
        self.lost = 0
        self._folder = run_folder(instance)
        self._listing = threading.Lock()  # of two threads that find the same process dead, each may say so
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

    def publish(self, news: dict[str, Any]) -> None:
        self._send(json.dumps(news, ensure_ascii=False).encode())

    def stop(self) -> None:
        if self._path is not None:
            assert self._receiver is not None
            if not self._send_to(self._path, STOP):  # somebody has tidied up
                with suppress(OSError):  # not every system can do that to a socket without a peer
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
        """Send without waiting; false when nobody is there any more."""
        try:
            self._sender.sendto(datagram, path)
        except ConnectionRefusedError:  # its process died without a word
            with suppress(OSError):  # another may have been quicker
                os.unlink(path)
            return False
        except FileNotFoundError:  # it has ended
            return False
        except OSError:  # its queue is full, or the system has no room
            self.lost += 1
        return True

    def _listed_peers(self) -> list[str]:
        """The others as of a moment ago, or as they were last known where the folder cannot be read now."""
        with self._listing:
            try:
                changed_at = self._folder.stat().st_mtime_ns
                if changed_at != self._changed_at or time.monotonic() - self._listed_at > PEERS_SECONDS:
                    with os.scandir(self._folder) as found:
                        self._peers = [entry.path for entry in found if entry.path != self._path]
                    self._changed_at, self._listed_at = changed_at, time.monotonic()
            except FileNotFoundError:  # somebody has tidied up; every process still looks by itself
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
            except OSError as error:  # deaf for a moment, and not for good
                log.error("other processes cannot be heard: %s", error)
                time.sleep(DEAF_SECONDS)
                continue
            if STOP in datagrams or NOTHING in datagrams:
                return receiver.close()
            for datagram in [*(news for news in datagrams if news != RING), *{RING}.intersection(datagrams)]:
                self._take(datagram)

    def _take(self, datagram: bytes) -> None:
        """Pass on what another process says; one bad datagram must not make this one deaf."""
        try:
            if datagram == RING:
                self._on_ring()
            else:
                self._on_news(json.loads(datagram))
        except Exception:
            log.exception("what another process said was lost")


class PassingRelay:
    """Of a process that does not last: it rings those of the machine that do, if there are any.

    It carries no news, which is about readers and it holds none, and hears nobody.
    """

    lost = 0  # what it has lost is gone with it, before anybody could ask

    def __init__(self, instance: Path) -> None:
        self._instance = instance

    def start(self, on_ring: Callable[[], None], on_news: OnNews) -> None:
        """Nobody will call."""

    def ring(self) -> None:
        try:
            if _place(self._instance).exists():
                relay = UnixRelay(self._instance)
                relay.ring()
                relay.stop()
        except OSError as error:  # too many open files, or somebody else's folder: they look by themselves
            log.warning("other processes could not be rung: %s", error)

    def publish(self, news: dict[str, Any]) -> None:
        """Nothing is published here."""

    def stop(self) -> None:
        """Nothing is open between rings."""


def _waiting(receiver: socket.socket) -> list[bytes]:
    """Whatever else has come, so that many rings are answered by one reading of the log."""
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


def _place(instance: Path) -> Path:
    folder = instance.absolute() / "run"
    if len(os.fsencode(folder)) + len("/1234567-01234567") <= PATH_BYTES:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"longwave-{os.getuid()}-{name}"


def run_folder(instance: Path) -> Path:
    """The folder for the processes' sockets: `run` in the instance, or a private temporary one for a long path."""
    folder = _place(instance)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else. Remove it, or set TMPDIR to a folder of your own.")
    return folder
