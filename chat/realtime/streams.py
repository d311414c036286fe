"""The event streams of one process: what they share, a single stream, and its body for a WSGI server."""

import random
import threading
import time
from collections.abc import Collection, Iterator, Sequence

from chat import __version__, runtime
from chat.core import log_events, pacing, shares, sse, times
from chat.core.config import Config
from chat.core.pacing import IDLE_SECONDS, IDLE_SPREAD
from chat.core.wire import to_json
from chat.realtime.hub import Hub
from chat.realtime.parking import Parked, ParkingLot
from chat.realtime.presence import Presence
from chat.realtime.presence.rosters import STREAM_WHOLES_BYTES, User
from chat.realtime.readers import Reader, Refresh
from chat.realtime.sending import Backlog
from chat.store import Store
from chat.store.tables import rooms as room_table

RETRY_MS = (500, 1200)  # random for each reader, so that those who lose a server do not all return at once
BYE_RETRY_MS = (500, 3000)
MODE_RETRY_MS = 60_000


class Streams:
    """What the streams of one process share. `lot` is where they are parked, None if this process cannot park.

    `most` is how many readers, streams and polls together, may be held at once; None is any number.
    """

    def __init__(
        self, store: Store, hub: Hub, presence: Presence, config: Config, backlog: Backlog | None = None
    ) -> None:
        self.hub, self.feed = hub, hub.feed
        self.presence = presence
        self.heartbeat_seconds = config.heartbeat_seconds
        self.backlog = backlog or Backlog()
        self.lot = ParkingLot(hub, self.backlog) if runtime.current().can_park else None
        self.most: int | None = None
        self.refused = 0
        self.poll_interval_ms = pacing.POLL_INTERVAL_MS
        self.lifetime = pacing.SHORT_LIFETIME
        self._store = store
        self._slugs: dict[int, str] = {}
        self._slugs_are_of = 0  # the hub's `room_changes` when they were read
        self._pings: dict[int, bytes] = {}
        self._pings_at = 0
        self._hello: tuple[int | None, bytes] | None = None  # the last cursor and its frame
        self._written_at = self._due_at = 0.0
        self._counting = threading.Lock()
        self._sent_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether no more readers can be held here."""
        return self.most is not None and len(self.hub.readers) >= self.most

    def has_place(self, holders: Collection[str]) -> bool:
        """Whether one more reader can be held here that counts for these holders' shares."""
        most, places = self.most, self.hub.places
        return most is None or not (
            self.is_full or any(places.of(holder) >= shares.share(holder, most) for holder in holders)
        )

    def take_in(self, reader: Reader) -> bool:
        """Register the reader at the hub; false if there is no place. Of two at once, one gets the last place."""
        return self.hub.register(reader, lambda: self.has_place(reader.holders))

    @property
    def ends_at_once(self) -> bool:
        """Whether streams end as soon as they have sent everything, and so take no place."""
        return self.lifetime == (0.0, 0.0)

    def lifetime_seconds(self) -> float:
        """How long a new stream may last, at random within `lifetime`."""
        return random.uniform(*self.lifetime)

    def opening(self, cursor: int | None) -> bytes:
        """The first bytes of every stream: `retry` and the event `hello`."""
        if self._hello is None or self._hello[0] != cursor:
            facts = {"cursor": cursor, "heartbeat_seconds": self.heartbeat_seconds, "version": __version__}
            self._hello = cursor, sse.frame(log_events.HELLO, to_json(facts), id=cursor)
        return sse.retry(random.randint(*RETRY_MS)) + self._hello[1]

    def idle_ms(self) -> int:
        """After how many ms a reader that looks at watermark files polls anyway, at random."""
        return round(1000 * IDLE_SECONDS * random.uniform(1 - IDLE_SPREAD, 1 + IDLE_SPREAD))

    def refusal(self, cursor: int | None) -> bytes:
        """A whole stream for which there is no room: the reader must poll. Counts it."""
        self.refused += 1
        return self.opening(cursor) + self.mode()

    def mode(self) -> bytes:
        """The frame that tells a reader to poll."""
        mode = {"transport": "poll", "interval_ms": self.poll_interval_ms}
        return sse.frame(log_events.MODE, to_json(mode), retry_ms=MODE_RETRY_MS)

    def farewell(self, is_more: bool) -> bytes:
        """The end of a stream that has sent everything: the browser reopens it when the next poll would come."""
        spread = random.uniform(1 - pacing.LIFETIME_SPREAD, 1 + pacing.LIFETIME_SPREAD)
        return bye("lifetime", RETRY_MS[0] if is_more else round(self.poll_interval_ms * spread))

    def note_sent(self, size: int) -> None:
        """Count bytes that a server was given to send; the lot counts its own."""
        with self._counting:
            self._sent_bytes += size

    @property
    def sent_bytes(self) -> int:
        """How many bytes all streams have been sent, by servers and from the lot."""
        return self._sent_bytes + (self.lot.sent_bytes if self.lot is not None else 0)

    @property
    def behind(self) -> int:
        """How many readers have not yet taken what is waiting for them."""
        if self.lot:
            return self.lot.behind
        return sum(reader.waiter.is_woken for reader in list(self.hub.readers) if reader.waiter is not None)

    def slugs(self, room_ids: Collection[int]) -> dict[int, str]:
        """The slugs of those rooms that still exist, by id; cached until a room changes."""
        changes = self.hub.room_changes
        if changes != self._slugs_are_of:
            self._slugs, self._slugs_are_of = {}, changes
        known = self._slugs
        if not known.keys() >= set(room_ids):
            with self._store.read() as connection:
                known.update(room_table.slugs(connection, [room_id for room_id in room_ids if room_id not in known]))
        return {room_id: known[room_id] for room_id in room_ids if room_id in known}

    def ping(self, cursor: int) -> bytes:
        """A ping, the same bytes for all readers at this cursor within a second."""
        now = int(time.monotonic())
        if now != self._pings_at:
            self._pings, self._pings_at = {}, now
        if cursor not in self._pings:
            self._pings[cursor] = sse.frame(log_events.PING, to_json({"time": times.now()}), id=cursor)
        return self._pings[cursor]

    def due_after(self, now: float) -> float:
        """When a reader that is sent something now needs a ping; one float object for all of the same moment."""
        if now != self._written_at:
            self._written_at, self._due_at = now, now + self.heartbeat_seconds
        return self._due_at

    def tick(self) -> None:
        """Once a second: wake readers that are due, and drop those that take nothing."""
        self.hub.tick()
        if self.lot is not None:
            self.lot.tick()


