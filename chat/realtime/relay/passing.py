"""The relay of a process that ends with its request."""

import logging
from collections.abc import Callable

from chat.core.errors import ConfigError
from chat.realtime.relay import News, OnNews, Relay
from chat.runtime.secret import SecretError

log = logging.getLogger(__name__)


class PassingRelay:
    """It rings the lasting processes, if there are any, over a relay that is opened for each ring.

    `open_relay` gives that relay, or None where nobody is to be rung, and may raise as `choice.relay_for` does. It
    carries no news, because that is about readers and such a process holds none, and receives nothing.
    """

    lost = 0  # the process ends before anybody could ask

    def __init__(self, open_relay: Callable[[], Relay | None]) -> None:
        self._open_relay = open_relay

    def start(self, on_ring: Callable[[], None], on_news: OnNews) -> None:
        """Nothing to do: neither will be called."""

    def ring(self) -> None:
        try:
            relay = self._open_relay()
            if relay is not None:
                relay.ring()
                relay.stop()
        # Too many open files, somebody else's folder, no driver: they look by themselves.
        except (OSError, ConfigError, SecretError) as error:
            log.warning("other processes could not be rung: %s", error)

    def publish(self, news: News) -> None:
        """Nothing to do: there is no news here."""

    def stop(self) -> None:
        """Nothing to do: nothing is open between rings."""
