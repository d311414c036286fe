"""Who is here and who is typing: what every process knows of its own readers, told to the others and merged.

Nothing of it is in the log. Each process numbers what it tells, so that a lost datagram is noticed by the next one
and healed by asking for the whole. Readers are told transitions only, gathered for a second: presence is what
brings other chats down, N people times N readers.
"""

import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chat.core import log_events, sse
from chat.core.wire import to_json
from chat.realtime.hub import Hub
from chat.realtime.presence.peers import Peer, Places, SaidState, numbered_parts
from chat.realtime.relay import Relay

log = logging.getLogger(__name__)

User = dict[str, Any]  # id, name, kind, colour, initial, as the contract has them
People = dict[int, tuple[User, bool]]  # by the user's id, with whether they are away

GRACE_SECONDS = 22.0  # a return within 20 s is no change, and word of it may need two to come round
BEACON_SECONDS = 5.0  # how soon a lost last word is noticed
PEER_DEAD_SECONDS = 30.0  # BEACON_SECONDS a few times over, and the grace for those who were there
NAMES_A_CHANGE = 50
NAMES_WHOLE = 200
STREAM_WHOLES_BYTES = 192 * 1024  # of names that one reader is told at once: some twelve full rooms
POLL_WHOLES_BYTES = 80 * 1024  # the same of an answer, which holds a piece of events, too, and stays below 256 KB
TOKEN_CHARACTERS = 200  # it comes back in an address, for which servers allow a few thousand
COUNT_SECONDS = 5.0  # how often a count alone is told
ASK_SECONDS = 2.0  # how long an answer may take before it is asked for again
TYPING_MS = 6000
NOTHING_SAID = SaidState(0, False)


@dataclass(frozen=True)
class Roster:
    """The people of a room by name; `count` counts those who are here, not those who are away."""

    count: int
    here: list[User]
    away: list[User]


