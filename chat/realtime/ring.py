"""What a process keeps in memory: recent events with their frames, and joined frames that readers share.

Each has a limit in bytes, because one event may be as large as a hundred others.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from chat.core import log_events, sse
from chat.realtime.visibility import Rooms, Visibility

Framed = tuple[str, bytes]  # a channel, and the frame that its readers are sent

PASSING_FRAMES = 1024  # so many frames without an id (presence, typing) are kept for readers that are behind
PASSING_BYTES = 1024 * 1024  # a whole roster has 30 KB, a typing frame 200 bytes
SHARED_BYTES = 8 * 1024 * 1024  # of joined frames, because readers with different sets of rooms share little
BATCH_BYTES = 512  # of memory that a batch takes beside the joined frames,
FRAMED_BYTES = 64  # and more for each frame in it


class Event:
    """A row of the log as the frame that every reader of it is sent. Raises ValueError for data with a line end."""

    __slots__ = ("channel", "frame", "id", "message_id", "name")

    def __init__(self, id: int, channel: str, name: str, data: str, message_id: int | None) -> None:
        self.id = id
        self.channel = channel
        self.name = name
        self.message_id = message_id
        self.set_data(data)

    def set_data(self, data: str) -> None:
        """Replace the event's data, the JSON for the wire. Raises ValueError for a line end in it."""
        self.frame = sse.frame(self.name, data, id=self.id)

    @property
    def data(self) -> str:
        """The JSON, cut out of the frame, so that it is not in memory twice."""
        return sse.data_of(self.frame)


