"""The clock of the self-test: a stream that sends the time each second, for a short while."""

import time

from chat.core import log_events, sse, times
from chat.core.wire import CURSOR_MAX, to_json
from chat.realtime.parking import ParkingLot
from chat.realtime.streams import Stream, Streams, bye
from chat.realtime.visibility import Visibility

SECONDS = 20  # a clock lasts so long at most; the page asks for less
MOST = 20  # clocks in a process: somebody watches each, and it ends soon
MOST_OF_ONE = 5  # of them for one person, or for the visitors from one network
TICK_SECONDS = 1.0
RETRY_MS = 1000
UNNAMED_EVERY = 3

_open: set["Ticker"] = set()


class Ticker(Stream):
    """A stream that sees no events, and is sent the time each second; its ids continue from `last_id`.

    The hub's `tick` wakes it, so it needs no timer and, parked, no greenlet. A server that drives it must ask every
    `TICK_SECONDS`, because some processes have no ticker.
    """

    __slots__ = ("_id", "_left")

    def __init__(self, home: Streams, last_id: int, seconds: int, holders: tuple[str, ...] = ()) -> None:
        super().__init__(home, None, Visibility, home.hub.last_id)
        self.holders = holders
        self._id = last_id
        self._left = seconds
        self.due_at = time.monotonic()  # the hub expects it at each second from then on

    def take_place(self) -> bool:
        """Begin to tick; false if there is no room for another clock, or for another reader, of these `holders`."""
        theirs = sum(ticker.holders == self.holders for ticker in _open) if self.holders else 0
        if len(_open) >= MOST or theirs >= MOST_OF_ONE or not self._home.take_in(self):
            return False
        _open.add(self)
        return True

    def begun(self, opening: bytes) -> bytes:
        """The opening, with the first tick."""
        return opening + sse.retry(RETRY_MS) + self._tick()

    def take(self) -> bytes:
        """What is to be sent next; `is_over` when it was the last."""
        if self.end is not None:
            self.is_over = True
            return bye(self.end)
        return self._tick() if time.monotonic() >= self.due_at else b""

    def _tick(self) -> bytes:
        # The ticker goes once a second: due half a second later, it is woken by the next tick and not the one after.
        self.due_at = time.monotonic() + TICK_SECONDS / 2
        self._id = self._id + 1 if self._id < CURSOR_MAX else 1
        self._left -= 1
        self.is_over = self._left <= 0
        data = to_json({"time": times.now()})
        if self._id % UNNAMED_EVERY == 0:
            return sse.unnamed(data, self._id)
        return sse.frame(log_events.TIME, data, id=self._id)

    def has_written(self, now: float) -> None:
        """Nothing: when it is due does not depend on when it was last sent something."""

    def go_on(self, lot: ParkingLot, now: float) -> None:
        piece = self.take()
        if piece:
            lot.send(self, piece, self.is_over)

    def close(self) -> None:
        _open.discard(self)
        super().close()
