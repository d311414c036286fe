"""The clock of the self-test: a stream that says the time each second, for a short while."""

import time

from chat.core import log_events, sse, times
from chat.core.wire import CURSOR_MAX, to_json
from chat.realtime.parking import ParkingLot
from chat.realtime.streams import Stream, Streams, bye
from chat.realtime.visibility import Visibility

SECONDS = 20  # so long one of them lasts at most; the page asks for less
MOST = 20  # of them at once in a process: each is heard by somebody who looks on, and ends soon
MOST_OF_ONE = 5  # of them for one person, or visitors from one network
TICK_SECONDS = 1.0
RETRY_MS = 1000
UNNAMED_EVERY = 3

_open: set["Ticker"] = set()


class Ticker(Stream):
    """A stream that hears nothing, and is told the time each second; its ids go on from `last_id`.

    The hub's ticker wakes it, so that it costs no timer and, parked, no greenlet. Where it is driven by a
    server, it is to be asked each `TICK_SECONDS`, because some processes have no such hand.
    """

    __slots__ = ("_id", "_left")

    def __init__(self, home: Streams, last_id: int, seconds: int, holders: tuple[str, ...] = ()) -> None:
        super().__init__(home, None, Visibility, home.hub.last_id)
        self.holders = holders
        self._id = last_id
        self._left = seconds
        self.due_at = time.monotonic()  # the hub expects it at each second from then on

    def take_place(self) -> bool:
        """Begin to tick, if there is room for another clock and for another reader here, of these `holders` too."""
        theirs = sum(ticker.holders == self.holders for ticker in _open) if self.holders else 0
        if len(_open) >= MOST or theirs >= MOST_OF_ONE or not self._home.take_in(self):
            return False
        _open.add(self)
        return True

    def begun(self, opening: bytes) -> bytes:
        """The first tick is at once."""
        return opening + sse.retry(RETRY_MS) + self._tick()

    def take(self) -> bytes:
        """What is to be sent next; `is_over` when it was the last."""
        if self.end is not None:
            self.is_over = True
            return bye(self.end)
        return self._tick() if time.monotonic() >= self.due_at else b""

    def _tick(self) -> bytes:
        # Woken by a hand that goes once a second: half of one later it is due at the next, and never at the one after.
        self.due_at = time.monotonic() + TICK_SECONDS / 2
        self._id = self._id + 1 if self._id < CURSOR_MAX else 1
        self._left -= 1
        self.is_over = self._left <= 0
        data = to_json({"time": times.now()})
        if self._id % UNNAMED_EVERY == 0:
            return sse.unnamed(data, self._id)
        return sse.frame(log_events.TIME, data, id=self._id)

    def has_written(self, now: float) -> None:
        """Its next moment does not depend on when the last one was written."""

    def go_on(self, lot: ParkingLot, now: float) -> None:
        piece = self.take()
        if piece:
            lot.send(self, piece, self.is_over)

    def close(self) -> None:
        _open.discard(self)
        super().close()
