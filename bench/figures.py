"""Sums over what was measured."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def delays(name: str, nanoseconds: Sequence[int]) -> dict[str, float]:
    """p50, p99 and the longest, in milliseconds, as figures."""
    return {
        f"{name}_p50_ms": percentile(nanoseconds, 50) / 1e6,
        f"{name}_p99_ms": percentile(nanoseconds, 99) / 1e6,
        f"{name}_max_ms": max(nanoseconds) / 1e6,
    }
