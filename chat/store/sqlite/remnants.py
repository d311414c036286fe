"""What secure delete leaves in the file: copies of rows in the unallocated middle of pages.

SQLite overwrites a row that is deleted. But when rows move to a neighbouring page, because theirs has become too full
or too empty, it lays the rest of the page anew from its end and leaves what stands below (`rebuildPage` in its
btree.c, as of 3.40). A text that is removed later is then gone from its row, and still in such a gap. So whoever
carries the write-ahead log into the database looks at each page that was in it, and overwrites its gap.

The forms of the header, of pages and of the log: https://www.sqlite.org/fileformat2.html, sections 1.3, 1.6 and 4.1.
A page does not say of what kind it is: outside of a tree its first bytes are the number of a page, or anything. So
files in which such a page could be taken for one of a tree are left alone, and `longwave check` says so.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

MAGIC = b"SQLite format 3\0"
LOG_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
FILE_HEADER_BYTES = 100  # before the header of the first page
PAGE_HEADER_BYTES = {2: 12, 5: 12, 10: 8, 13: 8}  # by the page's kind: index and table, inner pages and leaves
# A free page, and one that carries on a long row, begins with the number of the next: in a file of fewer pages than
# this none looks like one of these.
MOST_PAGES = 2 << 24


def changed_pages(log: Path) -> set[int]:
    """The numbers of all pages that stand in a write-ahead log; some that stood in it before it began anew, too."""
    try:
        file = open(log, "rb", buffering=0)
    except FileNotFoundError:
        return set()
    with file:
        frame_bytes = FRAME_HEADER_BYTES + _number(file.read(LOG_HEADER_BYTES)[8:12])
        starts = range(LOG_HEADER_BYTES, os.fstat(file.fileno()).st_size - FRAME_HEADER_BYTES, frame_bytes)
        return {_number(os.pread(file.fileno(), 4, start)) for start in starts}


class Remnants:
    """The gaps in the pages of one database.

    It has a descriptor of its own for the file, which stays open as long as its connections: closing it would end the
    locks that SQLite holds there (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._complaint = ""

    def close(self) -> None:
        """Only after the process's last connection to the database was closed, see above."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def problem(self) -> str:
        """Why nothing is wiped in this file; empty where all is well."""
        file = self._opened()
        return _problem(os.pread(file, FILE_HEADER_BYTES, 0), os.fstat(file).st_size)

    def wipe(self, numbers: Iterable[int]) -> bool:
        """Overwrite the gaps of these pages; true when there was something in one.

        Only for whoever has the write lock while the write-ahead log is empty: then nobody writes to the file, and
        who reads a page meanwhile makes nothing of its gap. Connections that have such a page in memory would bring
        the gap back: those of others drop their pages because the log was emptied, one's own must be closed.
        """
        problem = self.problem()
        if problem:
            self._complain(problem)
            return False
        file = self._opened()
        page_bytes = _page_bytes(os.pread(file, FILE_HEADER_BYTES, 0))
        was_dirty = False
        for number in numbers:
            if number > 0:
                was_dirty |= self._wipe_page(file, number, page_bytes)
        if was_dirty:
            os.fsync(file)
        return was_dirty

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        return self._file

    def _complain(self, problem: str) -> None:
        if problem != self._complaint:
            self._complaint = problem
            log.warning("deleted text may remain in unused parts of %s: %s", self._path, problem)

    def _wipe_page(self, file: int, number: int, page_bytes: int) -> bool:
        start = (number - 1) * page_bytes
        page = os.pread(file, page_bytes, start)
        gap = _gap(page, FILE_HEADER_BYTES if number == 1 else 0)
        if not any(page[gap.start : gap.stop]):
            return False
        os.pwrite(file, bytes(len(gap)), start + gap.start)
        return True


def _problem(header: bytes, file_bytes: int) -> str:
    if not header.startswith(MAGIC) or len(header) < FILE_HEADER_BYTES:
        return "it does not begin as SQLite's files do"
    if any(header[52:56]):  # the largest root page, which only auto_vacuum keeps: then there are pages of pointers
        return "it has auto_vacuum; switch that off by: PRAGMA auto_vacuum = NONE; VACUUM"
    if header[20]:
        return "another program has reserved the end of each page for something of its own"
    if file_bytes >= MOST_PAGES * _page_bytes(header):
        return "it has too many pages to tell their kinds apart"
    return ""


def _page_bytes(header: bytes) -> int:
    return _number(header[16:18]) if header[16:18] != b"\0\1" else 65536


def _gap(page: bytes, header: int) -> range:
    """The bytes between a page's list of rows and the first row; none where the page is of another kind."""
    header_bytes = PAGE_HEADER_BYTES.get(page[header]) if len(page) > header else None
    if header_bytes is None:
        return range(0)
    rows = _number(page[header + 3 : header + 5])
    first_row = _number(page[header + 5 : header + 7]) or 65536
    gap = range(header + header_bytes + 2 * rows, first_row)
    return gap if gap.stop <= len(page) else range(0)


def _number(big_endian: bytes) -> int:
    return int.from_bytes(big_endian, "big")
