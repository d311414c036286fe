"""What a reader may hear: one function of (user, event), the same for stream, poll, page and catch-up."""

from collections.abc import Collection, Iterable, Mapping, Sequence

Span = tuple[int, int | None]
Stays = Iterable[tuple[int, int, int | None]]

ALWAYS: tuple[Span, ...] = ((0, None),)


class Hearing:
    """The channels that a reader hears, each with the spans of ids in which it does; both ends are heard.

    A closed end means that the user has left; such a channel still counts in catch-up, by its places in the log.
    """

    __slots__ = ("_spans",)

    def __init__(self, spans: Mapping[str, Sequence[Span]]) -> None:
        self._spans = spans

    @property
    def channels(self) -> Collection[str]:
        return self._spans.keys()

    def spans(self, channel: str) -> Sequence[Span]:
        return self._spans.get(channel, ())

    def hears(self, channel: str, event_id: int) -> bool:
        for first, last in self.spans(channel):
            if first <= event_id and (last is None or event_id <= last):
                return True
        return False

    def present_rooms(self) -> list[int]:
        """The rooms heard from now on."""
        return [
            int(channel.partition(":")[2])
            for channel, spans in self._spans.items()
            if channel.startswith("room:") and spans[-1][1] is None
        ]


def of_rooms(
    room_ids: Iterable[int], open_ids: Collection[int], stays: Stays, own: Iterable[str]
) -> Hearing | None:
    """A reader that named its rooms: all of an open one, of a closed one the user's stays.

    None when a closed one is among them in which the user is not, now.
    """
    stayed = of_stays(stays, ())
    spans: dict[str, Sequence[Span]] = dict.fromkeys(own, ALWAYS)
    for room_id in room_ids:
        channel = f"room:{room_id}"
        if room_id in open_ids:
            spans[channel] = ALWAYS
        elif room_id in stayed.present_rooms():
            spans[channel] = stayed.spans(channel)
        else:
            return None
    return Hearing(spans)


def of_stays(stays: Stays, own: Iterable[str]) -> Hearing:
    """A reader that named none: each room from the user's join event to the leave event."""
    spans: dict[str, Sequence[Span]] = dict.fromkeys(own, ALWAYS)
    for room_id, from_id, to_id in sorted(stays, key=lambda stay: stay[1]):
        channel = f"room:{room_id}"
        spans[channel] = [*spans.get(channel, ()), (from_id, to_id)]
    return Hearing(spans)
