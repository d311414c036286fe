"""How far the head files are right: a note in the instance, and the lock of whoever brings them further."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from chat import runtime
from chat.realtime.watermarks.folder import replace
from chat.runtime import locks

DONE = "heads.json"
LOCK = "heads.lock"
PATIENCE_SECONDS = 0.5  # the one before takes milliseconds; one that was stopped inside may never come out


class Done(NamedTuple):
    """Up to which event the files are right, the newest epoch then, and of which chat, folder and start of the machine:
    what was not waited for is in doubt after a power cut. `generation` is of the log until a backup is restored.
    """

    until: int
    epoch: str
    site: str
    generation: str


class Progress:
    def __init__(self, instance: Path) -> None:
        self._instance = instance

    def read(self) -> Done | None:
        """How far the files were right; None where nobody knows."""
        try:
            until, *marks = json.loads((self._instance / DONE).read_bytes())
            return Done(int(until), *map(str, marks))
        except (OSError, ValueError, TypeError, OverflowError, RecursionError):
            return None

    def write(self, done: Done) -> None:
        replace(self._instance / DONE, json.dumps(done), 0o600)

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Whether one is the one who writes. In a loop nobody waits for that: the next second does it."""
        file = os.open(self._instance / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield locks.take_within(file, 0.0 if runtime.current().has_loop else PATIENCE_SECONDS)
        finally:
            os.close(file)
