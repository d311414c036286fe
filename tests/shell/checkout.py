"""A copy of this checkout in another place, and its bin/run."""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOP = Path(__file__).parents[2]
INSTALL_SECONDS = 240  # a slow mirror; here it takes fifteen
STOP_SECONDS = 20

# What a shell has that never heard of us; the tests say the rest.
OURS = ("CI", "HOST", "PORT", "WORKERS", "PYTHON", "VENV", "VIRTUAL_ENV", "PYTHONPATH")


def copy_checkout(place: Path) -> Path:
    """Every file that git has or would take, nothing that was built or kept here."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=TOP, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (TOP / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, place / name)
    return place


def environment(**ours: str | Path) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items()
               if name not in OURS and not name.startswith("CHAT_")}
    return {**outside, "PYTHON": sys.executable, **{name: str(value) for name, value in ours.items()}}


def refusal(place: Path, *prefix: str, **environ: str | Path) -> str:
    """The sentence with which bin/run declines to start."""
    result = subprocess.run([*prefix, place / "bin" / "run"], env=environment(**environ), timeout=INSTALL_SECONDS,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert result.returncode != 0, "it must not have started"
    *before, sentence = result.stderr.splitlines()
    assert all(line.startswith("Warning: this runs as root") for line in before), result.stderr
    return sentence


def alone(*what: str) -> list[str]:
    """The words in front of a command that give it namespaces of its own, with root's rights in them."""
    return ["unshare", *what] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", *what]


class Server:
    """A running server: where it is, what it said, and how it ended."""

    def __init__(self, *command: str | Path, announced: str, env: dict[str, str], cwd: Path):
        began = time.monotonic()
        self.process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.said = ""
        try:
            self.address = self.wait_for(announced)
        except BaseException:
            self.end()
            raise
        self.seconds = time.monotonic() - began

    def wait_for(self, words: str) -> str:
        """The word that follows these in its output."""
        deadline = time.monotonic() + INSTALL_SECONDS
        output = self.process.stdout
        assert output
        while not (found := re.search(re.escape(words) + r"(\S+)\s", self.said)):
            assert time.monotonic() < deadline, f"no {words!r} in {INSTALL_SECONDS} s:\n{self.said}"
            if select.select([output], [], [], 1)[0]:
                chunk = os.read(output.fileno(), 65536)
                assert chunk, f"it ended:\n{self.said}"
                self.said += chunk.decode()
        return found[1]

    def get(self, path: str = "/") -> tuple[int, bytes]:
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:
            return answer.status, answer.read()

    def press_ctrl_c(self) -> int:
        """What a terminal does: the whole group gets the signal. Returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        rest, _ = self.process.communicate(timeout=STOP_SECONDS)
        self.said += rest.decode()
        return self.process.returncode

    def end(self) -> None:
        if self.process.poll() is None:
            self.press_ctrl_c()
        if self.process.stdout:
            self.process.stdout.close()


@contextmanager
def started(place: Path, **environ: str | Path) -> Iterator[Server]:
    """bin/run of that checkout, on a port that is free."""
    server = Server(place / "bin" / "run", announced="Longwave is at ", cwd=place,
                    env=environment(PORT="0", WORKERS="1", **environ))
    try:
        yield server
    finally:
        server.end()
