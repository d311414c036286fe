"""Rosters as values: the people of a room, what readers are shown of them, and tokens that tell when they differ."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from chat.core.wire import WireUser, to_json

User = WireUser
People = dict[int, tuple[User, bool]]  # by user id: the user, and whether they are away

NAMES_WHOLE = 200  # here, and as many away, in a whole `presence` event
STREAM_WHOLES_BYTES = 192 * 1024  # of names that one reader is sent at once: about twelve full rooms
POLL_WHOLES_BYTES = 80 * 1024  # the same for a poll's answer, which with its events stays below 256 KB
TOKEN_CHARACTERS = 200  # it comes back in a URL, for which servers allow a few thousand


@dataclass(frozen=True)
class Roster:
    """The people of a room, sorted by name; `count` counts those who are here, not those who are away."""

    count: int
    here: list[User]
    away: list[User]


def of_people(people: People) -> Roster:
    """The roster of these people, sorted by name."""
    by_name = sorted(people.values(), key=lambda person: person[0]["name"].casefold())
    here = [user for user, is_away in by_name if not is_away]
    return Roster(len(here), here, [user for user, is_away in by_name if is_away])


def of_crowd(count: int) -> Roster:
    """The roster of so many people that nobody is named."""
    return Roster(count, [], [])


def as_shown(roster: Roster, roster_max: int) -> Roster:
    """What readers are shown of it: above `roster_max` the count, otherwise at most `NAMES_WHOLE` here and away."""
    if roster.count > roster_max:
        return of_crowd(roster.count)
    return Roster(roster.count, roster.here[:NAMES_WHOLE], roster.away[:NAMES_WHOLE])


def as_whole(roster: Roster, slug: str, cursor: int) -> str:
    """The JSON of a `presence` event with a whole roster."""
    lists = {"here": roster.here, "away": roster.away}
    return to_json({"room": slug, "whole": True, "count": roster.count, **lists, "cursor": cursor})


def wholes(
    rooms: Mapping[int, str], shown: Callable[[int], Roster], cursor: int, most_bytes: int
) -> Iterator[str]:
    """The same for each of these rooms, slugs by id; above `most_bytes` in all a room has its count alone."""
    size = 0
    for room_id, slug in rooms.items():
        roster = shown(room_id)
        whole = as_whole(roster, slug, cursor)
        if size + len(whole.encode()) > most_bytes:
            whole = as_whole(of_crowd(roster.count), slug, cursor)
        else:
            size += len(whole.encode())
        yield whole


def token_of_people(room_id: int, people: People) -> str:
    """A short string that differs when the room's roster does."""
    listed = sorted((user_id, is_away) for user_id, (_, is_away) in people.items())
    return hashlib.sha256(repr((room_id, listed)).encode()).hexdigest()[:8]


def token_of_crowd(room_id: int, count: int) -> str:
    """The same for a crowd, of which only the count is shown."""
    return f"{room_id}-{count}-"


def joined(tokens: Iterable[str]) -> str:
    """One token for all of these, at most `TOKEN_CHARACTERS` long."""
    text = "".join(tokens)
    return text if len(text) <= TOKEN_CHARACTERS else hashlib.sha256(text.encode()).hexdigest()
