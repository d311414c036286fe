"""What is known of the people of a room, as values: by whom they are kept is not known here."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chat.core.wire import to_json

User = Mapping[str, Any]  # as the contract has them: `core.wire.WireUser`
People = dict[int, tuple[User, bool]]  # by the user's id, with whether they are away

NAMES_WHOLE = 200
STREAM_WHOLES_BYTES = 192 * 1024  # of names that one reader is told at once: some twelve full rooms
POLL_WHOLES_BYTES = 80 * 1024  # the same of an answer, which holds a piece of events, too, and stays below 256 KB
TOKEN_CHARACTERS = 200  # it comes back in an address, for which servers allow a few thousand


@dataclass(frozen=True)
class Roster:
    """The people of a room by name; `count` counts those who are here, not those who are away."""

    count: int
    here: list[User]
    away: list[User]


def of_people(people: People) -> Roster:
    """The roster of these people, sorted by name."""
    by_name = sorted(people.values(), key=lambda person: person[0]["name"].casefold())
    here = [user for user, is_away in by_name if not is_away]
    return Roster(len(here), here, [user for user, is_away in by_name if is_away])


def of_crowd(count: int) -> Roster:
    """The roster of so many that nobody is named."""
    return Roster(count, [], [])


def as_shown(roster: Roster, roster_max: int) -> Roster:
    """As much of it as readers are shown: above `roster_max` the count, else `NAMES_WHOLE` of each kind at most."""
    if roster.count > roster_max:
        return of_crowd(roster.count)
    return Roster(roster.count, roster.here[:NAMES_WHOLE], roster.away[:NAMES_WHOLE])


def as_whole(roster: Roster, slug: str, cursor: int) -> str:
    """The JSON of a `presence` event that says all there is to say of a room."""
    lists = {"here": roster.here, "away": roster.away}
    return to_json({"room": slug, "whole": True, "count": roster.count, **lists, "cursor": cursor})


def wholes(
    rooms: Mapping[int, str], shown: Callable[[int], Roster], cursor: int, most_bytes: int
) -> Iterator[str]:
    """The same for each of these rooms, by id and slug; of a room whose names are too much, the count alone."""
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
    """A text that differs when the room's roster does."""
    listed = sorted((user_id, is_away) for user_id, (_, is_away) in people.items())
    return hashlib.sha256(repr((room_id, listed)).encode()).hexdigest()[:8]


def token_of_crowd(room_id: int, count: int) -> str:
    """The same of a crowd, of which nothing but the count is shown."""
    return f"{room_id}-{count}-"


def joined(tokens: Iterable[str]) -> str:
    """One token for all of these, `TOKEN_CHARACTERS` long at most."""
    text = "".join(tokens)
    return text if len(text) <= TOKEN_CHARACTERS else hashlib.sha256(text.encode()).hexdigest()
