"""The people of all processes together: what each of them knows of its own readers, merged."""

from collections.abc import Iterator

from chat.realtime.presence import rosters
from chat.realtime.presence.peers import Peer, Places, Status
from chat.realtime.presence.rosters import People, Roster

NO_STATUS = Status(0, False)


class Merged:
    """Who is in which room, by this process (`mine`) or another (`peers`, by name).

    Counts, rosters and tokens of a room are cached until `mark` notes that its people have changed; `changed` are the
    rooms whose readers have not been sent that yet. It has no lock: its owner calls it under one.
    """

    def __init__(self, roster_max: int) -> None:
        self.mine = Places()
        self.peers: dict[str, Peer] = {}
        self.changed: set[int] = set()
        self._roster_max = roster_max
        self._tokens: dict[int, str] = {}
        self._shown: dict[int, Roster] = {}
        self._counts: dict[int, int] = {}  # of those here; kept up to date, because counting a crowd takes long

    def all_places(self) -> Iterator[Places]:
        """The places of this process, then those of each other one."""
        yield self.mine
        for peer in self.peers.values():
            yield peer.places

    def people(self, room_id: int) -> People:
        """Everyone in the room, by any process."""
        merged: People = {}
        for places in self.all_places():
            for user_id, stay in places.rooms.get(room_id, {}).items():
                if user_id not in merged:
                    merged[user_id] = stay.user, self.newest_status(user_id, room_id).is_away
        return merged

    def user_ids(self) -> set[int]:
        """Everyone who is in any room."""
        return {user_id for places in self.all_places() for room in places.rooms.values() for user_id in room}

    def newest_status(self, user_id: int, room_id: int) -> Status:
        """What the user last said about being away, to any process; `NO_STATUS` if nothing."""
        newest = NO_STATUS
        for places in self.all_places():
            status = places.statuses.get((room_id, user_id)) if places.statuses else None
            if status is not None and status > newest:
                newest = status
        return newest

    def is_counted(self, room_id: int, user_id: int) -> bool:
        """Whether the user is in the room, by any process, and not away."""
        is_in = any(user_id in places.rooms.get(room_id, ()) for places in self.all_places())
        return is_in and not self.newest_status(user_id, room_id).is_away

    def mark(self, room_id: int, user_id: int | None = None, was_counted: bool = False) -> None:
        """Note that the room's people have changed; for a single user the count is adjusted rather than made again."""
        self.changed.add(room_id)
        self._tokens.pop(room_id, None)
        self._shown.pop(room_id, None)
        if user_id is None:
            self._counts.pop(room_id, None)
        elif room_id in self._counts:
            self._counts[room_id] += self.is_counted(room_id, user_id) - was_counted

    def count(self, room_id: int) -> int:
        """How many are in the room and not away."""
        if room_id not in self._counts:
            self._counts[room_id] = sum(not is_away for _, is_away in self.people(room_id).values())
        return self._counts[room_id]

    def shown(self, room_id: int) -> Roster:
        """The roster as `Presence.shown` has it."""
        if room_id not in self._shown:
            count = self.count(room_id)
            is_crowd = count > self._roster_max
            roster = rosters.of_crowd(count) if is_crowd else rosters.of_people(self.people(room_id))
            self._shown[room_id] = rosters.as_shown(roster, self._roster_max)
        return self._shown[room_id]

    def token(self, room_id: int) -> str:
        """A text that differs when the room's roster does."""
        if room_id not in self._tokens:
            count = self.count(room_id)
            is_crowd = count > self._roster_max
            self._tokens[room_id] = (
                rosters.token_of_crowd(room_id, count) if is_crowd
                else rosters.token_of_people(room_id, self.people(room_id))
            )
        return self._tokens[room_id]

    def forget_statuses(self, room_id: int) -> None:
        """Drop the status of users who are no longer in the room, by any process."""
        if any(places.statuses for places in self.all_places()):
            present = {user_id for places in self.all_places() for user_id in places.rooms.get(room_id, ())}
            for places in self.all_places():
                places.forget_statuses(room_id, present)
