"""What one process knows of its people, as kept by itself and by the processes that it publishes to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chat.realtime.presence.rosters import User
from chat.realtime.relay import News

PART_CHANGES = 200  # keeps a datagram well below what a socket takes

# As JSON: ["in", room_id, slug, user], ["out", room_id, user_id] or ["said", room_id, user_id, at, is_away].
Change = list[Any]


class Status(NamedTuple):
    """What a user last said about being away, and when, in seconds of the wall clock that all processes share."""

    at: float
    is_away: bool


NEVER = float("-inf")


class Stay:
    """A user's presence in a room by one process: while `streams` are open, and at least until `until`."""

    __slots__ = ("streams", "until", "user")

    def __init__(self, user: User) -> None:
        self.user = user
        self.streams = 0
        self.until = NEVER


class Places:
    """Who is in which room by one process, and what users have told it about being away."""

    def __init__(self) -> None:
        self.rooms: dict[int, dict[int, Stay]] = {}
        self.statuses: dict[tuple[int, int], Status] = {}
        self._may_end: set[tuple[int, int]] = set()  # stays that end by time, so that a tick needs to check only these

    def stay(self, room_id: int, user_id: int) -> Stay | None:
        """The user's stay in the room, None if they are not there."""
        return self.rooms.get(room_id, {}).get(user_id)

    def begin_stay(self, room_id: int, user: User) -> tuple[Stay, bool]:
        """The user's stay, and whether it is new."""
        room = self.rooms.setdefault(room_id, {})
        is_new = user["id"] not in room
        if is_new:
            room[user["id"]] = Stay(user)
        return room[user["id"]], is_new

    def lasts_until(self, room_id: int, user_id: int, until: float) -> None:
        """Let an existing stay last at least until then; after that it ends unless a stream is open."""
        stay = self.rooms[room_id][user_id]
        stay.until = max(stay.until, until)
        self._may_end.add((room_id, user_id))

    def end_stay(self, room_id: int, user_id: int) -> None:
        """Remove the user from the room, if they are there."""
        room = self.rooms.get(room_id, {})
        room.pop(user_id, None)
        if not room:
            self.rooms.pop(room_id, None)

    def end_stays(self, now: float) -> list[tuple[int, int]]:
        """End the stays without a stream whose time is over; returns them as (room_id, user_id)."""
        over = []
        for place in list(self._may_end):
            stay = self.stay(*place)
            if stay is None or stay.streams > 0:
                self._may_end.discard(place)
            elif stay.until <= now:
                self._may_end.discard(place)
                self.end_stay(*place)
                over.append(place)
        return over

    def forget_statuses(self, room_id: int, present: Iterable[int]) -> None:
        """Drop the status of users who are no longer in the room."""
        for key in [key for key in self.statuses if key[0] == room_id and key[1] not in present]:
            del self.statuses[key]

    def as_changes(self, slugs: Mapping[int, str]) -> list[Change]:
        """All of it, as the changes that lead there from nothing."""
        stays: list[Change] = [
            ["in", room_id, slugs[room_id], stay.user]
            for room_id, room in self.rooms.items()
            for stay in room.values()
        ]
        return stays + [["said", *place, *status] for place, status in self.statuses.items()]

    def apply(self, changes: Iterable[Change]) -> None:
        """Make these changes, which another process has published."""
        for kind, room_id, *rest in changes:
            if kind == "in":
                self.begin_stay(room_id, rest[1])
            elif kind == "out":
                self.end_stay(room_id, rest[0])
            else:
                self.statuses[room_id, rest[0]] = Status(rest[1], rest[2])


class Peer:
    """Another process: its places as far as they are known, and the number of its last news."""

    def __init__(self) -> None:
        self.places = Places()
        self.number: int | None = None
        self.received_at = 0.0
        self.asked_at = float("-inf")
        self._next_part = 0

    def learn(self, news: News) -> bool:
        """Take in its news; false when news before it is missing, so that the whole must be asked for."""
        if news["kind"] == "whole":
            return self._learn_whole(news)
        if news["kind"] == "beacon":
            return bool(self.number == news["number"])
        if self.number is None or news["number"] != self.number + 1:
            return False
        self.number = news["number"]
        self.places.apply(news["changes"])
        return True

    def _learn_whole(self, news: News) -> bool:
        if news["part"] == 0:
            self.places = Places()
            self._next_part = 0
        if news["part"] != self._next_part:
            return bool(self.number == news["number"])
        self._next_part += 1
        self.places.apply(news["changes"])
        if self._next_part == news["parts"]:
            self.number = news["number"]
        return True


def in_parts(changes: list[Change]) -> Iterator[list[Change]]:
    """The changes in parts that are small enough for a datagram; none for no changes."""
    for start in range(0, len(changes), PART_CHANGES):
        yield changes[start : start + PART_CHANGES]
