"""What CPython does not document and we look at: the pool to which a thread of `concurrent.futures` belongs."""

import sys
import threading
import weakref
from typing import Any

from chat.runtime.internals import Internals

_POOL_SIZE = 2


def _looks_the_same() -> bool:
    """Whether a thread of a pool leads to its size, the way `pool_size` goes."""
    from concurrent.futures import ThreadPoolExecutor  # late, as much else comes with it

    with ThreadPoolExecutor(_POOL_SIZE) as pool:
        return pool.submit(lambda: _size_of(threading.current_thread())).result() == _POOL_SIZE


INTERNALS = Internals(
    "Python", sys.version_info[:3], ((3, 10), (3, 14)), {"ThreadPoolExecutor": _looks_the_same},
    "a pool counts as large as it is now, so fewer readers may be held than could be.",
)


def pool_size(thread: threading.Thread) -> int | None:
    """How many threads the pool of this one may have; None where it belongs to none, or that cannot be seen."""
    return _size_of(thread) if INTERNALS.are_known() else None


def _size_of(thread: threading.Thread) -> int | None:
    arguments: Any = getattr(thread, "_args", None)
    pool = arguments[0]() if arguments and isinstance(arguments[0], weakref.ref) else None
    most = getattr(pool, "_max_workers", None)
    return most if isinstance(most, int) else None
