"""What one process says of the people with it, as kept by itself and by those who listen to it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

PART_CHANGES = 200  # keeps a datagram well below what a socket takes


class Status(NamedTuple):
    """What a user said of themselves, and when, in seconds of the wall clock that all processes share."""

    at: float
    is_away: bool


NEVER = float("-inf")


class Stay:
    """A user's presence in a room of one process: streams that are open, or a time until which it lasts."""

    __slots__ = ("streams", "until", "user")

    def __init__(self, user: Mapping[str, Any]) -> None:
        self.user = user
        self.streams = 0
        self.until = NEVER


class Places:
    """Who is in which room of one process, and what users told it of themselves."""

    def __init__(self) -> None:
        self.rooms: dict[int, dict[int, Stay]] = {}
        self.statuses: dict[tuple[int, int], Status] = {}
        self._may_end: set[tuple[int, int]] = set()  # stays that a time ends: a second costs these, and not a crowd

    def stay(self, room_id: int, user_id: int) -> Stay | None:
        return self.rooms.get(room_id, {}).get(user_id)

    def begin_stay(self, room_id: int, user: Mapping[str, Any]) -> tuple[Stay, bool]:
        """The user's stay, and whether it is new."""
        room = self.rooms.setdefault(room_id, {})
        is_new = user["id"] not in room
        if is_new:
            room[user["id"]] = Stay(user)
        return room[user["id"]], is_new

    def lasts_until(self, room_id: int, user_id: int, until: float) -> None:
        """Let the stay last until then at least; it ends when that is over, unless a stream is open."""
        stay = self.rooms[room_id][user_id]
        stay.until = max(stay.until, until)
        self._may_end.add((room_id, user_id))

    def end_stay(self, room_id: int, user_id: int) -> None:
        room = self.rooms.get(room_id, {})
        room.pop(user_id, None)
        if not room:
            self.rooms.pop(room_id, None)

    def end_stays(self, now: float) -> list[tuple[int, int]]:
        """Let go of those whose streams have ended and whose time is over; returns them as (room_id, user_id)."""
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
        """Drop the words of users who are no longer in the room."""
        for key in [key for key in self.statuses if key[0] == room_id and key[1] not in present]:
            del self.statuses[key]

    def as_changes(self, slugs: Mapping[int, str]) -> list[list[Any]]:
        """All of it, as the changes that lead there from nothing."""
        stays = [
            ["in", room_id, slugs[room_id], stay.user]
            for room_id, room in self.rooms.items()
            for stay in room.values()
        ]
        statuses = [["said", room_id, user_id, *status] for (room_id, user_id), status in self.statuses.items()]
        return stays + statuses

    def apply(self, changes: Iterable[list[Any]]) -> None:
        for kind, room_id, *rest in changes:
            if kind == "in":
                self.begin_stay(room_id, rest[1])
            elif kind == "out":
                self.end_stay(room_id, rest[0])
            else:
                self.statuses[room_id, rest[0]] = Status(rest[1], rest[2])


class Peer:
    """Another process: its places as far as they were heard of, and the number of its last word."""

    def __init__(self) -> None:
        self.places = Places()
        self.number: int | None = None
        self.received_at = 0.0
        self.asked_at = float("-inf")
        self._next_part = 0

    def learn(self, news: dict[str, Any]) -> bool:
        """Take in its word; false when one before it is missing, so that the whole must be asked for."""
        if news["kind"] == "whole":
            return self._learn_whole(news)
        if news["kind"] == "beacon":
            return bool(self.number == news["number"])
        if self.number is None or news["number"] != self.number + 1:
            return False
        self.number = news["number"]
        self.places.apply(news["changes"])
        return True

    def _learn_whole(self, news: dict[str, Any]) -> bool:
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


def numbered_parts(changes: list[list[Any]]) -> Iterator[list[list[Any]]]:
    for start in range(0, len(changes), PART_CHANGES):
        yield changes[start : start + PART_CHANGES]
