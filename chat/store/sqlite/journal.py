"""How SQLite keeps a transaction until it is whole: a write-ahead log, or a rollback journal where that cannot work.

The write-ahead log (WAL) needs memory that all its processes share, by a file beside the database. On a network file
system that memory is each machine's own, and what is committed may be lost (https://www.sqlite.org/wal.html, section
1). There the rollback journal is right, though readers and the writer then wait for each other.
"""

import logging
import os
import re
import sqlite3
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

# As Linux names them in its table of mounts; of the kinds that users make (fuse.…) those that are known to be remote.
REMOTE = frozenset(
    "9p afs beegfs ceph cifs coda davfs gfs gfs2 glusterfs gpfs lustre ncp ncpfs nfs nfs4 ocfs2 orangefs pvfs2 smb3 "
    "smbfs fuse.ceph fuse.davfs2 fuse.gcsfuse fuse.glusterfs fuse.goofys fuse.juicefs fuse.moosefs fuse.rclone "
    "fuse.s3fs fuse.sshfs".split()
)
WAL, ROLLBACK = "wal", "rollback"
_PRAGMA = {WAL: "wal", ROLLBACK: "delete"}
_warned: set[Path] = set()


def remote_file_system(path: Path, mounts: str | None = None) -> str | None:
    """The kind of network file system that the path lies on, or None; `mounts` is Linux's table of mounts."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        except OSError:  # not Linux; what does not work is then found by trying
            return None
    longest, kind = "", None
    place = os.path.realpath(path)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, facts = before.split(" "), after.split(" ")
        if len(fields) < 5:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
        is_above = place == point or place.startswith(point.rstrip("/") + "/")
        if is_above and len(point) >= len(longest):  # of two mounts at one place the later hides the other
            longest, kind = point, facts[0]
    return kind if kind in REMOTE else None


def choose(driver_connection: Any, path: Path, wanted: str) -> str:
    """Put a journal in force, `wanted` or with `auto` the best that works here; returns which it is."""
    remote = remote_file_system(path.parent) if wanted == "auto" else None
    first = ROLLBACK if remote or wanted == ROLLBACK else WAL
    found = first if _works(driver_connection, first) else ROLLBACK
    if found != first and not _works(driver_connection, ROLLBACK):
        raise sqlite3.OperationalError("no journal works")
    if found == ROLLBACK and wanted != ROLLBACK and path not in _warned:
        _warned.add(path)
        log.warning("the database is on %s: rollback journal, readers and writers wait for each other",
                    remote or "a file system that can't have a write-ahead log")
    return found


def in_force(path: Path) -> str:
    """Which journal the database has now."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return WAL if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal" else ROLLBACK
    finally:
        connection.close()


def _works(driver_connection: Any, journal: str) -> bool:
    try:
        is_set = driver_connection.execute(f"PRAGMA journal_mode = {_PRAGMA[journal]}").fetchone()[0]
        driver_connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the first to need shared memory
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY") or "locked" in str(error):
            raise
        return False
    return bool(is_set == _PRAGMA[journal])
