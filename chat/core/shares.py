"""How much of what is scarce each holder has: places, connections, bytes on their way."""

from collections.abc import Hashable

FEW_OF_NETWORK, FEW_OF_PERSON = 16, 64  # readers that one may have though they are more than an eighth
PERSON, WIDE = "user:", "/48"  # how the names of those begin and end that have a share
WIDE_FACTOR = 4


class Shares:
    """Amounts by holder; one that holds nothing is forgotten. For use under the lock of whoever counts."""

    def __init__(self) -> None:
        self._amounts: dict[Hashable, int] = {}
        self.total = 0

    def of(self, holder: Hashable) -> int:
        return self._amounts.get(holder, 0)

    def add(self, holder: Hashable, amount: int = 1) -> None:
        """Count so much more, or less, for the holder."""
        now = self.of(holder) + amount
        self.total += amount
        if now:
            self._amounts[holder] = now
        else:
            self._amounts.pop(holder, None)

    def largest(self) -> Hashable:
        """Who has the most."""
        return max(self._amounts, key=self._amounts.__getitem__)


def share(holder: str, most: int) -> int:
    """How many of so many readers may be one person's, or those of visitors from one network; whoever comes then polls.

    It is an eighth; of few places half, or for a person all. A /48 of IPv6 may be a customer's or a provider's.
    """
    if holder.startswith(PERSON):
        return max(most // 8, min(most, FEW_OF_PERSON))
    of_network = max(most // 8, min(most // 2, FEW_OF_NETWORK), 1)
    return of_network * WIDE_FACTOR if holder.endswith(WIDE) else of_network
