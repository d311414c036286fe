"""Events as bytes of an event stream, and the ids that come back as cursors.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import json
import re

from chat.errors import N_, ChatError

CURSOR_MAX = 2**53 - 1  # the largest whole number that every browser's script counts exactly

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_CURSOR = re.compile(r"[0-9]{1,16}")
_NOT_RAW = re.compile("[\u2028\u2029\ud800-\udfff]")


def to_json(value: object) -> str:
    """The value as JSON on one line, fit for a frame's data and for UTF-8.

    U+2028 and U+2029 are escaped because old script engines take them for line ends, lone surrogates
    because they have no bytes. Raises ValueError for NaN and infinities, which are not JSON.
    """
    text = _ENCODER.encode(value)
    return text if text.isascii() else _NOT_RAW.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


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


def retry(ms: int) -> bytes:
    """The block at a stream's head that tells a browser how long to wait before it reconnects."""
    return f"retry: {ms:d}\n\n".encode()


def cursor_from(*candidates: str | None) -> int | None:
    """The cursor in the first candidate that is there, or None where none is.

    Raises ChatError `invalid` when it is not a whole number from 0 to 2^53 − 1.
    """
    text = next((candidate for candidate in candidates if candidate is not None), None)
    if text is None:
        return None
    if not _CURSOR.fullmatch(text) or int(text) > CURSOR_MAX:
        message = N_("The cursor must be a whole number of at most 2^53 − 1. Load the page anew.")
        raise ChatError("invalid", message, field="since")
    return int(text)
