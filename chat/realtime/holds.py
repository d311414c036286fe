"""Polls and pages that wait for their first event."""

from collections.abc import Callable

from chat.realtime.hub import Hub
from chat.realtime.parking import Parked, ParkingLot
from chat.realtime.readers import Refresh


class Hold(Parked):
    """A poll that waits for its first event; then, or when its time is over, the request is made again and answered.

    With `channel` it waits for the events of that channel only.
    """

    __slots__ = ("_ask_again", "_channel", "_hub")

    def __init__(self, hub: Hub, refresh: Refresh, cursor: int, channel: str | None = None) -> None:
        super().__init__(refresh, cursor)
        self.lot = None
        self._hub = hub
        self._channel = channel

    def has_news(self) -> bool:
        """Whether there is something that it waits for; other events are skipped for good."""
        while found := self._hub.feed.read(self):
            if self._channel is None or any(event.channel == self._channel for event in found):
                return True
        return False

    def go_on(self, lot: ParkingLot, now: float) -> None:
        if self.end is not None or now >= self.due_at or self.has_news():
            self._ask_again(lot.release(self))

    def on_end_of_input(self, lot: ParkingLot) -> None:
        """Answer at once: whoever has closed only their own half still waits, and one that has gone loses nothing."""
        self._ask_again(lot.release(self))

    def park(self, lot: ParkingLot, fd: int, ask_again: Callable[[int], None]) -> None:
        """Leave the poll to the lot with its connection; `ask_again` is given the descriptor back to answer it."""
        self._ask_again = ask_again
        self._hub.expect(self)
        lot.park(self, fd, b"")

    def close(self) -> None:
        self._hub.forget(self)


class HeldPoll(list[bytes]):
    """What a view returns for a poll or page that may be parked: an empty answer, for a worker that can park it."""

    connection: object = None  # as of `StreamBody`
    is_answer = False  # nothing is sent before there is an event

    def __init__(self, hold: Hold) -> None:
        super().__init__()
        self._hold = hold

    def park(self, lot: ParkingLot, fd: int, ask_again: Callable[[int], None]) -> None:
        """As `Hold.park`."""
        self._hold.park(lot, fd, ask_again)

    def close(self) -> None:
        """Take the poll from the hub, as WSGI demands of servers."""
        self._hold.close()
