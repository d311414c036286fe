"""`bin/bench compare A B [scenario…]`: whether one commit is slower than another, on this machine, in pairs.

Each pair is a short round of both commits, one after the other; the next pair begins with the other one. A scenario in
which a difference is seen is measured once more, from new pairs, and the second answer counts: chance rarely says the
same twice.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from bench import machine, report
from bench.commits import checked_out
from bench.paired import Ratio, ratio
from bench.short_rounds import LONG, SCENARIOS, Figures, Scenario, Side
from bench.verdict import Invalid

PAIRS = 10
SECONDS = 3.0
NO_DIFFERENCE = "no difference seen"
OF_MEMORY = ("_mb", "_bytes_per_reader")


class Finding(NamedTuple):
    """One figure of both commits, a value for each pair."""

    name: str
    is_more_better: bool
    earlier: list[float]
    later: list[float]

    @property
    def ratio(self) -> Ratio:
        return ratio(self.earlier, self.later)

    @property
    def verdict(self) -> str:
        """About the later commit."""
        if self.ratio.holds_one:
            return NO_DIFFERENCE
        if self.name.endswith(OF_MEMORY):
            return "larger" if self.ratio.value > 1 else "smaller"
        return "faster" if (self.ratio.value > 1) == self.is_more_better else "slower"

    @property
    def is_worse(self) -> bool:
        return self.verdict in ("larger", "slower")


def main(words: Sequence[str]) -> int:
    """0 where nothing is worse; 1 where something is, or a round was invalid."""
    options = _options(words)
    results = machine.describe(options.pairs, options.seconds)
    say(report.head(results))
    try:
        with ExitStack() as stack:
            sides = [_side(stack, word) for word in (options.earlier, options.later)]
            found = {name: settled(name, sides, options.pairs, options.seconds) for name in options.scenarios}
    except Invalid as error:
        say(f"\nINVALID: {error}")
        return 1
    results["commits"] = [side.commit.name for side in sides]
    results["scenarios"] = {name: [as_json(one) for one in findings] for name, findings in found.items()}
    print(json.dumps(results, indent=1))
    worse = [f"{name}: {one.name}" for name, findings in found.items() for one in findings if one.is_worse]
    say(f"\nWorse: {', '.join(worse)}" if worse else "\nNothing is worse.")
    return 1 if worse else 0


def _side(stack: ExitStack, word: str) -> Side:
    """A commit, checked out until the stack is closed."""
    commit = stack.enter_context(checked_out(word))
    if commit.python != sys.executable:
        say(f"{commit.name} asks for other packages than this checkout, and has them in a venv of its own")
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="longwave-compare-", dir=machine.FOLDER))
    return Side(commit, Path(folder))


def settled(name: str, sides: Sequence[Side], pairs: int, seconds: float) -> list[Finding]:
    """What is found of a scenario, the second time where the first time shows a difference."""
    findings = in_pairs(name, sides, pairs, seconds)
    say(table(name, sides, findings))
    if any(one.verdict != NO_DIFFERENCE for one in findings):
        say(f"\n{name} is measured once more, and that answer counts")
        findings = in_pairs(name, sides, pairs, seconds)
        say(table(name, sides, findings))
    return findings


def in_pairs(name: str, sides: Sequence[Side], pairs: int, seconds: float) -> list[Finding]:
    scenario = SCENARIOS[name]
    rounds: list[list[Figures]] = [[], []]
    for number in range(pairs):
        say(f"{name}, pair {number + 1} of {pairs} ...")
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            rounds[which].append(scenario.measure(sides[which], seconds))
    return [finding(figure, scenario, *rounds) for figure in scenario.figures]


def finding(figure: str, scenario: Scenario, earlier: Sequence[Figures], later: Sequence[Figures]) -> Finding:
    values = [[round_[figure] for round_ in rounds] for rounds in (earlier, later)]
    return Finding(figure, scenario.figures[figure], *values)


def table(name: str, sides: Sequence[Side], findings: Sequence[Finding]) -> str:
    """The means of both, their ratio with its interval, and what that says of the later commit."""
    head = [name, *(side.commit.name for side in sides), "ratio", "99 % interval", ""]
    return "\n" + report.aligned([head, *map(_row, findings)])


def _row(one: Finding) -> list[str]:
    earlier, later = (report.short(sum(values) / len(values)) for values in (one.earlier, one.later))
    value, low, high = one.ratio
    return [one.name, earlier, later, f"{value:.3f}", f"{low:.3f}–{high:.3f}", one.verdict]


def as_json(one: Finding) -> dict[str, Any]:
    return {"figure": one.name, "earlier": one.earlier, "later": one.later,
            "ratio": one.ratio._asdict(), "verdict": one.verdict}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(words: Sequence[str]) -> argparse.Namespace:
    names = ", ".join(SCENARIOS)
    parser = argparse.ArgumentParser(prog="bin/bench compare", description="Say whether B is slower than A.")
    parser.add_argument("earlier", metavar="A", help="a commit")
    parser.add_argument("later", metavar="B", help="another one, or the same")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO",
                        help=f"of {names} (all but {', '.join(sorted(LONG))})")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"how many ({PAIRS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long a round measures ({SECONDS:g})")
    options = parser.parse_args(words)
    unknown = sorted(set(options.scenarios) - set(SCENARIOS))
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; there are {names}")
    if options.pairs < 2 or options.seconds <= 0:
        parser.error("--pairs must be 2 at least, and --seconds above 0")
    options.scenarios = options.scenarios or [name for name in SCENARIOS if name not in LONG]
    return options
