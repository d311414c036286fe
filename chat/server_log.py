"""gunicorn's own log lines, made as shy as ours: no whole addresses, no query strings."""

import logging
import re
from typing import Any

from gunicorn.glogging import Logger

from chat.proxies import shortened

_STRANGERS = "Invalid request from ip="
_QUERY = re.compile(r"\?\S*")


class ShyLogger(Logger):
    """gunicorn's logger; `how_addresses` is the setting CHAT_LOG_ADDRESSES, put there by gunicorn.conf.py."""

    how_addresses = "short"

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.addFilter(self._shorten)

    def _shorten(self, record: logging.LogRecord) -> bool:
        """What a stranger sent that was no HTTP, or a path with its query, is not repeated."""
        said = record.getMessage()
        if said.startswith(_STRANGERS):
            address = said.removeprefix(_STRANGERS).split(": ", 1)[0]
            said = _STRANGERS + shortened(address, self.how_addresses)
        if "request" in said:
            record.msg, record.args = _QUERY.sub("", said), ()
        return True
