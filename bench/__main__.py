"""The command: benchmarks in rounds, in turns; a table for people on stderr, JSON for programs on stdout.

A benchmark is a module: the first line of its docstring is the title, `VARIANTS` what is compared, by label,
`measure(variant, seconds)` one round, which returns its figures by name or raises `Invalid`. One with several tables
has `SCENARIOS` instead, each with all of that; it may have a `verdict` on all of them, and one `summary` as Markdown.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from bench import machine, report
from bench.fan_out import RIVALS
from bench.summary import summary
from bench.verdict import Invalid, Unfit

BENCHMARKS = ("posting", "delay", "memory", "volume", "fan-out", "greedy", "million")
LONG = {"volume", "fan-out", "greedy", "million"}  # run only when they are named
ROUNDS = 5
RESULTS = machine.TOP / "bench" / "results"


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped, too
    if sys.argv[1:2] == ["compare"]:
        return import_module("bench.compare").main(sys.argv[2:])
    options = _options()
    wished = parts(options)
    results: dict[str, Any] = machine.describe(max(part.rounds for part in wished), options.seconds)
    say(report.head(results))
    results["benchmarks"] = {}
    for part in wished:
        try:
            found = measure(part, options.seconds)
        except Invalid as error:
            say(f"\nINVALID: {part.name}: {error}")
            return 1
        results["benchmarks"][part.name] = found
        say(f"\n{report.table(found)}\n\n{report.ratio_table(found)}".rstrip() + "\n")
    for module in modules(options):
        if hasattr(module, "verdict"):
            say(module.verdict(results["benchmarks"]) + "\n")
    if options.markdown:
        say("\n\n".join(filter(None, as_markdown(options, results["benchmarks"]))) + "\n")
    print(json.dumps(results, indent=1))
    if options.save:
        save(results)
    return 0


class Part(NamedTuple):
    """One table: variants, each measured so often, in turns."""

    name: str
    title: str
    variants: Mapping[str, Any]
    measure: Callable[[Any, float], dict[str, float]]
    rounds: int


def named(options: argparse.Namespace) -> list[str]:
    return options.benchmarks or [name for name in BENCHMARKS if name not in LONG]


def modules(options: argparse.Namespace) -> list[ModuleType]:
    return [import_module(f"bench.{name.replace('-', '_')}") for name in named(options)]


def parts(options: argparse.Namespace) -> list[Part]:
    """What is to be measured. A benchmark has one table, or a table for each of its scenarios."""
    found = []
    for name, benchmark in zip(named(options), modules(options), strict=True):
        rounds = options.rounds or getattr(benchmark, "ROUNDS", ROUNDS)
        if hasattr(benchmark, "SCENARIOS"):
            for label, why in getattr(benchmark, "left_out", dict)().items():
                say(f"{label} is left out: {why}")
            for scenario, part in benchmark.chosen(options).items():
                found.append(Part(f"{name} {scenario}", part.title, part.variants, part.measure, rounds))
        else:
            title = (benchmark.__doc__ or name).split("\n")[0]
            found.append(Part(name, title, benchmark.VARIANTS, benchmark.measure, rounds))
    return found


def measure(part: Part, seconds: float) -> dict[str, Any]:
    """All rounds of one table. The variants take turns, so that a machine's moods meet them alike."""
    taken: dict[str, list[dict[str, float]]] = {label: [] for label in part.variants}
    for number in range(part.rounds):
        for label in list(taken):
            say(f"{part.name}, round {number + 1} of {part.rounds}, {label} ...")
            try:
                taken[label].append(part.measure(part.variants[label], seconds))
            except Unfit as error:
                say(f"{label} is left out: {error}")
                del taken[label]
    found = {"title": part.title, "variants": {label: report.summed(rows) for label, rows in taken.items()}}
    return found | {"ratios": report.ratios(found)}


def as_markdown(options: argparse.Namespace, benchmarks: dict[str, Any]) -> list[str]:
    """The tables for a document: those of a benchmark with a summary of its own are in that."""
    summed = {name: module for name, module in zip(named(options), modules(options), strict=True)
              if hasattr(module, "summary")}
    tables = [report.markdown(found) for name, found in benchmarks.items() if name.split()[0] not in summed]
    first = [] if options.readers else [summary(benchmarks)]
    return [*first, *tables, *(module.summary(benchmarks) for module in summed.values())]


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
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=f"of {names} (the first three)")
    parser.add_argument("--rounds", type=int, help="how often each variant is measured (5; fan-out: 3)")
    parser.add_argument("--seconds", type=float, default=10, help="how long a round measures (10)")
    parser.add_argument("--save", action="store_true", help="keep the JSON in bench/results/")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown, too")
    parser.add_argument("--only", default="", help="of fan-out, greedy and million: these scenarios, by comma")
    of_fan_out = parser.add_argument_group("fan-out")
    of_fan_out.add_argument("--against", default="", help=f"only these beside ours: {', '.join(RIVALS)}, none")
    of_fan_out.add_argument("--readers", type=int, default=0, help="another number of readers than the scenario's")
    of_bounds = parser.add_argument_group("greedy and million")
    of_bounds.add_argument("--before", default="", help="measure the server of this checkout, too")
    of_bounds.add_argument("--share", type=float, default=1, help="of the load: 0.01 of a million is 10,000 (1)")
    options = parser.parse_args()
    options.only, options.against = _listed(options.only), _listed(options.against)
    _refuse_unknown(parser, "benchmark", options.benchmarks, BENCHMARKS)
    known = [scenario for module in modules(options) for scenario in getattr(module, "SCENARIOS", ())]
    _refuse_unknown(parser, "scenario", options.only, known)
    _refuse_unknown(parser, "peer", options.against, [*RIVALS, "none"])
    if options.rounds is not None and options.rounds < 1 or options.seconds <= 0 or options.readers < 0:
        parser.error("--rounds, --seconds and --readers must be above 0")
    if not 0 < options.share <= 1:
        parser.error("--share must be above 0, and 1 at most")
    if options.before and not (Path(options.before) / "gunicorn.conf.py").exists():
        parser.error(f"--before: there is no checkout in {options.before}")
    return options


def _listed(words: str) -> list[str]:
    return [word for word in words.split(",") if word]


def _refuse_unknown(
    parser: argparse.ArgumentParser, what: str, wished: Collection[str], known: Collection[str]
) -> None:
    unknown = sorted(set(wished) - set(known))
    if unknown:
        parser.error(f"there is no {what} {', '.join(unknown)}; there are {', '.join(known)}")


if __name__ == "__main__":
    sys.exit(main())