class Stream(Parked):
    """A reader that is sent everything as it comes, in frames; while it is open, its user is present in its rooms.

    Parked, it is sent bytes that it shares with others where it can; otherwise `take` makes its own.
    """

    transport = "stream"
    __slots__ = ("_ends_at", "_entered", "_home", "_user", "is_over")

    def __init__(self, home: Streams, user: User | None, refresh: Refresh, cursor: int) -> None:
        super().__init__(refresh, cursor)
        self.lot = None
        self._home = home
        self._user = user
        self._entered: Sequence[int] = ()
        self._ends_at = time.monotonic() + home.lifetime_seconds()
        self.is_over = False
        self.has_written(time.monotonic())

    def begun(self, opening: bytes) -> bytes:
        """What this reader is sent first, made from the opening that is the same for all kinds of streams."""
        return opening

    def take(self) -> bytes:
        """What to send next, empty if there is nothing; after the last piece `is_over`."""
        if self.end is None:
            feed = self._home.feed
            found, passing = feed.read(self), feed.read_passing(self)
            piece = b"".join([*(event.frame for event in found), self.rosters(), *passing])
            if piece or self.end is None:
                return piece or self._sign_of_life(time.monotonic())
        self.is_over = True
        return bye(self.end or "")

    def rosters(self) -> bytes:
        """The whole roster of every room that is new to the stream, or of all rooms if it has missed changes."""
        if not self.has_new_rooms and not self.has_missed_passing:
            return b""
        known = () if self.has_missed_passing else self._entered
        self.has_new_rooms = self.has_missed_passing = False
        slugs = self._home.slugs(self.visibility.present_rooms())
        self._enter(slugs)
        unknown = {room_id: slug for room_id, slug in slugs.items() if room_id not in known}
        wholes = self._home.presence.wholes(unknown, self.cursor, STREAM_WHOLES_BYTES)
        return b"".join(sse.frame(log_events.PRESENCE, whole) for whole in wholes)

    def _enter(self, slugs: dict[int, str]) -> None:
        """Make the user present in these rooms and in no others."""
        entered, rooms = self._entered, self.visibility.present_rooms()
        self._entered = rooms if len(rooms) == len(slugs) else tuple(slugs)  # its own tuple only where it must be
        if self._user is not None:
            self._home.presence.enter(self._user, {id: slug for id, slug in slugs.items() if id not in entered})
            self._home.presence.leave(self._user, [id for id in entered if id not in slugs])

    def _sign_of_life(self, now: float) -> bytes:
        """A ping after a silence, whose id moves the cursor past events that were not for this reader; or the end."""
        if now >= self._ends_at:
            self.end = "lifetime"
            self.is_over = True
            return bye("lifetime")
        return self._home.ping(self.cursor) if now >= self.due_at else b""

    def has_written(self, now: float) -> None:
        """Note that it was sent something at this moment, and so when it is due."""
        due_at = self._home.due_after(now)
        self.due_at = due_at if due_at < self._ends_at else self._ends_at

    def was_given(self, piece: bytes) -> None:
        """Note that a server has taken the piece to send it."""
        self._home.note_sent(len(piece))
        self.has_written(time.monotonic())

    # Parked

    def go_on(self, lot: ParkingLot, now: float) -> None:
        if self.end is not None:
            return lot.send(self, bye(self.end), is_last=True)
        feed = self._home.feed
        piece = feed.share(self)
        if piece is None:
            return lot.serve_slowly(self)
        if not piece:
            piece = self._sign_of_life(now) if now >= self.due_at else b""
            if not piece:
                return
        self.has_written(now)
        lot.send(self, piece, self.is_over)
        if self.cursor < feed.last_id:  # a piece is bounded
            self.wake()

    def go_on_slowly(self, lot: ParkingLot) -> bool:
        piece = self.take()
        if self.lot is not lot:
            self.close()  # it was let go while it waited for the store, and may have entered rooms since
            return False
        if piece:
            self.has_written(time.monotonic())
            lot.send(self, piece, self.is_over, is_own=True)
        return bool(piece)

    def close(self) -> None:
        self._home.hub.forget(self)
        if self._user is not None:
            self._home.presence.leave(self._user, self._entered)
        self._entered = ()


