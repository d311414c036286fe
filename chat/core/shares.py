"""How much of a scarce resource each holder has: places, connections, bytes that are not sent yet."""

from collections.abc import Hashable

FEW_OF_NETWORK, FEW_OF_PERSON = 16, 64  # readers that one holder may have even if that is more than an eighth
PERSON, WIDE = "user:", "/48"  # how the names of such holders begin, and end
WIDE_FACTOR = 4


class Shares:
    """Amounts by holder; a holder with nothing is forgotten. It has no lock: use it under one of your own."""

    def __init__(self) -> None:
        self._amounts: dict[Hashable, int] = {}
        self.total = 0

    def of(self, holder: Hashable) -> int:
        """How much the holder has."""
        return self._amounts.get(holder, 0)

    def add(self, holder: Hashable, amount: int = 1) -> None:
        """Add to the holder's amount, or subtract by a negative one."""
        now = self.of(holder) + amount
        self.total += amount
        if now:
            self._amounts[holder] = now
        else:
            self._amounts.pop(holder, None)

    def largest(self) -> Hashable:
        """The holder with the largest amount. Raises ValueError when there are none."""
        return max(self._amounts, key=self._amounts.__getitem__)


def share(holder: str, most: int) -> int:
    """How many of `most` places one person, or the visitors from one network, may take before others must poll.

    It is an eighth; if there are few places it is half, or for a person all. A /48 of IPv6 gets more, because it may
    be a provider's rather than one customer's.
    """
    if holder.startswith(PERSON):
        return max(most // 8, min(most, FEW_OF_PERSON))
    of_network = max(most // 8, min(most // 2, FEW_OF_NETWORK), 1)
    return of_network * WIDE_FACTOR if holder.endswith(WIDE) else of_network
