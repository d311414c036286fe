"""What a reader may see: one function of (user, event), the same for stream, poll, page and catch-up."""

import sys
import weakref
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from chat.core import log_events

Span = tuple[int, int | None]  # the first and the last event id, both visible; None as the last has no end
Stays = Iterable[tuple[int, int, int | None]]  # a room's id, and the ids of the user's join and leave events

ALWAYS: tuple[Span, ...] = ((0, None),)


class Rooms:
    """The rooms that are visible, by channel, each with its spans of event ids, in order and without overlaps.

    A span with an end means that the user has left; such a room still counts in catch-up. `now` are the channels that
    are visible from now on, `ids` their rooms. After `settled_id` no span begins or ends.
    """

    __slots__ = ("__weakref__", "ids", "now", "settled_id", "spans")

    def __init__(self, spans: Mapping[str, Sequence[Span]]) -> None:
        self.spans = spans
        visible_now = [channel for channel, of_room in spans.items() if of_room[-1][1] is None]
        self.now = frozenset(visible_now)
        self.ids = _ids(tuple(visible_now))
        borders = (border for of_room in spans.values() for span in of_room for border in span)
        self.settled_id = max((border for border in borders if border is not None), default=0)

    def settled(self) -> "Rooms":
        """The same without the past: one object for all readers of the same rooms."""
        return self if self.spans.keys() == self.now and not self.settled_id else _always(self.now, self.spans)


@lru_cache(1024)
def _ids(channels: tuple[str, ...]) -> tuple[int, ...]:
    """The ids of these rooms: one tuple for all readers of the same rooms, because each stream keeps it."""
    return tuple(int(channel.partition(":")[2]) for channel in channels)


_known: "weakref.WeakValueDictionary[tuple[str, ...], Rooms]" = weakref.WeakValueDictionary()


def _always(channels: Collection[str], order: Iterable[str]) -> Rooms:
    key = tuple(channel for channel in order if channel in channels)
    rooms = _known.get(key)
    if rooms is None:
        rooms = _known[key] = Rooms(dict.fromkeys(key, ALWAYS))
    return rooms


class Visibility:
    """What one reader may see: always its own channels, and the rooms, which it may share with others."""

    __slots__ = ("own", "rooms")

    def __init__(self, own: Iterable[str] = (), rooms: Rooms | None = None) -> None:
        self.own = tuple(own)
        self.rooms = rooms or _always((), ())

    @property
    def channels(self) -> list[str]:
        """All channels of which it may see any event, for catch-up."""
        return [*self.own, *self.rooms.spans, log_events.EVERYBODY]

    @property
    def wake_channels(self) -> Iterator[str]:
        """The channels whose events wake the reader; those of its others can only end it."""
        yield from self.rooms.now
        yield from (channel for channel in self.own if channel.startswith("user:"))

    @property
    def settled_id(self) -> int:
        """After this id nothing changes: no span begins or ends."""
        return self.rooms.settled_id

    def settled(self) -> "Visibility":
        """The same without the past, for a reader whose cursor is not below `settled_id`."""
        rooms = self.rooms.settled()
        return self if rooms is self.rooms else Visibility(self.own, rooms)

    def includes(self, channel: str, event_id: int) -> bool:
        """Whether the reader may see this event of this channel."""
        spans = self.rooms.spans.get(channel, ())
        begun = bisect_left(spans, (event_id + 1,))  # how many of them begin no later than this
        if begun:
            last = spans[begun - 1][1]
            if last is None or event_id <= last:
                return True
        return channel in self.own or channel == log_events.EVERYBODY

    def present_rooms(self) -> tuple[int, ...]:
        """The ids of the rooms that are visible from now on."""
        return self.rooms.ids


def of_rooms(
    room_ids: Iterable[int], open_ids: Collection[int], stays: Stays, own: Iterable[str]
) -> Visibility | None:
    """What a reader that named its rooms may see: all of an open room, of a closed one the user's stays.

    None when one of them is closed and the user is not in it now.
    """
    stayed = of_stays(stays, ())
    spans: dict[str, Sequence[Span]] = {}
    for room_id in room_ids:
        channel = _channel(room_id)
        if room_id in open_ids:
            spans[channel] = ALWAYS
        elif room_id in stayed.present_rooms():
            spans[channel] = stayed.rooms.spans[channel]
        else:
            return None
    return Visibility(own, _rooms(spans))


def of_stays(stays: Stays, own: Iterable[str]) -> Visibility:
    """What a reader that named no rooms may see: each from the user's join event to the leave event."""
    spans: dict[str, list[Span]] = {}
    for room_id, from_id, to_id in sorted(stays, key=lambda stay: stay[1]):
        _add_span(spans.setdefault(_channel(room_id), []), from_id, to_id)
    return Visibility(own, _rooms(spans))


def _add_span(spans: list[Span], first: int, last: int | None) -> None:
    """Add a span that begins no earlier than the others, and merge it with the last one where they overlap."""
    if spans:
        earlier_first, earlier_last = spans[-1]
        if earlier_last is None:
            return
        if first <= earlier_last:
            spans[-1] = (earlier_first, None if last is None else max(earlier_last, last))
            return
    spans.append((first, last))


def _rooms(spans: Mapping[str, Sequence[Span]]) -> Rooms:
    is_simple = all(of_room is ALWAYS for of_room in spans.values())
    return _always(spans.keys(), spans) if is_simple else Rooms(spans)


def _channel(room_id: int) -> str:
    return sys.intern(f"room:{room_id}")
