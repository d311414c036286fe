"""How much one answer may hold: whatever is long ends before its bound in bytes, and says that there is more."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any, NamedTuple, TypeVar

from markupsafe import escape

from chat.web import forms

ANSWER_BYTES = 256 * 1024  # of any page and any list
LIST_BYTES = ANSWER_BYTES - 1024  # of the entries of a list, which stand in a few words of JSON
FRAME_BYTES = ANSWER_BYTES - 32 * 1024  # of the messages in the live frame, which holds little else
ROOM_PAGE_BYTES = 96 * 1024  # of the messages of a room's page, beside rooms, people and a draft
ROSTER_BYTES = 24 * 1024  # of those who are here, or away, on that page
ROOM_CARDS_BYTES = 192 * 1024  # of the rooms on the first page
OWNER_BYTES = 48 * 1024  # of each of the four lists on the owner's page

DRAFT_BYTES = ANSWER_BYTES - 32 * 1024  # of a text that was refused, on a page of its own
ESCAPED_BYTES = 5  # that a character takes on a page, at most
SKIPPED_MAX = 10**9  # entries before those that a page shows

T = TypeVar("T")
Find = Callable[[int, int], Iterable[Any]]  # how many rows, and how many to skip → those rows


def take(
    found: Generator[T, None, None], most: int, most_bytes: int, bytes_of: Callable[[T], int]
) -> tuple[list[T], bool]:
    """The first of what is found, as many as are allowed and fit, one at the least; and whether there is more.

    What lies behind those is not read at all.
    """
    taken: list[T] = []
    size = 0
    with closing(found):
        for each in found:
            size += bytes_of(each)
            if len(taken) == most or (taken and size > most_bytes):
                return taken, True
            taken.append(each)
    return taken, False


class Part(NamedTuple):
    """A part of a list that is longer than a page: from entry `start` on, with the addresses of its first part and of
    the next, if any."""

    start: int
    rows: list[Any]
    first_url: str | None
    next_url: str | None


class Sizes(NamedTuple):
    """How many entries a page shows, and how many bytes of them, by an estimate for each."""

    most: int
    most_bytes: int
    bytes_of: Callable[[Any], int]


def part(address: str, parameter: str, find: Find, sizes: Sizes, anchor: str = "") -> Part:
    """The part that this parameter of the request asks for, of what `find` finds."""
    start = forms.whole_number(parameter, high=SKIPPED_MAX, default=0) or 0
    rows, is_more = take((row for row in find(sizes.most + 1, start)), *sizes)
    beginning = f"{address}{'&' if '?' in address else '?'}{parameter}="
    next_url = f"{beginning}{start + len(rows)}{anchor}" if is_more else None
    return Part(start, rows, f"{beginning}0{anchor}" if start else None, next_url)


def drawn(frame_bytes: int, *texts: str | None) -> int:
    """How many bytes of a page an entry takes: so many around it, and what people typed, escaped."""
    return frame_bytes + sum(len(escape(text or "").encode()) for text in texts)


def cut(text: str, most_bytes: int) -> str:
    """The text if a page can hold it, escaped, in so many bytes; else as much of it as surely fits."""
    return text if drawn(0, text) <= most_bytes else text[: most_bytes // ESCAPED_BYTES]
