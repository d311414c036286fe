"""What may stand in a line of the log: nothing of a request but encoded and cut, and nothing that a terminal obeys."""

import logging
from urllib.parse import quote

METHOD_CHARACTERS = 20
PATH_CHARACTERS = 200
MESSAGE_CHARACTERS = 2000
CUT = "..."


def request_line(method: str, path: str) -> str:
    """Method and path as a client would have to spell them in ASCII, however they came."""
    return f"{_cut(quote(method), METHOD_CHARACTERS)} {_cut(quote(path, errors='replace'), PATH_CHARACTERS)}"


def printable(text: str, most: int = MESSAGE_CHARACTERS) -> str:
    """The text on one line; controls, separators and what turns the direction of writing are spelled out."""
    text = _cut(text, most)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + CUT


class LineFormatter(logging.Formatter):
    """As Python's, but each record is one line, and what follows of a traceback is indented and cannot pass for one."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:
        lines = super().formatException(ei).splitlines()  # type: ignore[arg-type]
        return "\n  ".join(printable(line) for line in lines)
