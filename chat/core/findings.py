"""What `longwave check` finds, one thing at a time."""

from typing import NamedTuple


class Finding(NamedTuple):
    """Whether something is well, in words that tell what to do where it is not."""

    is_well: bool
    words: str
