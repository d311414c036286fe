"""A table of a benchmark: the server of this checkout, and with `--before` of another one beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.verdict import Invalid, Unfit


def checkouts(before: str) -> Mapping[str, Path]:
    """Whose servers are measured, by the heads of their columns."""
    return {"now": machine.TOP} | ({"before": Path(before).resolve()} if before else {})


@dataclass(frozen=True)
class Table:
    """One table; `measure_one` is told the checkout, and for how many seconds."""

    title: str
    variants: Mapping[str, Path]
    measure_one: Callable[[Path, float], dict[str, float]]

    def measure(self, checkout: Path, seconds: float) -> dict[str, float]:
        """A round. What is wrong with the other checkout's server leaves its column out."""
        try:
            return self.measure_one(checkout, seconds)
        except Invalid as error:
            raise (error if checkout == machine.TOP else Unfit(error)) from None
