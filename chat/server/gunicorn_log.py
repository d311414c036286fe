"""gunicorn's own log lines, as private as ours: no whole addresses, queries or control characters, no lost readers."""

import errno
import logging
import re
from typing import Any

from gunicorn.glogging import Logger

from chat.core import log_lines
from chat.core.addresses import shortened
from chat.server.gunicorn_internals import LOG_LINES, STRANGERS

_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[\dA-Fa-f]*:[\dA-Fa-f]*:[\dA-Fa-f:.]*)")
_QUERY = re.compile(r"\?\S*")
_VANISHED = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)  # of a lost network


class RedactingLogger(Logger):
    """gunicorn's logger; `how_addresses` is the setting CHAT_LOG_ADDRESSES, put there by gunicorn.conf.py."""

    how_addresses = "short"

    def setup(self, cfg: Any) -> None:
        """As in gunicorn, but error lines are formatted safely and lose queries, whole addresses and lost readers."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(log_lines.LineFormatter(self.error_fmt, self.datefmt))
        self.error_log.addFilter(_is_of_interest)
        self.error_log.addFilter(self._shorten)

    def _shorten(self, record: logging.LogRecord) -> bool:
        """Keep out of the log what a stranger sent that was no HTTP, and the query of a path."""
        message = record.getMessage()
        if message.startswith(STRANGERS):
            address = message.removeprefix(STRANGERS).split(": ", 1)[0]
            message = STRANGERS + shortened(address, self.how_addresses)
        elif record.levelno >= logging.WARNING and not LOG_LINES.are_known():
            message = _ADDRESS.sub(lambda found: shortened(found[0], self.how_addresses), message)
            record.msg, record.args = message, ()
        if "request" in message:
            record.msg, record.args = _QUERY.sub("", message), ()
        return True


def _is_of_interest(record: logging.LogRecord) -> bool:
    """False if a reader vanished, for which gunicorn logs a traceback: phones do that all the time."""
    raised = record.exc_info[1] if record.exc_info else None
    return getattr(raised, "errno", None) not in _VANISHED
