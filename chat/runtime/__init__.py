"""How code waits, wakes others and runs concurrently: by threads, or by greenlets where gevent has patched.

`current()` is the form in use. The gevent form is in `greenlets.py` and is only imported by `choose`, at the start of
a process that gevent has patched, so the app runs without gevent.
"""

import sys

from chat.runtime.threads import OneAtATime, Threads

_current = Threads()


def current() -> Threads:
    """The form that this process uses."""
    return _current


def choose(lasts: bool = True) -> Threads:
    """Use the form that fits this process: greenlets if gevent has patched its threads.

    `lasts` is false for a process that ends with its request.
    """
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
