"""The readers that wait at the hub: what one is, who listens to which channel, and when each is due."""

import logging
import math
from collections.abc import Callable, Collection, Iterable
from typing import Any

from chat import runtime
from chat.realtime.visibility import Visibility
from chat.runtime import threads

log = logging.getLogger(__name__)

Refresh = Callable[[], Visibility | None]
RefreshAll = Callable[[list[Any]], list[Visibility | None]]  # of the kind of `Refresh` that the readers have


class Reader:
    """One that waits at the hub: what it may see, and how far it has read.

    `refresh` looks up in the store what it may see; the hub calls it again whenever a membership or a room changes,
    and ends the reader when the answer is None. At `due_at` (monotonic) it is woken even without news; that moment may
    be moved back at any time, and forward with `Hub.expect`. `transport` is `stream` or `poll`.
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
        self.holders: tuple[str, ...] = ()  # those whose shares of the places it takes
        self.cursor = cursor
        self.is_live = False  # whether it has been up to date once
        self.may_share = False  # whether it only needs frames that it can share with others
        self.passing = 0  # how many frames without an id it has had, of all since the start
        self.has_missed_passing = False
        self.has_new_rooms = True
        self.end: str | None = None  # why it ends, as in `bye`
        self.due_at = math.inf
        self.expected_in: int | None = None  # the second in which the hub checks whether it is due
        self.waiter: threads.Waiter | None = runtime.current().waiter()

    def wake(self) -> None:
        """Let it look for news. Called under the hub's lock, so it must not wait."""
        assert self.waiter is not None
        self.waiter.wake()


def refresh_each(refreshes: list[Refresh]) -> list[Visibility | None]:
    """What each of them may see now."""
    return [refresh() for refresh in refreshes]


def wake_all(readers: Iterable[Reader]) -> None:
    """Wake each of them, even if waking others raises."""
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
    """Who listens to which channel; a channel with one listener, as most have, costs no set."""

    def __init__(self) -> None:
        self._by_channel: dict[str, Reader | set[Reader]] = {}

    def add(self, channel: str, listener: Reader) -> None:
        """Let it listen to the channel, as well as to others."""
        found = self._by_channel.get(channel)
        if found is None:
            self._by_channel[channel] = listener
        elif isinstance(found, set):
            found.add(listener)
        elif found is not listener:
            self._by_channel[channel] = {found, listener}

    def discard(self, channel: str, listener: Reader) -> None:
        """Let it no longer listen to the channel, if it did."""
        found = self._by_channel.get(channel)
        if isinstance(found, set):
            found.discard(listener)
        if not found or found is listener:
            self._by_channel.pop(channel, None)

    def of(self, channel: str) -> Collection[Reader]:
        """Those who listen to the channel: the live set, so copy it before anything changes."""
        found = self._by_channel.get(channel, ())
        return found if isinstance(found, set | tuple) else (found,)


class DueTimes:
    """Readers by the second in which to check whether they are due; one that never is takes no place."""

    def __init__(self) -> None:
        self._by_second: dict[int, set[Reader]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_second.values()))

    def expect(self, reader: Reader, after: int = 0) -> None:
        """Check the reader in the second of its `due_at`, but not before the second `after`."""
        self.forget(reader)
        if reader.due_at < math.inf:
            reader.expected_in = max(after, int(reader.due_at))
            self._by_second.setdefault(reader.expected_in, set()).add(reader)

    def forget(self, reader: Reader) -> None:
        """Check it no more, if it was to be."""
        second, reader.expected_in = reader.expected_in, None
        if second is not None and second in self._by_second:
            self._by_second[second].discard(reader)
            if not self._by_second[second]:
                del self._by_second[second]

    def those_at(self, now: float) -> list[Reader]:
        """Those who are due at this moment; everyone that was checked is checked again in a later second."""
        due = []
        for second in [second for second in self._by_second if second <= now]:
            for reader in self._by_second.pop(second):
                if reader.due_at <= now:
                    due.append(reader)
                self.expect(reader, after=int(now) + 1)
        return due
