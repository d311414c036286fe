"""Carry rings between processes: one protocol; its forms for a machine and for several are beside it.

A ring says only that the log has something new; a lost one costs a moment, because every process also looks by itself.
News is what is not in the log (presence, typing) and is sent with its content; whoever needs it must number it, to
notice when some is lost.
"""

from collections.abc import Callable
from typing import Any, Protocol

News = dict[str, Any]  # what another process has published, as JSON; `kind` says what else is in it
OnNews = Callable[[News], None]

NEWS_BYTES = 60_000  # well below the default send buffer of a datagram socket


class Relay(Protocol):
    """Carries rings and news from this process to the others of its chat.

    Whatever goes wrong, `ring`, `publish` and `stop` neither wait nor raise: the others find what was not carried by
    looking for themselves. An implementation says in its docstring whom it reaches and from whom it receives.
    """

    @property
    def lost(self) -> int:
        """How many rings and news were dropped since the start: a queue was full, or nobody could be reached."""

    def start(self, on_ring: Callable[[], None], on_news: OnNews) -> None:
        """Begin to receive, at most once; both functions are called where readers may be woken, and may raise."""

    def ring(self) -> None:
        """Tell every other process that the log has something new; many rings may arrive as one. Needs no `start`."""

    def publish(self, news: News) -> None:
        """Send every other process the news, whole or not at all; at most `NEWS_BYTES` as JSON."""

    def stop(self) -> None:
        """Stop sending and receiving; also when it was never started."""
