"""Flood control: how often somebody may do something, counted over all workers and processes of a machine.

Each pair of a deed and whoever does it has one number, the time at which it will have paid for all that it did (the
generic cell rate algorithm: a leaky bucket that needs no clearing). The numbers lie in a file of fixed size beside
the database, mapped into memory: to count costs microseconds and no write to the database, and it outlives a
restart. Two names that share a place merely share a bucket, until the older has paid.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SLOTS = 1 << 16
LOCK_TRIES = 1000
PROBES = 8  # how many places a name may lie in
SLOT = struct.Struct("<Qd")  # the name's hash, and when it will have paid
FILE_BYTES = SLOTS * SLOT.size  # 1 MB


class Rate(NamedTuple):
    """`burst` deeds at once, and one more every `seconds`."""

    burst: int
    seconds: float


class Limits:
    """The counters in one file. `clock` is the machine's, in seconds, which nobody sets and all processes share.

    After the machine's own restart it begins anew, and whoever had something to pay has a full bucket.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._path = path
        self._opening = threading.Lock()
        self._map: mmap.mmap | None = None

    def _open(self) -> mmap.mmap:
        """With the first count: a process that ends with its request seldom counts anything."""
        with self._opening:
            if self._map is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                # All of it on the disk at once: whoever writes to a mapped hole while the disk is full is killed.
                os.posix_fallocate(self._file, 0, FILE_BYTES)
                self._map = mmap.mmap(self._file, FILE_BYTES)
            return self._map

    def close(self) -> None:
        if self._map is not None:
            self._map.close()
            os.close(self._file)
            self._map = None

    def wait_seconds(self, rates: Mapping[str, Rate], cost: float = 1.0, is_question: bool = False) -> float:
        """Count a deed against every name, unless one of them would exceed its rate.

        Returns 0 when it is counted, else how long to wait until it could be; then nothing is counted. With
        `is_question` nothing is counted either way.
        """
        if not rates:
            return 0.0
        now = self._clock()
        slots = self._map or self._open()
        self._lock()
        try:
            places = {name: _find(slots, _hash(name), now) for name in rates}
            # What an earlier clock has left in the future is no more than a full bucket.
            due = {
                name: min(max(places[name][1], now), now + rate.burst * rate.seconds) for name, rate in rates.items()
            }
            wait = max(due[name] - now + (cost - rate.burst) * rate.seconds for name, rate in rates.items())
            for name, (slot, _) in places.items():
                paid_at = due[name] + (cost * rates[name].seconds if wait <= 0 and not is_question else 0)
                SLOT.pack_into(slots, slot * SLOT.size, _hash(name), paid_at)
            return max(wait, 0.0)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lock(self) -> None:
        """Keep other processes out for the microseconds that it takes; one that was stopped inside is not waited for.

        A count that is off by one is better than an event loop that stands still.
        """
        for _ in range(LOCK_TRIES):
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.sched_yield()


def _find(slots: mmap.mmap, key: int, now: float) -> tuple[int, float]:
    """The name's place and number; for a new name the place of whoever has paid longest ago."""
    places = []
    for probe in range(PROBES):
        slot = (key + probe) % SLOTS
        found, paid_at = SLOT.unpack_from(slots, slot * SLOT.size)
        if found == key:
            return slot, paid_at
        places.append((paid_at, slot))
    paid_at, slot = min(places)
    return slot, paid_at if paid_at > now else 0.0


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
