"""The events that concern a process itself, such as changed settings: kept until it has taken them in."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from chat.realtime.ring import Event

log = logging.getLogger(__name__)

KEPT_MAX = 1024  # that the process has failed to handle; newer ones make up for those dropped


class SiteEvents:
    """What `on_site` is still to be given, in the log's order. Any thread may call either method."""

    def __init__(self, on_site: Callable[[Event], None]) -> None:
        self._on_site = on_site
        self._delivering = threading.Lock()
        self._kept: deque[Event] = deque(maxlen=KEPT_MAX)  # whose methods are atomic

    def keep(self, events: Iterable[Event]) -> None:
        """Deliver these with the next call. It does not wait."""
        self._kept.extend(events)

    def deliver(self) -> None:
        """Give the process what is kept; what fails is logged, and tried again with the next call."""
        if not self._kept:
            return
        with self._delivering:
            for event in list(self._kept):
                try:
                    self._on_site(event)
                except Exception:  # whoever has caused this look has nothing to do with it
                    log.exception("the process could not take in what has changed for it")
                else:
                    with suppress(ValueError):  # it may have been dropped for newer ones meanwhile
                        self._kept.remove(event)
