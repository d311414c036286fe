"""Flood control: how often somebody may do something, counted across all processes of a machine.

Each pair of an action and whoever does it has one number, the time at which it will have paid for everything so far
(the generic cell rate algorithm: a leaky bucket that needs no clean-up). The numbers are in a file of fixed size beside
the database: counting takes microseconds, writes nothing to the database, and survives a restart. The file is read and
written rather than mapped into memory, because truncating a mapped file kills the processes that use it. Two names
that share a slot merely share a bucket, until the older one has paid.
"""

import fcntl
import hashlib
import os
import struct
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SLOTS = 1 << 16
LOCK_TRIES = 1000
PROBES = 8  # how many slots in a row a name may be in
SLOT = struct.Struct("<Qd")  # the name's hash, and when it will have paid
PLACES = struct.Struct("<" + "Qd" * PROBES)
FILE_BYTES = (SLOTS + PROBES) * SLOT.size  # 1 MB


class Rate(NamedTuple):
    """`burst` actions at once, and one more every `seconds`."""

    burst: int
    seconds: float


class Limits:
    """The counters in one file. `clock` is in seconds, monotonic, and the same for all processes of the machine.

    It starts again when the machine does; whoever had something left to pay then has a full bucket.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._path = path
        self._threads = threading.Lock()  # the lock on the file belongs to the process and keeps no thread out
        self._file: int | None = None

    def close(self) -> None:
        """Close the file; the next count opens it again."""
        with self._threads:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def wait_seconds(self, rates: Mapping[str, Rate], cost: float = 1.0, is_question: bool = False) -> float:
        """Count an action against every name, unless one of them would exceed its rate.

        Returns 0 when it is counted, else how long to wait until it could be; then nothing is counted. With
        `is_question` nothing is counted either way. Raises OSError when the file cannot be read or written.
        """
        if not rates:
            return 0.0
        now = self._clock()
        with self._threads:
            file = self._open() if self._file is None else self._file
            _lock(file)
            try:
                return _count(file, now, rates, cost, is_question)
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def _open(self) -> int:
        """Open the file on the first count: a process that ends with its request seldom counts anything."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, FILE_BYTES)  # so that counting goes on when the disk is full
        except OSError:
            os.close(file)
            raise
        self._file = file
        return file


def _lock(file: int) -> None:
    """Keep other processes out for the microseconds that a count takes, without waiting for one that was stopped.

    A count that is off by one is better than an event loop that hangs.
    """
    for _ in range(LOCK_TRIES):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.sched_yield()


def _count(file: int, now: float, rates: Mapping[str, Rate], cost: float, is_question: bool) -> float:
    wait = 0.0
    found: list[tuple[int, int, float, float]] = []
    for name, rate in rates.items():
        key = _hash(name)
        slot, due = _find(file, key, now)
        # A time that an earlier clock has left far in the future counts as a full bucket.
        due = min(max(due, now), now + rate.burst * rate.seconds)
        wait = max(wait, due - now + (cost - rate.burst) * rate.seconds)
        found.append((slot, key, due, cost * rate.seconds))
    is_counted = wait == 0 and not is_question
    for slot, key, due, price in found:
        os.pwrite(file, SLOT.pack(key, due + price if is_counted else due), slot * SLOT.size)
    return wait


def _find(file: int, key: int, now: float) -> tuple[int, float]:
    """The name's slot and number; for a new name the slot of whoever had paid first."""
    first = key % SLOTS
    found = os.pread(file, PLACES.size, first * SLOT.size)
    numbers = PLACES.unpack(found.ljust(PLACES.size, b"\0"))  # a file that was cut short is empty from there on
    keys, paid = numbers[::2], numbers[1::2]
    if key in keys:
        at = keys.index(key)
        return first + at, paid[at]
    paid_at = min(paid)
    at = paid.index(paid_at)
    return first + at, paid_at if paid_at > now else 0.0


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