class Ring:
    """The newest events, oldest first, up to a number of events and of bytes.

    `floor` is the id up to which events have left it: a reader below that must be served from the store.
    """

    def __init__(self, most_events: int, most_bytes: int) -> None:
        self.most_events = most_events
        self.most_bytes = most_bytes
        self.floor = 0
        self.size = 0  # in bytes
        self._events: list[Event] = []
        self._ids: list[int] = []
        self._by_subject: dict[int | None, list[Event]] = {}  # by `message_id`: the message or stay that they are about

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def begin(self, floor: int) -> None:
        """Become empty, for events after this id."""
        self.floor = floor
        self._keep([])

    def after(self, cursor: int, most: int) -> list[Event]:
        """At most so many events after the cursor, which must not be below the floor."""
        first = bisect_right(self._ids, cursor)
        return self._events[first : first + most]

    def batch_after(self, cursor: int, last_id: int, most: int, most_bytes: int) -> "Batch":
        """The same as frames for every reader at this cursor; it ends with the frame that crosses `most_bytes`."""
        frames: list[Framed] = []
        until, size = last_id, 0
        for event in self.after(cursor, most):
            if size >= most_bytes:
                break
            frames.append((event.channel, event.frame))
            until = event.id
            size += len(event.frame)
        else:
            until = until if len(frames) == most else last_id
        return Batch(frames, until)

    def extend(self, news: Collection[Event]) -> None:
        """Add events with ids above all that were added before; `trim` keeps to the limits."""
        for event in news:
            self._events.append(event)
            self._ids.append(event.id)
            self._note_subject(event)
            self.size += len(event.frame)

    def rewrite(self, data_by_id: Mapping[int, str], gone: Collection[int] = ()) -> None:
        """Give these events other data, and drop those that have left the log."""
        for event in self._events:
            if event.id in data_by_id:
                event.set_data(data_by_id[event.id])
        self._keep([event for event in self._events if event.id not in gone])

    def replace(self, news: Collection[Event]) -> None:
        """Give earlier events of an edited or removed message its new data, and drop the events that these replace."""
        for newer in news:
            for event in tuple(self._by_subject.get(newer.message_id, ())):
                if event.id < newer.id and newer.name in log_events.REWRITES:
                    self.size -= len(event.frame)
                    event.set_data(newer.data)
                    self.size += len(event.frame)
                if event.id < newer.id and event.name in log_events.REPLACES[newer.name]:
                    self._drop(event)

    def _drop(self, event: Event) -> None:
        place = bisect_left(self._ids, event.id)
        del self._ids[place], self._events[place]
        self._by_subject[event.message_id].remove(event)
        self.size -= len(event.frame)

    def _note_subject(self, event: Event) -> None:
        if event.message_id is not None:
            self._by_subject.setdefault(event.message_id, []).append(event)

    def trim(self) -> None:
        """Drop the oldest events if there are too many: a quarter of the ring at once, so that it is seldom done."""
        surplus = len(self._events) - self.most_events
        surplus = surplus if surplus > self.most_events // 4 else 0
        if self.size > self.most_bytes:
            surplus = max(surplus, self._surplus_by_bytes(self.most_bytes * 3 // 4))
        if surplus:
            self.floor = self._ids[surplus - 1]
            self._keep(self._events[surplus:])

    def _surplus_by_bytes(self, bytes_left: int) -> int:
        size = self.size
        for surplus, event in enumerate(self._events):
            if size <= bytes_left:
                return surplus
            size -= len(event.frame)
        return len(self._events)

    def _keep(self, kept: list[Event]) -> None:
        self._events, self._ids, self._by_subject, self.size = [], [], {}, 0
        self.extend(kept)


class Passing:
    """The newest frames without an id; `count` is how many there have been since the start."""

    def __init__(self) -> None:
        self.count = 0
        self._frames: deque[Framed] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def append(self, channel: str, frame: bytes) -> None:
        """Add a frame, and drop the oldest above `PASSING_FRAMES` or `PASSING_BYTES`."""
        self.count += 1
        self._frames.append((channel, frame))
        self._bytes += len(frame)
        while len(self._frames) > PASSING_FRAMES or (self._bytes > PASSING_BYTES and len(self._frames) > 1):
            _, oldest = self._frames.popleft()
            self._bytes -= len(oldest)

    def after(self, place: int) -> list[Framed]:
        """Those after the first `place` of all, as far as they are still kept."""
        first = len(self._frames) - (self.count - place)
        return list(self._frames)[max(0, first) :]


class Batch:
    """Consecutive frames up to the place `until`; readers of the same rooms share them as joined bytes."""

    __slots__ = ("_by_rooms", "_channels", "_frames", "_others", "_to_all", "until")

    def __init__(self, frames: Iterable[Framed], until: int) -> None:
        self.until = until
        self._frames = list(frames)
        self._channels = frozenset(channel for channel, _ in self._frames)
        self._to_all = self._channels & {log_events.EVERYBODY}
        self._others = [channel for channel in self._channels - self._to_all if not channel.startswith("room:")]
        self._by_rooms: dict[Rooms, bytes] = {}

    def __len__(self) -> int:
        return len(self._frames)

    def bytes_for(self, visibility: Visibility, shared: "Shared") -> bytes:
        """The frames that a reader with a settled visibility may see; `shared` counts the bytes kept for others."""
        if self._others and not self._channels.isdisjoint(visibility.own):
            visible = (*visibility.own, *visibility.rooms.now, log_events.EVERYBODY)
            return self._joined(self._channels.intersection(visible))
        piece = self._by_rooms.get(visibility.rooms)
        if piece is None:
            channels = self._channels & visibility.rooms.now | self._to_all
            piece = self._by_rooms[visibility.rooms] = self._joined(channels)
            shared.note(len(piece))
        return piece

    def _joined(self, channels: frozenset[str]) -> bytes:
        return b"".join([frame for channel, frame in self._frames if channel in channels])


class Shared:
    """Batches by the place that they follow, each made by `batch_after` for the first reader there.

    They are dropped when there are new frames or more than `SHARED_BYTES` of them, and made again when needed.
    """

    def __init__(self, batch_after: Callable[[int], Batch]) -> None:
        self._batch_after = batch_after
        self._batches: dict[int, Batch] = {}
        self.size = 0  # in bytes

    def after(self, place: int) -> Batch:
        """The batch that follows this place."""
        batch = self._batches.get(place)
        if batch is None:
            batch = self._batches[place] = self._batch_after(place)
            self.note(BATCH_BYTES + FRAMED_BYTES * len(batch))
        return batch

    def note(self, more_bytes: int) -> None:
        """Count so many bytes more; above `SHARED_BYTES` drop all batches."""
        self.size += more_bytes
        if self.size > SHARED_BYTES:
            self.clear()

    def clear(self) -> None:
        """Drop all batches."""
        self._batches.clear()
        self.size = 0
