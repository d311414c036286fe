"""The meeting point of one process: readers register here, and are woken by what is new in the log for them.

Rule for every reader: register first, then read the feed, then wait.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from chat.core import log_events
from chat.core.shares import Shares
from chat.realtime.feed import Feed, is_for_readers
from chat.realtime.readers import DueTimes, Listeners, Reader, RefreshAll, end_all, refresh_each, wake_all
from chat.realtime.ring import Event
from chat.realtime.visibility import Visibility
from chat.store import Store

log = logging.getLogger(__name__)

CLOSE_STEP_SECONDS = 0.1
FOR_SITE_MAX = 1024  # of the site, that the process could not learn of yet; the newest say what the older ones did


class Hub:
    """The readers of a process, by the channels that they hear, and the waking of them; `feed` is what they are given.

    `on_site` is called with every event that concerns the process itself. `refresh_all` asks for many readers at once
    what each of them may hear now.
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
        self.feed = Feed(store, self._lock, ring_events, ring_bytes)
        self._listeners = Listeners()
        self.readers: set[Reader] = set()
        self.room_changes = 0  # how many changes of rooms were heard of; each may have taken one away
        self._due = DueTimes()
        self.held = {"stream": 0, "poll": 0}  # the readers by transport
        self.places = Shares()  # the readers by those whose shares they take
        self.deliveries = {"event": 0, "passing": 0}  # since the start, each times those who waited for it
        self._site_lock = threading.Lock()
        self._for_site: deque[Event] = deque(maxlen=FOR_SITE_MAX)
        self._ending: str | None = None

    @property
    def last_id(self) -> int:
        """How far this process has read the log."""
        return self.feed.last_id

    def start(self) -> None:
        """Begin at the end of the log; what is older is the store's."""
        with self._lock:
            self.feed.start()

    # Readers

    def register(self, reader: Reader) -> None:
        """Let `reader` be woken from now on by what it may hear; when that cannot be asked, it has no place here."""
        with self._lock:
            visibility = reader.refresh()
            self.readers.add(reader)
            self.held[reader.transport] += 1
            for holder in reader.holders:
                self.places.add(holder)
            reader.passing = self.feed.passing.count
            reader.end = self._ending
            self._index(reader, visibility)
            self._due.expect(reader)

    def forget(self, reader: Reader) -> None:
        with self._lock:
            if reader in self.readers:
                self.readers.remove(reader)
                self.held[reader.transport] -= 1
                for holder in reader.holders:
                    self.places.add(holder, -1)
            self._unindex(reader)
            self._due.forget(reader)

    def expect(self, reader: Reader) -> None:
        """Wake it when it is due."""
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

    def wake(self) -> None:
        """Read what is new in the log and wake every reader that it concerns, once.

        The place in the log moves with what was taken in, or not at all: what fails here the next call makes good.
        """
        with self._lock:
            self.feed.forget_shared()
            concerned: set[Reader] = set()
            try:
                while self._read_on(concerned):
                    pass
            finally:
                wake_all(concerned)
        self._deliver_to_site()  # after the lock: whoever learns of it has locks of its own

    def send(self, channel: str, frame: bytes) -> None:
        """Send a frame that is not in the log to those who hear the channel now."""
        with self._lock:
            self.feed.pass_on(channel, frame)
            listening = self._listeners.of(channel)
            self.deliveries["passing"] += len(listening)
            wake_all(listening)

    def tick(self) -> None:
        """Wake the readers whose time has come: to say that they live, or to end."""
        with self._lock:
            wake_all(self._due.those_at(time.monotonic()))

    def close(self, reason: str, over_seconds: float = 0.0) -> None:
        """End whoever registers from now on with `bye` for this reason, and all readers, in random order."""
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
        """Whether nobody is about to change what is here, who then keeps away as long as this is open."""
        is_free = self._lock.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._lock.release()

    # What is new in the log

    def _read_on(self, concerned: set[Reader]) -> bool:
        """Take in the next piece of the log, and note whom it concerns; true when there may be more."""
        news = self.feed.next_news()
        if news is None:
            self.begin_anew()
            return False
        if news.events:
            self._take_in(news.events, concerned)
        return not news.is_all

    def _take_in(self, news: list[Event], concerned: set[Reader]) -> None:
        """First all that asks the store and may fail, then the feed, whose place in the log moves along."""
        rewritten = self.feed.rewritten_by(news)
        self._end_revoked({event.channel for event in news if event.name == log_events.REVOKE})
        self._index_anew([event for event in news if _may_change_visibility(event)], concerned)
        self.feed.take_in(news, rewritten)
        self._for_site.extend(event for event in news if event.channel == log_events.SITE)
        for event in filter(is_for_readers, news):
            listening = self.readers if event.channel == log_events.EVERYBODY else self._listeners.of(event.channel)
            self.deliveries["event"] += len(listening)
            concerned.update(listening)

    def begin_anew(self) -> None:
        """Leave out what is too much to be read: every reader comes back and is asked anew who it is."""
        with self._lock:
            self.feed.begin_anew()
            self.room_changes += 1
            self._for_site.append(Event(0, log_events.SITE, log_events.MISSED, "{}", None))
            end_all(list(self.readers), "slow")

    def _end_revoked(self, channels: set[str]) -> None:
        """End who hears one of them as their own: so seldom that an index would cost every reader more than this."""
        if channels:
            end_all([reader for reader in self.readers if not channels.isdisjoint(reader.visibility.own)], "revoked")

    def _index_anew(self, changes: list[Event], concerned: set[Reader]) -> None:
        """Ask once, for all who listen, what they may hear after these changes of rooms and memberships."""
        readers = list({reader: None for event in changes for reader in self._listeners.of(event.channel)})
        visibilities = self._refresh_all([reader.refresh for reader in readers]) if readers else []
        for reader, visibility in zip(readers, visibilities, strict=True):
            self._unindex(reader)
            self._index(reader, visibility)
        concerned.update(readers)
        self.room_changes += sum(event.name == log_events.ROOM for event in changes)

    def _deliver_to_site(self) -> None:
        """Let the process learn what concerns it; what fails is told again with the next wake."""
        if not self._for_site:
            return
        with self._site_lock:
            with self._lock:
                waiting = list(self._for_site)
            for event in waiting:
                try:
                    self._on_site(event)
                except Exception:  # nobody who merely looks for news is to pay for it
                    log.exception("the process could not take in what has changed for it")
                else:
                    with self._lock, suppress(ValueError):  # so many came meanwhile that it is there no more
                        self._for_site.remove(event)


def _may_change_visibility(event: Event) -> bool:
    """Whether those who listen to its channel may hear something else from this event on."""
    prefix = log_events.CHANGES_VISIBILITY.get(event.name)
    return prefix is not None and event.channel.startswith(prefix)
