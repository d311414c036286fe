"""How much one answer may hold: whatever is long ends before its bound in bytes, and says that there is more."""

from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

ANSWER_BYTES = 256 * 1024  # of any page and any list
LIST_BYTES = ANSWER_BYTES - 1024  # of the entries of a list, which stand in a few words of JSON
FRAME_BYTES = ANSWER_BYTES - 32 * 1024  # of the messages in the live frame, which holds little else
ROOM_PAGE_BYTES = 96 * 1024  # of the messages of a room's page, beside rooms, people and a draft

T = TypeVar("T")


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
