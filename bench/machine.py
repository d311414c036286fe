"""What the kernel says of processes and of the whole machine; and on what all was measured."""

import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PACKAGES = ("gunicorn", "gevent", "greenlet", "flask", "werkzeug", "jinja2", "sqlalchemy")
PROCESS_CPU_CLOCK = 2  # see clock_getcpuclockid(3): the number of another process's clock
CPU_FIELDS = slice(0, 8)  # of /proc/stat's first line: those beyond count guests' time a second time
IDLE_FIELDS = slice(3, 5)  # idle, and idle waiting for the disk

# Where instances are made. Not /tmp, which is often in memory: a commit there is not durable.
FOLDER = os.environ.get("TMPDIR") or "/var/tmp"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads: what /proc/PID/stat tells in ticks of 10 ms."""
    return time.clock_gettime(~pid << 3 | PROCESS_CPU_CLOCK)


def busy_seconds() -> float:
    """What all cores have worked since the start, with the kernel's own work and what the host stole."""
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:]]
    return (sum(fields[CPU_FIELDS]) - sum(fields[IDLE_FIELDS])) / TICKS_A_SECOND


def pss_bytes(pid: int) -> int:
    """The memory of a process, pages that it shares counted by its share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/smaps_rollup names no Pss")


def uss_bytes(pid: int) -> int:
    """The memory that a process has for itself: what would be free if it ended."""
    fields = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return sum(int(words[1]) * 1024 for words in fields if words[0] in ("Private_Clean:", "Private_Dirty:"))


def kernel_bytes() -> int:
    """What the kernel holds for sockets, and for whatever else comes and goes: its slabs, and TCP's buffers."""
    meminfo = Path("/proc/meminfo").read_text().splitlines()
    slab_kb = next(int(line.split()[1]) for line in meminfo if line.startswith("Slab:"))
    tcp = next(line.split() for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return slab_kb * 1024 + int(tcp[tcp.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return sorted(int(child) for pids in found for child in pids)


def status(pid: int, name: str) -> int:
    """A number of /proc/PID/status: `VmRSS` and `VmHWM`, its peak, are in units of 1,024 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise OSError(f"/proc/{pid}/status names no {name}")


def count_files(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def count_sockets(pid: int) -> int:
    """How many sockets a process has open."""
    count = 0
    for descriptor in os.scandir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(descriptor.path).startswith("socket:")
        except FileNotFoundError:  # closed meanwhile
            pass
    return count


class Meter:
    """CPU from its making until `read`: of the server, of the load's own processes, of all else."""

    def __init__(self, server: Collection[int], client: Collection[int]) -> None:
        self._pids = {"server": server, "client": client}
        self._began = self._now()
        self.server_cpu_seconds = 0.0

    def read(self) -> dict[str, float]:
        """In percent of one core. The rest is the kernel's own work (network, disk) and other programs."""
        took = {name: now - self._began[name] for name, now in self._now().items()}
        took["rest"] = max(0.0, took["rest"] - took["server"] - took["client"])
        self.server_cpu_seconds = took["server"]
        seconds = took.pop("clock")
        return {f"{name}_cpu_percent": 100 * spent / seconds for name, spent in took.items()}

    def _now(self) -> dict[str, float]:
        spent = {name: sum(map(cpu_seconds, pids)) for name, pids in self._pids.items()}
        return spent | {"rest": busy_seconds(), "clock": time.monotonic()}


def describe(rounds: int, seconds: float) -> dict[str, Any]:
    """The run: program, machine, versions."""
    return {
        "commit": _commit(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rounds": rounds,
        "seconds": seconds,
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "processor": _processor(),
            "kernel": platform.release(),
            "disk": _file_system(os.path.realpath(FOLDER)),
            "load_before": round(os.getloadavg()[0], 2),
        },
        "versions": {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version} | _versions(),
    }


def _commit() -> str:
    """The checkout's commit, with `-dirty` where files differ from it."""
    command = ["git", "-C", str(TOP), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: str) -> str:
    """The kind of file system that holds the folder: of the mounts above it, the nearest."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(len(point), kind) for point, kind in mounts if os.path.commonpath([point, folder]) == point]
    return max(above)[1]


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found
