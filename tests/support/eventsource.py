"""The WHATWG's event stream parsing, step by step as the standard says it: what a browser makes of our bytes.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (9.2.6)
"""

from __future__ import annotations

import codecs
from typing import NamedTuple


class Event(NamedTuple):
    type: str
    data: str
    last_event_id: str


class EventSource:
    """Eats the bytes of one stream, in whatever pieces they come, and gives the events that a page gets."""

    def __init__(self) -> None:
        self.last_event_id = ""
        self.reconnection_time_ms: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._is_first = True
        self._after_cr = False
        self._line = ""
        self._data = self._event_type = self._last_event_id_buffer = ""
        self._events: list[Event] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete; what no blank line has closed dies with the stream."""
        for character in self._decoder.decode(chunk):
            self._eat(character)
        events, self._events = self._events, []
        return events

    def _eat(self, character: str) -> None:
        is_bom = self._is_first and character == "\ufeff"
        is_rest_of_crlf = self._after_cr and character == "\n"
        self._is_first = False
        self._after_cr = character == "\r"
        if is_bom or is_rest_of_crlf:
            return
        if character in "\r\n":
            line, self._line = self._line, ""
            self._process_line(line)
        else:
            self._line += character

    def _process_line(self, line: str) -> None:
        if line == "":
            self._dispatch()
        elif line.startswith(":"):
            pass
        elif ":" in line:
            field, value = line.split(":", 1)
            self._process_field(field, value[1:] if value.startswith(" ") else value)
        else:
            self._process_field(line, "")

    def _process_field(self, field: str, value: str) -> None:
        if field == "event":
            self._event_type = value
        elif field == "data":
            self._data += value + "\n"
        elif field == "id":
            if "\0" not in value:
                self._last_event_id_buffer = value
        elif field == "retry":
            if value and all(c in "0123456789" for c in value):
                self.reconnection_time_ms = int(value)

    def _dispatch(self) -> None:
        self.last_event_id = self._last_event_id_buffer
        if self._data == "":
            self._event_type = ""
            return
        data = self._data[:-1] if self._data.endswith("\n") else self._data
        self._events.append(Event(self._event_type or "message", data, self.last_event_id))
        self._data = self._event_type = ""
