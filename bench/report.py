"""Results as text: figures downwards, variants across, each the median (lowest–highest) of its rounds."""

from collections.abc import Sequence
from statistics import median
from typing import Any


def summed(rounds: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Each figure's median, lowest and highest, and its rounds as they came."""
    taken = {name: [round(figures[name], 3) for figures in rounds] for name in rounds[0]}
    return {
        name: {"median": round(median(values), 3), "low": min(values), "high": max(values), "rounds": values}
        for name, values in taken.items()
    }


def head(results: dict[str, Any]) -> str:
    machine, versions = results["machine"], results["versions"]
    return (
        f"commit {results['commit']}, {results['at']}, "
        f"{results['rounds']} rounds of {results['seconds']:g} s\n"
        f"{machine['cores']} cores, {machine['processor']}, Linux {machine['kernel']}, {machine['disk']}, "
        f"load before {machine['load_before']}\n" + ", ".join(f"{name} {versions[name]}" for name in versions)
    )


def table(found: dict[str, Any]) -> str:
    """One benchmark, as it was returned by `measure`."""
    variants = list(found["variants"].values())
    cells = [[name, *(_cell(figures[name]) for figures in variants)] for name in variants[0]]
    return found["title"] + "\n" + _aligned([["", *found["variants"]], *cells])


def _cell(figure: dict[str, Any]) -> str:
    if figure["low"] == figure["high"]:
        return _short(figure["median"])
    return f"{_short(figure['median'])} ({_short(figure['low'])}–{_short(figure['high'])})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *padded]))
    return "\n".join(lines)
