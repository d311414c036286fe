"""People of the town: each comes from an address of their own, and may be at both workers at once."""

import os
import signal
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from tests.support.clients import Person
from tests.support.serving import eventually

numbers = count(1)


class Townsman(Person):
    """A person at the server's first or second worker (0, 1), with the address that the proxy says they come from.

    Without an address they seem to be the proxy itself.
    """

    def __init__(self, server, worker=0, address=None):
        super().__init__(server, server.workers[worker], **({"X_Forwarded_For": address} if address else {}))
        self.server = server
        self.address = address

    def tab(self, worker):
        """The same person at another worker: a second tab, whose connection the other process took."""
        other = Townsman(self.server, worker, self.address)
        other.cookies, other.name = dict(self.cookies), self.name
        self._open.append(other)
        return other

    def move(self, address):
        """Come from elsewhere from now on."""
        self.address = self._headers["X-Forwarded-For"] = address


def an_address():
    """A public address that nobody has come from."""
    number = next(numbers)
    return f"9.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def a_prefix():
    """The first half of the addresses of one customer, who has 2^64 of them."""
    return f"2a01:4f8:{next(numbers):x}:1"


def files_with(server, words):
    """The files of the instance in which these words stand; sockets hold none."""
    found = []
    for path in server.instance.rglob("*"):
        with suppress(FileNotFoundError):  # it has gone meanwhile
            if path.is_file() and words.encode() in path.read_bytes():
                found.append(path.name)
    return sorted(found)


@contextmanager
def held_up(worker):
    """Let a worker's process stand still, as one that is too busy; what happens meanwhile reaches it at once."""
    os.kill(worker, signal.SIGSTOP)
    try:
        eventually(lambda: Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        yield
    finally:
        os.kill(worker, signal.SIGCONT)
