"""Where the database lies: whether the files that are open are still the ones that a restart would find.

A file that is deleted or replaced goes on working for whoever has it open, and what is written to it is lost at the
end. So the writer looks after each commit, before anybody is told that it is kept.
"""

import os
from pathlib import Path
from typing import NamedTuple

Identity = tuple[int, int]  # device and number; no other file has them as long as this one is open


class Replaced(OSError):
    """The database is not where it was: nothing can be kept until it is opened anew."""


class Files(NamedTuple):
    """The database, its write-ahead log and the memory that its connections share; None where there is no such file."""

    database: Identity | None
    log: Identity | None
    memory: Identity | None


class Place:
    """The path of one process's database, and which files are to be found there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: Files | None = None
        self.accept()

    def accept(self) -> None:
        """Take what lies there now for the database."""
        self._database = self._find().database

    def note_opened(self) -> None:
        """A connection has just opened what lies there."""
        self._opened = self._find()

    def note_closed(self) -> None:
        self._opened = None

    @property
    def is_kept(self) -> bool:
        """Whether what is written now would be found after a restart."""
        opened, found = self._opened, self._find()
        return found.database == self._database is not None and opened in (None, found)

    @property
    def has_lost_log_alone(self) -> bool:
        """Whether the database is there, and nothing in the place of a log or memory that was removed.

        Where there is another log by now, whoever began it has read pages of the database that must not change.
        """
        opened, found = self._opened, self._find()
        if opened is None or found.database != opened.database:
            return False
        return found.log in (None, opened.log) and found.memory in (None, opened.memory)

    def complaint(self) -> Replaced:
        return Replaced(
            f"{self._path} was removed or replaced while the chat ran; nothing is saved until there is a database of "
            "this version again (docs/operating.md, “Back up and restore”), or the chat is restarted"
        )

    def _find(self) -> Files:
        name = self._path.name
        return Files(*(_identity(self._path.with_name(name + suffix)) for suffix in ("", "-wal", "-shm")))


def _identity(path: Path) -> Identity | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
