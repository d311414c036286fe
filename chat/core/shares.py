"""How much of what is scarce each holder has: places, connections, bytes on their way."""

from collections.abc import Hashable


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
