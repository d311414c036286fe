"""The meeting point of one process: read the log once, keep its newest part as frames, wake whoever it concerns.

Rule for every reader: register first, then read, then wait. A reader is a cursor into the shared ring, not a queue,
so a slow one costs no memory; one whose cursor has fallen off the ring is served from the store.
"""

import json
import math
import random
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from chat import runtime
from chat.hearing import Hearing
from chat.ring import Batch, Event, Framed, Listeners
from chat.store import Store, events

PIECE_EVENTS = 500  # what one reading brings at most, so that a long sleeper is not held in memory whole
PIECE_BYTES = 64 * 1024  # what a reader that takes nothing may cost: one piece, and the frame that crosses this
SITE = "site"  # the channel of what concerns every process, and no reader
REWRITTEN = "rewritten"  # an event of that channel: the log says something else of these events now, or nothing
REVOKE = "revoke"  # an event that no reader is sent: it ends the streams that hear its channel
CLOSE_STEP_SECONDS = 0.1
NOT_SOON_SECONDS = 3600  # a moment that is further away is looked at anew then
PASSING_FRAMES = 1024  # how many frames without an id (presence, typing) are kept for readers that are behind


Rehear = Callable[[], Hearing | None]
RehearAll = Callable[[list[Rehear]], list[Hearing | None]]


class Reader:
    """Somebody who waits at the hub: what it may hear, and how far it has come.

    `rehear` reads from the store what it may hear; the hub asks again whenever a membership or a room changes, and
    ends the reader when the answer is None. At `due_at` it is woken though nothing has come; that moment may be put
    off at will, and to bring it forward takes `Hub.expect`. `transport` is the way
    by which it came.
    """

    __slots__ = (
        "cursor",
        "due_at",
        "end",
        "has_missed_passing",
        "has_new_rooms",
        "hearing",
        "is_live",
        "may_share",
        "passing",
        "rehear",
        "waiter",
    )

    transport = "poll"

    def __init__(self, rehear: Rehear, cursor: int) -> None:
        self.rehear = rehear
        self.hearing = Hearing()
        self.cursor = cursor
        self.is_live = False  # whether it has had everything once
        self.may_share = False  # whether nothing but the newest frames stands out, in rooms that have not changed
        self.passing = 0
        self.has_missed_passing = False
        self.has_new_rooms = True
        self.end: str | None = None
        self.due_at = math.inf
        self.waiter: runtime.Waiter | None = runtime.current().waiter()

    def wake(self) -> None:
        """Let it look for news; called with the hub's lock held, so that it must not wait."""
        assert self.waiter is not None
        self.waiter.wake()


