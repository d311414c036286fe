"""The command: benchmarks in rounds, in turns; a table for people on stderr, JSON for programs on stdout.

A benchmark is a module: the first line of its docstring is the title, `VARIANTS` what is compared, by label,
`measure(variant, seconds)` one round, which returns its figures by name or raises `Invalid`.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from bench import machine, report
from bench.verdict import Invalid

BENCHMARKS = ("posting", "delay", "memory")
RESULTS = machine.TOP / "bench" / "results"


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped, too
    options = _options()
    results: dict[str, Any] = machine.describe(options.rounds, options.seconds)
    say(report.head(results))
    results["benchmarks"] = {}
    for name in options.benchmarks or BENCHMARKS:
        try:
            found = measure(name, options.rounds, options.seconds)
        except Invalid as error:
            say(f"\nINVALID: {name}: {error}")
            return 1
        results["benchmarks"][name] = found
        say("\n" + report.table(found) + "\n")
    print(json.dumps(results, indent=1))
    if options.save:
        save(results)
    return 0


def measure(name: str, rounds: int, seconds: float) -> dict[str, Any]:
    """All rounds of one benchmark. The variants take turns, so that a machine's moods meet them alike."""
    benchmark = import_module(f"bench.{name.replace('-', '_')}")
    variants: Mapping[str, Any] = benchmark.VARIANTS
    taken: dict[str, list[dict[str, float]]] = {label: [] for label in variants}
    for number in range(rounds):
        for label in variants:
            say(f"{name}, round {number + 1} of {rounds}, {label} ...")
            taken[label].append(benchmark.measure(variants[label], seconds))
    title = (benchmark.__doc__ or name).split("\n")[0]
    return {"title": title, "variants": {label: report.summed(rows) for label, rows in taken.items()}}


def save(results: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S', time.gmtime())}-{results['commit']}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    say(f"Kept as {path}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    names = ", ".join(BENCHMARKS)
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure the real server on this machine.")
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=f"of {names} (all)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each variant is measured (5)")
    parser.add_argument("--seconds", type=float, default=10, help="how long a round measures (10)")
    parser.add_argument("--save", action="store_true", help="keep the JSON in bench/results/")
    options = parser.parse_args()
    unknown = set(options.benchmarks) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {names}")
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds must be above 0")
    return options


if __name__ == "__main__":
    sys.exit(main())
