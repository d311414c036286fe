"""Streams for browsers without EventSource: read by an XMLHttpRequest, or in the dialect of Opera 9."""

from typing import Any

from chat.core import sse
from chat.realtime.parking import ParkingLot
from chat.realtime.presence.rosters import User
from chat.realtime.readers import Refresh
from chat.realtime.streams import Stream, Streams, bye

XHR_BYTES = 128 * 1024  # an XMLHttpRequest keeps all its text, and each look at it takes longer


class LegacyStream(Stream):
    """A stream whose bytes are converted before they are sent, and that ends when an XHR has had `XHR_BYTES`.

    Otherwise it is like any other; what it shares with others is converted once (`sse.in_dom_dialect`).
    """

    __slots__ = ("_in_dom_dialect", "_left_bytes")

    def __init__(
        self, home: Streams, user: User | None, refresh: Refresh, cursor: int, *, in_dom_dialect: bool, is_padded: bool
    ) -> None:
        super().__init__(home, user, refresh, cursor)
        self._in_dom_dialect = in_dom_dialect
        self._left_bytes = XHR_BYTES if is_padded else None

    def begun(self, opening: bytes) -> bytes:
        begun = sse.in_dom_dialect(opening) if self._in_dom_dialect else opening
        if self._left_bytes is None:
            return begun
        self._left_bytes -= len(sse.PADDING) + len(begun)
        return sse.PADDING + begun

    def in_dialect(self, piece: bytes) -> bytes:
        """The piece in this stream's dialect, followed by `bye` when an XHR has had enough; it then `is_over`."""
        if self._in_dom_dialect:
            piece = sse.in_dom_dialect(piece)
        if self._left_bytes is None or self.end is not None:
            return piece
        self._left_bytes -= len(piece)
        if self._left_bytes > 0:
            return piece
        self.end = "lifetime"
        self.is_over = True
        return piece + self.in_dialect(bye("lifetime"))

    def take(self) -> bytes:
        piece = super().take()
        return self.in_dialect(piece) if piece else b""

    def go_on(self, lot: ParkingLot, now: float) -> None:
        super().go_on(_Detour(lot), now)  # type: ignore[arg-type]


class _Detour:
    """The parking lot for a stream whose bytes must be converted before they are sent."""

    def __init__(self, lot: ParkingLot) -> None:
        self._lot = lot

    def send(self, reader: LegacyStream, piece: bytes, is_last: bool = False) -> None:
        piece = reader.in_dialect(piece)  # which may end it
        self._lot.send(reader, piece, is_last or reader.is_over)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lot, name)