class Hub:
    """The ring of the newest events, the readers by the channels that they hear, and the waking of them.

    `last_id` is how far this process has read the log; `ring_events` how many events it keeps. `on_site` is called
    with every event that concerns the process itself. `rehear_all` asks for many readers at once what each of them
    may hear now.
    """

    def __init__(
        self,
        store: Store,
        ring_events: int,
        on_site: Callable[[Event], None] = lambda event: None,
        rehear_all: RehearAll = lambda rehears: list(map(_ask, rehears)),
    ) -> None:
        self._store = store
        self._on_site = on_site
        self._rehear_all = rehear_all
        self._ring_events = ring_events
        self._lock = threading.RLock()
        self._ring: list[Event] = []
        self._ids: list[int] = []
        self._batches: dict[int, Batch] = {}  # by the cursor after which they begin
        self._passing: deque[Framed] = deque(maxlen=PASSING_FRAMES)
        self._passed = 0
        self._passing_batches: dict[int, Batch] = {}
        self._listeners = Listeners()
        self.readers: set[Reader] = set()
        self.room_changes = 0  # how many changes of rooms were heard of; each may have taken one away
        self._expected: dict[int, list[Reader]] = {}  # each reader under a second in which to see whether it is due
        self.held = {"stream": 0, "poll": 0}  # the readers by transport
        self.deliveries = {"event": 0, "passing": 0}  # since the start, each times those who waited for it
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
            self.held[reader.transport] += 1
            reader.passing = self._passed
            reader.end = self._ending
            self._index(reader, reader.rehear())
            self._expect(reader, time.monotonic())

    def forget(self, reader: Reader) -> None:
        with self._lock:
            if reader in self.readers:
                self.readers.remove(reader)
                self.held[reader.transport] -= 1
            self._unindex(reader)

    def expect(self, reader: Reader) -> None:
        """Wake it when it is due."""
        with self._lock:
            self._expect(reader, time.monotonic())

    def _expect(self, reader: Reader, now: float, after: int = 0) -> None:
        """See in the second in which it is due whether it is, and not before the second `after`."""
        second = max(after, int(min(reader.due_at, now + NOT_SOON_SECONDS)))
        self._expected.setdefault(second, []).append(reader)

    def _index(self, reader: Reader, hearing: Hearing | None) -> None:
        if hearing is None:
            return self._end([reader], "revoked")
        reader.hearing = hearing
        reader.has_new_rooms = True
        reader.may_share = False
        for channel in hearing.told_by:
            self._listeners.add(channel, reader)

    def _unindex(self, reader: Reader) -> None:
        for channel in reader.hearing.told_by:
            self._listeners.discard(channel, reader)

    # Waking

    def wake(self) -> None:
        """Read what is new in the log and wake every reader that it concerns."""
        told: list[Event] = []
        revoked: set[str] = set()
        with self._lock:
            self._batches.clear()
            concerned: set[Reader] = set()
            while True:
                with self._store.glance() as connection:
                    rows = events.after(connection, self.last_id, PIECE_EVENTS)
                for row in rows:
                    listening = self._learn(Event(*row), told, revoked)
                    self.deliveries["event"] += len(listening)
                    concerned.update(listening)
                if len(rows) < PIECE_EVENTS:
                    break
            self._trim()
            self._revoke(revoked)
            for reader in concerned:
                reader.wake()
        for event in told:  # after the lock: whoever learns of it has locks of its own
            self._on_site(event)

    def tell(self, channel: str, frame: bytes) -> None:
        """Send a frame that is not in the log to those who hear the channel now."""
        with self._lock:
            self._passing.append((channel, frame))
            self._passed += 1
            self._passing_batches.clear()
            listening = self._listeners.of(channel)
            self.deliveries["passing"] += len(listening)
            for reader in listening:
                reader.wake()

    @property
    def ring_size(self) -> int:
        """How many events are kept at hand now."""
        return len(self._ring)

    def tick(self) -> None:
        """Wake the readers whose time has come: to say that they live, or to end."""
        now = time.monotonic()
        with self._lock:
            for second in [second for second in self._expected if second <= now]:
                for reader in self._expected.pop(second):
                    if reader in self.readers:
                        if reader.due_at <= now:
                            reader.wake()
                        self._expect(reader, now, after=int(now) + 1)

    def close(self, reason: str, over_seconds: float = 0.0) -> None:
        """End whoever registers from now on with `bye` for this reason, and all readers, in random order."""
        with self._lock:
            self._ending = reason
            leaving = list(self.readers)
        random.shuffle(leaving)
        steps = max(1, round(over_seconds / CLOSE_STEP_SECONDS))
        for step in range(steps):
            with self._lock:
                self._end([reader for reader in leaving[step::steps] if reader in self.readers], reason)
            if step + 1 < steps:
                time.sleep(CLOSE_STEP_SECONDS)

    def _end(self, readers: Iterable[Reader], reason: str) -> None:
        for reader in readers:
            reader.end = reason
            reader.wake()

    def _revoke(self, channels: set[str]) -> None:
        """End who hears one of them as their own: so seldom that an index would cost every reader more than this."""
        if channels:
            self._end([reader for reader in self.readers if not channels.isdisjoint(reader.hearing.own)], "revoked")

    def _learn(self, event: Event, told: list[Event], revoked: set[str]) -> Collection[Reader]:
        """Take one event into the ring; returns the readers that listen to its channel, and notes the site's own and
        the channels that are revoked.
        """
        self.last_id = event.id
        if event.channel == SITE:
            if event.name == REWRITTEN:
                rewritten = json.loads(event.data)
                self._read_again(set(rewritten["ids"]), rewritten.get("channel"))
            told.append(event)
            return ()
        if event.name == REVOKE:
            revoked.add(event.channel)
            return ()
        listening: Collection[Reader] = self._listeners.of(event.channel)
        if event.name in ("edit", "remove"):
            self._say_again(event)
        if event.name == "room":
            self._read_again(set(), event.channel)
            self.room_changes += 1
        if event.name == "room" or (event.name in ("join", "leave") and event.channel.startswith("user:")):
            listening = list(listening)
            self._index_anew(listening)
        self._ring.append(event)
        self._ids.append(event.id)
        return listening

    def _index_anew(self, readers: list[Reader]) -> None:
        hearings = self._rehear_all([reader.rehear for reader in readers])
        for reader, hearing in zip(readers, hearings, strict=True):
            self._unindex(reader)
            self._index(reader, hearing)

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

    @contextmanager
    def at_rest(self) -> Iterator[bool]:
        """Whether nobody is about to change what is here, who then keeps away as long as this is open."""
        is_free = self._lock.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._lock.release()

    def share(self, reader: Reader) -> bytes | None:
        """What the reader has not been given yet, as bytes that others are given, too; only while the hub is at rest.

        None means that it must `read`: it is not up to date, what it hears has changed, or it has missed something.
        """
        if not reader.may_share and reader.cursor >= self.last_id and not reader.has_new_rooms:
            self._note_all_read(reader)  # who begins at the newest event, as most do
        missed = self._passed - reader.passing
        if not reader.may_share or reader.cursor < self._floor or missed > len(self._passing):
            return None
        piece = b""
        while reader.cursor < self.last_id and not piece:
            batch = self._batches.get(reader.cursor) or self._batch_after(reader.cursor)
            piece = batch.heard_by(reader.hearing)
            reader.cursor = batch.until
        if missed:
            passing = self._passing_batches.get(reader.passing) or self._passing_after(reader.passing)
            piece += passing.heard_by(reader.hearing)
            reader.passing = self._passed
        return piece

    def _batch_after(self, cursor: int) -> Batch:
        """The next piece of the ring, for everybody who is at this cursor."""
        frames: list[Framed] = []
        until, size = self.last_id, 0
        for event in self._from_ring(cursor):
            if size >= PIECE_BYTES:
                break
            frames.append((event.channel, event.frame))
            until = event.id
            size += len(event.frame)
        else:
            until = until if len(frames) == PIECE_EVENTS else self.last_id
        batch = self._batches[cursor] = Batch(frames, until)
        return batch

    def _passing_after(self, passing: int) -> Batch:
        newest = list(self._passing)[passing - self._passed :]
        batch = self._passing_batches[passing] = Batch(newest, self._passed)
        return batch

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
                    self._note_all_read(reader)
                    return []
                if reader.cursor >= self._floor:
                    found: list[Event] | None = self._from_ring(reader.cursor)
                else:
                    found = None if reader.is_live else self._from_store(reader.cursor, last_id, hearing)
                if found is None:
                    self._end([reader], "slow")
                    return []
            heard, is_cut = _heard(found, hearing)
            reader.cursor = heard[-1].id if is_cut else found[-1].id if len(found) == PIECE_EVENTS else last_id
            if heard:
                return heard

    def _note_all_read(self, reader: Reader) -> None:
        """From now on it can be given what all others are, if no change of its rooms is still to come."""
        reader.is_live = True
        if reader.cursor >= reader.hearing.settled_id:
            reader.hearing = reader.hearing.settled()
            reader.may_share = True

    def _from_ring(self, cursor: int) -> list[Event]:
        first = bisect_right(self._ids, cursor)
        return self._ring[first : first + PIECE_EVENTS]

    def _from_store(self, cursor: int, last_id: int, hearing: Hearing) -> list[Event] | None:
        """None when part of it was pruned, perhaps between two pieces: then it must come back, for a `reset`."""
        with self._store.read() as connection:
            if cursor < events.pruned_to(connection):
                return None
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


def _ask(rehear: Rehear) -> Hearing | None:
    return rehear()


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
