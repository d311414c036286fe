"""Where readers wait without a greenlet: each is a socket and a cursor, and one event loop serves them all.

What is new is sent in rounds: each reader that was woken gets, in one `send`, whatever it has not been sent yet. A
round is divided into slices with a turn of the loop between them, so a request waits for one slice, not for a crowd.
"""

import logging
import os
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from chat import runtime
from chat.realtime.hub import Hub
from chat.realtime.readers import Reader
from chat.realtime.sending import STALLED_SECONDS, Backlog, Unsent, deadline

log = logging.getLogger(__name__)

SLICE_READERS = 200  # about 1.5 ms of sending
PAUSE_SECONDS = 0.02  # at most, between two rounds or for one slice
EVENTS_A_LOOK = 256
# Events of epoll by number, because not every system's Python has names for them. Whether there is something to read is
# never asked: it stays in the kernel, for whoever reads the connection's next request.
WRITABLE, HUNG_UP, HAS_SHUT_DOWN = 0x4, 0x8 | 0x10, 0x2000


class Parked(Reader):
    """A reader that may leave its greenlet: once parked it has a descriptor and a lot, and no waiter."""

    __slots__ = ("fd", "lot", "network")

    fd: int
    lot: "ParkingLot | None"
    network: str | None  # for the limits of `Backlog`

    def wake(self) -> None:
        """Let it look for news, in the lot's next round if it is parked."""
        if self.lot is not None:
            self.lot.wake(self)
        elif self.waiter is not None:  # otherwise its lot has dropped it
            super().wake()

    def go_on(self, lot: "ParkingLot", now: float) -> None:
        """Send what is new. Called in the loop when it was woken, with the hub at rest, so it must not wait."""
        raise NotImplementedError

    def go_on_slowly(self, lot: "ParkingLot") -> bool:
        """Send what is new, called in a greenlet where it may wait; true when there is more to do."""
        raise NotImplementedError

    def on_end_of_input(self, lot: "ParkingLot") -> None:
        """The client has closed the connection, or its own half of it. Called in the loop."""
        lot.let_go(self)

    def close(self) -> None:
        """Give up whatever it has at the hub and elsewhere."""
        raise NotImplementedError


class UnsentPiece(NamedTuple):
    """What the kernel has not taken yet of a piece; with `is_last` the connection ends after it.

    `since` is when the kernel last took something, `until` when it must have taken all. `counted` is for the backlog,
    None for a shared piece, which is in memory once however many readers have not taken it.
    """

    piece: memoryview
    is_last: bool
    since: float
    until: float
    counted: Unsent | None


