"""Attackers: a program in C that asks, takes and gives as rudely as it is told to; see bench/load/greedy.c."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from bench.load import Address, Program

MARK = "@@@@@@@@"  # in a request: becomes a number of its own
REFUSALS = (403, 408, 413, 429, 431, 503)


class Lane(NamedTuple):
    """A connection: from where it comes, and the requests that are made on it in turn."""

    source: str
    requests: Sequence[bytes]


class Deeds(NamedTuple):
    """What the attackers did, and what became of it, since they began."""

    asked: int
    answered: int
    received_bytes: int
    opened: int
    cut_off: int  # connections that the server ended before it had answered
    unreached: int  # connections that were not taken at all
    sent_away: int  # streams that were sent `mode`
    open: int
    open_peak: int
    statuses: Mapping[str, int]

    @property
    def refused(self) -> int:
        return sum(self.statuses.get(str(status), 0) for status in REFUSALS)

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if status.startswith("5") and status != "503")


class Attack:
    """Attackers who wait to be let loose."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.pid = program.pid

    def begin(self, count: int = 0) -> None:
        """Make so many requests, or, with 0, as many as are answered until `end`."""
        self._program.say(f"run {count}")

    def is_done(self, seconds: float) -> bool:
        """Whether all were answered, or are within so many seconds."""
        return self._program.has_words(seconds)

    def end(self) -> Deeds:
        self._program.say("enough")
        return self.deeds()

    def deeds(self) -> Deeds:
        """What was done, once all are answered."""
        return Deeds(**json.loads(self._program.hear()))


@contextmanager
def attackers(address: Address, lanes: Sequence[Lane], nice: int = 0, **options: int) -> Iterator[Attack]:
    """One process with a connection for each lane; the options are those of greedy.c."""
    with tempfile.NamedTemporaryFile(prefix="longwave-lanes-") as file:
        file.writelines(map(_as_bytes, lanes))
        file.flush()
        words = [f"{name}={value}" for name, value in options.items()]
        program = Program("greedy", *address, file.name, *words, nice=nice)
        try:
            yield Attack(program)
        finally:
            program.end()


def _as_bytes(lane: Lane) -> bytes:
    head = f"lane {lane.source} {len(lane.requests)}\n".encode()
    return head + b"".join(b"%d\n%s" % (len(request), request) for request in lane.requests)
