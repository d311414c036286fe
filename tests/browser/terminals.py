"""A terminal of tmux's own making with a real text browser in it: keys go in, the screen comes out."""

import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.serving import PATIENCE_SECONDS, eventually

COLUMNS, LINES = 100, 600  # all of a page, whatever rooms other tests have opened
TRY_SECONDS = 1.0  # for what shows within milliseconds, if it was heard at all


class Terminal:
    """One terminal; nothing of whoever runs the tests is in it, no settings and no other tmux."""

    def __init__(self, folder: Path) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self._home = folder

    def start(self, *command: str, **environ: str) -> None:
        variables = {"PATH": os.environ["PATH"], "HOME": str(self._home), "TMPDIR": str(self._home),
                     "TERM": "screen", "LANG": "C.UTF-8"} | environ
        assignments = [f"{name}={value}" for name, value in variables.items()]
        self._run("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES),
                  shlex.join(["env", "-i", *assignments, *command]))

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: Enter, Tab, C-x."""
        self._run("send-keys", *keys)

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", text)

    @property
    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    @property
    def cursor_line(self) -> str:
        return self._run("display-message", "-p", "#{cursor_y}")

    def await_screen(self, pattern: str, *, gone: str = "(?!)",
                     within: float = PATIENCE_SECONDS) -> re.Match[str]:
        """Wait until the screen shows the first pattern, and no longer the second."""
        def found() -> Any:
            screen = self.screen
            return None if re.search(gone, screen) else re.search(pattern, screen)
        try:
            return eventually(found, within)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} on the screen:\n{self.screen}") from None

    def insist(self, act: Callable[[], None], pattern: str) -> None:
        """Do it until the screen shows the pattern: what is typed while a program draws, some throw away."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            act()
            try:
                self.await_screen(pattern, within=TRY_SECONDS)
                return
            except AssertionError:
                if time.monotonic() > deadline:
                    raise

    def answer(self, question: str, text: str) -> None:
        """Type a line where it is asked for; the cursor goes elsewhere when it is taken."""
        def retype() -> None:
            self.press("C-u")
            self.type(text)
        self.insist(retype, rf"(?m){re.escape(question)}\s*{re.escape(text)}\s*$")
        asked_in = self.cursor_line
        self.press("Enter")
        eventually(lambda: self.cursor_line != asked_in)

    def end(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, timeout=PATIENCE_SECONDS)

    def _run(self, *arguments: str) -> str:
        ran = subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert ran.returncode == 0, f"{arguments[0]}: {ran.stderr}"
        return ran.stdout


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    opened = Terminal(folder)
    try:
        yield opened
    finally:
        opened.end()
