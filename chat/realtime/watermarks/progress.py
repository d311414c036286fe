"""How far the watermark files are up to date: a note in the instance, and the lock of whoever updates them."""

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
PATIENCE_SECONDS = 0.5  # an update takes milliseconds, but a process that was stopped may keep the lock for good


class Done(NamedTuple):
    """Up to which event the files are right, with the newest epoch then, for which chat, folder and boot of a machine.

    The boot counts because files that did not reach the disk may be wrong after a power cut. `generation` stands for
    the log, and changes when a backup is restored.
    """

    until: int
    epoch: str
    fingerprint: str  # of `Naming`: it stands for the chat, the folder and the boot
    generation: str


class Progress:
    """The note in an instance's folder. Methods raise OSError unless they say otherwise."""

    def __init__(self, instance: Path) -> None:
        self._instance = instance

    def read(self) -> Done | None:
        """How far the files are right; None if there is no valid note. Never raises."""
        try:
            until, *marks = json.loads((self._instance / DONE).read_bytes())
            return Done(int(until), *map(str, marks))
        except (OSError, ValueError, TypeError, OverflowError, RecursionError):
            return None

    def write(self, done: Done) -> None:
        """Replace the note."""
        replace(self._instance / DONE, json.dumps(done), 0o600)

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Take the lock, or yield false. In an event loop it does not wait for it, because the next tick will do."""
        file = os.open(self._instance / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield locks.take_within(file, 0.0 if runtime.current().has_loop else PATIENCE_SECONDS)
        finally:
            os.close(file)
