"""Results as text: figures downwards, variants across, each the median (lowest–highest) of its rounds."""

from collections.abc import Sequence
from statistics import median
from typing import Any

COMPARED = (
    "cpu_us_per_delivery",
    "cpu_us_per_delivery_without_post",
    "memory_bytes_per_reader",
    "last_reader_p50_ms",
    "last_reader_p99_ms",
    "deliveries_per_second",
    "opened_per_second",
    "idle_cpu_percent",
)


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
    names = dict.fromkeys(name for figures in variants for name in figures)
    cells = [[name, *(_cell(figures[name]) if name in figures else "" for figures in variants)] for name in names]
    return found["title"] + "\n" + aligned([["", *found["variants"]], *cells])


def markdown(found: dict[str, Any]) -> str:
    """The same for a document, with the ratios beside it."""
    variants, compared = found["variants"], ratios(found)
    names = dict.fromkeys(name for figures in variants.values() for name in figures)
    lines = [[found["title"], *variants, *compared], ["---"] * (1 + len(variants) + len(compared))]
    for name in names:
        cells = [_cell(figures[name]) if name in figures else "" for figures in variants.values()]
        lines.append([f"`{name}`", *cells, *(short(each[name]) if name in each else "" for each in compared.values())])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ratios(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """How the first variant's medians stand to each other's, as far as both have the figure."""
    variants = found["variants"]
    first, *others = variants or [""]
    return {
        f"{first} : {other}": {
            name: round(figure["median"] / variants[other][name]["median"], 3)
            for name, figure in variants[first].items()
            if name in COMPARED and name in variants[other] and variants[other][name]["median"] > 0
        }
        for other in others
    }


def ratio_table(found: dict[str, Any]) -> str:
    compared = ratios(found)
    names = dict.fromkeys(name for figures in compared.values() for name in figures)
    rows = [[name, *(short(each[name]) if name in each else "" for each in compared.values())] for name in names]
    return aligned([["", *compared], *rows]) if rows else ""


def _cell(figure: dict[str, Any]) -> str:
    if figure["low"] == figure["high"]:
        return short(figure["median"])
    return f"{short(figure['median'])} ({short(figure['low'])}–{short(figure['high'])})"


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *padded]))
    return "\n".join(lines)
