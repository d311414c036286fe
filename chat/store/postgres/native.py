"""The connection of a thread of the operating system: it waits for the server by itself.

Where gevent has patched, psycopg waits by gevent's poll, for which such a thread is given a loop of its own. To write
one batch takes dozens of answers, with the write lock held; so this waits as psycopg does without gevent, in C. That is
not in psycopg's documentation: where it is missing or looks different, it waits as any other connection.
"""

import inspect
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import waiting

CHECK_SECONDS = 0.1  # psycopg's own: how often a wait looks for signals
PARAMETERS = ["gen", "fileno", "interval"]


def _wait_in_c() -> Callable[..., Any] | None:
    wait = getattr(waiting, "wait_c", None)
    try:
        return wait if wait and list(inspect.signature(wait).parameters)[:3] == PARAMETERS else None
    except ValueError:  # it does not tell
        return None


WAIT = _wait_in_c()


class NativeConnection(psycopg.Connection[Any]):
    """For a thread that nothing else runs in: whatever it waits for stops the thread."""

    def wait(self, gen: Any, *arguments: Any, **named: Any) -> Any:
        """In the ordinary way where more is asked than an answer, such as a bound of the wait."""
        if WAIT is None or arguments or named:
            return super().wait(gen, *arguments, **named)
        return WAIT(gen, self.pgconn.socket, interval=CHECK_SECONDS)
