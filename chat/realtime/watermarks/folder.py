"""The folder that the web server serves, and the files in it; whatever fails, no wrong number stays there."""

import os
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from chat.realtime.watermarks.naming import OURS


class Folder:
    """The folder at `path`, which need not exist. Every method raises OSError when it cannot do its work."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """Make the folder if necessary, so that the web server can serve files but nobody can list them."""
        if not self._path.exists():
            self._path.mkdir(parents=True, exist_ok=True)  # another process may be quicker
            self._path.chmod(0o711)
        if not (self._path / "index.html").exists():
            replace(self._path / "index.html", "", 0o644)

    def number(self, name: str) -> int | None:
        """The number in the file; None if there is no file, or no number in it."""
        try:
            return int((self._path / name).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def put(self, name: str, number: int) -> None:
        """Write the number to the file, which anybody who knows its name may read."""
        replace(self._path / name, f"{number}\n", 0o644)

    def withdraw(self, name: str) -> None:
        """Remove the file, or if that fails, empty it."""
        path = self._path / name
        try:
            path.unlink(missing_ok=True)
        except OSError:  # the folder cannot be written
            os.truncate(path, 0)

    def remove_all_but(self, kept: Collection[str]) -> None:
        """Withdraw all our files except these; files of others stay."""
        with suppress(FileNotFoundError):
            for entry in os.listdir(self._path):
                if OURS.fullmatch(entry) and entry not in kept:
                    self.withdraw(entry)


def replace(path: Path, text: str, mode: int) -> None:
    """Replace a file by one with this text in one step.

    Does not wait for the disk: after a power cut the file may be empty, which is no number. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.fchmod(file, mode)  # despite the umask, because the web server is another user
            os.write(file, text.encode())
        finally:
            os.close(file)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
