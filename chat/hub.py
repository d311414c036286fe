"""The meeting point of one process: read the log once, keep its newest part as frames, wake whoever it concerns.

Rule for every reader: register first, then read, then wait. A reader is a cursor into the shared ring, not a queue,
so a slow one costs no memory; one whose cursor has fallen off the ring is served from the store.
"""

import json
import random
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable

from chat import runtime, sse
from chat.hearing import Hearing
from chat.store import Store, events

PIECE_EVENTS = 500  # what one reading brings at most, so that a long sleeper is not held in memory whole
PIECE_BYTES = 64 * 1024  # what a reader that takes nothing may cost: one piece, and the frame that crosses this
SITE = "site"  # the channel of what concerns every process, and no reader
REWRITTEN = "rewritten"  # an event of that channel: the log says something else of these events now, or nothing
REVOKE = "revoke"  # an event that no reader is sent: it ends the streams that hear its channel
CLOSE_STEP_SECONDS = 0.1
PASSING_FRAMES = 1024  # how many frames without an id (presence, typing) are kept for readers that are behind


class Event:
    """A row of the log, with the bytes that every reader of it is sent."""

    __slots__ = ("channel", "data", "frame", "id", "message_id", "name")

    def __init__(self, id: int, channel: str, name: str, data: str, message_id: int | None) -> None:
        self.id = id
        self.channel = channel
        self.name = name
        self.message_id = message_id
        self.say(data)

    def say(self, data: str) -> None:
        """Let the event carry `data`, the JSON for the wire, from now on."""
        self.data = data
        self.frame = sse.frame(self.name, data, id=self.id)


class Reader:
    """Somebody who waits at the hub: what it may hear, and how far it has come.

    `rehear` reads from the store what it may hear; the hub asks again whenever a membership or a room changes, and
    ends the reader when the answer is None.
    """

    __slots__ = (
        "cursor",
        "end",
        "has_missed_passing",
        "hearing",
        "is_live",
        "passing",
        "rehear",
        "waiter",
        "wrote_at",
    )

    def __init__(self, rehear: Callable[[], Hearing | None], cursor: int) -> None:
        self.rehear = rehear
        self.hearing = Hearing({})
        self.cursor = cursor
        self.is_live = False
        self.passing = 0
        self.has_missed_passing = False
        self.end: str | None = None
        self.wrote_at = time.monotonic()
        self.waiter = runtime.current().waiter()


