"""Connections that wait for a request or for the rest of one; each sender may have a limited number per process."""

from collections import defaultdict
from collections.abc import Hashable
from typing import Protocol


class Wait(Protocol):
    """The wait for bytes from one connection. `sender` is None if it doesn't count against anyone.

    `is_idle` is true while it waits for a whole request, so a process that ends may end it.
    """

    sender: str | None
    is_idle: bool

    def give_up(self) -> None:
        """End the connection, unless the bytes have come by then."""


class Unfinished:
    """The waits of a process. If a sender has more than `most`, its longest wait is given up.

    So nobody is refused because of others behind the same address, and together they take only a share of the process.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_sender: defaultdict[Hashable, dict[Wait, None]] = defaultdict(dict)

    def add(self, wait: Wait) -> None:
        """Count the wait; if its sender now has too many, the longest of them is given up."""
        waits = self._by_sender[wait.sender]
        waits[wait] = None
        if wait.sender is not None and len(waits) > self._most:
            self.give_up_longest(wait.sender)

    def give_up_longest(self, sender: Hashable) -> bool:
        """Give up the sender's longest wait; false if there is none."""
        waits = self._by_sender.get(sender)
        if not waits:
            return False
        longest = next(iter(waits))
        del waits[longest]
        longest.give_up()
        return True

    def give_up_of_most(self) -> bool:
        """Give up the longest wait of the sender with the most waits; false if nobody waits."""
        return bool(self._by_sender) and self.give_up_longest(max(self._by_sender, key=self._waits_of))

    def _waits_of(self, sender: Hashable) -> int:
        return len(self._by_sender[sender])

    def discard(self, wait: Wait) -> None:
        """Count the wait no longer; also one that was given up."""
        waits = self._by_sender[wait.sender]
        waits.pop(wait, None)  # it may have been given up
        if not waits:
            del self._by_sender[wait.sender]

    def idle(self) -> list[Wait]:
        """All waits for a whole request, which an ending process may give up."""
        return [wait for waits in self._by_sender.values() for wait in waits if wait.is_idle]
