"""What the readers of a process are sent about the people in their rooms: transitions, and nothing twice."""

from collections.abc import Mapping
from typing import cast

from chat.core import log_events, sse
from chat.core.wire import to_json
from chat.realtime.hub import Hub
from chat.realtime.presence import rosters
from chat.realtime.presence.rosters import People, User

NAMES_A_CHANGE = 50  # in each list of a `presence` event
COUNT_SECONDS = 5.0  # between two counts of a crowd
TYPING_MS = 6000


class Announcer:
    """Sends the hub's readers transitions, and remembers for each room what they have been sent.

    It has no lock: its owner calls it under one.
    """

    def __init__(self, hub: Hub, roster_max: int) -> None:
        self._hub = hub
        self._roster_max = roster_max
        self._sent: dict[int, People] = {}
        self._crowds: set[int] = set()  # rooms whose readers have only the count
        self._counted_at: dict[int, float] = {}

    def send_count(self, room_id: int, slug: str, count: int, now: float) -> bool:
        """Send the count of a crowd; false when the last one was within `COUNT_SECONDS`, so that it must wait."""
        if now - self._counted_at.get(room_id, float("-inf")) < COUNT_SECONDS:
            return False
        self._counted_at[room_id] = now
        self._crowds.add(room_id)
        self._sent.pop(room_id, None)
        self._send(room_id, {"room": slug, "count": count})
        return True

    def send_people(self, room_id: int, slug: str, people: People) -> bool:
        """Send what differs from what was sent, or everyone of what was a crowd; false when some of it must wait."""
        if room_id in self._crowds:
            self._crowds.discard(room_id)
            self._settle(room_id, people)
            shown = rosters.as_shown(rosters.of_people(people), self._roster_max)
            whole = rosters.as_whole(shown, slug, self._hub.last_id)
            self._hub.send(f"room:{room_id}", sse.frame(log_events.PRESENCE, whole))
            return True
        sent = self._sent.setdefault(room_id, {})
        change = _bring_forward(sent, people)
        if change:
            count = sum(not is_away for _, is_away in people.values())
            self._send(room_id, {"room": slug, "count": count, **change})
        if sent != people:
            return False
        self._settle(room_id, people)
        return True

    def send_typing(self, user: User, room_id: int, slug: str) -> None:
        """Send that the user is typing, which readers show for `TYPING_MS`."""
        typing = {"room": slug, "user": user, "expires_in_ms": TYPING_MS}
        self._hub.send(f"room:{room_id}", sse.frame(log_events.TYPING, to_json(typing)))

    def forget(self, user_id: int, nameless: str) -> None:
        """Use this name for the user when readers are sent that they went."""
        for sent in self._sent.values():
            if user_id in sent:
                anonymous = {"id": user_id, "name": nameless, "kind": "guest"}  # and no colour
                sent[user_id] = cast(User, anonymous), False

    def _settle(self, room_id: int, people: People) -> None:
        """Note that the room's readers know everything; for an empty room nothing is kept."""
        self._sent[room_id] = people
        if not people:
            del self._sent[room_id]
            self._counted_at.pop(room_id, None)

    def _send(self, room_id: int, change: Mapping[str, object]) -> None:
        self._hub.send(f"room:{room_id}", sse.frame(log_events.PRESENCE, to_json(change)))


def _bring_forward(sent: People, people: People) -> dict[str, list[User]]:
    """Bring `sent` one change nearer to `people`; returns that change's lists for the wire, empty for no change."""
    differing = [user_id for user_id in people if sent.get(user_id) != people[user_id]]
    came = [user_id for user_id in differing if not people[user_id][1]][:NAMES_A_CHANGE]
    away = [user_id for user_id in differing if people[user_id][1]][:NAMES_A_CHANGE]
    went = [user_id for user_id in sent if user_id not in people][:NAMES_A_CHANGE]
    sent.update({user_id: people[user_id] for user_id in came + away})
    change = {
        "came": [people[user_id][0] for user_id in came],
        "went": [sent.pop(user_id)[0] for user_id in went],
        "away": [people[user_id][0] for user_id in away],
    }
    return change if came or away or went else {}
