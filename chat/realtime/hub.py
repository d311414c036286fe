"""The meeting point of one process: readers register here, and are woken when the log has something new for them.

Rule for every reader: register first, then read the feed, then wait. Rule for the hub: the store is asked outside of
its lock, which is taken in the loop, too, where nobody may wait. So what was looked up is used only if nothing has
happened since that would make it wrong; otherwise it is looked up again.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chat.core import log_events
from chat.core.shares import Shares
from chat.realtime.feed import Feed, Rewritten, is_for_readers
from chat.realtime.joint import Joint
from chat.realtime.readers import DueTimes, Listeners, Reader, RefreshAll, end_all, refresh_each, wake_all
from chat.realtime.ring import Event
from chat.realtime.site_events import SiteEvents
from chat.realtime.visibility import Visibility
from chat.store import Store

CLOSE_STEP_SECONDS = 0.1
REGISTER_TRIES = 3


class Hub:
    """The waiting readers of a process by channel, and what wakes them; from `feed` they take what is new.

    `on_site` is called with every event that concerns the process itself. `refresh_all` looks up for many readers at
    once what each of them may see now.
    """

    def __init__(
        self,
        store: Store,
        ring_events: int,
        ring_bytes: int,
        on_site: Callable[[Event], None] = lambda event: None,
        refresh_all: RefreshAll = refresh_each,
    ) -> None:
        self._on_site = on_site
        self._refresh_all = refresh_all
        self._lock = threading.RLock()
        self._log_lock = threading.RLock()  # for whoever moves `last_id`; taken before the other
        self._read_log = Joint(self._take_news)
        self.feed = Feed(store, self._lock, ring_events, ring_bytes)
        self._listeners = Listeners()
        self.readers: set[Reader] = set()
        self.room_changes = 0  # how many events have changed or removed a room
        self._access_changes = 0  # how often what readers may see has changed
        self._due = DueTimes()
        self.held = {"stream": 0, "poll": 0}  # the readers by transport
        self.places = Shares()  # the readers by the holders whose shares they take
        self.deliveries = {"event": 0, "passing": 0}  # since the start: each counts once per waiting reader
        self._for_site = SiteEvents(lambda event: self._on_site(event))
        self._ending: str | None = None

    @property
    def last_id(self) -> int:
        """How far this process has read the log."""
        return self.feed.last_id

    def start(self) -> None:
        """Begin at the end of the log; older events are read from the store."""
        with self._log_lock:
            newest = self.feed.end_of_log()
            with self._lock:
                self.feed.begin(newest)

    # Readers

    def register(self, reader: Reader, has_place: Callable[[], bool] = lambda: True) -> bool:
        """Wake the reader from now on by what it may see; false if there is no place for it.

        If looking up what it may see raises, it is not registered.
        """
        for _ in range(REGISTER_TRIES):
            if not has_place():
                return False
            is_added = self._try_to_add(reader, has_place)
            if is_added is not None:
                return is_added
        with self._log_lock:  # much is changing: now nothing is taken in meanwhile
            return bool(self._try_to_add(reader, has_place))

    def _try_to_add(self, reader: Reader, has_place: Callable[[], bool]) -> bool | None:
        """None where what it may see may have changed while that was looked up."""
        changes = self._access_changes
        visibility = reader.refresh()
        with self._lock:
            if changes != self._access_changes:
                return None
            if not has_place():
                return False
            self.readers.add(reader)
            self.held[reader.transport] += 1
            for holder in reader.holders:
                self.places.add(holder)
            reader.passing = self.feed.passing.count
            reader.end = self._ending
            self._index(reader, visibility)
            self._due.expect(reader)
            return True

    def forget(self, reader: Reader) -> None:
        """Undo `register`; it may be called again, or for a reader that was never registered."""
        with self._lock:
            if reader in self.readers:
                self.readers.remove(reader)
                self.held[reader.transport] -= 1
                for holder in reader.holders:
                    self.places.add(holder, -1)
            self._unindex(reader)
            self._due.forget(reader)

    def expect(self, reader: Reader) -> None:
        """Wake the reader when it is due; call this when `due_at` has been brought forward."""
        with self._lock:
            if reader in self.readers:
                self._due.expect(reader)

    def _index(self, reader: Reader, visibility: Visibility | None) -> None:
        if visibility is None:
            return end_all([reader], "revoked")
        reader.visibility = visibility
        reader.has_new_rooms = True
        reader.may_share = False
        for channel in visibility.wake_channels:
            self._listeners.add(channel, reader)

    def _unindex(self, reader: Reader) -> None:
        for channel in reader.visibility.wake_channels:
            self._listeners.discard(channel, reader)

    # Waking

    def wake(self, highest_id: int | None = None) -> None:
        """Read what is new in the log and wake every reader that it concerns, once.

        Where it is known which id the log gave last, and this process has read that far, the store isn't asked.
        Whatever fails, `last_id` is only past what readers can have, so the next call continues from there. Many may
        call it at once: one reads for all of them.
        """
        if highest_id is None or highest_id > self.last_id:
            self._read_log()
        else:
            with self._lock:
                self.feed.forget_shared()
        self._for_site.deliver()  # outside of the locks, because `on_site` takes locks of its own

    def send(self, channel: str, frame: bytes) -> None:
        """Send a frame that is not in the log to the current readers of the channel."""
        with self._lock:
            self.feed.add_passing(channel, frame)
            listening = self._listeners.of(channel)
            self.deliveries["passing"] += len(listening)
            wake_all(listening)

    def tick(self) -> None:
        """Wake the readers that are due, to send a ping or to end. Called once a second."""
        with self._lock:
            wake_all(self._due.those_at(time.monotonic()))

    def close(self, reason: str, over_seconds: float = 0.0) -> None:
        """End all readers with `bye` for this reason, in random order over so many seconds, and all later ones."""
        with self._lock:
            self._ending = reason
            leaving = list(self.readers)
        random.shuffle(leaving)
        steps = max(1, round(over_seconds / CLOSE_STEP_SECONDS))
        for step in range(steps):
            with self._lock:
                end_all([reader for reader in leaving[step::steps] if reader in self.readers], reason)
            if step + 1 < steps:
                time.sleep(CLOSE_STEP_SECONDS)

    @contextmanager
    def at_rest(self) -> Iterator[bool]:
        """Whether nothing is changing now; if so, nothing changes as long as this is open. Never waits."""
        is_free = self._lock.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._lock.release()

    # What is new in the log

    def _take_news(self) -> None:
        with self._log_lock:
            with self._lock:
                self.feed.forget_shared()
            while self._read_on():
                pass

    def _read_on(self) -> bool:
        """Take in the next piece of the log, and wake whom it concerns; true when there may be more."""
        found = self.feed.next_events()
        if found is None:
            self.skip_to_end()
            return False
        if found.events:
            self._take_in(found.events)
        return not found.is_all

    def _take_in(self, news: list[Event]) -> None:
        """First everything that asks the store and may fail, then the feed, which moves `last_id`."""
        rewritten = self.feed.rewritten_by(news)
        changes = [event for event in news if _may_change_visibility(event)]
        visibilities: dict[Reader, Visibility | None] = {}
        while not self._has_taken_in(news, rewritten, changes, visibilities):
            unknown = self._listeners_of(changes) - visibilities.keys()
            visibilities.update(zip(unknown, self._refresh_all([reader.refresh for reader in unknown]), strict=True))

    def _listeners_of(self, changes: list[Event]) -> set[Reader]:
        with self._lock:
            return {reader for event in changes for reader in self._listeners.of(event.channel)}

    def _has_taken_in(
        self,
        news: list[Event],
        rewritten: Rewritten,
        changes: list[Event],
        visibilities: dict[Reader, Visibility | None],
    ) -> bool:
        """Take these events in, in one moment for all readers; false if what some of them may see from then on is not
        among `visibilities`, because they have come since it was looked up.
        """
        with self._lock:
            concerned = self._listeners_of(changes)
            if not concerned <= visibilities.keys():
                return False
            revoked = {event.channel for event in news if event.name == log_events.REVOKE}
            self._end_revoked(revoked)
            self._reindex({reader: visibilities[reader] for reader in concerned})
            self.room_changes += sum(event.name == log_events.ROOM for event in changes)
            self._access_changes += bool(changes or revoked)
            self.feed.take_in(news, rewritten)
            self._for_site.keep(event for event in news if event.channel == log_events.SITE)
            for event in filter(is_for_readers, news):
                listening = self.readers if event.channel == log_events.EVERYBODY else self._listeners.of(event.channel)
                self.deliveries["event"] += len(listening)
                concerned.update(listening)
            wake_all(concerned)
            return True

    def skip_to_end(self) -> None:
        """Skip to the end of the log, and end all readers: they come back and catch up from the store."""
        with self._log_lock:
            newest = self.feed.end_of_log()
            with self._lock:
                self.feed.begin(newest)
                self.room_changes += 1
                self._access_changes += 1
                self._for_site.keep([Event(0, log_events.SITE, log_events.MISSED, "{}", None)])
                end_all(list(self.readers), "slow")

    def _end_revoked(self, channels: set[str]) -> None:
        """End the readers that have one of these as a channel of their own. It is rare, so there is no index for it."""
        if channels:
            end_all([reader for reader in self.readers if not channels.isdisjoint(reader.visibility.own)], "revoked")

    def _reindex(self, visibilities: dict[Reader, Visibility | None]) -> None:
        for reader, visibility in visibilities.items():
            self._unindex(reader)
            self._index(reader, visibility)


def _may_change_visibility(event: Event) -> bool:
    """Whether the listeners of its channel may see something else from this event on."""
    prefix = log_events.CHANGES_VISIBILITY.get(event.name)
    return prefix is not None and event.channel.startswith(prefix)
