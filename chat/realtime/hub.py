"""The meeting point of one process: read the log once, keep its newest part as frames, wake whoever it concerns.

Rule for every reader: register first, then read, then wait. A reader is a cursor into the shared ring, not a queue,
so a slow one costs no memory; one whose cursor has fallen off the ring is served from the store.
"""

import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from chat.core import log_events
from chat.core.shares import Shares
from chat.realtime.readers import DueTimes, Listeners, Reader, RehearAll, ask_each, wake_all
from chat.realtime.ring import Batch, Event, Passing, Ring, Shared
from chat.realtime.visibility import Visibility
from chat.store import Store
from chat.store.tables import events

log = logging.getLogger(__name__)

PIECE_EVENTS = 500  # what one reading brings at most, so that a long sleeper is not held in memory whole
PIECE_BYTES = 64 * 1024  # what a reader that takes nothing may cost: one piece, and the frame that crosses this
CLOSE_STEP_SECONDS = 0.1
UNTOLD_EVENTS = 1024  # of the site, that the process could not learn of yet; the newest say what the older ones did


class Piece(NamedTuple):
    """Events that follow each other, and up to where there are no others."""

    events: list[Event]
    until: int


class Hub:
    """The ring of the newest events, the readers by the channels that they hear, and the waking of them.

    `last_id` is how far this process has read the log. `on_site` is called with every event that concerns the process
    itself. `rehear_all` asks for many readers at once what each of them may hear now.
    """

    def __init__(
        self,
        store: Store,
        ring_events: int,
        ring_bytes: int,
        on_site: Callable[[Event], None] = lambda event: None,
        rehear_all: RehearAll = ask_each,
    ) -> None:
        self._store = store
        self._on_site = on_site
        self._rehear_all = rehear_all
        self._lock = threading.RLock()
        self._ring = Ring(ring_events, ring_bytes)
        self._shared = Shared(self._batch_after)  # by the cursor after which they begin
        self._passing = Passing()
        self._shared_passing = Shared(self._passing_after)
        self._listeners = Listeners()
        self.readers: set[Reader] = set()
        self.room_changes = 0  # how many changes of rooms were heard of; each may have taken one away
        self._due = DueTimes()
        self.held = {"stream": 0, "poll": 0}  # the readers by transport
        self.places = Shares()  # the readers by those whose shares they take
        self.deliveries = {"event": 0, "passing": 0}  # since the start, each times those who waited for it
        self.last_id = 0
        self._telling_site = threading.Lock()
        self._untold: deque[Event] = deque(maxlen=UNTOLD_EVENTS)
        self._ending: str | None = None

    def start(self) -> None:
        """Begin at the end of the log; what is older is the store's."""
        with self._lock:
            with self._store.read() as connection:
                newest = events.newest_id(connection)
            self._ring.begin(newest)
            self._shared.clear()
            self.last_id = newest

    # Readers

    def register(self, reader: Reader) -> None:
        """Let `reader` be woken from now on by what it may hear; when that cannot be asked, it has no place here."""
        with self._lock:
            visibility = reader.rehear()
            self.readers.add(reader)
            self.held[reader.transport] += 1
            for holder in reader.holders:
                self.places.add(holder)
            reader.passing = self._passing.count
            reader.end = self._ending
            self._index(reader, visibility)
            self._due.expect(reader)

    def forget(self, reader: Reader) -> None:
        with self._lock:
            if reader in self.readers:
                self.readers.remove(reader)
                self.held[reader.transport] -= 1
                for holder in reader.holders:
                    self.places.add(holder, -1)
            self._unindex(reader)
            self._due.forget(reader)

    def expect(self, reader: Reader) -> None:
        """Wake it when it is due."""
        with self._lock:
            if reader in self.readers:
                self._due.expect(reader)

    def _index(self, reader: Reader, visibility: Visibility | None) -> None:
        if visibility is None:
            return self._end([reader], "revoked")
        reader.visibility = visibility
        reader.has_new_rooms = True
        reader.may_share = False
        for channel in visibility.told_by:
            self._listeners.add(channel, reader)

    def _unindex(self, reader: Reader) -> None:
        for channel in reader.visibility.told_by:
            self._listeners.discard(channel, reader)

    # Waking

    def wake(self) -> None:
        """Read what is new in the log and wake every reader that it concerns, once.

        The place in the log moves with what was taken in, or not at all: what fails here the next call makes good.
        """
        with self._lock:
            self._shared.clear()
            concerned: set[Reader] = set()
            try:
                while self._read_on(concerned):
                    pass
            finally:
                wake_all(concerned)
        self._tell_site()  # after the lock: whoever learns of it has locks of its own

    def tell(self, channel: str, frame: bytes) -> None:
        """Send a frame that is not in the log to those who hear the channel now."""
        with self._lock:
            self._passing.append(channel, frame)
            self._shared_passing.clear()
            listening = self._listeners.of(channel)
            self.deliveries["passing"] += len(listening)
            wake_all(listening)

    @property
    def ring_size(self) -> int:
        """How many events are kept at hand now."""
        return len(self._ring)

    def tick(self) -> None:
        """Wake the readers whose time has come: to say that they live, or to end."""
        with self._lock:
            wake_all(self._due.those_at(time.monotonic()))

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

    def _end(self, readers: Collection[Reader], reason: str) -> None:
        for reader in readers:
            reader.end = reason
        wake_all(readers)

    # Reading the log

    def _read_on(self, concerned: set[Reader]) -> bool:
        """Take in the next piece of the log, and note whom it concerns; true when there may be more."""
        with self._store.glance() as connection:
            rows = events.after(connection, self.last_id, PIECE_EVENTS)
        if not rows:
            return False
        if self._has_missed(rows):
            self.begin_anew()
            return False
        news = [Event(*row) for row in rows]
        kept, gone = self._ask_again(news)
        self._end_revoked({event.channel for event in news if event.name == log_events.REVOKE})
        self._index_anew([event for event in news if _may_change_visibility(event)], concerned)
        self._take_in(news, kept, gone, concerned)
        return len(rows) == PIECE_EVENTS

    def _take_in(self, news: list[Event], kept: dict[int, str], gone: set[int], concerned: set[Reader]) -> None:
        """What no longer fails: nothing here asks the store, and the place moves along."""
        heard = [event for event in news if event.channel != log_events.SITE and event.name != log_events.REVOKE]
        if kept or gone:
            self._ring.rewrite(kept, gone)
        self._ring.extend(heard)
        self._ring.replace([event for event in heard if event.name in log_events.REPLACES])
        self._ring.trim()
        self._store.must_scrub |= any(event.name in log_events.REWRITES for event in heard)
        self._untold.extend(event for event in news if event.channel == log_events.SITE)
        self.last_id = news[-1].id
        for event in heard:
            listening = self.readers if event.channel == log_events.EVERYBODY else self._listeners.of(event.channel)
            self.deliveries["event"] += len(listening)
            concerned.update(listening)

    def _has_missed(self, rows: Sequence[Any]) -> bool:
        """Whether the log was shortened past this process's place, or has more for it than the ring would keep."""
        is_whole_piece = len(rows) == PIECE_EVENTS
        if rows[0].id == self.last_id + 1 and not is_whole_piece:
            return False
        with self._store.read() as connection:
            newest, pruned_to = events.newest_id(connection), events.pruned_to(connection)
        return self.last_id < pruned_to or (is_whole_piece and newest - self.last_id > self._ring.most_events)

    def begin_anew(self) -> None:
        """Leave out what is too much to be read: every reader comes back and is asked anew who it is."""
        with self._lock:
            self.start()
            self.room_changes += 1
            self._store.must_scrub = True
            self._untold.append(Event(0, log_events.SITE, log_events.MISSED, "{}", None))
            self._end(list(self.readers), "slow")

    def _ask_again(self, news: list[Event]) -> tuple[dict[int, str], set[int]]:
        """What the log says now of those events in the ring that it tells anew, and the ids of those that left it."""
        told = [json.loads(event.data) for event in news if event.name == log_events.REWRITTEN]
        ids = {id for rewritten in told for id in rewritten["ids"]}
        channels = {rewritten["channel"] for rewritten in told if "channel" in rewritten}
        channels |= {event.channel for event in news if event.name == log_events.ROOM}
        if not told and not channels:
            return {}, set()
        self._store.must_scrub = True
        held = [event.id for event in self._ring if event.id in ids or event.channel in channels]
        kept: dict[int, str] = {}
        with self._store.read() as connection:
            for start in range(0, len(held), PIECE_EVENTS):
                kept |= events.find_all(connection, held[start : start + PIECE_EVENTS])
        return kept, set(held) - kept.keys()

    def _end_revoked(self, channels: set[str]) -> None:
        """End who hears one of them as their own: so seldom that an index would cost every reader more than this."""
        if channels:
            self._end([reader for reader in self.readers if not channels.isdisjoint(reader.visibility.own)], "revoked")

    def _index_anew(self, changes: list[Event], concerned: set[Reader]) -> None:
        """Ask once, for all who listen, what they may hear after these changes of rooms and memberships."""
        readers = list({reader: None for event in changes for reader in self._listeners.of(event.channel)})
        visibilities = self._rehear_all([reader.rehear for reader in readers]) if readers else []
        for reader, visibility in zip(readers, visibilities, strict=True):
            self._unindex(reader)
            self._index(reader, visibility)
        concerned.update(readers)
        self.room_changes += sum(event.name == log_events.ROOM for event in changes)

    def _tell_site(self) -> None:
        """Let the process learn what concerns it; what fails is told again with the next wake."""
        if not self._untold:
            return
        with self._telling_site:
            with self._lock:
                untold = list(self._untold)
            for event in untold:
                try:
                    self._on_site(event)
                except Exception:  # nobody who merely looks for news is to pay for it
                    log.exception("the process could not take in what has changed for it")
                else:
                    with self._lock, suppress(ValueError):  # so many came meanwhile that it is there no more
                        self._untold.remove(event)

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
        missed = self._passing.count - reader.passing
        if not reader.may_share or reader.cursor < self._ring.floor or missed > len(self._passing):
            return None
        piece = b""
        while reader.cursor < self.last_id and not piece:
            batch = self._shared.after(reader.cursor)
            piece = batch.heard_by(reader.visibility, self._shared)
            reader.cursor = batch.until
        if missed:
            batch = self._shared_passing.after(reader.passing)
            piece += batch.heard_by(reader.visibility, self._shared_passing)
            reader.passing = batch.until
        return piece

    def _batch_after(self, cursor: int) -> Batch:
        return self._ring.batch_after(cursor, self.last_id, PIECE_EVENTS, PIECE_BYTES)

    def _passing_after(self, place: int) -> Batch:
        return Batch(self._passing.after(place), self._passing.count)

    def read(self, reader: Reader) -> list[Event]:
        """The next events that the reader may hear, at most `PIECE_EVENTS`; none means that it has everything.

        Moves the reader's cursor past them, and past what is not for it. Never beyond `last_id`: up to there every
        change of memberships is known, so nobody steps over the first words in a room that they have just joined.
        A reader that had everything and has fallen off the ring since is too slow, and is ended.
        """
        while True:
            with self._lock:
                if reader.end in ("revoked", "slow"):
                    return []
                last_id, visibility = self.last_id, reader.visibility
                if reader.cursor >= last_id:
                    self._note_all_read(reader)
                    return []
                found = self._next_piece(reader, last_id)
                if found is None:
                    self._end([reader], "slow")
                    return []
            heard, is_cut = _heard(found.events, visibility)
            reader.cursor = heard[-1].id if is_cut else found.until
            if heard:
                return heard

    def _next_piece(self, reader: Reader, last_id: int) -> Piece | None:
        """What follows the reader's cursor, for whomever; None where it can no longer be had."""
        if reader.cursor >= self._ring.floor:
            found = self._ring.after(reader.cursor, PIECE_EVENTS)
            return Piece(found, found[-1].id if len(found) == PIECE_EVENTS else last_id)
        return None if reader.is_live else self._from_store(reader.cursor, last_id, reader.visibility)

    def _note_all_read(self, reader: Reader) -> None:
        """From now on it can be given what all others are, if no change of its rooms is still to come."""
        reader.is_live = True
        if reader.cursor >= reader.visibility.settled_id:
            reader.visibility = reader.visibility.settled()
            reader.may_share = True

    def _from_store(self, cursor: int, last_id: int, visibility: Visibility) -> Piece | None:
        """None when part of it was pruned, perhaps between two pieces: then it must come back, for a `reset`."""
        with self._store.read() as connection:
            if cursor < events.pruned_to(connection):
                return None
            rows, is_all = events.piece_after(connection, cursor, visibility.channels, PIECE_EVENTS, PIECE_BYTES)
        found = [Event(*row) for row in rows if row.id <= last_id]
        return Piece(found, last_id if is_all else min(rows[-1].id, last_id))

    def read_passing(self, reader: Reader) -> list[bytes]:
        """The frames without an id that came since the last call. What fell away sets `has_missed_passing`."""
        with self._lock:
            missed = self._passing.count - reader.passing
            if not missed:
                return []
            newest = self._passing.after(reader.passing)
            reader.has_missed_passing |= missed > len(newest)
            reader.passing = self._passing.count
            return [frame for channel, frame in newest if reader.visibility.hears(channel, self.last_id)]


def _may_change_visibility(event: Event) -> bool:
    """Whether those who listen to its channel may hear something else from this event on."""
    prefix = log_events.CHANGES_VISIBILITY.get(event.name)
    return prefix is not None and event.channel.startswith(prefix)


def _heard(found: list[Event], visibility: Visibility) -> tuple[list[Event], bool]:
    """Those of the events that are heard, up to `PIECE_BYTES`; and whether there was more."""
    heard: list[Event] = []
    size = 0
    for event in found:
        if event.name == log_events.REVOKE or not visibility.hears(event.channel, event.id):
            continue
        if size >= PIECE_BYTES:
            return heard, True
        heard.append(event)
        size += len(event.frame)
    return heard, False
