"""The event streams and held polls of one process: readers that may be parked, and what they say."""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from chat import __version__, runtime, sse, times
from chat.config import Config
from chat.hearing import Hearing
from chat.hub import Hub
from chat.parking import Lot, Parked
from chat.presence import Presence, User
from chat.store import Store
from chat.store import rooms as room_table

RETRY_MS = (500, 1200)  # random in it for each reader, so that those who lose a server do not return as one
BYE_RETRY_MS = (500, 3000)
MODE_RETRY_MS = 60_000
POLL_INTERVAL_MS = 4000
LIFETIME_SPREAD = 0.2  # of a stream's time: those who came together do not leave together

Rehear = Callable[[], Hearing | None]


class Streams:
    """What the streams of one process have in common. `lot` is where they are parked, None where none can be.

    `most` is how many readers may be held at once, streams and polls together; None is any number.
    """

    def __init__(self, store: Store, hub: Hub, presence: Presence, config: Config) -> None:
        self.hub = hub
        self.presence = presence
        self.heartbeat_seconds = config.heartbeat_seconds
        self.lot = Lot(hub) if runtime.current().can_park else None
        self.most: int | None = None
        self._lifetime_seconds = config.stream_minutes * 60
        self._store = store
        self._pings: dict[int, bytes] = {}
        self._pings_at = 0
        self._written_at = self._due_at = 0.0

    @property
    def is_full(self) -> bool:
        """Whether no further reader can be held here."""
        return self.most is not None and len(self.hub.readers) >= self.most

    def lifetime_seconds(self) -> float:
        return self._lifetime_seconds * random.uniform(1 - LIFETIME_SPREAD, 1 + LIFETIME_SPREAD)

    def opening(self, cursor: int | None) -> bytes:
        """The first bytes of every stream."""
        facts = {"cursor": cursor, "heartbeat_seconds": self.heartbeat_seconds, "version": __version__}
        return sse.retry(random.randint(*RETRY_MS)) + sse.frame("hello", sse.to_json(facts), id=cursor)

    def refusal(self, cursor: int | None) -> bytes:
        """All that a stream says for which there is no room: the reader is to poll."""
        mode = {"transport": "poll", "interval_ms": POLL_INTERVAL_MS}
        return self.opening(cursor) + sse.frame("mode", sse.to_json(mode), retry_ms=MODE_RETRY_MS)

    def slugs(self, room_ids: Collection[int]) -> dict[int, str]:
        """The slugs of those of the rooms that are still there."""
        if not room_ids:
            return {}
        with self._store.read() as connection:
            return room_table.slugs(connection, room_ids)

    def ping(self, cursor: int) -> bytes:
        """A sign of life, the same bytes for all who are silent at this cursor."""
        now = int(time.monotonic())
        if now != self._pings_at:
            self._pings, self._pings_at = {}, now
        if cursor not in self._pings:
            self._pings[cursor] = sse.frame("ping", sse.to_json({"time": times.now()}), id=cursor)
        return self._pings[cursor]

    def due_after(self, now: float) -> float:
        """When a reader that is sent something now is to be heard of again; one number for all of the same moment."""
        if now != self._written_at:
            self._written_at, self._due_at = now, now + self.heartbeat_seconds
        return self._due_at

    def tick(self) -> None:
        """Once a second: wake whose time has come, let go who is gone."""
        self.hub.tick()
        if self.lot is not None:
            self.lot.tick()