class ParkingLot:
    """The parked readers of one process. All methods but `park` and `wake` must be called in the loop."""

    def __init__(self, hub: Hub, backlog: Backlog | None = None) -> None:
        self._hub = hub
        self._backlog = backlog or Backlog()
        self._runtime = runtime.current()
        self._by_fd: dict[int, Parked] = {}
        self._unsent: dict[Parked, UnsentPiece] = {}
        self._woken: dict[Parked, None] = {}
        self._round: Iterator[Parked] | None = None
        self._slow: dict[Parked, None] = {}
        self._is_slow_at_work = False
        self._served_slowly: Parked | None = None
        self._round_seconds = 0.0  # how long this round's slices have taken
        self._slice_ended_at = self._next_round_at = 0.0
        self.sent_bytes = 0
        # One descriptor that the loop watches for all, because a watcher for each would cost more memory than a reader.
        self._poller = self._runtime.poller()
        self._runtime.watch(self._poller.fileno(), self._look)

    def __len__(self) -> int:
        return len(self._by_fd)

    @property
    def behind(self) -> int:
        """How many have not yet taken what is waiting for them."""
        return len(self._unsent.keys() | self._slow.keys() | self._woken.keys())

    # Coming and going

    def park(self, reader: Parked, fd: int, first: bytes, is_last: bool = False, network: str | None = None) -> None:
        """Take over a reader and its connection, which is sent `first` and then whatever is new.

        If that fails, both are closed, because nothing else refers to the connection any more.
        """
        reader.fd, reader.lot, reader.waiter, reader.network = fd, self, None, network
        self._by_fd[fd] = reader
        try:
            os.set_blocking(fd, False)
            self._poller.register(fd, HAS_SHUT_DOWN)
            if first:
                self.send(reader, first, is_last, is_own=True)
            if reader.lot is self:
                self.wake(reader)
        except BaseException:
            self.let_go(reader)
            raise

    def release(self, reader: Parked) -> int:
        """Close the reader but not its connection; returns the connection's descriptor."""
        self._poller.unregister(reader.fd)
        self._forget(reader)
        reader.close()
        return reader.fd

    def let_go(self, reader: Parked) -> None:
        """Close the reader and its connection. Never raises, because others are still to be served."""
        if reader.lot is self:
            self._forget(reader)
            for end in (partial(os.close, reader.fd), reader.close):
                try:
                    end()
                except Exception:
                    log.exception("a parked reader could not be let go as a whole")

    def _forget(self, reader: Parked) -> None:
        reader.lot = None
        del self._by_fd[reader.fd]
        self._drop_unsent(reader)
        for kept in (self._woken, self._slow):
            kept.pop(reader, None)

    def _drop_unsent(self, reader: Parked) -> None:
        unsent = self._unsent.pop(reader, None)
        if unsent is not None and unsent.counted is not None:
            self._backlog.remove(unsent.counted)

    # Rounds

    def wake(self, reader: Parked) -> None:
        """Serve the reader in the next round, which begins now or after a pause."""
        self._woken[reader] = None
        if self._round is None:
            self._round = iter(())
            self._runtime.later(max(0.0, self._next_round_at - time.monotonic()), self._begin_round)

    def _begin_round(self) -> None:
        woken, self._woken = self._woken, {}
        self._round = iter(woken)
        self._round_seconds, self._slice_ended_at = 0.0, time.monotonic()
        self._go_round()

    def _go_round(self) -> None:
        """Serve one slice; the next one follows in the next turn of the loop."""
        is_over = False
        began_at = time.monotonic()
        with self._hub.at_rest() as is_at_rest:
            if is_at_rest:
                is_over = self._serve_slice(began_at)
        self._slice_ended_at = time.monotonic()
        self._round_seconds += self._slice_ended_at - began_at
        if is_over:
            self._end_round()
        else:
            self._runtime.later(0, self._go_round)

    def _serve_slice(self, now: float) -> bool:
        """Continue the round for as long as everything else has taken since the last slice, with at least one batch.

        So requests wait no longer for a crowd than the crowd for them. True when everyone was served.
        """
        assert self._round is not None
        until = now + min(now - self._slice_ended_at, PAUSE_SECONDS)
        while True:
            served = 0
            for reader in islice(self._round, SLICE_READERS):
                served += 1
                if reader.lot is self and reader not in self._unsent:
                    self._serve(reader, now)
            if served < SLICE_READERS:
                return True
            if time.monotonic() >= until:
                return False

    def _serve(self, reader: Parked, now: float) -> None:
        if reader is self._served_slowly:  # it waits for the store, with its cursor where it was
            self._slow[reader] = None
            return
        try:
            reader.go_on(self, now)
        except Exception:  # one reader's failure must not affect the others
            log.exception("a parked reader was lost")
            self.let_go(reader)

    def _end_round(self) -> None:
        """Leave everything else as much time before the next round as this one took, up to `PAUSE_SECONDS`."""
        self._next_round_at = self._slice_ended_at + min(self._round_seconds, PAUSE_SECONDS)
        self._round = None
        if self._woken:
            self.wake(next(iter(self._woken)))

    # Readers that cannot share: they have just come, or their rooms have changed

    def serve_slowly(self, reader: Parked) -> None:
        """Let the reader continue in a greenlet, where it may read the store."""
        self._slow[reader] = None
        if not self._is_slow_at_work:
            self._is_slow_at_work = True
            self._runtime.start(self._work_slowly, "catching up")

    def _work_slowly(self) -> None:
        """Serve them one piece each in turn, with a turn of the loop after each."""
        try:
            while self._slow:
                reader = next(iter(self._slow))
                del self._slow[reader]
                if reader not in self._unsent:  # otherwise it continues when the kernel has taken that
                    self._serve_one_slowly(reader)
                    self._runtime.breathe()
            self._slow = {}  # an emptied dict keeps the memory of its largest size
        finally:
            self._is_slow_at_work = False

    def _serve_one_slowly(self, reader: Parked) -> None:
        self._served_slowly = reader
        try:
            if reader.go_on_slowly(self) and reader.lot is self:
                self._slow[reader] = None
        except Exception:  # one reader's failure must not affect the others
            log.exception("a parked reader was lost")
            self.let_go(reader)
        finally:
            self._served_slowly = None

    # What the kernel takes, and its events

    def send(self, reader: Parked, piece: bytes, is_last: bool = False, *, is_own: bool = False) -> None:
        """Send what the kernel takes of the piece now, and the rest when it takes more.

        With `is_last` the reader is then let go; with `is_own` no other reader is sent the same bytes object.
        """
        try:
            sent = os.write(reader.fd, piece)
        except BlockingIOError:
            sent = 0
        except OSError:  # the connection is gone
            return self.let_go(reader)
        self.sent_bytes += sent
        if sent < len(piece):
            self._keep(reader, memoryview(piece)[sent:], is_last, is_own)
        elif is_last:
            self.let_go(reader)

    def _keep(self, reader: Parked, piece: memoryview, is_last: bool, is_own: bool) -> None:
        now = time.monotonic()
        counted = Unsent(len(piece), reader.network, partial(self.let_go, reader)) if is_own else None
        self._poller.modify(reader.fd, HAS_SHUT_DOWN | WRITABLE)
        self._unsent[reader] = UnsentPiece(piece, is_last, now, deadline(len(piece), now), counted)
        if counted is not None:
            self._backlog.add(counted)

    def _look(self) -> None:
        """Handle the events of epoll, at most `EVENTS_A_LOOK` of them."""
        for fd, what in self._poller.poll(0, EVENTS_A_LOOK):
            reader = self._by_fd.get(fd)
            if reader is None:
                continue
            try:
                if what & WRITABLE:
                    self._send_unsent(reader)
                if what & HUNG_UP and reader.lot is self:
                    self.let_go(reader)
                if what & HAS_SHUT_DOWN and reader.lot is self:
                    reader.on_end_of_input(self)
            except OSError:  # the connection has ended
                self.let_go(reader)
            except Exception:  # gevent stops a watcher whose function raises
                log.exception("a parked reader was lost")
                self.let_go(reader)

    def _send_unsent(self, reader: Parked) -> None:
        unsent = self._unsent[reader]
        sent = os.write(reader.fd, unsent.piece)
        self.sent_bytes += sent
        if sent < len(unsent.piece):
            self._unsent[reader] = unsent._replace(piece=unsent.piece[sent:], since=time.monotonic())
            if unsent.counted is not None:
                self._backlog.took(unsent.counted, sent)
        elif unsent.is_last:
            self.let_go(reader)
        else:
            self._drop_unsent(reader)
            self._poller.modify(reader.fd, HAS_SHUT_DOWN)
            self.wake(reader)

    def tick(self) -> None:
        """Once a second: let go of readers that have taken nothing for `STALLED_SECONDS`, or too little."""
        now = time.monotonic()
        late = [
            reader
            for reader, unsent in self._unsent.items()
            if unsent.since <= now - STALLED_SECONDS or unsent.until <= now
        ]
        for reader in late:
            self._backlog.cut_off += 1
            self.let_go(reader)
