"""Flood control of requests: how often a person, and all people from an address, may do what.

Every POST is in one of three tables here: `COUNTED`, counted before its view is called; `POSTS`, counted by its view
with `check_post`, because the text matters; `UNCOUNTED`, with the reason. If a GET writes something, its view counts it
with `check`.
"""

import hashlib
import logging
from collections.abc import Mapping
from typing import NamedTuple

from flask import request

from chat.core.errors import N_, ChatError
from chat.runtime.limits import Rate
from chat.store import busy
from chat.store.tables.users import User
from chat.web import context, identity

log = logging.getLogger(__name__)

SAME_TEXT_SECONDS = 60.0
ADDRESS_FACTOR = 8  # one address may belong to a household, a school or a mobile network
NETWORK_FACTOR = 8  # and a /48 of IPv6 has many /64: it is one customer's, or several share it
DAY_SECONDS = 86400.0


class Deed(NamedTuple):
    """The limits of one person and of all people from one address; without `person` only the address is counted."""

    person: Rate | None
    address: Rate


def _times(rate: Rate, factor: int) -> Rate:
    return Rate(rate.burst * factor, rate.seconds / factor)


def _personal(rate: Rate, factor: int = ADDRESS_FACTOR) -> Deed:
    return Deed(rate, _times(rate, factor))


# What a page does by itself has limits that hundreds of readers from one address do not reach.
DEEDS: Mapping[str, Deed] = {
    "sign in": Deed(None, Rate(60, 6.0)),  # two school classes arrive within the same minute
    "guest": Deed(None, Rate(1000, DAY_SECONDS / 1000)),  # new names: a mobile network has that many, but hardly more
    "word": Deed(None, Rate(5, 20.0)),  # wrong entry words and owner's codes: guessing must be slow
    "device": _personal(Rate(5, 60.0)),
    "room": Deed(Rate(3, 300.0), Rate(30, DAY_SECONDS / 30)),
    "move": _personal(Rate(40, 3.0)),  # joining and leaving: a newcomer opens twenty rooms at once
    "remove": _personal(Rate(30, 2.0)),
    "view": _personal(Rate(20, 3.0)),
    "read": _personal(Rate(60, 1.0), 64),
    "here": _personal(Rate(60, 1.0), 64),  # each of twenty tabs sends it for its own room
    "typing": _personal(Rate(6, 1.0)),
}
# Each POST by its endpoint, with the deeds that it counts as.
COUNTED: Mapping[str, tuple[str, ...]] = {
    "auth.sign_in": ("sign in", "guest"),
    "auth.use_device": ("sign in",),
    "auth.make_device_link": ("device",),
    "auth.make_return_link": ("device",),
    "entry.enter": ("word",),
    "owner.claim": ("word",),
    "rooms.create": ("room",),
    "rooms.join": ("move",),
    "rooms.leave": ("move",),
    "rooms.read": ("read",),
    "rooms.here": ("here",),
    "rooms.typing": ("typing",),
    "messages.remove": ("remove",),
    "me.choose_view": ("view",),
}
POSTS = ("messages.post", "messages.edit")
_OWNERS = "owners are trusted with the whole site"
UNCOUNTED: Mapping[str, str] = {
    "auth.sign_out": "it takes a session, and signing in is counted",
    "me.forget": "it takes a name, and signing in is counted",
    "owner.change_room": _OWNERS,
    "owner.close_room": _OWNERS,
    "owner.reopen_room": _OWNERS,
    "owner.remove_room": _OWNERS,
    "owner.end_sessions": _OWNERS,
    "owner.ban": _OWNERS,
    "owner.unban": _OWNERS,
    "owner.change_settings": _OWNERS,
}
FREE_FOR_OWNERS = ("room", "remove")  # an owner cleans up a hundred messages, and sets up the rooms


def check_request() -> None:
    """Count what this POST is about to do, if it is in `COUNTED`.

    Raises ChatError `slow_down` with the seconds to wait, or `busy` where nothing can be counted.
    """
    if request.method != "POST" or not context.process().config.limits:
        return
    for_all: dict[str, Rate] = {}
    for deed in COUNTED.get(request.endpoint or "", ()):
        if DEEDS[deed].person is None:
            for_all |= _by_address(deed, DEEDS[deed].address)
        else:
            user = identity.who().user
            if user is not None:  # nobody else is allowed to do it
                for_all |= _by_person(deed, user)
    _count(for_all)


def give_back(deed: str) -> None:
    """Undo what this request counted for its address: the word was right, and a whole class may know it."""
    _wait_seconds(_by_address(deed, DEEDS[deed].address), cost=-1.0)


def check(deed: str, user: User) -> None:
    """Count what a user is about to do by a GET. Raises what `check_request` raises."""
    _count(_by_person(deed, user))


def check_post(user: User, body: object) -> None:
    """Count a message or an edit; the same text again within `SAME_TEXT_SECONDS` counts double.

    Bots have a limit of their own and are not counted by address. Raises what `check_request` raises.
    """
    config = context.process().config
    if not config.limits:
        return
    if user.kind == "bot":
        return _count(_by_bot(user))
    rate = Rate(max(config.posts_per_minute // 3, 2), 60 / config.posts_per_minute)
    text_hash = hashlib.sha256(str(body).encode(errors="replace")).hexdigest()[:16]
    text_rate = {f"text {user.id} {text_hash}": Rate(1, SAME_TEXT_SECONDS)}
    rates = {f"post {user.id}": rate} | _by_known_address("post", _times(rate, ADDRESS_FACTOR))
    if _wait_seconds(text_rate, is_question=True) > 0:
        _count(rates, cost=2.0)
    else:
        _count(rates | text_rate)  # together, so that a refused text does not count as sent


def _by_person(deed: str, user: User) -> dict[str, Rate]:
    person, address = DEEDS[deed]
    assert person is not None
    if user.is_owner and deed in FREE_FOR_OWNERS:
        return {}
    if user.kind == "bot":
        return _by_bot(user) if deed == "remove" else {f"{deed} {user.id}": person}
    return {f"{deed} {user.id}": person} | _by_known_address(deed, address)


def _by_bot(bot: User) -> dict[str, Rate]:
    """Posts, edits and removals of a bot count together."""
    a_second = context.process().config.bot_posts_per_second
    return {f"post {bot.id}": Rate(a_second, 1 / a_second)}


def _by_address(deed: str, rate: Rate) -> dict[str, Rate]:
    """All requests from unknown addresses count as one address."""
    return _by_known_address(deed, rate) or {f"{deed} from nowhere": rate}


def _by_known_address(deed: str, rate: Rate) -> dict[str, Rate]:
    return {
        f"{deed} from {network}": _times(rate, NETWORK_FACTOR**step)
        for step, network in enumerate(identity.networks())
    }


def _count(rates: Mapping[str, Rate], cost: float = 1.0) -> None:
    wait_seconds = _wait_seconds(rates, cost)
    if wait_seconds > 0:
        message = N_("You're sending too quickly. Wait a moment, then try again.")
        raise ChatError("slow_down", message, retry_after_seconds=int(wait_seconds) + 1)


def _wait_seconds(rates: Mapping[str, Rate], cost: float = 1.0, is_question: bool = False) -> float:
    process = context.process()
    if not process.config.limits:
        return 0.0
    try:
        return process.limits.wait_seconds(rates, cost, is_question)
    except OSError as error:  # a full disk: what cannot be counted is refused, like what cannot be saved
        log.error("could not count: %s", error)
        raise busy() from error
