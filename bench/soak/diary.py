"""What one reader was given, in the order in which it was given: noted while it listens, judged by the oracle."""

import time
from array import array
from typing import NamedTuple

from bench.guests import Guest

NAMES = ("message", "edit", "remove", "join", "leave", "room", "read")  # the events of the log
NUMBERS = {name: number for number, name in enumerate(NAMES)}
NO_CHECKSUM = 0
COMPLAINTS_KEPT = 20
BEGIN_SECONDS = 60.0  # after that the run goes on without whoever does not begin to hear, and finds it lost


class Seat(NamedTuple):
    """Who reads, by which way; without a guest it is a visitor, without rooms all that the guest is in."""

    label: str
    way: str
    guest: Guest | None
    rooms: tuple[str, ...] | None


class Opening(NamedTuple):
    """From this delivery on the reader heard by a connection, or request, that it opened then."""

    first: int
    at: float


class Gap(NamedTuple):
    """The last sign of the server before a connection was lost, and the first on another.

    The lost one had been opened at `opened_at`; `waited_seconds` the reader let pass by itself before it tried again.
    """

    opened_at: float
    silent_at: float
    lost_at: float
    back_at: float
    waited_seconds: float


class Diary:
    """One reader's notes; `cursor` is what it sends when it comes back. Times are the machine's monotonic clock."""

    def __init__(self, seat: Seat, since: int | None = None) -> None:
        self.seat = seat
        self.began = self.cursor = since
        self.ended: int | None = None  # None: it read to the end of the run
        self.ids = array("q")
        self.names = bytearray()
        self.versions = array("l")
        self.checksums = array("L")
        self.openings: list[Opening] = []
        self.gaps: list[Gap] = []
        self.resets = 0
        self.complaints: list[str] = []
        self._sign_at = time.monotonic()
        self._opened_at = 0.0
        self._lost_at: float | None = None
        self._waited_seconds = 0.0

    def note(self, id: int, name: str, version: int, checksum: int = NO_CHECKSUM) -> None:
        """An event of the log has been given to the reader."""
        self.ids.append(id)
        self.names.append(NUMBERS[name])
        self.versions.append(version)
        self.checksums.append(checksum)

    def start(self, cursor: int) -> None:
        """The server says from where it goes on; the first time that is where this reader begins."""
        if self.began is None:
            self.began = cursor
        self.move(cursor)

    def move(self, cursor: int) -> None:
        if self.cursor is None or cursor > self.cursor:
            self.cursor = cursor

    def reset(self, cursor: int) -> None:
        """What the reader missed it will not get; that is for the oracle to see."""
        self.resets += 1
        self.cursor = cursor

    def has_come_to(self, cursor: int) -> bool:
        return self.cursor is not None and self.cursor >= cursor

    def complain(self, words: str) -> None:
        if len(self.complaints) < COMPLAINTS_KEPT:
            self.complaints.append(words)

    # Being connected

    def open(self) -> None:
        self.openings.append(Opening(len(self.ids), time.monotonic()))

    def hear(self) -> None:
        """A whole event or answer has come."""
        now = time.monotonic()
        if self._lost_at is not None:
            self.gaps.append(Gap(self._opened_at, self._sign_at, self._lost_at, now, self._waited_seconds))
            self._lost_at = None
            self._waited_seconds = 0.0
        self._sign_at = now

    def lose(self) -> None:
        """The connection has ended, or is given up."""
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self._opened_at = self.openings[-1].at if self.openings else self._lost_at

    def wait(self, seconds: float) -> None:
        """So long until the reader tries again."""
        self._waited_seconds += seconds


class Saboteur(Diary):
    """A reader that is given something wrong once, to see that the oracle sees it: SABOTAGES names the ways."""

    AT = 20

    def __init__(self, seat: Seat, sabotage: str, since: int | None = None) -> None:
        super().__init__(seat, since)
        self._sabotage = sabotage
        self._count = 0
        self._held: tuple[int, str, int, int] | None = None

    def note(self, id: int, name: str, version: int, checksum: int = NO_CHECKSUM) -> None:
        self._count += name == "message"
        if self._held is not None:
            super().note(id, name, version, checksum)
            super().note(*self._held)
            self._held = None
        elif name != "message" or self._count != self.AT:
            super().note(id, name, version, checksum)
        else:
            self._spoil(id, name, version, checksum)

    def _spoil(self, id: int, name: str, version: int, checksum: int) -> None:
        if self._sabotage == "swap":
            self._held = (id, name, version, checksum)
        elif self._sabotage == "double":
            super().note(id, name, version, checksum)
            super().note(id, name, version, checksum)
        elif self._sabotage == "tear":
            super().note(id, name, version, checksum ^ 1)


SABOTAGES = ("drop", "double", "swap", "tear")


def diary(seat: Seat, sabotage: str | None = None, since: int | None = None) -> Diary:
    return Saboteur(seat, sabotage, since) if sabotage else Diary(seat, since)
