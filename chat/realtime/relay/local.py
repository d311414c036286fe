"""The relay of a process without others."""

from collections.abc import Callable

from chat.realtime.relay import News, OnNews


class LocalRelay:
    """It reaches nobody and receives nothing."""

    lost = 0

    def start(self, on_ring: Callable[[], None], on_news: OnNews) -> None:
        """Nothing to do: neither will be called."""

    def ring(self) -> None:
        """Nothing to do: there is nobody."""

    def publish(self, news: News) -> None:
        """Nothing to do: there is nobody."""

    def stop(self) -> None:
        """Nothing to do: nothing is open."""