class StreamBody:
    """A stream as the body of a WSGI answer: it waits when it has nothing to send, unless it is parked.

    `close` must be called, as WSGI demands of servers; it takes the reader from the hub.
    """

    connection: object = None  # set by a worker that can park it, which keeps here what it needs for that
    is_answer = True  # it begins at once, unlike a held poll

    def __init__(self, stream: Stream, opening: bytes, heartbeat_seconds: float) -> None:
        self._stream = stream
        self._opening = opening
        self._heartbeat_seconds = heartbeat_seconds
        self._is_parked = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        stream = self._stream
        piece, self._opening = self._opening, b""
        while not piece:
            if stream.is_over:
                raise StopIteration
            piece = stream.take()
            if not piece:
                assert stream.waiter is not None
                stream.waiter.wait(self._heartbeat_seconds)
        stream.was_given(piece)
        return piece

    def park(self, lot: ParkingLot, fd: int, head: bytes, network: str | None) -> None:
        """Leave the stream to the lot with its connection, which is first sent the head of the answer."""
        self._is_parked = True
        lot.park(self._stream, fd, head + self._opening, network=network)

    def close(self) -> None:
        """Take the stream from the hub, unless it is parked and goes on there."""
        if not self._is_parked:
            self._stream.close()


def bye(reason: str, retry_ms: int | None = None) -> bytes:
    """The last frame of a stream that the server ends; without `retry_ms` the browser returns at a random moment."""
    if retry_ms is None:
        retry_ms = random.randint(*BYE_RETRY_MS)
    return sse.frame(log_events.BYE, to_json({"reason": reason, "retry_ms": retry_ms}), retry_ms=retry_ms)
