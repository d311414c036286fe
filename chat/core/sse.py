"""Events as bytes of an event stream, and the ids that come back as cursors.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from functools import lru_cache

from chat.core.errors import N_, ChatError
from chat.core.wire import CURSOR_MAX

MEDIA_TYPE = "text/event-stream"
DOM_MEDIA_TYPE = "application/x-dom-event-stream"  # of the draft that Opera 9 was made to
# Some browsers let a script see nothing of an answer before 2 KB have come; to an event stream this is a comment.
PADDING = b":" + b" " * 2048 + b"\n"
SHARED_PIECES = 16  # how many pieces in the dialect are cached for the next reader of the same bytes
_CURSOR = re.compile(r"[0-9]{1,16}")


def frame(name: str, data: str, id: int | None = None, retry_ms: int | None = None) -> bytes:
    """One event as bytes, closed by its blank line; `data` is JSON from `to_json`.

    Raises ValueError for a line end in name or data: it would begin another field.
    """
    lines = [f"event: {name}"]
    if id is not None:
        lines.append(f"id: {id:d}")
    if retry_ms is not None:
        lines.append(f"retry: {retry_ms:d}")
    lines.append(f"data: {data}")
    text = "\n".join(lines)
    if "\r" in text or text.count("\n") != len(lines) - 1:
        raise ValueError(f"a line end inside a frame named {name!r}")
    return f"{text}\n\n".encode()


def data_of(frame: bytes) -> str:
    """The data of a frame made by `frame`."""
    return frame[frame.index(b"\ndata: ") + len(b"\ndata: ") : -len(b"\n\n")].decode()


def unnamed(data: str, id: int) -> bytes:
    """An event without a name, which browsers call `message`; `data` is JSON from `to_json`."""
    return f"id: {id:d}\ndata: {data}\n\n".encode()


def retry(ms: int) -> bytes:
    """The block at a stream's head that tells a browser how long to wait before it reconnects."""
    return f"retry: {ms:d}\n\n".encode()


@lru_cache(SHARED_PIECES)
def in_dom_dialect(piece: bytes) -> bytes:
    """Whole frames as in the draft that Opera 9 implements, where `Event:` names the event.

    That draft has no `retry`, so the block at the head would be read as an event without a name, and is cut off.
    A line that begins with `event: ` after a blank one is never data: `frame` refuses line ends in it.
    """
    blocks = b"\n\n" + (piece.partition(b"\n\n")[2] if piece.startswith(b"retry: ") else piece)
    return blocks.replace(b"\n\nevent: ", b"\n\nEvent: ")[2:]


def cursor_from(*candidates: str | None) -> int | None:
    """The cursor in the first candidate that is given, None if there is none.

    Raises ChatError `invalid` when it is not a whole number from 0 to 2^53 − 1.
    """
    text = next((candidate for candidate in candidates if candidate is not None), None)
    if text is None:
        return None
    if not _CURSOR.fullmatch(text) or int(text) > CURSOR_MAX:
        message = N_("The cursor must be a whole number up to 2^53 − 1. Reload the page.")
        raise ChatError("invalid", message, field="since")
    return int(text)