class Stream(Parked):
    """A reader that is told everything as it comes, by frames.

    Parked, it is given the bytes that it shares with others; `take` gives it what is its own.
    """

    __slots__ = ("_ends_at", "_entered", "_home", "_user", "is_over")

    def __init__(self, home: Streams, user: User | None, rehear: Rehear, cursor: int) -> None:
        super().__init__(rehear, cursor)
        self.lot = None
        self._home = home
        self._user = user
        self._entered: Sequence[int] = ()
        self._ends_at = time.monotonic() + home.lifetime_seconds()
        self.is_over = False
        self.has_written(time.monotonic())

    def take(self) -> bytes:
        """What is to be sent next; nothing when there is nothing to say; `is_over` when it was the last."""
        if self.end is None:
            found = self._home.hub.read(self)
            passing = self._home.hub.read_passing(self)
            piece = b"".join([*(event.frame for event in found), self.rosters(), *passing])
            if piece or self.end is None:
                return piece or self._sign_of_life(time.monotonic())
        self.is_over = True
        return _bye(self.end or "")

    def rosters(self) -> bytes:
        """Who is here, for every room that the stream has begun to hear, or has lost count of."""
        if not self.has_new_rooms and not self.has_missed_passing:
            return b""
        told = () if self.has_missed_passing else self._entered
        self.has_new_rooms = self.has_missed_passing = False
        slugs = self._home.slugs(self.hearing.present_rooms())
        self._enter(slugs)
        presence = self._home.presence
        return b"".join(
            sse.frame("presence", presence.whole(room_id, slug, self.cursor))
            for room_id, slug in slugs.items()
            if room_id not in told
        )

    def _enter(self, slugs: dict[int, str]) -> None:
        """Be here in these rooms and in no others."""
        entered, rooms = self._entered, self.hearing.present_rooms()
        self._entered = rooms if len(rooms) == len(slugs) else tuple(slugs)  # its own tuple only where it must
        if self._user is not None:
            self._home.presence.enter(self._user, {id: slug for id, slug in slugs.items() if id not in entered})
            self._home.presence.leave(self._user, [id for id in entered if id not in slugs])

    def _sign_of_life(self, now: float) -> bytes:
        """A ping after a silence; its id moves the cursor past what was not for this reader."""
        if now >= self._ends_at:
            self.end = "lifetime"
            self.is_over = True
            return _bye("lifetime")
        return self._home.ping(self.cursor) if now >= self.due_at else b""

    def has_written(self, now: float) -> None:
        due_at = self._home.due_after(now)
        self.due_at = due_at if due_at < self._ends_at else self._ends_at

    # Parked

    def go_on(self, lot: Lot, now: float) -> None:
        if self.end is not None:
            return lot.send(self, _bye(self.end), is_last=True)
        hub = self._home.hub
        piece = hub.share(self)
        if piece is None:
            return lot.serve_slowly(self)
        if not piece:
            piece = self._sign_of_life(now) if now >= self.due_at else b""
            if not piece:
                return
        self.has_written(now)
        lot.send(self, piece, self.is_over)
        if self.cursor < hub.last_id:  # a piece is bounded
            self.wake()

    def go_on_slowly(self, lot: Lot) -> bool:
        piece = self.take()
        if piece:
            self.has_written(time.monotonic())
            lot.send(self, piece, self.is_over)
        return bool(piece)

    def close(self) -> None:
        self._home.hub.forget(self)
        if self._user is not None:
            self._home.presence.leave(self._user, self._entered)
        self._entered = ()


class StreamBody:
    """A stream as a WSGI server takes it: by waiting wherever it has nothing to say, or parked.

    `close` must be called, as WSGI demands of servers; it is what takes the reader from the hub.
    """

    connection: Any = None  # set by a worker that can park it
    is_answer = True  # begun at once, rather than when there is something

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
        stream.has_written(time.monotonic())
        return piece

    def park(self, lot: Lot, fd: int, head: bytes) -> None:
        """Leave the stream to the lot, with its connection; the head of the answer goes before all."""
        self._is_parked = True
        lot.park(self._stream, fd, head + self._opening)

    def close(self) -> None:
        if not self._is_parked:
            self._stream.close()


class Hold(Parked):
    """A poll that waits for its first event: then, or when its time is over, it is asked once more and answered."""

    __slots__ = ("_ask_again", "_hub")

    def __init__(self, hub: Hub, rehear: Rehear, cursor: int) -> None:
        super().__init__(rehear, cursor)
        self.lot = None
        self._hub = hub

    def go_on(self, lot: Lot, now: float) -> None:
        if self.end is not None or now >= self.due_at or self._hub.read(self):
            self._ask_again(lot.release(self))

    def park(self, lot: Lot, fd: int, ask_again: Callable[[int], None]) -> None:
        self._ask_again = ask_again
        lot.park(self, fd, b"")

    def close(self) -> None:
        self._hub.forget(self)


class HeldPoll(list[bytes]):
    """What a view returns for a poll that is to be parked; the worker that announced it can takes it from there."""

    connection: Any = None
    is_answer = False

    def __init__(self, hold: Hold) -> None:
        super().__init__()
        self._hold = hold

    def park(self, lot: Lot, fd: int, ask_again: Callable[[int], None]) -> None:
        self._hold.park(lot, fd, ask_again)

    def close(self) -> None:
        self._hold.close()


def _bye(reason: str) -> bytes:
    retry_ms = random.randint(*BYE_RETRY_MS)
    return sse.frame("bye", sse.to_json({"reason": reason, "retry_ms": retry_ms}), retry_ms=retry_ms)
