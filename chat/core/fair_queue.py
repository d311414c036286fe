"""A queue in which senders take turns, however much each of them has waiting."""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """What waits, by sender. It has no lock: use it under one of your own.

    `around` maps a sender to its group, such as the network around it. Groups take turns, as do the senders in each.
    """

    def __init__(self, around: Callable[[Hashable], Hashable] = lambda sender: sender) -> None:
        self._around = around
        # Those whose turn is next come first.
        self._groups: OrderedDict[Hashable, OrderedDict[Hashable, deque[T]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, sender: Hashable, one: T) -> None:
        """Let it wait behind what the sender has waiting already."""
        senders = self._groups.setdefault(self._around(sender), OrderedDict())
        senders.setdefault(sender, deque()).append(one)
        self._count += 1

    def take(self) -> T:
        """The one whose turn it is. Raises KeyError when nothing waits."""
        around, senders = self._groups.popitem(last=False)
        sender, waiting = senders.popitem(last=False)
        one = waiting.popleft()
        if waiting:
            senders[sender] = waiting  # behind all others
        if senders:
            self._groups[around] = senders
        self._count -= 1
        return one

    def remove(self, sender: Hashable, one: T) -> bool:
        """Let it wait no more; false where it doesn't."""
        around = self._around(sender)
        senders = self._groups.get(around, OrderedDict())
        waiting = senders.get(sender, deque())
        if one not in waiting:
            return False
        waiting.remove(one)
        if not waiting:
            del senders[sender]
        if not senders:
            del self._groups[around]
        self._count -= 1
        return True
