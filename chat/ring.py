"""What the hub keeps at hand: events with their frames, and runs of frames that readers share as the same bytes."""

from collections.abc import Collection, Iterable

from chat import sse
from chat.hearing import Hearing, Rooms

Framed = tuple[str, bytes]  # a channel, and the frame that those who hear it are sent


class Event:
    """A row of the log, with the bytes that every reader of it is sent."""

    __slots__ = ("channel", "data", "frame", "id", "message_id", "name")

    def __init__(self, id: int, channel: str, name: str, data: str, message_id: int | None) -> None:
        self.id = id
        self.channel = channel
        self.name = name
        self.message_id = message_id
        self.say(data)

    def say(self, data: str) -> None:
        """Let the event carry `data`, the JSON for the wire, from now on."""
        self.data = data
        self.frame = sse.frame(self.name, data, id=self.id)


class Batch:
    """Frames that follow each other, up to the place `until`; readers that hear the same of them share the bytes."""

    __slots__ = ("_by_rooms", "_channels", "_frames", "_others", "until")

    def __init__(self, frames: Iterable[Framed], until: int) -> None:
        self.until = until
        self._frames = list(frames)
        self._channels = frozenset(channel for channel, _ in self._frames)
        self._others = [channel for channel in self._channels if not channel.startswith("room:")]
        self._by_rooms: dict[Rooms, bytes] = {}

    def heard_by(self, hearing: Hearing) -> bytes:
        """What somebody hears of it whose hearing is settled."""
        if self._others and not self._channels.isdisjoint(hearing.own):
            return self._joined(self._channels.intersection((*hearing.own, *hearing.rooms.now)))
        piece = self._by_rooms.get(hearing.rooms)
        if piece is None:
            piece = self._by_rooms[hearing.rooms] = self._joined(self._channels & hearing.rooms.now)
        return piece

    def _joined(self, channels: frozenset[str]) -> bytes:
        return b"".join([frame for channel, frame in self._frames if channel in channels])


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

    def of(self, channel: str) -> Collection:
        """Those who listen to the channel, as they are now; not to be kept."""
        found = self._by_channel.get(channel, ())
        return found if isinstance(found, set | tuple) else (found,)
