"""What every transport shares: events as JSON on one line, and the largest cursor."""

from __future__ import annotations

import json
import re
from typing import TypedDict

CURSOR_MAX = 2**53 - 1  # the largest whole number that every browser's script counts exactly

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_NOT_RAW = re.compile("[\u2028\u2029\ud800-\udfff]")


class WireUser(TypedDict):
    """A user as the contract has them; `colour` is the number of their square's colour, `initial` what stands in it."""

    id: int
    name: str
    kind: str
    colour: int
    initial: str


def to_json(value: object) -> str:
    """The value as JSON on one line, fit for a frame's data and for UTF-8.

    U+2028 and U+2029 are escaped because old script engines take them for line ends, lone surrogates
    because they have no bytes. Raises ValueError for NaN and infinities, which are not JSON.
    """
    text = _ENCODER.encode(value)
    return text if text.isascii() else _NOT_RAW.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
