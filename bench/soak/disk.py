"""A disk that can be filled and freed: a small file system in memory of our own, or else a limit on files' sizes."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.soak.server import Server

SIZE = "1g"
MARK = "SOAK_HAS_OWN_MOUNTS"
FILE_BYTES = 8192  # what a file may have while there is a limit: less than the database has from the start


def move_into_own_mounts() -> None:
    """As root, begin anew where mounts are seen by nobody else and vanish with this process."""
    if os.geteuid() != 0 or MARK in os.environ or shutil.which("unshare") is None:
        return
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        return
    os.environ[MARK] = "1"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, "-m", "bench.soak", *sys.argv[1:]])


class SizeLimit:
    """No process of the server may write beyond the first bytes of a file; the next commit fails."""

    kind = "a limit on files' sizes"

    def fill(self, server: Server) -> None:
        self._limit(server, FILE_BYTES)

    def free(self, server: Server) -> None:
        self._limit(server, None)

    def _limit(self, server: Server, size: int | None) -> None:
        for pid in server.pids:
            with suppress(ProcessLookupError):
                hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


class SmallDisk:
    """A file system in memory that shrinks to what is on it."""

    kind = "a small tmpfs"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fill(self, server: Server) -> None:
        for spare_blocks in range(0, 64, 4):  # somebody may write between the look and the shrinking
            found = os.statvfs(self._folder)
            used = (found.f_blocks - found.f_bfree + spare_blocks) * found.f_frsize
            if self._resize(str(used)):
                return
        raise OSError("the disk cannot be filled")

    def free(self, server: Server) -> None:
        self._resize(SIZE)

    def _resize(self, size: str) -> bool:
        return _run("mount", "-o", f"remount,size={size}", str(self._folder))


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | SizeLimit]:
    """What can be filled below `folder`, which exists."""
    if MARK not in os.environ or not _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "longwave-soak", str(folder)):
        yield SizeLimit()
        return
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0
