"""The log as one process has it: read once, its newest part kept as frames, and given to each reader from its cursor.

A reader is a cursor into the shared ring, not a queue, so a slow one costs no memory; one that has fallen off the ring
is served from the store.
"""

import json
import threading
from collections.abc import Sequence
from typing import NamedTuple

from chat.core import log_events
from chat.realtime.readers import Reader, end_all
from chat.realtime.ring import Batch, Event, Passing, Ring, Shared
from chat.realtime.visibility import Visibility
from chat.store import Store
from chat.store.tables import events

PIECE_EVENTS = 500  # read at once at most, so that what a reader has missed is never in memory as a whole
PIECE_BYTES = 64 * 1024  # a piece ends with the frame that crosses this: a reader that takes nothing costs one piece


class NextEvents(NamedTuple):
    """The events that follow in the log, and whether there are no more."""

    events: list[Event]
    is_all: bool


class Rewritten(NamedTuple):
    """How events in the ring have changed: the log's data for each that it still has, and the ids of those gone."""

    data_by_id: dict[int, str]
    gone: set[int]


class Piece(NamedTuple):
    """Consecutive events, and the id up to which there are no others."""

    events: list[Event]
    until: int


class Feed:
    """The events that a process has read, and the frames without an id, from which readers take what is new for them.

    `last_id` is how far this process has read the log. `lock` is the hub's: what asks the store is never called under
    it, `read` and `read_passing` take it, and everything else is called under it.
    """

    def __init__(self, store: Store, lock: threading.RLock, ring_events: int, ring_bytes: int) -> None:
        self._store = store
        self._lock = lock
        self.ring = Ring(ring_events, ring_bytes)
        self.passing = Passing()
        self._shared = Shared(self._batch_after)  # by the cursor that they follow
        self._shared_passing = Shared(self._passing_after)
        self.last_id = 0

    # The log

    def end_of_log(self) -> int:
        """Where to `begin` if everything before it is to be skipped. Asks the store."""
        with self._store.read() as connection:
            return events.newest_id(connection)

    def begin(self, newest: int) -> None:
        """Begin after the event `newest`; older ones are read from the store. What was erased before this process
        could see it may still have older copies there.
        """
        self.ring.begin(newest)
        self._shared.clear()
        self.last_id = newest
        self._store.must_scrub = True

    def next_events(self) -> NextEvents | None:
        """The next piece of the log, to be given to `take_in`; None when events before it were missed. Asks the store,
        for one caller at a time.
        """
        with self._store.glance() as connection:
            rows = events.after(connection, self.last_id, PIECE_EVENTS)
        if rows and self._has_missed(rows):
            return None
        return NextEvents([Event(*row) for row in rows], len(rows) < PIECE_EVENTS)

    def _has_missed(self, rows: Sequence[events.LoggedEvent]) -> bool:
        """Whether the log was pruned past this process's place or has lost it, or has more for it than the ring would
        keep.
        """
        is_whole_piece = len(rows) == PIECE_EVENTS
        if rows[0].id == self.last_id + 1 and not is_whole_piece:
            return False
        with self._store.read() as connection:
            newest, pruned_to = events.newest_id(connection), events.pruned_to(connection)
            is_lost = events.is_in_gap(connection, self.last_id)
        too_much = is_whole_piece and newest - self.last_id > self.ring.most_events
        return is_lost or self.last_id < pruned_to or too_much

    def rewritten_by(self, news: list[Event]) -> Rewritten:
        """What has changed of the events in the ring, according to these new ones and to the log, which it may ask."""
        notices = [json.loads(event.data) for event in news if event.name == log_events.REWRITTEN]
        ids = {id for notice in notices for id in notice["ids"]}
        channels = {notice["channel"] for notice in notices if "channel" in notice}
        channels |= {event.channel for event in news if event.name == log_events.ROOM}
        if not notices and not channels:
            return Rewritten({}, set())
        self._store.must_scrub = True
        held = [event.id for event in self.ring if event.id in ids or event.channel in channels]
        kept: dict[int, str] = {}
        with self._store.read() as connection:
            for start in range(0, len(held), PIECE_EVENTS):
                kept |= events.find_all(connection, held[start : start + PIECE_EVENTS])
        return Rewritten(kept, set(held) - kept.keys())

    def take_in(self, news: list[Event], rewritten: Rewritten) -> None:
        """Let readers have these events. It does not use the store, and so cannot fail halfway."""
        sent = [event for event in news if is_for_readers(event)]
        if rewritten.data_by_id or rewritten.gone:
            self.ring.rewrite(*rewritten)
        self.ring.extend(sent)
        self.ring.replace([event for event in sent if event.name in log_events.REPLACES])
        self.ring.trim()
        self._store.must_scrub |= any(event.name in log_events.REWRITES for event in sent)
        self.last_id = news[-1].id

    def add_passing(self, channel: str, frame: bytes) -> None:
        """Let current readers of the channel have a frame without an id, which is not in the log."""
        self.passing.append(channel, frame)
        self._shared_passing.clear()

    def forget_shared(self) -> None:
        """Free the joined frames that readers share."""
        self._shared.clear()

    # What a reader is given

    def share(self, reader: Reader) -> bytes | None:
        """The bytes that are new for the reader, shared with others that get the same; only while the hub is at rest.

        None means that it must `read`: it is behind, the channels that it may see have changed, or frames without an
        id were missed.
        """
        if not reader.may_share and reader.cursor >= self.last_id and not reader.has_new_rooms:
            self._note_all_read(reader)  # it begins at the newest event, as most do
        missed = self.passing.count - reader.passing
        if not reader.may_share or reader.cursor < self.ring.floor or missed > len(self.passing):
            return None
        piece = b""
        while reader.cursor < self.last_id and not piece:
            batch = self._shared.after(reader.cursor)
            piece = batch.bytes_for(reader.visibility, self._shared)
            reader.cursor = batch.until
        if missed:
            batch = self._shared_passing.after(reader.passing)
            piece += batch.bytes_for(reader.visibility, self._shared_passing)
            reader.passing = batch.until
        return piece

    def _batch_after(self, cursor: int) -> Batch:
        return self.ring.batch_after(cursor, self.last_id, PIECE_EVENTS, PIECE_BYTES)

    def _passing_after(self, place: int) -> Batch:
        return Batch(self.passing.after(place), self.passing.count)

    def read(self, reader: Reader) -> list[Event]:
        """The next events that the reader may see, at most `PIECE_EVENTS`; none means that it has everything.

        Moves the reader's cursor past them and past events that are not for it, but never beyond `last_id`: up to there
        every change of memberships is known, so nobody misses the first messages in a room that they have just joined.
        A reader that was up to date and has fallen off the ring since is too slow, and is ended. Asks the store only
        for one that has never been up to date.
        """
        while True:
            with self._lock:
                if reader.end in ("revoked", "slow"):
                    return []
                last_id, visibility = self.last_id, reader.visibility  # of one moment, however long the store takes
                if reader.cursor >= last_id:
                    self._note_all_read(reader)
                    return []
                found = self._from_ring(reader.cursor, last_id)
            if found is None and not reader.is_live:
                found = self._from_store(reader.cursor, last_id, visibility)
                if reader.end == "revoked":  # while it was asked
                    return []
            if found is None:
                with self._lock:
                    end_all([reader], "slow")
                return []
            visible, is_cut = _visible(found.events, visibility)
            reader.cursor = visible[-1].id if is_cut else found.until
            if visible:
                return visible

    def _from_ring(self, cursor: int, last_id: int) -> Piece | None:
        """What follows the cursor, for whichever reader; None when it is no longer in the ring."""
        if cursor < self.ring.floor:
            return None
        found = self.ring.after(cursor, PIECE_EVENTS)
        return Piece(found, found[-1].id if len(found) == PIECE_EVENTS else last_id)

    def _note_all_read(self, reader: Reader) -> None:
        """From now on it can share bytes with others, unless a change of its rooms is still to come."""
        reader.is_live = True
        if reader.cursor >= reader.visibility.settled_id:
            reader.visibility = reader.visibility.settled()
            reader.may_share = True

    def _from_store(self, cursor: int, last_id: int, visibility: Visibility) -> Piece | None:
        """None when part of it was pruned, perhaps between two pieces: the reader must come back, for a `reset`."""
        with self._store.read() as connection:
            if cursor < events.pruned_to(connection):
                return None
            rows, is_all = events.piece_after(connection, cursor, visibility.channels, PIECE_EVENTS, PIECE_BYTES)
        found = [Event(*row) for row in rows if row.id <= last_id]
        return Piece(found, last_id if is_all else min(rows[-1].id, last_id))

    def read_passing(self, reader: Reader) -> list[bytes]:
        """The frames without an id since the last call. If some were dropped, `has_missed_passing` is set."""
        with self._lock:
            missed = self.passing.count - reader.passing
            if not missed:
                return []
            newest = self.passing.after(reader.passing)
            reader.has_missed_passing |= missed > len(newest)
            reader.passing = self.passing.count
            return [frame for channel, frame in newest if reader.visibility.includes(channel, self.last_id)]


def is_for_readers(event: Event) -> bool:
    """Whether readers are sent the event: not one for processes, nor one that only ends readers."""
    return event.channel != log_events.SITE and event.name != log_events.REVOKE


def _visible(found: list[Event], visibility: Visibility) -> tuple[list[Event], bool]:
    """Those of the events that may be seen, up to `PIECE_BYTES`; and whether there were more."""
    visible: list[Event] = []
    size = 0
    for event in found:
        if event.name == log_events.REVOKE or not visibility.includes(event.channel, event.id):
            continue
        if size >= PIECE_BYTES:
            return visible, True
        visible.append(event)
        size += len(event.frame)
    return visible, False