class Presence:
    """The rosters of all rooms as this process knows them. `clock` is monotonic, in seconds."""

    def __init__(
        self, hub: Hub, relay: Relay, roster_max: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._hub = hub
        self._relay = relay
        self._roster_max = roster_max
        self._clock = clock
        self._lock = threading.RLock()
        self._name = secrets.token_hex(6)
        self._mine = Places()
        self._peers: dict[str, Peer] = {}
        self._slugs: dict[int, str] = {}
        self._tokens: dict[int, str] = {}
        self._shown: dict[int, Roster] = {}
        self._counts: dict[int, int] = {}  # of those here; kept up, because a crowd takes long to count
        self._told: dict[int, People] = {}
        self._crowds: set[int] = set()  # rooms of whose people the readers were told only the number
        self._changed: set[int] = set()
        self._counted_at: dict[int, float] = {}
        self._unsent: list[list[Any]] = []
        self._number = 0
        self._beacon_at = float("-inf")

    # What views say of the readers of this process

    def enter(self, user: User, rooms: Mapping[int, str]) -> None:
        """A stream of the user begins to hear these rooms, given as id and slug."""
        with self._lock:
            for room_id, slug in rooms.items():
                self._be_in(room_id, slug, user).streams += 1

    def leave(self, user: User, room_ids: Iterable[int]) -> None:
        """That stream has ended; the user is gone unless one of theirs comes within `GRACE_SECONDS`."""
        with self._lock:
            for room_id in room_ids:
                stay = self._mine.stay(room_id, user["id"])
                if stay:
                    stay.streams -= 1
                    self._mine.lasts_until(room_id, user["id"], self._clock() + GRACE_SECONDS)

    def poll(self, user: User, rooms: Mapping[int, str], seconds: float) -> None:
        """The user has polled these rooms, and counts as present for so long."""
        with self._lock:
            for room_id, slug in rooms.items():
                self._be_in(room_id, slug, user)
                self._mine.lasts_until(room_id, user["id"], self._clock() + seconds)

    def say(self, user: User, room_id: int, is_away: bool) -> None:
        """The user says of themselves that they are here, or away; the newest word counts, whoever heard it."""
        with self._lock:
            # Newer than every word before it, also where the clock was set back since.
            at = max(time.time(), self._newest_word(user["id"], room_id).at + 0.001)
            said = SaidState(at, is_away)
            self._mine.said[room_id, user["id"]] = said
            self._unsent.append(["said", room_id, user["id"], *said])
            self._mark(room_id)

    def is_away(self, user_id: int, room_id: int) -> bool:
        """Whether the newest word of this user about this room was that they are away."""
        return self._newest_word(user_id, room_id).is_away

    def _newest_word(self, user_id: int, room_id: int) -> SaidState:
        newest = NOTHING_SAID
        for places in self._all_places():
            said = places.said.get((room_id, user_id)) if places.said else None
            if said is not None and said > newest:
                newest = said
        return newest

    def typing(self, user: User, room_id: int, slug: str) -> None:
        """Tell everybody in the room, in every process, that the user is typing."""
        self._tell_typing(user, room_id, slug)
        self._relay.publish({"kind": "typing", "user": user, "room_id": room_id, "slug": slug})

    def forget(self, user_id: int, nameless: str) -> None:
        """Take somebody from all rosters at once, without grace; that they went is told without their name."""
        with self._lock:
            for places in self._all_places():
                for room_id in [room_id for room_id, room in places.rooms.items() if user_id in room]:
                    places.end_stay(room_id, user_id)
                    self._mark(room_id)
                    if places is self._mine:
                        self._unsent.append(["out", room_id, user_id])
            for told in self._told.values():
                if user_id in told:
                    told[user_id] = {"id": user_id, "name": nameless, "kind": "guest"}, False

    # What is asked

    def count(self, room_id: int) -> int:
        """How many are here in the room, and not away."""
        with self._lock:
            if room_id not in self._counts:
                self._counts[room_id] = sum(not is_away for _, is_away in self._merged(room_id).values())
            return self._counts[room_id]

    def roster(self, room_id: int) -> Roster:
        with self._lock:
            people = sorted(self._merged(room_id).values(), key=lambda person: person[0]["name"].casefold())
        here = [user for user, is_away in people if not is_away]
        return Roster(len(here), here, [user for user, is_away in people if is_away])

    def shown(self, room_id: int) -> Roster:
        """The roster as readers are shown it: above `roster_max` a number, else so many names at most."""
        with self._lock:
            if room_id not in self._shown:
                self._shown[room_id] = self._to_show(room_id)
            return self._shown[room_id]

    def _to_show(self, room_id: int) -> Roster:
        count = self.count(room_id)
        if count > self._roster_max:
            return Roster(count, [], [])
        roster = self.roster(room_id)
        return Roster(roster.count, roster.here[:NAMES_WHOLE], roster.away[:NAMES_WHOLE])

    def whole(self, room_id: int, slug: str, cursor: int) -> str:
        """The JSON of a `presence` event that says all there is to say of the room."""
        return _as_whole(self.shown(room_id), slug, cursor)

    def wholes(self, rooms: Mapping[int, str], cursor: int, most_bytes: int) -> Iterator[str]:
        """The same for each of these rooms, by id and slug; of a room whose names are too much, the count alone."""
        size = 0
        for room_id, slug in rooms.items():
            roster = self.shown(room_id)
            whole = _as_whole(roster, slug, cursor)
            if size + len(whole.encode()) > most_bytes:
                whole = _as_whole(Roster(roster.count, [], []), slug, cursor)
            else:
                size += len(whole.encode())
            yield whole

    def token(self, room_ids: Iterable[int]) -> str:
        """A short text that differs when any of these rosters does, the same in every process."""
        with self._lock:
            tokens = "".join(self._token(room_id) for room_id in sorted(room_ids))
        return tokens if len(tokens) <= TOKEN_CHARACTERS else hashlib.sha256(tokens.encode()).hexdigest()

    # What comes from other processes, and the ticker

    def start(self) -> None:
        """Ask the others who is with them."""
        self._relay.publish({"kind": "ask", "of": None})

    def hear(self, news: dict[str, Any]) -> None:
        """Take in what another process has published."""
        if news["kind"] == "typing":
            return self._tell_typing(news["user"], news["room_id"], news["slug"])
        with self._lock:
            if news["kind"] == "ask":
                if news["of"] in (None, self._name):
                    self._publish_whole()
                return
            peer = self._peers.setdefault(news["from"], Peer())
            peer.heard_at = now = self._clock()
            replaced = list(peer.places.rooms) if news["kind"] == "whole" else []
            if peer.learn(news):
                for room_id in replaced:
                    self._mark(room_id)
                for kind, room_id, *rest in news.get("changes", ()):
                    self._mark(room_id)
                    if kind == "in":
                        self._slugs[room_id] = rest[0]
            elif now - peer.asked_at >= ASK_SECONDS:
                peer.asked_at = now
                self._relay.publish({"kind": "ask", "of": news["from"]})

    def tick(self) -> None:
        """Once a second: let go who is gone, tell the others, tell the readers."""
        with self._lock:
            now = self._clock()
            for room_id, user_id in self._mine.end_stays(now):
                self._unsent.append(["out", room_id, user_id])
                self._mark(room_id)
            self._forget_dead_peers(now)
            self._publish_changes(now)
            for room_id in list(self._changed):
                try:
                    self._tell_changes(room_id, now)
                except Exception:  # one room's trouble must not become every room's
                    log.exception("a roster could not be told")

    def people_here(self) -> set[int]:
        """The ids of all users who are present in this process."""
        with self._lock:
            return {user_id for room in self._mine.rooms.values() for user_id in room}

    def everybody_here(self) -> set[int]:
        """The ids of all users who are present, in whatever process."""
        with self._lock:
            return {user_id for places in self._all_places() for room in places.rooms.values() for user_id in room}

    def _be_in(self, room_id: int, slug: str, user: User) -> Any:
        self._slugs[room_id] = slug
        counted = self._is_counted(room_id, user["id"])
        stay, is_new = self._mine.begin_stay(room_id, user)
        if is_new:
            self._unsent.append(["in", room_id, slug, user])
            self._mark(room_id, user["id"], counted)
        return stay

    def _is_counted(self, room_id: int, user_id: int) -> bool:
        """Whether the user is here in the room, in whatever process, and not away."""
        is_in = any(user_id in places.rooms.get(room_id, ()) for places in self._all_places())
        return is_in and not self.is_away(user_id, room_id)

    def _mark(self, room_id: int, user_id: int | None = None, was_counted: bool = False) -> None:
        """Note that the room's roster has changed; where it was one user, the count need not be made anew."""
        self._changed.add(room_id)
        self._tokens.pop(room_id, None)
        self._shown.pop(room_id, None)
        if user_id is None:
            self._counts.pop(room_id, None)
        elif room_id in self._counts:
            self._counts[room_id] += self._is_counted(room_id, user_id) - was_counted

    def _token(self, room_id: int) -> str:
        if room_id not in self._tokens and self.count(room_id) > self._roster_max:
            self._tokens[room_id] = f"{room_id}-{self.count(room_id)}-"  # of a crowd nothing else is shown
        if room_id not in self._tokens:
            people = sorted((user_id, is_away) for user_id, (_, is_away) in self._merged(room_id).items())
            self._tokens[room_id] = hashlib.sha256(repr((room_id, people)).encode()).hexdigest()[:8]
        return self._tokens[room_id]

    def _all_places(self) -> Iterator[Places]:
        yield self._mine
        for peer in self._peers.values():
            yield peer.places

    def _merged(self, room_id: int) -> People:
        """Everybody in the room, in whatever process."""
        merged: People = {}
        for places in self._all_places():
            for user_id, stay in places.rooms.get(room_id, {}).items():
                if user_id not in merged:
                    merged[user_id] = stay.user, self.is_away(user_id, room_id)
        return merged

    def _forget_dead_peers(self, now: float) -> None:
        for name, peer in list(self._peers.items()):
            if now - peer.heard_at > PEER_DEAD_SECONDS:
                del self._peers[name]
                for room_id in peer.places.rooms:
                    self._mark(room_id)

    def _publish_changes(self, now: float) -> None:
        changes, self._unsent = self._unsent, []
        for part in numbered_parts(changes):
            self._number += 1
            self._publish("changes", changes=part)
        if now - self._beacon_at >= BEACON_SECONDS:
            self._beacon_at = now
            self._publish("beacon")

    def _publish_whole(self) -> None:
        self._publish_changes(self._clock())
        parts = list(numbered_parts(self._mine.as_changes(self._slugs))) or [[]]
        for part_number, part in enumerate(parts):
            self._publish("whole", part=part_number, parts=len(parts), changes=part)

    def _publish(self, kind: str, **content: Any) -> None:
        self._relay.publish({"kind": kind, "from": self._name, "number": self._number, **content})

    # What readers are told

    def _tell_changes(self, room_id: int, now: float) -> None:
        """Tell the room's readers what differs from what they were told; what is too much waits a second."""
        count = self.count(room_id)
        if count > self._roster_max:
            if now - self._counted_at.get(room_id, float("-inf")) >= COUNT_SECONDS:
                self._counted_at[room_id] = now
                self._changed.discard(room_id)
                self._crowds.add(room_id)
                self._told.pop(room_id, None)
                if any(places.said for places in self._all_places()):
                    self._forget_said(room_id, self._merged(room_id))
                self._tell(room_id, {"count": count})
            return
        people = self._merged(room_id)
        if room_id in self._crowds:
            return self._tell_whole(room_id, people)
        told = self._told.setdefault(room_id, {})
        change = _bring_forward(told, people)
        if change:
            self._tell(room_id, {"count": count, **change})
        if told == people:
            self._settle(room_id, people)

    def _tell_whole(self, room_id: int, people: People) -> None:
        """A crowd has become so few that they have names again."""
        self._crowds.discard(room_id)
        self._settle(room_id, people)
        whole = self.whole(room_id, self._slugs[room_id], self._hub.last_id)
        self._hub.tell(f"room:{room_id}", sse.frame(log_events.PRESENCE, whole))

    def _settle(self, room_id: int, people: People) -> None:
        """The room's readers know everything."""
        self._changed.discard(room_id)
        self._told[room_id] = people
        self._forget_said(room_id, people)
        if not people:
            del self._told[room_id]
            self._counted_at.pop(room_id, None)

    def _forget_said(self, room_id: int, people: People) -> None:
        for places in self._all_places():
            places.forget_said(room_id, people)

    def _tell(self, room_id: int, change: dict[str, Any]) -> None:
        frame = sse.frame(log_events.PRESENCE, to_json({"room": self._slugs[room_id], **change}))
        self._hub.tell(f"room:{room_id}", frame)

    def _tell_typing(self, user: User, room_id: int, slug: str) -> None:
        typing = {"room": slug, "user": user, "expires_in_ms": TYPING_MS}
        self._hub.tell(f"room:{room_id}", sse.frame(log_events.TYPING, to_json(typing)))


def _as_whole(roster: Roster, slug: str, cursor: int) -> str:
    lists = {"here": roster.here, "away": roster.away}
    return to_json({"room": slug, "whole": True, "count": roster.count, **lists, "cursor": cursor})


def _bring_forward(told: People, people: People) -> dict[str, list[User]]:
    """Lead `told` one change nearer to `people`; returns that change as the contract has it, or nothing."""
    differing = [user_id for user_id in people if told.get(user_id) != people[user_id]]
    came = [user_id for user_id in differing if not people[user_id][1]][:NAMES_A_CHANGE]
    away = [user_id for user_id in differing if people[user_id][1]][:NAMES_A_CHANGE]
    went = [user_id for user_id in told if user_id not in people][:NAMES_A_CHANGE]
    told.update({user_id: people[user_id] for user_id in came + away})
    change = {
        "came": [people[user_id][0] for user_id in came],
        "went": [told.pop(user_id)[0] for user_id in went],
        "away": [people[user_id][0] for user_id in away],
    }
    return change if came or away or went else {}
