"""What people type, cleaned, or refused with a ChatError that says what to change."""

from __future__ import annotations

import re
import unicodedata

from chat.core.characters import is_joint, is_visible, without_piles
from chat.core.errors import N_, ChatError
from chat.core.names import ROOM_NAME_MAX, SLUG_MAX

# Lengths in code points, as the wire contract counts them.
BODY_MAX = 4000
NAME_MAX = 32
TOPIC_MAX = 200

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_SPACES = re.compile(r"[^\S\t-\r\x1c-\x1f\x85\u2028\u2029]+")  # white space that is no control character
_SLUG = re.compile("[a-z0-9-]+")
_CLIENT_ID = re.compile("[A-Za-z0-9_-]{1,64}")


def clean_body(raw: object) -> str:
    """A message's text with LF as its only line end and its ends trimmed, 1–4000 code points.

    Raises ChatError `invalid` (empty, blank, no text) or `too_long`.
    """
    body = _as_text(raw, "body").replace("\r\n", "\n").replace("\r", "\n").strip()
    _refuse_longer(len(body), BODY_MAX, "body")
    if not any(map(is_visible, body)):
        raise ChatError("invalid", N_("The message is empty. Write something."), field="body")
    return body


def clean_name(raw: object) -> str:
    """A person's name in NFC with single spaces, 1–32 code points, all visible. Raises ChatError as `clean_body`."""
    name = _clean_line(raw, "name", NAME_MAX)
    if not name:
        raise ChatError("invalid", N_("The name is empty. Tell others what to call you."), field="name")
    return name


def clean_room_name(raw: object) -> str:
    """A room's name, 1–60 code points, cleaned like a person's name."""
    name = _clean_line(raw, "name", ROOM_NAME_MAX)
    if not name:
        raise ChatError("invalid", N_("Give the room a name."), field="name")
    return name


def clean_topic(raw: object, field: str = "topic") -> str:
    """A room's topic, at most 200 code points on one line; empty for None."""
    return "" if raw is None else _clean_line(raw, field, TOPIC_MAX)


def clean_slug(raw: object) -> str:
    """A room's part of an address: 1–40 of a-z, 0-9 and hyphen, but not "new", which is a page."""
    slug = _as_text(raw, "slug").strip()
    _refuse_longer(len(slug), SLUG_MAX, "slug")
    if not _SLUG.fullmatch(slug):
        message = N_("A room's address can only have lower-case letters a–z, digits and hyphens. Choose another.")
        raise ChatError("invalid", message, field="slug")
    if slug == "new":
        message = N_("“new” can't be a room's address. Choose another.")
        raise ChatError("invalid", message, field="slug")
    return slug


def clean_client_id(raw: object) -> str | None:
    """The sender's own id of a message, 1–64 of A-Z, a-z, 0-9, _ and -; None if it is missing or empty."""
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str) or not _CLIENT_ID.fullmatch(raw):
        message = N_("A client id must be 1 to 64 of the characters A–Z, a–z, 0–9, _ and -.")
        raise ChatError("invalid", message, field="client_id")
    return raw


def _as_text(raw: object, field: str) -> str:
    if not isinstance(raw, str):
        raise ChatError("invalid", N_("“%(field)s” is required."), field=field)
    if _NO_TEXT.search(raw):
        message = N_("It contains a character that can't be sent. Remove it and try again.")
        raise ChatError("invalid", message, field=field)
    return raw


def _refuse_longer(length: int, longest: int, field: str) -> None:
    if length > longest:
        message = N_("Use %(longest)d characters or fewer.")
        raise ChatError("too_long", message, field=field, longest=longest)


def _clean_line(raw: object, field: str, longest: int) -> str:
    text = _as_text(raw, field).strip()
    _refuse_longer(len(text) // 4, longest, field)  # normalising a heap of accents takes time by its square
    line = without_piles(_SPACES.sub(" ", unicodedata.normalize("NFC", text)))
    _refuse_longer(len(line), longest, field)
    for at, character in enumerate(line):
        is_box = unicodedata.category(character) == "Co"  # for private use: each font shows something else, or nothing
        if is_box or (character != " " and not is_visible(character) and not is_joint(line, at)):
            message = N_("It can't contain line breaks or invisible characters. Type it again.")
            raise ChatError("invalid", message, field=field)
    return line
