"""A run's results: as a value for JSON, and as a table for people."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bench import machine
from bench.figures import percentile
from bench.soak.blackout import blackouts
from bench.soak.diary import NUMBERS, Diary
from bench.soak.oracle import Verdict
from bench.soak.play import Played, Wish

MESSAGE = NUMBERS["message"]


def as_value(wish: Wish, played: Played, verdict: Verdict) -> dict[str, Any]:
    described = machine.describe(1, wish.minutes * 60)
    return {
        "commit": described["commit"],
        "at": described["at"],
        "seed": wish.seed,
        "minutes": wish.minutes,
        "machine": described["machine"],
        "versions": described["versions"],
        "acknowledged": verdict.acknowledged,
        "in_doubt": verdict.in_doubt,
        "delivered": verdict.delivered,
        "events_delivered": verdict.events,
        **{name.replace(" ", "_"): count for name, count in verdict.wrong.items()},
        "examples": verdict.examples,
        "readers": _by_way(played.diaries),
        "writers": dict(Counter(one.way for journal in played.journals for one in journal.written)),
        "attempts": sum(one.attempts for journal in played.journals for one in journal.written),
        "edits_and_removals": sum(len(journal.changes) for journal in played.journals),
        "joins_and_leaves": sum(journal.moves for journal in played.journals),
        "acknowledgement_seconds": _spread([one for journal in played.journals for one in journal.delays]),
        "faults": dict(Counter(done.kind for done in played.done).most_common()),
        "blackouts": blackouts(played.diaries, played.done),
        "left_out": played.left_out,
        **played.facts,
    }


def _by_way(diaries: list[Diary]) -> dict[str, dict[str, int]]:
    ways: dict[str, dict[str, int]] = {}
    for diary in diaries:
        way = ways.setdefault(diary.seat.way, {"readers": 0, "delivered": 0, "connections_lost": 0})
        way["readers"] += 1
        way["delivered"] += diary.names.count(MESSAGE)
        way["connections_lost"] += len(diary.gaps)
    return ways


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {"p50": percentile(seconds, 50), "p99": percentile(seconds, 99), "max": max(seconds)}


def as_table(results: Mapping[str, Any]) -> str:
    """Everything that a person wants to know first."""
    found = [
        f"commit {results['commit']}, seed {results['seed']}, {results['minutes']:g} minutes",
        "",
        *_lines({name: results[name] for name in ("acknowledged", "delivered")}),
        *_lines({name: results[name] for name in ("lost", "repeated", "out_of_order", "overheard", "stale", "torn",
                                                  "undone")}),
        "",
        "Readers (loads, for pages)        readers  delivered  connections lost",
        *(f"  {way:30}{figures['readers']:9}{figures['delivered']:11,}{figures['connections_lost']:18,}"
          for way, figures in results["readers"].items()),
        "",
        "Faults",
        *_lines(results["faults"]),
        "",
        "Blackout in seconds, of streams cut off    faults  readers    p50    p99    max",
        *(_blackout_line(kind, figures) for kind, figures in results["blackouts"].items()),
        *(["", "Left out", *(f"  {words}" for words in results["left_out"])] if results["left_out"] else []),
        *(["", "Wrong", *(f"  {words}" for words in results["examples"])] if results["examples"] else []),
    ]
    return "\n".join(found)


def _lines(figures: Mapping[str, int]) -> list[str]:
    return [f"  {name.replace('_', ' '):30}{count:9,}" for name, count in figures.items()]


def _blackout_line(kind: str, figures: Mapping[str, float]) -> str:
    times = "".join(f"{figures[name]:7.2f}" if name in figures else "      –"
                    for name in ("p50_seconds", "p99_seconds", "max_seconds"))
    return f"  {kind:38}{figures['faults']:9}{figures['readers']:9}{times}"
