"""What writers say, so that whoever hears it can tell which message it is, and which version of its text."""

import re
import zlib

REMOVED = 1_000_000  # the version of a tombstone
_IN_JSON = re.compile(rb'"body":"(?:soak \S+ v(\d+) |")')
_IN_TEXT = re.compile(r"soak (\S+) v(\d+) ")


def body(token: str, version: int = 0) -> str:
    """The text of a message, or what an edit makes of it; the token is the message's own in the whole run."""
    return f"soak {token} v{version} the quick brown fox jumps over the lazy dog"


def token_of(text: str) -> str | None:
    found = _IN_TEXT.search(text)
    return found[1] if found else None


def version_of(text: str) -> int:
    found = _IN_TEXT.search(text)
    return int(found[2]) if found else REMOVED


def version_in(data: bytes) -> int:
    """The version in an event's JSON; 0 for one that is not about a message."""
    found = _IN_JSON.search(data)
    if found is None:
        return 0
    return int(found[1]) if found[1] else REMOVED


def checksum(data: bytes) -> int:
    return zlib.crc32(data)
