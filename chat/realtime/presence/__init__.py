"""Who is here and who is typing: one contract, with a form for processes that last and one for those that do not."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from chat.realtime.presence.rosters import Roster, User


class Presence(Protocol):
    """The rosters of all rooms; rooms are given as id and slug, and every time is in seconds.

    Nothing here raises because others cannot be reached or a roster cannot be read: it is then shorter than it should
    be. An implementation says in its docstring how soon other processes know, and what it leaves out.
    """

    def start(self) -> None:
        """Learn who is with the others; once, before readers are held."""

    def receive(self, news: dict[str, Any]) -> None:
        """Take in what another process has published by the relay."""

    def tick(self) -> None:
        """Let go who is gone, and tell what is still to be told. Called from time to time."""

    def enter(self, user: User, rooms: Mapping[int, str]) -> None:
        """A stream of the user begins to hear these rooms."""

    def leave(self, user: User, room_ids: Iterable[int]) -> None:
        """That stream has ended; the user is gone unless one of theirs comes within a grace, or polls."""

    def poll(self, user: User, rooms: Mapping[int, str], seconds: float) -> None:
        """The user has polled these rooms, and counts as present for so long at least."""

    def set_away(self, user: User, room_id: int, is_away: bool) -> None:
        """The user says of themselves that they are here, or away; the newest word counts, whoever heard it."""

    def is_away(self, user_id: int, room_id: int) -> bool:
        """Whether the newest word of this user about this room was that they are away."""

    def typing(self, user: User, room_id: int, slug: str) -> None:
        """Tell every reader of the room whom news can reach that the user is typing."""

    def forget(self, user_id: int, nameless: str) -> None:
        """Take somebody from all rosters at once, without grace; that they went is told without their name."""

    def roster(self, room_id: int) -> Roster:
        """Everybody in the room, by name."""

    def shown(self, room_id: int) -> Roster:
        """The roster as readers are shown it: of a crowd the count, else `rosters.NAMES_WHOLE` names at most."""

    def wholes(self, rooms: Mapping[int, str], cursor: int, most_bytes: int) -> Iterator[str]:
        """The JSON of a `presence` event for each of these rooms, which says all there is to say of it.

        Of a room whose names would lead past `most_bytes` in all, it gives the count alone.
        """

    def token(self, room_ids: Iterable[int]) -> str:
        """A short text that differs when any of these rosters does, the same in every process."""

    def people_here(self) -> set[int]:
        """The ids of all users who are present in this process."""

    def everybody_here(self) -> set[int]:
        """The ids of all users who are present, in whatever process."""
