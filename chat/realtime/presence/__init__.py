"""Who is here and who is typing: one protocol, for processes that last and for those that end with a request."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from chat.realtime.presence.rosters import Roster, User
from chat.realtime.relay import News


class Presence(Protocol):
    """The rosters of all rooms; rooms are given as slugs by id, and every time is in seconds.

    Nothing raises because other processes cannot be reached or a roster cannot be read: the roster is then shorter than
    it should be. An implementation says in its docstring how soon other processes know, and what it leaves out.
    """

    def start(self) -> None:
        """Ask the other processes for their people. Called once, before readers are held."""

    def receive(self, news: News) -> None:
        """Take in what another process has published by the relay."""

    def tick(self) -> None:
        """Drop those who are gone, and send readers and other processes what has changed. Called from time to time."""

    def enter(self, user: User, rooms: Mapping[int, str]) -> None:
        """A stream of the user begins to cover these rooms."""

    def leave(self, user: User, room_ids: Iterable[int]) -> None:
        """A stream no longer covers these rooms; the user is gone unless they return within a grace period, or poll."""

    def poll(self, user: User, rooms: Mapping[int, str], seconds: float) -> None:
        """The user has polled these rooms, and is present for at least so long."""

    def set_away(self, user: User, room_id: int, is_away: bool) -> None:
        """The user has said that they are here, or away; the newest statement counts, whichever process received it."""

    def is_away(self, user_id: int, room_id: int) -> bool:
        """Whether this user's newest statement about this room was that they are away."""

    def typing(self, user: User, room_id: int, slug: str) -> None:
        """Send the readers of the room that the user is typing, as far as news reaches them."""

    def forget(self, user_id: int, nameless: str) -> None:
        """Take somebody from all rosters at once, without a grace period; readers are sent `nameless` as their name."""

    def roster(self, room_id: int) -> Roster:
        """Everyone in the room, sorted by name."""

    def shown(self, room_id: int) -> Roster:
        """The roster as readers are shown it: for a crowd the count, otherwise at most `rosters.NAMES_WHOLE` names."""

    def wholes(self, rooms: Mapping[int, str], cursor: int, most_bytes: int) -> Iterator[str]:
        """The JSON of a whole `presence` event for each of these rooms, with this cursor.

        A room whose names would exceed `most_bytes` in all has its count alone.
        """

    def token(self, room_ids: Iterable[int]) -> str:
        """A short text that differs when any of these rosters does, the same in every process."""

    def people_here(self) -> set[int]:
        """The ids of all users who are present in this process."""

    def everybody_here(self) -> set[int]:
        """The ids of all users who are present, in whatever process."""
