"""The folder that the web server hands out, and the files in it; whatever fails, no wrong number stays there."""

import os
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from chat.realtime.watermarks.naming import OURS


class Folder:
    """Everything raises OSError where it cannot be done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """To be passed through by the web server, and listed by nobody."""
        if not self._path.exists():
            self._path.mkdir(parents=True, exist_ok=True)  # another process may be quicker
            self._path.chmod(0o711)
        if not (self._path / "index.html").exists():
            replace(self._path / "index.html", "", 0o644)

    def number(self, name: str) -> int | None:
        """What the file says; None when there is none, or no number in it."""
        try:
            return int((self._path / name).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def put(self, name: str, number: int) -> None:
        replace(self._path / name, f"{number}\n", 0o644)

    def withdraw(self, name: str) -> None:
        path = self._path / name
        try:
            path.unlink(missing_ok=True)
        except OSError:  # of the folder; what is empty says nothing, too
            os.truncate(path, 0)

    def remove_all_but(self, kept: Collection[str]) -> None:
        """Withdraw our files but these; what others keep here stays."""
        with suppress(FileNotFoundError):
            for entry in os.listdir(self._path):
                if OURS.fullmatch(entry) and entry not in kept:
                    self.withdraw(entry)


def replace(path: Path, text: str, mode: int) -> None:
    """Not waiting for the disk: what a machine that lost its power has left of it is no number."""
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.fchmod(file, mode)  # whatever the umask: the web server is another user
            os.write(file, text.encode())
        finally:
            os.close(file)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
