"""Safe lines for the log: what comes from a request is encoded and cut, and nothing can control a terminal."""

import logging
from types import TracebackType
from urllib.parse import quote

METHOD_CHARACTERS = 20
PATH_CHARACTERS = 200
MESSAGE_CHARACTERS = 2000
CUT = "..."

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def request_line(method: str, path: str) -> str:
    """Method and path, percent-encoded and cut to `METHOD_CHARACTERS` and `PATH_CHARACTERS`."""
    return f"{_cut(quote(method), METHOD_CHARACTERS)} {_cut(quote(path, errors='replace'), PATH_CHARACTERS)}"


def printable(text: str, most: int = MESSAGE_CHARACTERS) -> str:
    """The text on one line, cut to `most`; control characters, separators and direction marks are escaped."""
    text = _cut(text, most)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + CUT


class LineFormatter(logging.Formatter):
    """Python's formatter, but a record is one line, and a traceback is indented so that none of it looks like one."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """As in logging, on one line: control characters are escaped."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:
        """As in logging, with every line escaped and all but the first indented."""
        lines = super().formatException(ei).splitlines()  # type: ignore[arg-type]
        return "\n  ".join(printable(line) for line in lines)
