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
# Some browsers show a script nothing of an answer before they have 2 KB of it; to a stream's parser it is a comment.
PADDING = b":" + b" " * 2048 + b"\n"
SHARED_PIECES = 16  # how many pieces of the older dialect are kept for the next reader of the same bytes
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
    """Whole frames as the draft had them to which Opera 9 was made: `Event:` names the event.

    That draft knew no `retry`, and would have made an event without a name of the block at the head.
    A line that begins with `event: ` after a blank one is never data: `frame` lets no line end into it.
    """
    blocks = b"\n\n" + (piece.partition(b"\n\n")[2] if piece.startswith(b"retry: ") else piece)
    return blocks.replace(b"\n\nevent: ", b"\n\nEvent: ")[2:]


def cursor_from(*candidates: str | None) -> int | None:
    """The cursor in the first candidate that is there, or None where none is.

    Raises ChatError `invalid` when it is not a whole number from 0 to 2^53 − 1.
    """
    text = next((candidate for candidate in candidates if candidate is not None), None)
    if text is None:
        return None
    if not _CURSOR.fullmatch(text) or int(text) > CURSOR_MAX:
        message = N_("The cursor must be a whole number up to 2^53 − 1. Reload the page.")
        raise ChatError("invalid", message, field="since")
    return int(text)
