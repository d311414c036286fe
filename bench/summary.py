"""What `fan-out` found in one table, as Markdown: a line for each question, ours beside the loop and nchan."""

from collections.abc import Mapping
from typing import Any, NamedTuple

BESIDE = ("loop", "nchan")


class Line(NamedTuple):
    what: str
    scenario: str
    figure: str
    unit: str = ""
    ours: str = "ours"  # whose column is asked


LINES = (
    Line("CPU a delivery, 1,000 readers, 10 messages a second", "1000", "cpu_us_per_delivery", "µs"),
    Line("… without what the posts cost", "1000", "cpu_us_per_delivery_without_post", "µs"),
    Line("CPU a delivery, 10,000 readers, 2 messages a second", "10000", "cpu_us_per_delivery", "µs"),
    Line("… from POST to the last reader, p99", "10000", "last_reader_p99_ms", "ms"),
    Line("… memory of a waiting reader", "10000", "memory_bytes_per_reader", "bytes"),
    Line("… kernel memory of a socket", "10000", "kernel_bytes_per_socket", "bytes"),
    Line("deliveries a second, 1,000 readers, as many posts as are answered", "flood", "deliveries_per_second"),
    Line("… from POST to reader, p99", "flood", "reader_p99_ms", "ms"),
    Line("from POST to reader, 1,000 readers, 350 messages a second, p99", "steady", "reader_p99_ms", "ms"),
    Line("POST answered while a fan-out to 10,000 is under way, p99", "post", "post_meanwhile_p99_ms", "ms"),
    Line("CPU of 10,000 idle readers, of a core", "idle", "idle_cpu_percent", "%"),
    Line("streams opened a second", "opening", "opened_per_second"),
    Line("CPU a delivery, 100 readers", "growth", "cpu_us_per_delivery_without_post", "µs", "ours, 100"),
    Line("… 10,000 readers", "growth", "cpu_us_per_delivery_without_post", "µs", "ours, 10,000"),
    Line("room page of 50 messages, 16 connections, 2 workers, a second", "page", "pages_per_second"),
    Line("the whole idle service, 2 workers, sum of PSS", "service", "idle_mb", "MB"),
    Line("20,000 readers over two workers: from POST to the last reader, p99", "20000", "last_reader_p99_ms", "ms"),
    Line("… memory of a waiting reader", "20000", "memory_bytes_per_reader", "bytes"),
    Line("nginx in front: CPU of our worker a delivery", "proxy", "cpu_us_per_delivery", "µs", "behind nginx"),
    Line("… of nginx", "proxy", "proxy_cpu_us_per_delivery", "µs", "behind nginx"),
)


def summary(benchmarks: Mapping[str, Any]) -> str:
    """The lines whose scenarios were measured; `""` where there is none."""
    rows = [row for line in LINES if (row := _row(line, benchmarks))]
    head = ["", "ours", *BESIDE, *(f"ours : {name}" for name in BESIDE)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]) if rows else ""


def _row(line: Line, benchmarks: Mapping[str, Any]) -> list[str]:
    variants = benchmarks.get(f"fan-out {line.scenario}", {}).get("variants", {})
    ours = _median(variants, line.ours, line.figure)
    if ours is None:
        return []
    is_ours = line.ours.startswith("ours")
    rivals = [_median(variants, line.ours.replace("ours", name), line.figure) if is_ours else None for name in BESIDE]
    ratios = [f"{ours / rival:.2f}" if rival and rival > 0 else "" for rival in rivals]
    return [line.what, *(_cell(value, line.unit) for value in (ours, *rivals)), *ratios]


def _median(variants: Mapping[str, Any], label: str, figure: str) -> float | None:
    found = variants.get(label, {}).get(figure)
    return found and float(found["median"])


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{text} {unit}".strip()
