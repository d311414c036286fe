"""What every relay does with what it has received."""

import json
import logging
from collections.abc import Callable, Iterable

from chat.realtime.relay import OnNews

log = logging.getLogger(__name__)

RING = b"ring"  # no news: that is a JSON object


def pass_on(messages: Iterable[bytes], on_ring: Callable[[], None], on_news: OnNews) -> None:
    """Pass on what has come together: the news in their order, then one ring for all rings.

    A bad message, or what the functions raise, is logged and does not stop the rest.
    """
    messages = list(messages)
    for message in [*(news for news in messages if news != RING), *{RING}.intersection(messages)]:
        try:
            if message == RING:
                on_ring()
            else:
                on_news(json.loads(message))
        except Exception:
            log.exception("what another process said was lost")
