"""Who is here and who is typing: each process publishes what it knows of its own readers, and merges what others do.

Nothing of it is in the log. Each process numbers what it publishes, so the next datagram reveals a lost one, and the
others ask for the whole. Readers are sent transitions only, batched for a second, because presence grows as the people
times the readers of a room, which is what brings other chats down.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from chat.realtime.hub import Hub
from chat.realtime.presence import rosters
from chat.realtime.presence.announcer import Announcer
from chat.realtime.presence.merged import Merged
from chat.realtime.presence.peers import Change, Peer, Status, Stay, in_parts
from chat.realtime.presence.rosters import Roster, User
from chat.realtime.relay import News, Relay

log = logging.getLogger(__name__)

GRACE_SECONDS = 22.0  # a return within 20 s is no change, and news of it may take two more
BEACON_SECONDS = 5.0  # how soon a lost last datagram is noticed
PEER_DEAD_SECONDS = 30.0  # several BEACON_SECONDS, and the grace period for those who were there
ASK_SECONDS = 2.0  # before a peer is asked for the whole again


class MemoryPresence:
    """Presence of a process that lasts: others know within a second, by the relay, and so do readers.

    The people of a process that was killed are here until others have missed it for `PEER_DEAD_SECONDS`. `clock` is
    monotonic.
    """

    def __init__(
        self, hub: Hub, relay: Relay, roster_max: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._relay = relay
        self._roster_max = roster_max
        self._clock = clock
        self._lock = threading.RLock()
        self._name = secrets.token_hex(6)
        self._merged = Merged(roster_max)
        self._mine = self._merged.mine
        self._slugs: dict[int, str] = {}
        self._announcer = Announcer(hub, roster_max)
        self._unsent: list[Change] = []
        self._number = 0
        self._beacon_at = float("-inf")

    # What readers of this process do

    def enter(self, user: User, rooms: Mapping[int, str]) -> None:
        with self._lock:
            for room_id, slug in rooms.items():
                self._be_in(room_id, slug, user).streams += 1

    def leave(self, user: User, room_ids: Iterable[int]) -> None:
        """The grace period is `GRACE_SECONDS`."""
        with self._lock:
            for room_id in room_ids:
                stay = self._mine.stay(room_id, user["id"])
                if stay:
                    stay.streams -= 1
                    self._mine.lasts_until(room_id, user["id"], self._clock() + GRACE_SECONDS)

    def poll(self, user: User, rooms: Mapping[int, str], seconds: float) -> None:
        with self._lock:
            for room_id, slug in rooms.items():
                self._be_in(room_id, slug, user)
                self._mine.lasts_until(room_id, user["id"], self._clock() + seconds)

    def set_away(self, user: User, room_id: int, is_away: bool) -> None:
        with self._lock:
            # Newer than every status before it, even if the clock has been set back since.
            at = max(time.time(), self._merged.newest_status(user["id"], room_id).at + 0.001)
            status = Status(at, is_away)
            self._mine.statuses[room_id, user["id"]] = status
            self._unsent.append(["said", room_id, user["id"], *status])
            self._merged.mark(room_id)

    def is_away(self, user_id: int, room_id: int) -> bool:
        return self._merged.newest_status(user_id, room_id).is_away

    def typing(self, user: User, room_id: int, slug: str) -> None:
        self._announcer.send_typing(user, room_id, slug)
        self._relay.publish({"kind": "typing", "user": user, "room_id": room_id, "slug": slug})

    def forget(self, user_id: int, nameless: str) -> None:
        with self._lock:
            for places in self._merged.all_places():
                for room_id in [room_id for room_id, room in places.rooms.items() if user_id in room]:
                    places.end_stay(room_id, user_id)
                    self._merged.mark(room_id)
                    if places is self._mine:
                        self._unsent.append(["out", room_id, user_id])
            self._announcer.forget(user_id, nameless)

    # Rosters

    def roster(self, room_id: int) -> Roster:
        with self._lock:
            return rosters.of_people(self._merged.people(room_id))

    def shown(self, room_id: int) -> Roster:
        with self._lock:
            return self._merged.shown(room_id)

    def wholes(self, rooms: Mapping[int, str], cursor: int, most_bytes: int) -> Iterator[str]:
        return rosters.wholes(rooms, self.shown, cursor, most_bytes)

    def token(self, room_ids: Iterable[int]) -> str:
        with self._lock:
            return rosters.joined(self._merged.token(room_id) for room_id in sorted(room_ids))

    def people_here(self) -> set[int]:
        with self._lock:
            return {user_id for room in self._mine.rooms.values() for user_id in room}

    def everybody_here(self) -> set[int]:
        with self._lock:
            return self._merged.user_ids()

    # Other processes, and the ticker

    def start(self) -> None:
        """The others answer when they receive it."""
        self._relay.publish({"kind": "ask", "of": None})

    def receive(self, news: News) -> None:
        if news["kind"] == "typing":
            return self._announcer.send_typing(news["user"], news["room_id"], news["slug"])
        with self._lock:
            if news["kind"] == "ask":
                if news["of"] in (None, self._name):
                    self._publish_whole()
                return
            peer = self._merged.peers.setdefault(news["from"], Peer())
            peer.received_at = now = self._clock()
            replaced = list(peer.places.rooms) if news["kind"] == "whole" else []
            if peer.learn(news):
                for room_id in replaced:
                    self._merged.mark(room_id)
                for kind, room_id, *rest in news.get("changes", ()):
                    self._merged.mark(room_id)
                    if kind == "in":
                        self._slugs[room_id] = rest[0]
            elif now - peer.asked_at >= ASK_SECONDS:
                peer.asked_at = now
                self._relay.publish({"kind": "ask", "of": news["from"]})

    def tick(self) -> None:
        """To be called once a second, which batches the changes."""
        with self._lock:
            now = self._clock()
            for room_id, user_id in self._mine.end_stays(now):
                self._unsent.append(["out", room_id, user_id])
                self._merged.mark(room_id)
            self._forget_dead_peers(now)
            self._publish_changes(now)
            for room_id in list(self._merged.changed):
                try:
                    self._send_changes(room_id, now)
                except Exception:  # one room's failure must not affect the others
                    log.exception("a roster could not be told")

    def _be_in(self, room_id: int, slug: str, user: User) -> Stay:
        self._slugs[room_id] = slug
        counted = self._merged.is_counted(room_id, user["id"])
        stay, is_new = self._mine.begin_stay(room_id, user)
        if is_new:
            self._unsent.append(["in", room_id, slug, user])
            self._merged.mark(room_id, user["id"], counted)
        return stay

    def _send_changes(self, room_id: int, now: float) -> None:
        """Send the room's readers what differs from what they were sent; what is too much waits for the next tick."""
        count = self._merged.count(room_id)
        slug = self._slugs.get(room_id, "")  # unknown for a room that nobody has entered, where nothing is sent
        if count > self._roster_max:
            is_all_sent = self._announcer.send_count(room_id, slug, count, now)
        else:
            is_all_sent = self._announcer.send_people(room_id, slug, self._merged.people(room_id))
        if is_all_sent:
            self._merged.changed.discard(room_id)
            self._merged.forget_statuses(room_id)

    def _forget_dead_peers(self, now: float) -> None:
        for name, peer in list(self._merged.peers.items()):
            if now - peer.received_at > PEER_DEAD_SECONDS:
                del self._merged.peers[name]
                for room_id in peer.places.rooms:
                    self._merged.mark(room_id)

    def _publish_changes(self, now: float) -> None:
        changes, self._unsent = self._unsent, []
        for part in in_parts(changes):
            self._number += 1
            self._publish("changes", changes=part)
        if now - self._beacon_at >= BEACON_SECONDS:
            self._beacon_at = now
            self._publish("beacon")

    def _publish_whole(self) -> None:
        self._publish_changes(self._clock())
        parts = list(in_parts(self._mine.as_changes(self._slugs))) or [[]]
        for part_number, part in enumerate(parts):
            self._publish("whole", part=part_number, parts=len(parts), changes=part)

    def _publish(self, kind: str, **content: object) -> None:
        self._relay.publish({"kind": kind, "from": self._name, "number": self._number, **content})
