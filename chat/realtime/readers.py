"""Those who wait at the hub: what each of them is, who listens to which channel, and when each must be heard of."""

import logging
import math
from collections.abc import Callable, Collection, Iterable
from typing import Any

from chat import runtime
from chat.realtime.visibility import Visibility
from chat.runtime import threads

log = logging.getLogger(__name__)

Refresh = Callable[[], Visibility | None]
RefreshAll = Callable[[list[Refresh]], list[Visibility | None]]


class Reader:
    """Somebody who waits at the hub: what it may hear, and how far it has come.

    `refresh` reads from the store what it may hear; the hub asks again whenever a membership or a room changes, and
    ends the reader when the answer is None. At `due_at` it is woken though nothing has come; that moment may be put
    off at will, and to bring it forward takes `Hub.expect`. `transport` is the way by which it came.
    """

    __slots__ = (
        "cursor",
        "due_at",
        "end",
        "expected_in",
        "has_missed_passing",
        "has_new_rooms",
        "visibility",
        "holders",
        "is_live",
        "may_share",
        "passing",
        "refresh",
        "waiter",
    )

    transport = "poll"

    def __init__(self, refresh: Refresh, cursor: int) -> None:
        self.refresh = refresh
        self.visibility = Visibility()
        self.holders: tuple[str, ...] = ()  # whose shares of the places it takes
        self.cursor = cursor
        self.is_live = False  # whether it has had everything once
        self.may_share = False  # whether nothing but the newest frames stands out, in rooms that have not changed
        self.passing = 0
        self.has_missed_passing = False
        self.has_new_rooms = True
        self.end: str | None = None
        self.due_at = math.inf
        self.expected_in: int | None = None  # the second in which the hub sees whether it is due
        self.waiter: threads.Waiter | None = runtime.current().waiter()

    def wake(self) -> None:
        """Let it look for news; called with the hub's lock held, so that it must not wait."""
        assert self.waiter is not None
        self.waiter.wake()


def refresh_each(refreshes: list[Refresh]) -> list[Visibility | None]:
    """What each of them may hear now."""
    return [refresh() for refresh in refreshes]


def wake_all(readers: Iterable[Reader]) -> None:
    """Wake each of them, whatever becomes of the others."""
    for reader in readers:
        try:
            reader.wake()
        except Exception:
            log.exception("a reader could not be woken")


def end_all(readers: Collection[Reader], reason: str) -> None:
    """End each of them with `bye` for this reason."""
    for reader in readers:
        reader.end = reason
    wake_all(readers)


class Listeners:
    """Who listens to which channel; a channel with one listener, as are most, costs no set."""

    def __init__(self) -> None:
        self._by_channel: dict[str, object] = {}

    def add(self, channel: str, listener: object) -> None:
        found = self._by_channel.get(channel)
        if found is None:
            self._by_channel[channel] = listener
        elif isinstance(found, set):
            found.add(listener)
        elif found is not listener:
            self._by_channel[channel] = {found, listener}

    def discard(self, channel: str, listener: object) -> None:
        found = self._by_channel.get(channel)
        if isinstance(found, set):
            found.discard(listener)
        if not found or found is listener:
            self._by_channel.pop(channel, None)

    def of(self, channel: str) -> Collection[Any]:
        """Those who listen to the channel, as they are now; not to be kept."""
        found = self._by_channel.get(channel, ())
        return found if isinstance(found, set | tuple) else (found,)


class DueTimes:
    """Readers by the second in which to see whether they are due; one that never is has no place here."""

    def __init__(self) -> None:
        self._by_second: dict[int, set[Reader]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_second.values()))

    def expect(self, reader: Reader, after: int = 0) -> None:
        """See in the second in which it is due whether it is, and not before the second `after`."""
        self.forget(reader)
        if reader.due_at < math.inf:
            reader.expected_in = max(after, int(reader.due_at))
            self._by_second.setdefault(reader.expected_in, set()).add(reader)

    def forget(self, reader: Reader) -> None:
        second, reader.expected_in = reader.expected_in, None
        if second is not None and second in self._by_second:
            self._by_second[second].discard(reader)
            if not self._by_second[second]:
                del self._by_second[second]

    def those_at(self, now: float) -> list[Reader]:
        """Those who are due; all that were looked at are looked at again in a later second."""
        due = []
        for second in [second for second in self._by_second if second <= now]:
            for reader in self._by_second.pop(second):
                if reader.due_at <= now:
                    due.append(reader)
                self.expect(reader, after=int(now) + 1)
        return due
