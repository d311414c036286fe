"""Where readers wait who have left their greenlet: a socket and a cursor each, and one loop that serves them all.

What is new is sent in rounds: each reader that was woken gets, in one `send`, whatever it has not been given yet. A
round goes in slices with a turn of the loop between them, so that a request waits for one slice and not for a crowd.
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

SLICE_READERS = 200  # some 1.5 ms of sending
PAUSE_SECONDS = 0.02  # at most, between two rounds, or for one slice
EVENTS_A_LOOK = 256
# What the kernel tells of a connection, by its own numbers: not every system's Python has names for them. That there
# are bytes to read it is never asked: they stay in the kernel, for whoever reads the connection's next request.
WRITABLE, HUNG_UP, HAS_SHUT_DOWN = 0x4, 0x8 | 0x10, 0x2000


class Parked(Reader):
    """A reader that may leave its greenlet: from `park` on it has a descriptor and a lot, and no waiter.

    `go_on` is called in the loop when it was woken, with the hub at rest, and must not wait; `go_on_slowly` in a
    greenlet. `close` lets go of whatever it has at the hub and elsewhere.
    """

    __slots__ = ("fd", "lot", "network")

    fd: int
    lot: "ParkingLot | None"
    network: str | None  # where it is, as far as it counts

    def wake(self) -> None:
        if self.lot is not None:
            self.lot.wake(self)
        elif self.waiter is not None:  # else its lot has let it go
            super().wake()

    def go_on(self, lot: "ParkingLot", now: float) -> None:
        raise NotImplementedError

    def go_on_slowly(self, lot: "ParkingLot") -> bool:
        """Serve it where one may wait; true when there is more to do."""
        raise NotImplementedError

    def on_end_of_input(self, lot: "ParkingLot") -> None:
        """The other side will send no more: it has closed the connection, or its own half of it. Called in the loop."""
        lot.let_go(self)

    def close(self) -> None:
        raise NotImplementedError


class Rest(NamedTuple):
    """What the kernel has not taken yet of a piece; `is_last` when the connection ends with it.

    `since` is when it took something last, `until` when it must have taken all. `unsent` is what the backlog counts of
    a piece that is the reader's own; one that is shared costs the same however many have not taken it.
    """

    piece: memoryview
    is_last: bool
    since: float
    until: float
    unsent: Unsent | None


class ParkingLot:
    """The parked readers of one process. Everything but `park` and `wake` happens in the loop of its own accord."""

    def __init__(self, hub: Hub, backlog: Backlog | None = None) -> None:
        self._hub = hub
        self._backlog = backlog or Backlog()
        self._runtime = runtime.current()
        self._by_fd: dict[int, Parked] = {}
        self._rests: dict[Parked, Rest] = {}
        self._woken: dict[Parked, None] = {}
        self._round: Iterator[Parked] | None = None
        self._slow: dict[Parked, None] = {}
        self._is_slow_at_work = False
        self._round_seconds = 0.0  # so long this round's slices have taken
        self._slice_ended_at = self._next_round_at = 0.0
        self.sent_bytes = 0
        # One descriptor that the loop watches for all: a watcher for each would cost more than all else of a reader.
        self._poller = self._runtime.poller()
        self._runtime.watch(self._poller.fileno(), self._look)

    def __len__(self) -> int:
        return len(self._by_fd)

    @property
    def behind(self) -> int:
        """How many have not taken yet what there is for them."""
        return len(self._rests.keys() | self._slow.keys() | self._woken.keys())

    # Coming and going

    def park(self, reader: Parked, fd: int, first: bytes, is_last: bool = False, network: str | None = None) -> None:
        """Take over a reader with its connection, which is sent `first` and then whatever is new.

        Both are let go where that fails: nobody else knows of the connection any more.
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
        """Let the reader leave with its connection, whose descriptor is returned."""
        self._poller.unregister(reader.fd)
        self._forget(reader)
        reader.close()
        return reader.fd

    def let_go(self, reader: Parked) -> None:
        """End the reader and its connection. Never raises: all the others are still to be served."""
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
        self._drop_rest(reader)
        for kept in (self._woken, self._slow):
            kept.pop(reader, None)

    def _drop_rest(self, reader: Parked) -> None:
        rest = self._rests.pop(reader, None)
        if rest is not None and rest.unsent is not None:
            self._backlog.remove(rest.unsent)

    # Rounds

    def wake(self, reader: Parked) -> None:
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
        """Serve one slice; the next one follows in the loop's next turn."""
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
        """Go on with the round for as long as all else has taken since its last slice, a few readers at the least.

        So requests wait no longer for a crowd than the crowd for them. True when everybody was served.
        """
        assert self._round is not None
        until = now + min(now - self._slice_ended_at, PAUSE_SECONDS)
        while True:
            served = 0
            for reader in islice(self._round, SLICE_READERS):
                served += 1
                if reader.lot is self and reader not in self._rests:
                    self._serve(reader, now)
            if served < SLICE_READERS:
                return True
            if time.monotonic() >= until:
                return False

    def _serve(self, reader: Parked, now: float) -> None:
        try:
            reader.go_on(self, now)
        except Exception:  # one reader's trouble must not become everybody's
            log.exception("a parked reader was lost")
            self.let_go(reader)

    def _end_round(self) -> None:
        """Before the next round all else gets as much time as this one took: nothing where little is said."""
        self._next_round_at = self._slice_ended_at + min(self._round_seconds, PAUSE_SECONDS)
        self._round = None
        if self._woken:
            self.wake(next(iter(self._woken)))

    # Those who need more than what all share: they have just come, or the rooms that they hear have changed

    def serve_slowly(self, reader: Parked) -> None:
        """Let the reader go on where it may read the store."""
        self._slow[reader] = None
        if not self._is_slow_at_work:
            self._is_slow_at_work = True
            self._runtime.start(self._work_slowly, "catching up")

    def _work_slowly(self) -> None:
        """Serve them one piece each in turn, and let the loop turn after each."""
        try:
            while self._slow:
                reader = next(iter(self._slow))
                del self._slow[reader]
                if reader not in self._rests:  # else it goes on when the kernel has taken those
                    self._serve_one_slowly(reader)
                    self._runtime.breathe()
            self._slow = {}  # one that was large keeps its size
        finally:
            self._is_slow_at_work = False

    def _serve_one_slowly(self, reader: Parked) -> None:
        try:
            if reader.go_on_slowly(self) and reader.lot is self:
                self._slow[reader] = None
        except Exception:  # one reader's trouble must not become everybody's
            log.exception("a parked reader was lost")
            self.let_go(reader)

    # What the kernel takes, and what it tells

    def send(self, reader: Parked, piece: bytes, is_last: bool = False, *, is_own: bool = False) -> None:
        """Send what the kernel takes of the piece now, and the rest when it takes more.

        `is_own` says that no other reader is sent the same bytes.
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
        unsent = Unsent(len(piece), reader.network, partial(self.let_go, reader)) if is_own else None
        self._poller.modify(reader.fd, HAS_SHUT_DOWN | WRITABLE)
        self._rests[reader] = Rest(piece, is_last, now, deadline(len(piece), now), unsent)
        if unsent is not None:
            self._backlog.add(unsent)

    def _look(self) -> None:
        """The kernel has something to tell of some connections."""
        for fd, what in self._poller.poll(0, EVENTS_A_LOOK):
            reader = self._by_fd.get(fd)
            if reader is None:
                continue
            try:
                if what & WRITABLE:
                    self._send_rest(reader)
                if what & HUNG_UP and reader.lot is self:
                    self.let_go(reader)
                if what & HAS_SHUT_DOWN and reader.lot is self:
                    reader.on_end_of_input(self)
            except OSError:  # the reader's end, however it came
                self.let_go(reader)
            except Exception:  # a loop hears no more of what failed once
                log.exception("a parked reader was lost")
                self.let_go(reader)

    def _send_rest(self, reader: Parked) -> None:
        rest = self._rests[reader]
        sent = os.write(reader.fd, rest.piece)
        self.sent_bytes += sent
        if sent < len(rest.piece):
            self._rests[reader] = rest._replace(piece=rest.piece[sent:], since=time.monotonic())
            if rest.unsent is not None:
                self._backlog.took(rest.unsent, sent)
        elif rest.is_last:
            self.let_go(reader)
        else:
            self._drop_rest(reader)
            self._poller.modify(reader.fd, HAS_SHUT_DOWN)
            self.wake(reader)

    def tick(self) -> None:
        """Once a second: let go who has taken nothing for so long that nobody can be there, or far too little."""
        now = time.monotonic()
        late = [
            reader
            for reader, rest in self._rests.items()
            if rest.since <= now - STALLED_SECONDS or rest.until <= now
        ]
        for reader in late:
            self._backlog.cut_off += 1
            self.let_go(reader)