class Hub:
    """The ring of the newest events, the readers by the channels that they hear, and the waking of them.

    `last_id` is how far this process has read the log; `ring_events` how many events it keeps. `on_site` is called
    with every event that concerns the process itself.
    """

    def __init__(
        self,
        store: Store,
        ring_events: int,
        heartbeat_seconds: float,
        on_site: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self._store = store
        self._on_site = on_site
        self._ring_events = ring_events
        self._heartbeat_seconds = heartbeat_seconds
        self._lock = threading.RLock()
        self._ring: list[Event] = []
        self._ids: list[int] = []
        self._passing: deque[tuple[str, bytes]] = deque(maxlen=PASSING_FRAMES)
        self._passed = 0
        self._by_channel: dict[str, set[Reader]] = {}
        self.readers: set[Reader] = set()
        self.last_id = 0
        self._floor = 0
        self._ending: str | None = None

    def start(self) -> None:
        """Begin at the end of the log; what is older is the store's."""
        with self._store.read() as connection:
            self.last_id = self._floor = events.newest_id(connection)

    # Readers

    def register(self, reader: Reader) -> None:
        """Let `reader` be woken from now on by what it may hear."""
        with self._lock:
            self.readers.add(reader)
            reader.passing = self._passed
            reader.end = self._ending
            self._index(reader)

    def forget(self, reader: Reader) -> None:
        with self._lock:
            self.readers.discard(reader)
            self._unindex(reader)

    def _index(self, reader: Reader) -> None:
        hearing = reader.rehear()
        if hearing is None:
            return self._end([reader], "revoked")
        reader.hearing = hearing
        for channel in hearing.channels:
            self._by_channel.setdefault(channel, set()).add(reader)

    def _unindex(self, reader: Reader) -> None:
        for channel in reader.hearing.channels:
            listening = self._by_channel.get(channel, set())
            listening.discard(reader)
            if not listening:
                self._by_channel.pop(channel, None)

    # Waking

    def wake(self) -> None:
        """Read what is new in the log and wake every reader that it concerns."""
        with self._lock:
            concerned: set[Reader] = set()
            while True:
                with self._store.read() as connection:
                    rows = events.after(connection, self.last_id, PIECE_EVENTS)
                for row in rows:
                    concerned |= self._learn(Event(*row))
                if len(rows) < PIECE_EVENTS:
                    break
            self._trim()
            for reader in concerned:
                reader.waiter.wake()

    def tell(self, channel: str, frame: bytes) -> None:
        """Send a frame that is not in the log to those who hear the channel now."""
        with self._lock:
            self._passing.append((channel, frame))
            self._passed += 1
            for reader in self._by_channel.get(channel, ()):
                reader.waiter.wake()

    def tick(self) -> None:
        """Wake the readers that have been silent for so long that they must say they live."""
        due = time.monotonic() - self._heartbeat_seconds
        with self._lock:
            for reader in self.readers:
                if reader.wrote_at <= due:
                    reader.waiter.wake()

    def is_silent(self, reader: Reader) -> bool:
        """Whether the reader has had nothing written to it for a heartbeat."""
        return time.monotonic() - reader.wrote_at >= self._heartbeat_seconds

    def close(self, reason: str, over_seconds: float = 0.0) -> None:
        """End whoever registers from now on with `bye` for this reason, and all readers, in random order."""
        with self._lock:
            self._ending = reason
            leaving = list(self.readers)
        random.shuffle(leaving)
        steps = max(1, round(over_seconds / CLOSE_STEP_SECONDS))
        for step in range(steps):
            with self._lock:
                self._end(leaving[step::steps], reason)
            if step + 1 < steps:
                time.sleep(CLOSE_STEP_SECONDS)

    def _end(self, readers: Iterable[Reader], reason: str) -> None:
        for reader in readers:
            reader.end = reason
            reader.waiter.wake()

    def _learn(self, event: Event) -> set[Reader]:
        """Take one event into the ring; returns the readers that listen to its channel."""
        self.last_id = event.id
        if event.channel == SITE:
            self._learn_of_site(event)
            return set()
        listening = self._by_channel.get(event.channel, set())
        if event.name == REVOKE:
            self._end(listening, "revoked")
            return set()
        if event.name in ("edit", "remove"):
            self._say_again(event)
        if event.name == "room":
            self._read_again(set(), event.channel)
        if event.name == "room" or (event.name in ("join", "leave") and event.channel.startswith("user:")):
            for reader in list(listening):
                self._unindex(reader)
                self._index(reader)
        self._ring.append(event)
        self._ids.append(event.id)
        return set(listening)

    def _learn_of_site(self, event: Event) -> None:
        """Events that concern this process rather than a reader."""
        if event.name == REWRITTEN:
            told = json.loads(event.data)
            self._read_again(set(told["ids"]), told.get("channel"))
        self._on_site(event)

    def _read_again(self, ids: set[int], channel: str | None = None) -> None:
        """Take what the log says now of these events, and of a channel's, into the ring; what left it goes."""
        held = [event.id for event in self._ring if event.id in ids or event.channel == channel]
        kept: dict[int, str] = {}
        with self._store.read() as connection:
            for start in range(0, len(held), PIECE_EVENTS):
                kept |= events.find_all(connection, held[start : start + PIECE_EVENTS])
        for event in self._ring:
            if event.id in kept:
                event.say(kept[event.id])
        gone = set(held) - kept.keys()
        self._ring = [event for event in self._ring if event.id not in gone]
        self._ids = [event.id for event in self._ring]
        self._store.must_scrub = True

    def _say_again(self, event: Event) -> None:
        """Replace the text in the earlier frames of an edited or removed message."""
        self._store.must_scrub = True
        for earlier in self._ring:
            if earlier.message_id == event.message_id:
                earlier.say(event.data)

    def _trim(self) -> None:
        """Drop the oldest events, a quarter of the ring at once, so that the cost is spread."""
        surplus = len(self._ring) - self._ring_events
        if surplus > self._ring_events // 4:
            self._floor = self._ids[surplus - 1]
            del self._ring[:surplus]
            del self._ids[:surplus]

    # Reading

    def read(self, reader: Reader) -> list[Event]:
        """The next events that the reader may hear, at most `PIECE_EVENTS`; none means that it has everything.

        Moves the reader's cursor past them, and past what is not for it. Never beyond `last_id`: up to there every
        change of memberships is known, so nobody steps over the first words in a room that they have just joined.
        A reader that had everything and has fallen off the ring since is too slow, and is ended.
        """
        while True:
            with self._lock:
                if reader.end == "revoked":
                    return []
                last_id, hearing = self.last_id, reader.hearing
                if reader.cursor >= last_id:
                    reader.is_live = True
                    return []
                if reader.cursor >= self._floor:
                    found = self._from_ring(reader.cursor)
                elif reader.is_live:
                    self._end([reader], "slow")
                    return []
                else:
                    found = self._from_store(reader.cursor, last_id, hearing)
            heard, is_cut = _heard(found, hearing)
            reader.cursor = heard[-1].id if is_cut else found[-1].id if len(found) == PIECE_EVENTS else last_id
            if heard:
                return heard

    def _from_ring(self, cursor: int) -> list[Event]:
        first = bisect_right(self._ids, cursor)
        return self._ring[first : first + PIECE_EVENTS]

    def _from_store(self, cursor: int, last_id: int, hearing: Hearing) -> list[Event]:
        with self._store.read() as connection:
            rows = events.after(connection, cursor, PIECE_EVENTS, hearing.channels)
        return [Event(*row) for row in rows if row.id <= last_id]

    def read_passing(self, reader: Reader) -> list[bytes]:
        """The frames without an id that came since the last call. What fell away sets `has_missed_passing`."""
        with self._lock:
            behind = self._passed - reader.passing
            reader.passing = self._passed
            if not behind:
                return []
            reader.has_missed_passing |= behind > len(self._passing)
            newest = list(self._passing)[-behind:]
            return [frame for channel, frame in newest if reader.hearing.hears(channel, self.last_id)]


def _heard(found: list[Event], hearing: Hearing) -> tuple[list[Event], bool]:
    """Those of the events that are heard, up to `PIECE_BYTES`; and whether there was more."""
    heard: list[Event] = []
    size = 0
    for event in found:
        if event.name == REVOKE or not hearing.hears(event.channel, event.id):
            continue
        if size >= PIECE_BYTES:
            return heard, True
        heard.append(event)
        size += len(event.frame)
    return heard, False
