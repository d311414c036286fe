"""How code waits, wakes and runs beside itself: plain threads here, greenlets where gevent has patched.

`current()` is the form in force. The gevent form lives in `greenlets.py` and is put in force by `choose`
at the start of a process, so that nothing here imports gevent and the app runs without it.
"""

import sys

from chat.runtime.threads import OneAtATime, Threads

_current = Threads()


def current() -> Threads:
    return _current


def choose(lasts: bool = True) -> Threads:
    """Put the form in force that fits this process: greenlets iff gevent has patched its threads."""
    global _current
    if not lasts:
        _current = OneAtATime()
    elif isinstance(_current, OneAtATime):
        _current = Threads()
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        from chat.runtime.greenlets import Greenlets

        _current = Greenlets()
    return _current
