"""Locks on files, between processes: taken at once or within some seconds. The kernel releases them with the process.

A lock belongs to the open file, so it does not keep threads apart that share one.
"""

import fcntl
import random
import time

TRY_SECONDS = (0.001, 0.006)  # between two tries, at random; a holder needs some milliseconds


def take(file: int) -> bool:
    """Lock the open file; false when somebody who opened it elsewhere has the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def take_within(file: int, seconds: float) -> bool:
    """The same, trying for so many seconds; unlike waiting in the kernel, this cannot hang for good."""
    deadline = time.monotonic() + seconds
    while not take(file):
        if time.monotonic() >= deadline:
            return False
        time.sleep(random.uniform(*TRY_SECONDS))
    return True
