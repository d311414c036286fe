"""What each kind of host bears: `python -m bench.hosts` runs them all, a minute each, and prints docs/hosts.md's table.

Thirty visitors read a room: at rest, while one message comes, and while twenty are posted. Nothing else may run.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.clients import Person
from tests.hosts.kinds import KINDS, Host
from tests.hosts.readers import LAST, reading
from tests.hosts.stage import a_stage, make_system_python

READERS = 30
REST_SECONDS = 10.0
POSTS = 15
TICKS = os.sysconf("SC_CLK_TCK")
HEAD = (
    "host",
    "readers held",
    "message to reader, p50",
    "POST with 30 readers, p50",
    "slowest",
    "CPU a reader and hour",
)


def main() -> None:
    wanted = sys.argv[1:]
    cache = Path(tempfile.gettempdir()) / f"longwave-hosts-{os.getuid()}"
    cache.mkdir(exist_ok=True)
    python = make_system_python(cache)
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    for name, (start, _) in KINDS.items():
        if not wanted or any(word in name for word in wanted):
            with a_stage(python) as stage:
                print(f"| {name} | {' | '.join(measure(start(stage)))} |", flush=True)


def measure(host: Host) -> list[str]:
    waits = []
    with Person(host) as alice:
        alice.sign_in("alice")
        token = alice.token()

        def post(body: str) -> float:
            began = time.monotonic()
            assert alice.post("/rooms/lobby/messages", body=body, token=token).status == 201
            return time.monotonic() - began

        with reading(host, READERS, alice.cursor()) as readers:
            time.sleep(REST_SECONDS)  # they come; and the next span is the one that counts
            before = cpu_seconds(host)
            time.sleep(REST_SECONDS)
            rest = (cpu_seconds(host) - before) / READERS / REST_SECONDS * 3600
            began = time.monotonic()
            post("one")
            while not all("one" in reader.bodies or reader.error for reader in readers):
                time.sleep(0.05)
            delays = [reader.heard_at["one"] - began for reader in readers if not reader.error]
            for number in range(POSTS):
                waits.append(post(LAST if number == POSTS - 1 else str(number)))
                time.sleep(0.3)
    errors = [reader.error for reader in readers if reader.error]
    assert not errors, errors
    assert all(reader.bodies == ["one", *map(str, range(POSTS - 1)), LAST] for reader in readers), "something was lost"
    held = sum(reader.way == "stream" for reader in readers)
    streams = f"{held} of {READERS} by stream" if held else f"none; polls every {interval(host):.0f} s"
    return [streams, in_time(median(delays)), in_time(median(waits)), in_time(max(waits)), f"{rest:.1f} s"]


def interval(host: Host) -> float:
    with Person(host) as visitor:
        return float(visitor.poll("room=lobby")["interval_ms"]) / 1000


def in_time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def cpu_seconds(host: Host) -> float:
    """What all processes of this host have used, those included that they have waited for."""
    return sum(map(_used, _processes(str(host.stage.top))))


def _processes(folder: str) -> Iterator[Path]:
    """The servers, which were started with a path in the folder, and all that they have started."""
    parents = {path: _stat(path)[1] for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = {path for path in parents if folder in _command(path)}
    while more := {path for path, parent in parents.items() if Path(f"/proc/{parent}") in found} - found:
        found |= more
    yield from found


def _command(path: Path) -> str:
    try:
        return "".join(path.joinpath(name).read_text(errors="replace") for name in ("cmdline", "environ"))
    except OSError:
        return ""


def _stat(path: Path) -> list[str]:
    try:
        return path.joinpath("stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["", "0", *"0" * 20]


def _used(path: Path) -> float:
    return sum(map(int, _stat(path)[11:15])) / TICKS


if __name__ == "__main__":
    main()
