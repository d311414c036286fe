"""What the readers of a process are told of the people in their rooms: little, and never the same twice."""

from typing import Any

from chat.core import log_events, sse
from chat.core.wire import to_json
from chat.realtime.hub import Hub
from chat.realtime.presence import rosters
from chat.realtime.presence.rosters import People, User

NAMES_A_CHANGE = 50
COUNT_SECONDS = 5.0  # how often a count alone is sent
TYPING_MS = 6000


class Announcer:
    """Tells the hub's readers transitions, and remembers for each room what they know.

    It has no lock: its owner calls it under their own.
    """

    def __init__(self, hub: Hub, roster_max: int) -> None:
        self._hub = hub
        self._roster_max = roster_max
        self._sent: dict[int, People] = {}
        self._crowds: set[int] = set()  # rooms of whose people the readers were told only the number
        self._counted_at: dict[int, float] = {}

    def send_count(self, room_id: int, slug: str, count: int, now: float) -> bool:
        """Tell the number of a crowd; false when it was told a moment ago, so that it must wait."""
        if now - self._counted_at.get(room_id, float("-inf")) < COUNT_SECONDS:
            return False
        self._counted_at[room_id] = now
        self._crowds.add(room_id)
        self._sent.pop(room_id, None)
        self._send(room_id, {"room": slug, "count": count})
        return True

    def send_people(self, room_id: int, slug: str, people: People) -> bool:
        """Tell what differs from what was told, or all of what was a crowd; false when some of it has to wait."""
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
        typing = {"room": slug, "user": user, "expires_in_ms": TYPING_MS}
        self._hub.send(f"room:{room_id}", sse.frame(log_events.TYPING, to_json(typing)))

    def forget(self, user_id: int, nameless: str) -> None:
        """Should it have to be told that they went, it is told of somebody by this name."""
        for sent in self._sent.values():
            if user_id in sent:
                sent[user_id] = {"id": user_id, "name": nameless, "kind": "guest"}, False

    def _settle(self, room_id: int, people: People) -> None:
        """The room's readers know everything; of an empty room nothing is kept."""
        self._sent[room_id] = people
        if not people:
            del self._sent[room_id]
            self._counted_at.pop(room_id, None)

    def _send(self, room_id: int, change: dict[str, Any]) -> None:
        self._hub.send(f"room:{room_id}", sse.frame(log_events.PRESENCE, to_json(change)))


def _bring_forward(sent: People, people: People) -> dict[str, list[User]]:
    """Lead `told` one change nearer to `people`; returns that change as the contract has it, or nothing."""
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
