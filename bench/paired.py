"""The statistics of two commits that were measured in pairs: a ratio, and the interval that holds it.

Both of a pair meet the machine in the same mood, so the logarithms of their ratios scatter less than the figures
themselves. Their mean lies, with 99 % confidence, within Student's interval, because each pair is drawn anew (servers
of its own). An interval that holds 1 is no difference seen; how wide it is says how large one might be all the same.
"""

import math
from collections.abc import Sequence
from statistics import mean, stdev
from typing import NamedTuple

CONFIDENCE = 0.99


class Ratio(NamedTuple):
    """The later commit's figure by the earlier's: the best guess, and the bounds of its interval."""

    value: float
    low: float
    high: float

    @property
    def holds_one(self) -> bool:
        return self.low <= 1 <= self.high


def ratio(earlier: Sequence[float], later: Sequence[float], confidence: float = CONFIDENCE) -> Ratio:
    """Of figures above 0, two pairs at least; the nth of both belong together."""
    logarithms = [math.log(after / before) for before, after in zip(earlier, later, strict=True)]
    centre = mean(logarithms)
    reach = student_t(confidence, len(logarithms) - 1) * stdev(logarithms) / math.sqrt(len(logarithms))
    return Ratio(math.exp(centre), math.exp(centre - reach), math.exp(centre + reach))


def student_t(confidence: float, degrees: int) -> float:
    """How far Student's t stays from 0 with this probability, by so many degrees of freedom."""
    low, high = 0.0, 1.0
    while _within(high, degrees) < confidence:
        high *= 2
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < confidence else (low, middle)
    return high


def _within(t: float, degrees: int) -> float:
    """The probability that |T| is at most t: Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(degrees))
    square = math.cos(angle) ** 2
    is_odd = degrees % 2
    total, term = 0.0, math.cos(angle) if is_odd else 1.0
    for factor in range(2 if is_odd else 1, degrees, 2):
        total += term
        term *= square * factor / (factor + 1)
    if is_odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
