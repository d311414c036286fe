"""Flood control of requests: which deed may be done how often, by a person and from an address."""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from chat import identity
from chat.errors import N_, ChatError
from chat.limits import Rate
from chat.store import busy

log = logging.getLogger(__name__)

SAME_TEXT_SECONDS = 60.0
ADDRESS_FACTOR = 8  # behind one address may be a house, a school, a mobile network
PERSON_RATES: Mapping[str, Rate] = {
    "room": Rate(3, 300.0),
    "typing": Rate(6, 1.0),
    "device": Rate(5, 60.0),
}
ADDRESS_RATES: Mapping[str, Rate] = {
    "sign in": Rate(20, 6.0),
    "word": Rate(5, 20.0),  # entry words and owner's codes: guessing must be slow
}


def check(deed: str, user: Any = None) -> None:
    """Count the deed, or raise ChatError `slow_down` with the seconds after which it may be done."""
    if user is None:
        # Those whose address is not known count as one.
        return _count({f"{deed} from {identity.network() or 'nowhere'}": ADDRESS_RATES[deed]})
    rate = PERSON_RATES[deed]
    _count({f"{deed} {user.id}": rate} | _of_network(deed, _widened(rate)))


def check_post(user: Any, body: object) -> None:
    """Count a message; the same text again counts double. Bots have a limit of their own, and no address."""
    config = identity.parts().config
    if not config.limits:
        return
    if user.kind == "bot":
        return _count({f"post {user.id}": Rate(config.bot_posts_per_second, 1 / config.bot_posts_per_second)})
    rate = Rate(max(config.posts_per_minute // 3, 2), 60 / config.posts_per_minute)
    text_hash = hashlib.sha256(str(body).encode(errors="replace")).hexdigest()[:16]
    text_rate = {f"text {user.id} {text_hash}": Rate(1, SAME_TEXT_SECONDS)}
    rates = {f"post {user.id}": rate} | _of_network("post", _widened(rate))
    if _wait_seconds(text_rate, is_question=True) > 0:
        _count(rates, cost=2.0)
    else:
        _count(rates | text_rate)  # together, so that a refused text does not count as said


def _widened(rate: Rate) -> Rate:
    return Rate(rate.burst * ADDRESS_FACTOR, rate.seconds / ADDRESS_FACTOR)


def _of_network(deed: str, rate: Rate) -> dict[str, Rate]:
    network = identity.network()
    return {f"{deed} from {network}": rate} if network else {}


def _count(rates: Mapping[str, Rate], cost: float = 1.0) -> None:
    wait_seconds = _wait_seconds(rates, cost)
    if wait_seconds > 0:
        message = N_("That was a little fast. Wait a moment, then send it again.")
        raise ChatError("slow_down", message, retry_after_seconds=int(wait_seconds) + 1)


def _wait_seconds(rates: Mapping[str, Rate], cost: float = 1.0, is_question: bool = False) -> float:
    parts = identity.parts()
    if not parts.config.limits:
        return 0.0
    try:
        return parts.limits.wait_seconds(rates, cost, is_question)
    except OSError as error:  # a full disk: what cannot be counted is refused, as what cannot be saved is
        log.error("could not count: %s", error)
        raise busy() from error
