"""How many bytes one answer may have: longer lists end before their bound, and say that there is more."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any, NamedTuple, TypeVar

from markupsafe import escape

from chat.web import forms

ANSWER_BYTES = 256 * 1024  # of any page and any list
LIST_BYTES = ANSWER_BYTES - 1024  # of the entries of a list, which a little JSON surrounds
FRAME_BYTES = ANSWER_BYTES - 32 * 1024  # of the messages in the live frame, which contains little else
ROOM_PAGE_BYTES = 96 * 1024  # of the messages of a room's page, beside rooms, people and a draft
ROSTER_BYTES = 24 * 1024  # of those who are here, or away, on that page
ROOM_CARDS_BYTES = 192 * 1024  # of the rooms on the first page
OWNER_BYTES = 48 * 1024  # of each of the four lists on the owner's page

DRAFT_BYTES = ANSWER_BYTES - 32 * 1024  # of a text that was refused, on a page of its own
ESCAPED_BYTES = 5  # that one character takes on a page, at most
SKIPPED_MAX = 10**9  # entries before those that a page shows

T = TypeVar("T")
Find = Callable[[int, int], Iterable[Any]]  # (how many rows, how many to skip) → the rows


def take(
    found: Generator[T, None, None], most: int, most_bytes: int, bytes_of: Callable[[T], int]
) -> tuple[list[T], bool]:
    """The first entries of `found`, at most `most` and `most_bytes`, but at least one; and whether there are more.

    No more than one entry beyond those is read.
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
    """A part of a list that is longer than a page: its rows from entry `start` on.

    `first_url` and `next_url` lead to the first part and the next; None if there is none, or this is the first.
    """

    start: int
    rows: list[Any]
    first_url: str | None
    next_url: str | None


class Sizes(NamedTuple):
    """How many entries a page shows, and how many bytes of them; `bytes_of` estimates the bytes of one."""

    most: int
    most_bytes: int
    bytes_of: Callable[[Any], int]


def part(address: str, parameter: str, find: Find, sizes: Sizes, anchor: str = "") -> Part:
    """The part of the list at `address` that begins where the query parameter says.

    Raises ChatError `invalid` if that is not a whole number.
    """
    start = forms.whole_number(parameter, high=SKIPPED_MAX, default=0) or 0
    rows, is_more = take((row for row in find(sizes.most + 1, start)), *sizes)
    beginning = f"{address}{'&' if '?' in address else '?'}{parameter}="
    next_url = f"{beginning}{start + len(rows)}{anchor}" if is_more else None
    return Part(start, rows, f"{beginning}0{anchor}" if start else None, next_url)


def drawn(frame_bytes: int, *texts: str | None) -> int:
    """How many bytes an entry takes on a page: `frame_bytes`, and the texts that people typed, escaped."""
    return frame_bytes + sum(len(escape(text or "").encode()) for text in texts)


def cut(text: str, most_bytes: int) -> str:
    """The text, if it takes at most `most_bytes` when escaped; else as much of it as certainly fits."""
    return text if drawn(0, text) <= most_bytes else text[: most_bytes // ESCAPED_BYTES]
