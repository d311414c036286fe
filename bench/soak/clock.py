"""A wall clock of the server's own that can be stepped, where there is a C compiler to make it."""

import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
PROBE_SECONDS = 86_400
PROBE = "import time; time.sleep(0.001); print(int(time.time()))"


class Clock:
    """`environ` is what a process needs to live by it; `step` is in force at once."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self._file.write_bytes(struct.pack("q", 0))
        self.environ = {"LD_PRELOAD": str(library), "SOAK_CLOCK": str(file)}

    def step(self, seconds: float) -> None:
        """Let the wall clock be so far from the true time."""
        with open(self._file, "r+b") as file:  # in its place: the processes have it mapped
            file.write(struct.pack("q", int(seconds)))


def make_clock(folder: Path) -> Clock | str:
    """The clock, or why there is none."""
    if sys.version_info < (3, 11):
        return "before Python 3.11, threads wait by the wall clock"
    compiler = shutil.which("cc")
    if compiler is None:
        return "there is no C compiler"
    library = folder / "clock.so"
    made = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], capture_output=True)
    if made.returncode:
        return "it does not compile here"
    clock = Clock(library, folder / "clock")
    clock.step(PROBE_SECONDS)
    probed = subprocess.run([sys.executable, "-c", PROBE], env=clock.environ, capture_output=True, text=True)
    if probed.returncode or int(probed.stdout) < time.time() + PROBE_SECONDS / 2:
        return "Python does not live by it here"
    clock.step(0)
    return clock
