"""Locks on files, between processes: taken at once, or with patience. The kernel lets go of them with the process.

The lock belongs to the open file, not to who takes it: threads that share one are not kept apart.
"""

import fcntl
import random
import time

TRY_SECONDS = (0.001, 0.006)  # whoever is in front takes some milliseconds


def take(file: int) -> bool:
    """Lock the open file, unless whoever has opened it elsewhere has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def take_within(file: int, seconds: float) -> bool:
    """The same, trying until patience ends: where nobody can stand in the kernel's queue and be left there."""
    deadline = time.monotonic() + seconds
    while not take(file):
        if time.monotonic() >= deadline:
            return False
        time.sleep(random.uniform(*TRY_SECONDS))
    return True
