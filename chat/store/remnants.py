"""What secure delete leaves in the file: copies of rows in the unallocated middle of pages.

SQLite overwrites a row that is deleted. But when rows move to a neighbouring page, because theirs has become too full
or too empty, it lays the rest of the page anew from its end and leaves what stands below (`rebuildPage` in its
btree.c, as of 3.40). A text that is removed later is then gone from its row, and still in such a gap. So whoever
carries the write-ahead log into the database looks at each page that was in it, and overwrites its gap.

The forms of pages and of the log: https://www.sqlite.org/fileformat2.html, sections 1.6 and 4.1.
"""

import os
from collections.abc import Iterable
from pathlib import Path

LOG_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
FILE_HEADER_BYTES = 100  # before the header of the first page
PAGE_HEADER_BYTES = {2: 12, 5: 12, 10: 8, 13: 8}  # by the page's kind: index and table, inner pages and leaves
# Another kind of page begins with the number of the next one: below this none looks like one of these.
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

    def close(self) -> None:
        """Only after the process's last connection to the database was closed, see above."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def wipe(self, numbers: Iterable[int]) -> bool:
        """Overwrite the gaps of these pages; true when there was something in one.

        Only for whoever has the write lock while the write-ahead log is empty: then nobody writes to the file, and
        who reads a page meanwhile makes nothing of its gap. Connections that have such a page in memory would bring
        the gap back: those of others drop their pages because the log was emptied, one's own must be closed.
        """
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        header = os.pread(self._file, FILE_HEADER_BYTES, 0)
        page_bytes = _number(header[16:18]) if header[16:18] != b"\0\1" else 65536
        was_dirty = False
        for number in numbers:
            if 0 < number < MOST_PAGES:
                was_dirty |= self._wipe_page(self._file, number, page_bytes)
        if was_dirty:
            os.fsync(self._file)
        return was_dirty

    def _wipe_page(self, file: int, number: int, page_bytes: int) -> bool:
        start = (number - 1) * page_bytes
        page = os.pread(file, page_bytes, start)
        gap = _gap(page, FILE_HEADER_BYTES if number == 1 else 0)
        if not any(page[gap.start : gap.stop]):
            return False
        os.pwrite(file, bytes(len(gap)), start + gap.start)
        return True


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
